"""`mail-archiver check`"""

import hashlib
import ssl
from pathlib import Path

from tests.e2e.conftest import Install
from tests.e2e.installation import Installation, events
from tests.e2e.mails import mail
from tests.servers.dovecot import Dovecot


def test_everything_fine_is_told_step_by_step(installation: Installation, dovecot: Dovecot) -> None:
    uid = dovecot.deliver(installation.user, mail())

    check = installation.run("check", "--json")

    findings = events(check.stdout)
    assert check.returncode == 0
    assert [(each["subject"], each["step"], each["ok"]) for each in findings] == [
        ("settings", "settings", True),
        ("account crm", "DNS", True),
        ("account crm", "connection", True),
        ("account crm", "login", True),
        ("account crm", "mailbox", True),
        ("database", "database", True),
        ("storage", "storage", True),
    ]
    texts = [each["text"] for each in findings]
    assert "127.0.0.1" in texts[1]
    assert "TLSv1.3" in texts[2]
    assert texts[4] == "INBOX holds 1 messages"
    assert dovecot.flags(installation.user, "INBOX", uid) == frozenset()


def test_changes_nothing(tmp_path: Path, dovecot: Dovecot) -> None:
    installation = Installation(tmp_path / "fresh", {"DATABASE_URL": f"sqlite:///{tmp_path}/fresh/crm.db"})
    installation.add_account("CRM", dovecot)
    check = installation.run("check")
    assert check.returncode == 0
    assert "is not there yet; the first run makes it" in check.stdout
    assert [path.name for path in installation.folder.iterdir() if path.is_file()] == [".env"]


def test_a_failing_step_says_what_to_do_and_the_rest_is_looked_at(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    installation.add_account("CRM", dovecot, PASSWORD="wrong")
    installation.add_account("SALES", dovecot)

    check = installation.run("check")

    assert check.returncode == 77
    lines = check.stdout.splitlines()
    (bad,) = [number for number, line in enumerate(lines) if line.startswith("NOT OK")]
    assert lines[bad] == "NOT OK  account crm, login: the server refuses the user name or password"
    assert "Check username and password" in lines[bad + 1]
    assert any(line.startswith("ok  account sales, mailbox") for line in lines)
    assert any(line.startswith("ok  storage") for line in lines)


def test_an_account_can_be_looked_at_alone(install: Install, dovecot: Dovecot) -> None:
    installation = install()
    installation.add_account("CRM", dovecot, PASSWORD="wrong")
    installation.add_account("SALES", dovecot)
    assert installation.run("check", "--account", "sales").returncode == 0


def test_a_pinned_certificate_needs_no_authority_and_another_one_is_not_trusted(
    install: Install, dovecot: Dovecot
) -> None:
    pem = ssl.get_server_certificate((dovecot.host, dovecot.tls_port))
    fingerprint = hashlib.sha256(ssl.PEM_cert_to_DER_cert(pem)).hexdigest().upper()
    installation = install()
    installation.add_account("CRM", dovecot, TLS_FINGERPRINT=fingerprint)
    del installation.settings["ACCOUNTS__CRM__CA_FILE"]
    assert installation.run("check").returncode == 0
    installation.settings["ACCOUNTS__CRM__TLS_FINGERPRINT"] = "ab" * 32
    check = installation.run("check")
    assert check.returncode == 76
    assert "NOT OK  account crm, connection: its certificate is not the pinned one" in check.stdout
    assert fingerprint.lower() in check.stdout

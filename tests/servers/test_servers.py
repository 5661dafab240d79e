"""The servers that the other tests stand on do what those tests take for granted."""

import ssl
from datetime import UTC, datetime

import pytest
from imapclient import IMAPClient
from imapclient.exceptions import LoginError
from sqlalchemy import create_engine, inspect, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool
from tests.servers.dovecot import Dovecot
from tests.servers.imap import ImapServer, ImapUser
from tests.servers.postgres import Postgres

SOURCE = b"From: ann@example.com\r\nTo: crm@example.com\r\nSubject: Offer\r\n\r\nAs agreed.\r\n"
RECEIVED_AT = datetime(2020, 5, 4, 3, 2, 1, tzinfo=UTC)


def test_delivers_a_message_with_its_flags_and_the_time_it_was_received(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    uid = imap_server.deliver(user, SOURCE, received_at=RECEIVED_AT, flags=["\\Seen", "\\Flagged"])
    assert imap_server.uids(user) == [uid]
    assert imap_server.flags(user, "INBOX", uid) == {"\\Seen", "\\Flagged"}
    with imap_server.connect(user) as client:
        client.normalise_times = False
        client.select_folder("INBOX", readonly=True)
        [message] = client.fetch([uid], ["BODY.PEEK[]", "INTERNALDATE"]).values()
    assert message[b"BODY[]"] == SOURCE
    assert message[b"INTERNALDATE"] == RECEIVED_AT


def test_makes_a_mailbox_that_a_delivery_needs(imap_server: ImapServer) -> None:
    user, name = imap_server.new_user(), imap_server.mailbox("Clients & Cafés")
    uids = [imap_server.deliver(user, SOURCE, mailbox=name) for _ in range(2)]
    assert imap_server.uids(user, name) == uids
    assert imap_server.uids(user) == []


def test_keeps_one_user_from_the_mail_of_another(imap_server: ImapServer) -> None:
    ann, bob = imap_server.new_user(), imap_server.new_user()
    imap_server.deliver(ann, SOURCE)
    assert imap_server.uids(bob) == []


def test_refuses_a_wrong_password_and_an_unknown_user(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    for wrong in [ImapUser(user.username, "wrong"), ImapUser("nobody", user.password)]:
        with pytest.raises(LoginError), imap_server.connect(wrong):
            pass


def test_says_that_there_is_no_such_message(imap_server: ImapServer) -> None:
    with pytest.raises(KeyError):
        imap_server.flags(imap_server.new_user(), "INBOX", 1)


def test_shows_a_certificate_that_its_authority_vouches_for(imap_server: ImapServer) -> None:
    user = imap_server.new_user()
    context = ssl.create_default_context(cafile=str(imap_server.ca_file))
    for host in [imap_server.host, "localhost"]:
        with IMAPClient(host, imap_server.tls_port, ssl_context=context) as client:
            client.login(user.username, user.password)


def test_shows_a_certificate_that_strangers_do_not_trust(imap_server: ImapServer) -> None:
    with pytest.raises(ssl.SSLCertVerificationError):
        IMAPClient(imap_server.host, imap_server.tls_port, ssl_context=ssl.create_default_context())


def test_begins_tls_on_request_where_it_says_so(imap_server: ImapServer) -> None:
    client = IMAPClient(imap_server.host, imap_server.port, ssl=False)
    assert client.has_capability("STARTTLS") == imap_server.supports_starttls
    if imap_server.supports_starttls:
        client.starttls(ssl.create_default_context(cafile=str(imap_server.ca_file)))
        user = imap_server.new_user()
        client.login(user.username, user.password)
    client.logout()


def test_dovecot_gives_a_mailbox_another_uidvalidity_and_leaves_the_uids(dovecot: Dovecot) -> None:
    user = dovecot.new_user()
    uid = dovecot.deliver(user, SOURCE)
    dovecot.set_uidvalidity(user, "INBOX", 4_000_000_000)
    with dovecot.connect(user) as client:
        assert client.folder_status("INBOX", ["UIDVALIDITY"]) == {b"UIDVALIDITY": 4_000_000_000}
    assert dovecot.uids(user) == [uid]


def test_dovecot_marks_the_mailboxes_of_special_use(dovecot: Dovecot) -> None:
    with dovecot.connect(dovecot.new_user()) as client:
        attributes = {name: flags for flags, _, name in client.list_folders()}
    for name in ["Sent", "Trash", "Junk", "Archive", "Drafts"]:
        assert b"\\" + name.encode() in attributes[name]


def test_gives_each_test_an_empty_database_of_its_own(database_url: str, postgres: Postgres) -> None:
    for url in [database_url, postgres.new_database()]:
        engine = create_engine(_driven(url), poolclass=NullPool)
        assert inspect(engine).get_table_names() == []
        with engine.begin() as connection:
            connection.execute(text("CREATE TABLE contact (id integer)"))


def test_postgres_refuses_a_wrong_password(postgres_url: str) -> None:
    user, _, place = postgres_url.rpartition("@")
    with pytest.raises(OperationalError, match="password"):
        create_engine(_driven(f"{user}x@{place}")).connect()


def test_postgres_comes_back_on_its_port_with_its_databases(postgres: Postgres, postgres_url: str) -> None:
    engine = create_engine(_driven(postgres_url), poolclass=NullPool)
    with engine.begin() as connection:
        connection.execute(text("CREATE TABLE contact (id integer)"))
    with postgres.stopped(), pytest.raises(OperationalError):
        engine.connect()
    assert inspect(engine).get_table_names() == ["contact"]


def test_postgres_cuts_the_connections_when_it_stops(postgres: Postgres, postgres_url: str) -> None:
    connection = create_engine(_driven(postgres_url), poolclass=NullPool).connect()
    with postgres.stopped(), pytest.raises(OperationalError):
        connection.execute(text("SELECT 1"))


def _driven(url: str) -> str:
    # SQLAlchemy 2.1 takes a bare postgresql:// for psycopg 3.
    return url.replace("postgresql://", "postgresql+psycopg2://")

"""Access tokens from a token server: which are kept, which are renewed, what is told when there is none."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tests.servers.certificates import Certificates, issue
from tests.servers.process import free_ports
from tests.servers.token_server import Answer, Application, TokenServer

from mail_archiver.errors import (
    AccountBusy,
    AuthenticationRefused,
    ConfigError,
    MailArchiverError,
    ServerUnavailable,
    StorageError,
    TlsNotTrusted,
)
from mail_archiver.oauth.access import SavedAccessTokens
from mail_archiver.oauth.registration import Registration
from mail_archiver.oauth.token_file import TokenFile, Tokens

SILENCE_TIMEOUT_S = 0.3
"""For servers that never answer: the test waits as long."""


@pytest.fixture
def application(token_server: TokenServer) -> Application:
    return token_server.register("crm@example.com")


@pytest.fixture
def registration(token_server: TokenServer, application: Application) -> Registration:
    """On behalf of a person who was asked before the test began."""
    return Registration(
        account="crm",
        username=application.username,
        token_url=token_server.token_url,
        authorize_url=token_server.authorize_url,
        client_id=application.client_id,
        client_secret=application.client_secret,
        refresh_token=token_server.issue_refresh_token(application),
        user_scope="mail",
        app_scope="mail/.default",
        ca_file=None,
        timeout_s=30,
    )


def file_of(registration: Registration, folder: Path) -> TokenFile:
    return TokenFile(folder / "tokens", registration.account, registration.digest)


def tokens_of(registration: Registration, folder: Path) -> SavedAccessTokens:
    """As each login makes them anew."""
    return SavedAccessTokens(registration, file_of(registration, folder), "XOAUTH2")


def failure_of(registration: Registration, folder: Path) -> MailArchiverError:
    """The error for want of a token; it keeps every secret to itself."""
    with pytest.raises(MailArchiverError) as raised:
        tokens_of(registration, folder).current()
    error = raised.value
    assert "crm" in error.where or isinstance(error, StorageError)
    for told in [str(error), repr(error), error.what, error.hint, error.where, repr(vars(error))]:
        for secret in (registration.client_secret, registration.refresh_token, "access-token-"):
            assert secret is None or secret not in told
    return error


def test_asks_as_the_person_with_a_refresh_token_and_as_the_application_without(
    registration: Registration, application: Application, tmp_path: Path
) -> None:
    tokens_of(registration, tmp_path).current()
    tokens_of(replace(registration, refresh_token=None), tmp_path).current()
    asked = [(request["grant_type"], request["scope"]) for request in application.requests]
    assert asked == [("refresh_token", "mail"), ("client_credentials", "mail/.default")]


@pytest.mark.parametrize(("lifetime_s", "is_kept"), [(3600, True), (310, True), (290, False), (1, False)])
def test_keeps_a_token_until_five_minutes_before_it_expires(
    registration: Registration, application: Application, tmp_path: Path, lifetime_s: int, is_kept: bool
) -> None:
    application.lifetime_s = lifetime_s
    first, second = (tokens_of(registration, tmp_path).current() for _ in range(2))
    assert (first == second) is is_kept
    assert len(application.requests) == (1 if is_kept else 2)


@pytest.mark.parametrize("lifetime", [None, "3600", -1, "soon", 3600.5, True])
def test_a_lifetime_that_is_missing_or_strange_counts_as_an_hour(
    registration: Registration, application: Application, tmp_path: Path, lifetime: object
) -> None:
    application.failure = (200, {"access_token": "a", "expires_in": lifetime})
    assert tokens_of(registration, tmp_path).current() == "a"
    assert file_of(registration, tmp_path).read().expires_at == pytest.approx(time.time() + 3600, abs=30)


@pytest.mark.parametrize("rotates", [True, False])
def test_spends_the_refresh_token_that_was_issued_last(
    registration: Registration, application: Application, tmp_path: Path, rotates: bool
) -> None:
    application.rotates, application.lifetime_s = rotates, 1
    for _ in range(3):
        tokens_of(registration, tmp_path).current()
    spent = [request["refresh_token"] for request in application.requests]
    assert spent[0] == registration.refresh_token
    assert len(set(spent)) == (3 if rotates else 1)


def test_keeps_the_rotated_refresh_token_before_the_access_token_is_used(
    registration: Registration, application: Application, token_server: TokenServer, tmp_path: Path
) -> None:
    token = tokens_of(registration, tmp_path).current()
    kept = file_of(registration, tmp_path).read()
    assert kept.access_token == token
    assert token_server._refresh_tokens[kept.refresh_token or ""] is application


@pytest.mark.parametrize(
    "change",
    [
        {"username": "sales@example.com"},
        {"client_id": "another"},
        {"user_scope": "all mail"},
        {"app_scope": None},
        {"refresh_token": "another"},
        {"token_url": "https://elsewhere.example/token"},
    ],
)
def test_what_was_issued_for_other_settings_is_not_used(
    registration: Registration, tmp_path: Path, change: dict[str, str | None]
) -> None:
    tokens_of(registration, tmp_path).current()
    assert file_of(replace(registration, client_secret="new"), tmp_path).read() != Tokens()
    assert file_of(replace(registration, **change), tmp_path).read() == Tokens()  # type: ignore[arg-type]


@pytest.mark.parametrize("content", [b"", b"[]", b"{", b"\xff", b'{"digest": 1}'])
def test_a_damaged_file_is_begun_anew(registration: Registration, tmp_path: Path, content: bytes) -> None:
    file_of(registration, tmp_path).path.parent.mkdir()
    file_of(registration, tmp_path).path.write_bytes(content)
    token = tokens_of(registration, tmp_path).current()
    assert file_of(registration, tmp_path).read().access_token == token


def test_replaces_a_kept_token_once_and_a_fresh_one_never(
    registration: Registration, application: Application, tmp_path: Path
) -> None:
    kept = tokens_of(registration, tmp_path).current()
    tokens = tokens_of(registration, tmp_path)
    assert tokens.current() == kept
    fresh = tokens.replacement(kept)
    assert fresh not in (None, kept)
    assert tokens.replacement(fresh or "") is None
    assert len(application.requests) == 2
    assert file_of(registration, tmp_path).read().access_token == ""


def test_replaces_a_token_by_what_another_process_has_got_meanwhile(
    registration: Registration, application: Application, tmp_path: Path
) -> None:
    kept = tokens_of(registration, tmp_path).current()
    one, other = tokens_of(registration, tmp_path), tokens_of(registration, tmp_path)
    assert one.replacement(kept) == other.replacement(kept)
    assert len(application.requests) == 2


@pytest.mark.parametrize(
    ("answer", "kind", "what", "hint"),
    [
        (
            (400, {"error": "invalid_grant"}),
            AuthenticationRefused,
            "invalid_grant",
            "authorize --account crm",
        ),
        (
            (400, {"error": "interaction_required"}),
            AuthenticationRefused,
            "required",
            "authorize --account crm",
        ),
        (
            (401, {"error": "invalid_client", "error_description": "AADSTS7000222: The provided client …"}),
            AuthenticationRefused,
            "invalid_client, AADSTS7000222",
            "client_secret",
        ),
        ((400, {"error": "invalid_scope"}), AuthenticationRefused, "invalid_scope", "scope"),
        ((503, b"<html>"), ServerUnavailable, "(HTTP 503)", ""),
        ((500, {"error": "invalid_grant"}), ServerUnavailable, "(HTTP 500)", ""),
        ((429, {"error": "invalid_grant"}), ServerUnavailable, "(HTTP 429)", ""),
        ((400, {"error": "temporarily_unavailable"}), ServerUnavailable, "cannot answer now", ""),
        ((200, b"<html>Welcome to our network"), ServerUnavailable, "no access token", ""),
        ((200, b"[" * 100_000), ServerUnavailable, "no access token", ""),
        ((200, {"access_token": "two words"}), ServerUnavailable, "no access token", ""),
        ((200, {"access_token": "ends\x01auth"}), ServerUnavailable, "no access token", ""),
        ((200, {"access_token": None}), ServerUnavailable, "no access token", ""),
        ((404, b"<html>"), ConfigError, "no token server at this address (HTTP 404)", "token_url"),
        ((400, {"error": {"code": 400}}), ConfigError, "no token server", "token_url"),
        ((400, {"error": "forged\nline"}), ConfigError, "no token server", "token_url"),
        ((302, b""), ConfigError, "(HTTP 302)", "token_url"),
        ((307, b""), ConfigError, "(HTTP 307)", "token_url"),
    ],
)
def test_what_the_server_answers_is_told(
    registration: Registration,
    application: Application,
    tmp_path: Path,
    answer: Answer,
    kind: type[MailArchiverError],
    what: str,
    hint: str,
) -> None:
    application.failure = answer
    error = failure_of(registration, tmp_path)
    assert type(error) is kind
    assert what in error.what
    assert hint in error.hint
    assert len(application.requests) == 1
    application.failure = None
    assert tokens_of(registration, tmp_path).current()


@pytest.mark.parametrize("error", ["invalid_grant", "no_such_error", "server_error", ""])
def test_what_the_server_says_about_secrets_is_not_repeated(
    registration: Registration, application: Application, tmp_path: Path, error: str
) -> None:
    told = f"{registration.client_secret} {registration.refresh_token}"
    application.failure = (400, {"error": error or told, "error_description": told, "error_uri": told})
    failure_of(registration, tmp_path)


def test_a_closed_port_is_told(registration: Registration, tmp_path: Path) -> None:
    url = f"http://127.0.0.1:{free_ports(1)[0]}/token"
    error = failure_of(replace(registration, token_url=url), tmp_path)
    assert type(error) is ServerUnavailable
    assert "Connection refused" in error.what


def test_a_server_that_never_answers_is_given_up(
    registration: Registration, token_server: TokenServer, tmp_path: Path
) -> None:
    with token_server.holding_answers():
        error = failure_of(replace(registration, timeout_s=SILENCE_TIMEOUT_S), tmp_path)
    assert type(error) is ServerUnavailable
    assert "within 0.3 s" in error.what


def test_no_proxy_sees_what_is_said_without_encryption(
    registration: Registration, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", f"http://127.0.0.1:{free_ports(1)[0]}")
    assert tokens_of(registration, tmp_path).current()


def test_nothing_is_asked_before_somebody_has_authorised_the_application(
    registration: Registration, application: Application, tmp_path: Path
) -> None:
    for lack in ({"client_secret": None}, {"app_scope": None}):
        error = failure_of(replace(registration, refresh_token=None, **lack), tmp_path)  # type: ignore[arg-type]
        assert type(error) is AuthenticationRefused
        assert error.hint == "Run mail-archiver authorize --account crm."
    assert application.requests == []


def test_a_refresh_token_is_not_spent_where_its_successor_could_not_be_kept(
    registration: Registration, application: Application, tmp_path: Path
) -> None:
    (tmp_path / "tokens").write_bytes(b"")
    assert type(failure_of(registration, tmp_path)) is StorageError
    (tmp_path / "tokens").unlink()
    file_of(registration, tmp_path).path.mkdir(parents=True)
    assert type(failure_of(registration, tmp_path)) is StorageError
    assert application.requests == []
    assert {each.name for each in (tmp_path / "tokens").iterdir()} == {"crm.json", "crm.lock"}


def test_nobody_waits_for_ever_for_another_process(registration: Registration, tmp_path: Path) -> None:
    patient = replace(registration, timeout_s=SILENCE_TIMEOUT_S)
    with file_of(registration, tmp_path).held(wait_s=0):
        assert type(failure_of(patient, tmp_path)) is AccountBusy


class TestOverTls:
    """A token server with TLS."""

    @pytest.fixture
    def certificates(self, tmp_path: Path) -> Certificates:
        return issue(tmp_path)

    @pytest.fixture
    def token_server(self, certificates: Certificates) -> Iterator[TokenServer]:
        server = TokenServer(certificates)
        yield server
        server.stop()

    def test_is_trusted_with_its_authority(
        self, registration: Registration, certificates: Certificates, tmp_path: Path
    ) -> None:
        assert tokens_of(replace(registration, ca_file=certificates.ca_file), tmp_path).current()

    def test_is_not_trusted_without(
        self, registration: Registration, application: Application, tmp_path: Path
    ) -> None:
        error = failure_of(registration, tmp_path)
        assert type(error) is TlsNotTrusted
        assert "oauth.ca_file" in error.hint
        assert application.requests == []

    def test_is_not_trusted_under_another_name(
        self, registration: Registration, certificates: Certificates, tmp_path: Path
    ) -> None:
        url = registration.token_url.replace("127.0.0.1", "127.1")
        elsewhere = replace(registration, ca_file=certificates.ca_file, token_url=url)
        assert type(failure_of(elsewhere, tmp_path)) is TlsNotTrusted

    def test_an_authority_that_cannot_be_read_is_a_setting_to_mend(
        self, registration: Registration, tmp_path: Path
    ) -> None:
        error = failure_of(replace(registration, ca_file=tmp_path / "missing.pem"), tmp_path)
        assert type(error) is ConfigError
        assert error.where == "accounts.crm.oauth.ca_file"


def test_no_secret_shows_in_a_representation(registration: Registration, tmp_path: Path) -> None:
    tokens_of(registration, tmp_path).current()
    kept = file_of(registration, tmp_path).read()
    shown = repr(registration) + repr(kept)
    for secret in (
        registration.client_secret,
        registration.refresh_token,
        kept.access_token,
        kept.refresh_token,
    ):
        assert secret
        assert secret not in shown

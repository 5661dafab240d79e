"""An authorization server on loopback: issues tokens, tells whose they are, and fails when it is told to."""

import base64
import hashlib
import json
import ssl
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from secrets import token_urlsafe
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

from tests.servers.certificates import Certificates

Answer = tuple[int, dict[str, Any] | bytes]
"""Status and content: an object for JSON, or bytes as they are."""


@dataclass
class Application:
    """What is registered for one test, and for the mail of one user.

    Attributes:
        client_secret: "" for a public client.
        requests: What its clients have asked for, the form of each request.
        failure: The answer to every request for a token, instead of a token.
        lifetime_s: Of the access tokens that are issued from now on.
        rotates: Whether a refresh token is good for one use only, and comes with its successor.
    """

    username: str
    client_id: str
    client_secret: str
    requests: list[dict[str, str]]
    failure: Answer | None = None
    lifetime_s: int = 3600
    rotates: bool = True

    @property
    def grants(self) -> list[str]:
        """The kinds of grant that were asked for, in order."""
        return [request["grant_type"] for request in self.requests]


class TokenServer:
    """A server that runs; `stop` ends it."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        """Start it, without TLS where there are no certificates."""
        self._applications: dict[str, Application] = {}
        self._codes: dict[str, tuple[Application, dict[str, str]]] = {}
        self._refresh_tokens: dict[str, Application] = {}
        self._access_tokens: dict[str, Application] = {}
        self._lock = threading.Lock()
        self._may_answer = threading.Event()
        self._may_answer.set()
        self._was_asked = threading.Event()
        self.introspections: Counter[str] = Counter()
        """How often a mail server has asked whose an access token is."""
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        if certificates:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(certificates.chain_file, certificates.key_file)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self._thread.start()
        self.url = f"{'https' if certificates else 'http'}://127.0.0.1:{self._server.server_port}"

    @property
    def token_url(self) -> str:
        return f"{self.url}/token"

    @property
    def authorize_url(self) -> str:
        return f"{self.url}/authorize"

    @property
    def introspection_url(self) -> str:
        """Where a mail server asks (RFC 7662)."""
        return f"{self.url}/introspect"

    def register(self, username: str, *, is_public: bool = False) -> Application:
        """A new application, whose access tokens open one user's mail."""
        secret = "" if is_public else f"client-secret-{token_urlsafe(12)}"
        application = Application(username, f"client-{token_urlsafe(6)}", secret, [])
        self._applications[application.client_id] = application
        return application

    def issue_refresh_token(self, application: Application) -> str:
        """One that was given to somebody before the test began."""
        token = f"refresh-token-{token_urlsafe(12)}"
        self._refresh_tokens[token] = application
        return token

    def issue_access_token(self, application: Application) -> str:
        """One that is good until it is revoked."""
        token = f"access-token-{token_urlsafe(12)}"
        self._access_tokens[token] = application
        return token

    def consent(self, address: str) -> str:
        """What a person does in a browser: open the address, say yes. Returns where the browser ends."""
        asked = {name: values[0] for name, values in parse_qs(urlsplit(address).query).items()}
        assert address.startswith(self.authorize_url)
        assert (asked["response_type"], asked["code_challenge_method"]) == ("code", "S256")
        code = f"code-{token_urlsafe(12)}"
        self._codes[code] = (self._applications[asked["client_id"]], asked)
        return f"{asked['redirect_uri']}/?{urlencode({'code': code, 'state': asked['state']})}"

    def revoke_access_tokens(self, application: Application) -> None:
        """Let no access token of it be good any more; its refresh tokens stay."""
        with self._lock:
            issued = self._access_tokens.items()
            self._access_tokens = {token: owner for token, owner in issued if owner is not application}

    @contextmanager
    def holding_answers(self) -> Iterator[threading.Event]:
        """Answer no request for a token until the block ends; gives what is set when one has arrived."""
        self._was_asked.clear()
        self._may_answer.clear()
        try:
            yield self._was_asked
        finally:
            self._may_answer.set()

    def stop(self) -> None:
        """End the server."""
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def answer(self, path: str, form: dict[str, str]) -> Answer:
        """What is said to a form sent to a path."""
        if path == "/introspect":
            with self._lock:
                owner = self._access_tokens.get(form.get("token", ""))
                self.introspections[form.get("token", "")] += 1
            return 200, {"active": True, "email": owner.username} if owner else {"active": False}
        if path != "/token":
            return 404, b"no such page"
        self._was_asked.set()
        self._may_answer.wait()
        with self._lock:
            return self._grant(form)

    def _grant(self, form: dict[str, str]) -> Answer:
        application = self._applications.get(form.get("client_id", ""))
        if application is None:
            return 400, {
                "error": "unauthorized_client",
                "error_description": "AADSTS700016: no such application",
            }
        application.requests.append(form)
        if application.failure is not None:
            return application.failure
        if form.get("client_secret", "") != application.client_secret:
            return 401, {"error": "invalid_client", "error_description": f"not {form.get('client_secret')}"}
        match form["grant_type"]:
            case "client_credentials" if application.client_secret:
                return 200, self._issue(application)
            case "refresh_token" if self._refresh_tokens.get(form["refresh_token"]) is application:
                if not application.rotates:
                    return 200, self._issue(application)
                del self._refresh_tokens[form["refresh_token"]]
                return 200, self._issue(application, self.issue_refresh_token(application))
            case "authorization_code" if self._is_redeemed(application, form):
                return 200, self._issue(application, self.issue_refresh_token(application))
        return 400, {"error": "invalid_grant", "error_description": f"unknown: {form}"}

    def _is_redeemed(self, application: Application, form: dict[str, str]) -> bool:
        """Whether a code is good, for this once (RFC 7636 section 4.6)."""
        owner, asked = self._codes.pop(form["code"], (None, {}))
        digest = hashlib.sha256(form["code_verifier"].encode()).digest()
        challenge = base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
        return (
            owner is application
            and asked["code_challenge"] == challenge
            and asked["redirect_uri"] == form["redirect_uri"]
        )

    def _issue(self, application: Application, refresh_token: str | None = None) -> dict[str, Any]:
        token = self.issue_access_token(application)
        answer = {"access_token": token, "token_type": "Bearer", "expires_in": application.lifetime_s}
        return answer | ({"refresh_token": refresh_token} if refresh_token else {})

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                octets = self.rfile.read(int(self.headers["Content-Length"]))
                form = {name: values[0] for name, values in parse_qs(octets.decode()).items()}
                status, content = server.answer(self.path, form)
                body = content if isinstance(content, bytes) else json.dumps(content).encode()
                with suppress(OSError):  # a client that did not wait for it
                    self.send_response(status)
                    if status in (301, 302, 307, 308):
                        self.send_header("Location", f"{server.url}/elsewhere")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                    self.wfile.flush()

            def log_message(self, *_: object, **__: object) -> None:
                """Say nothing."""

        return Handler

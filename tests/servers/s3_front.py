"""An S3 that fails as the test tells it, and else is the S3 behind it."""

import http.client
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Thread
from urllib.parse import urlsplit

from tests.servers.s3 import S3

_HOPS = {"connection", "transfer-encoding", "content-length", "date", "server"}


class S3Front:
    """Passes requests on; `stop` ends it."""

    def __init__(self, s3: S3) -> None:
        behind = urlsplit(s3.environment["AWS_ENDPOINT_URL"])
        self.status: int | None = None
        """What every request is answered with instead; None passes them on."""
        self.answers_left: int | None = None
        """How many requests are answered so; None for all."""
        self.refused = 0
        self.goes_on = Event()
        """Cleared, it keeps every request waiting."""
        self.goes_on.set()
        front = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_one_request(self) -> None:
                self.raw_requestline = self.rfile.readline(65537)
                if not self.raw_requestline or not self.parse_request():
                    self.close_connection = True
                    return
                body = self.rfile.read(int(self.headers.get("content-length") or 0))
                front.goes_on.wait()
                status, headers, answer = front._answer() or self._passed_on(body)
                self.send_response(status)
                for name, value in headers:
                    self.send_header(name, value)
                if not any(name.lower() == "content-length" for name, _ in headers):
                    self.send_header("Content-Length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def _passed_on(self, body: bytes) -> tuple[int, list[tuple[str, str]], bytes]:
                connection = http.client.HTTPConnection(str(behind.hostname), behind.port)
                connection.request(self.command, self.path, body, dict(self.headers))
                answer = connection.getresponse()
                content = answer.read()
                is_head = self.command == "HEAD"  # whose length is the object's
                headers = [
                    each
                    for each in answer.getheaders()
                    if each[0].lower() not in _HOPS or (is_head and each[0].lower() == "content-length")
                ]
                connection.close()
                return answer.status, headers, content

            def log_message(self, *_arguments: object) -> None:
                """Nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()
        endpoint = f"http://127.0.0.1:{self._server.server_port}"
        self.environment = {**s3.environment, "AWS_ENDPOINT_URL": endpoint}

    def stop(self) -> None:
        """End it."""
        self.goes_on.set()
        self._server.shutdown()
        self._server.server_close()

    def _answer(self) -> tuple[int, list[tuple[str, str]], bytes] | None:
        if self.status is None or self.answers_left == 0:
            return None
        if self.answers_left is not None:
            self.answers_left -= 1
        self.refused += 1
        return self.status, [], b"<Error><Code>Told</Code></Error>"

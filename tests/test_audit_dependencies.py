"""The audit of the locked packages: what a source of vulnerabilities says counts, not that it is silent."""

import json
import os
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from tests.audit_dependencies import AUDIT_TIMEOUT_S
from tests.servers.process import free_ports

KNOWN = {
    "id": "PYSEC-2026-1",
    "affected": [
        {
            "package": {"name": "idna", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "99"}]}],
        }
    ],
}


@contextmanager
def source(known: Mapping[str, object] | None) -> Iterator[str]:
    """The URL of a source that speaks OSV's language, and knows of one vulnerability or none."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            is_affected = known is not None and asked["package"]["name"] == "idna"
            body = json.dumps({"vulns": [known]} if is_affected else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object, **__: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


def audit(url: str, folder: Path | None = None) -> subprocess.CompletedProcess[str]:
    root = Path(__file__).parents[1]
    return subprocess.run(
        [sys.executable, "-m", "tests.audit_dependencies"],
        cwd=folder or root,
        env={
            **os.environ,
            "PYTHONPATH": str(root),
            "PIP_AUDIT_VULNERABILITY_SERVICE": "osv",
            "PIP_AUDIT_OSV_URL": url,
            "NO_PROXY": "127.0.0.1",
        },
        capture_output=True,
        text=True,
    )


def test_a_known_vulnerability_is_told_and_fails() -> None:
    with source(KNOWN) as url:
        done = audit(url)
    assert done.returncode == 1
    assert "idna" in done.stdout
    assert "PYSEC-2026-1, mended in 99" in done.stdout


def test_none_is_fine() -> None:
    with source(None) as url:
        done = audit(url)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.endswith(" packages, no known vulnerabilities\n")


@pytest.mark.parametrize("is_there", [False, True], ids=["closed port", "silence"])
def test_where_nobody_answers_the_lock_alone_counts_and_soon(is_there: bool) -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", free_ports(1)[0]))
        if is_there:
            silent.listen()
        started = time.monotonic()
        done = audit(f"http://127.0.0.1:{silent.getsockname()[1]}")
    assert done.returncode == 0
    assert "nobody tells of vulnerabilities here; the lock is current" in done.stdout
    assert time.monotonic() - started < AUDIT_TIMEOUT_S, "it was not waited for"


def test_a_lock_that_is_not_current_fails(tmp_path: Path) -> None:
    root = Path(__file__).parents[1]
    (tmp_path / "src" / "mail_archiver").mkdir(parents=True)
    for name in ("uv.lock", "README.md", "LICENSE", "src/mail_archiver/__init__.py"):
        (tmp_path / name).write_bytes((root / name).read_bytes())
    changed = (root / "pyproject.toml").read_text().replace('"idna>=3.11"', '"idna>=3.12"')
    (tmp_path / "pyproject.toml").write_text(changed)
    done = audit("http://127.0.0.1:1", tmp_path)
    assert done.returncode == 1
    assert "make lock" in done.stdout

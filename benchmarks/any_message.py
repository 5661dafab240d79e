"""What one message may cost, hostile ones included: processor time and memory, each in its own process.

    python -m benchmarks.any_message [--mib 10] [--large-mib 500] [CASE ...]

A message is read, its attachment file is made, and both blobs are stored in a folder, as in a run; the
database is left out. Memory is the process's peak less what it had before the message was there, small ones
of all kinds having been read. The bounds are those of docs/DESIGN.md: 1 s and 0.05 s for each MB; 4 times the
size, or 64 MiB for a large message.
"""

import argparse
import base64
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import islice
from pathlib import Path

MIB = 1024 * 1024
SMALL_OCTETS = 50_000
SECONDS, SECONDS_A_MB = 1.0, 0.05
TIMES_SIZE, LARGE_MIB = 4, 64

Generate = Callable[[int], Iterable[bytes]]
"""Makes a message of about so many octets, in pieces."""

HEADER = (
    b"Message-ID: <a@b.example>\r\nFrom: ann@client.example\r\nTo: bo@client.example\r\nSubject: Offer\r\n"
)
MIXED = HEADER + b"Content-Type: multipart/mixed; boundary=b\r\n\r\n"


def repeated(unit: bytes, before: bytes = HEADER + b"\r\n", after: bytes = b"") -> Generate:
    """The same again and again."""

    def generate(octets: int) -> Iterator[bytes]:
        yield before
        block = unit * max(MIB // len(unit), 1)
        for _ in range(octets // len(block)):
            yield block
        yield unit * (octets % len(block) // len(unit)) + after

    return generate


def attached(encode: Callable[[bytes], bytes], header: bytes, *, files: int = 1) -> Generate:
    """Files of noise, which no compression makes smaller."""

    def generate(octets: int) -> Iterator[bytes]:
        yield MIXED + b"--b\r\n\r\nHere they are.\r\n"
        noise = random.Random(0)
        for n in range(files):
            yield b"--b\r\n" + header + b"Content-Disposition: attachment; filename=f%d.bin\r\n\r\n" % n
            for _ in range(max(octets // files // MIB, 1)):
                yield encode(noise.randbytes(57 * 13_000))
        yield b"--b--\r\n"

    return generate


def nested_messages(octets: int) -> Iterator[bytes]:
    """A file in a message in a message …"""
    levels = 40
    yield HEADER
    yield b"Content-Type: message/rfc822\r\n\r\nSubject: a\r\n" * levels
    yield from islice(attached(base64.encodebytes, b"Content-Transfer-Encoding: base64\r\n")(octets), 1, None)


def nested_parts(octets: int) -> Iterator[bytes]:
    """Multiparts in multiparts."""
    yield HEADER
    for n in range(octets // 80):
        yield b"Content-Type: multipart/mixed; boundary=b%07d\r\n\r\n--b%07d\r\n" % (n, n)


def many_parts(octets: int) -> Iterator[bytes]:
    """Small attachments without end."""
    yield MIXED
    for n in range(octets // 80):
        yield b"--b\r\nContent-Disposition: attachment; filename=f%d\r\n\r\nx\r\n" % n


BASE64 = b"Content-Transfer-Encoding: base64\r\n"
QUOTED = b"Content-Transfer-Encoding: quoted-printable\r\n"
UTF8_TEXT = HEADER + b"Content-Type: text/plain; charset=utf-8\r\n\r\n"
HTML = HEADER + b"Content-Type: text/html; charset=utf-8\r\n\r\n"
CASES: dict[str, Generate] = {
    "one base64 attachment": attached(base64.encodebytes, BASE64),
    "twenty base64 attachments": attached(base64.encodebytes, BASE64, files=20),
    "8-bit attachment of text": repeated(
        b"The same line of text, which shrinks.\r\n",
        MIXED + b"--b\r\nContent-Type: text/csv; name=a.csv\r\n\r\n",
    ),
    "plain text": repeated(b"A line of text as people write it, over and over.\r\n"),
    "plain text beyond the BMP": repeated("Grüße 🎉 👍 日本語\r\n".encode(), UTF8_TEXT),
    "undeclared Cyrillic": repeated("Уважаемые коллеги, добрый день.\r\n".encode("cp1251")),
    "HTML": repeated(b"<p>Hello <b>world</b>, this is <a href='http://x.example'>it</a></p>\n", HTML),
    "HTML nested": repeated(b"<div>", HTML),
    "HTML of opening brackets": repeated(b"<", HTML),
    "HTML of formatting": repeated(b"<a><b><i><font>", HTML),
    "empty lines": repeated(b"\r\n"),
    "no line end": repeated(b"x"),
    "dashed lines": repeated(b"\n--", MIXED),
    "delimiters": repeated(b"--b\r\n", MIXED),
    "delimiters that close": repeated(b"--b--\r\n", MIXED),
    "empty parts": repeated(b"--b\r\n\r\n\r\n", MIXED),
    "header fields": repeated(b"a:\n", HEADER),
    "header of colons": repeated(b":", HEADER + b"Subject: "),
    "header broken": repeated(b"x\n", HEADER),
    "header folded": repeated(b"\r\n x", HEADER + b"Subject: a"),
    "subject of encoded words": repeated(b"=?utf-8?q?x?= ", HEADER + b"Comments: "),
    "subject of question marks": repeated(b"=?", b"Subject: "),
    "To: addresses": repeated(b"a@b,", b"To: "),
    "To: brackets": repeated(b"(<[", b"To: "),
    "To: quotes": repeated(b'"\\', b"To: "),
    "To: words": repeated(b"a . ", b"To: "),
    "References": repeated(b"<a@b> ", b"References: "),
    "parameters": repeated(b"; a*1*=x", HEADER + b"Content-Type: text/plain"),
    "base64 of padding": repeated(b"a=", HEADER + BASE64 + b"\r\n"),
    "base64 of noise": repeated(b"A--\t", HEADER + BASE64 + b"\r\n"),
    "quoted-printable of escapes": repeated(b"=41", HEADER + QUOTED + b"\r\n"),
    "quoted-printable of spaces": repeated(b"= ", HEADER + QUOTED + b"\r\n"),
    "uuencode begun": repeated(b"begin 644 a\n"),
    "uuencode": repeated(b"M" + b"8" * 60 + b"\n", HEADER + b"\r\nbegin 644 a\n"),
    "BinHex": repeated(b"!" * 64 + b"\n", HEADER + b"\r\n(This file must be converted with BinHex 4.0)\n:"),
    "winmail.dat of nothing": repeated(
        b"\x02\x05\x90\x06\x00\x00\x00\x00\x00\x00\x00",
        HEADER + b"Content-Type: application/ms-tnef\r\n\r\n\x78\x9f\x3e\x22\x00\x00",
    ),
    "calendar": repeated(b"METHOD:X\r\n", HEADER + b"Content-Type: text/calendar\r\n\r\n"),
    "bounce of recipients": repeated(
        b"Final-Recipient: rfc822; a@b.example\r\nAction: failed\r\n\r\n",
        HEADER + b"Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n\r\n"
        b"--b\r\nContent-Type: message/delivery-status\r\n\r\n",
    ),
    "messages in messages": nested_messages,
    "multiparts in multiparts": nested_parts,
    "many parts": many_parts,
    "nothing but NUL": repeated(b"\0"),
    "noise": lambda octets: [os.urandom(octets)],
}
LARGE = (
    "one base64 attachment",
    "twenty base64 attachments",
    "8-bit attachment of text",
    "plain text",
    "noise",
)


def measure(path: Path) -> None:
    """In a process of its own: read the message in a file, store its blobs, print seconds and KiB."""
    from mail_archiver.archiving.drafting import Drafter
    from mail_archiver.archiving.fetching import LARGE_OCTETS
    from mail_archiver.blobs.folder import FolderBlobs
    from mail_archiver.domain.limits import Limits
    from mail_archiver.domain.linking import LinkingRules
    from mail_archiver.domain.message import FetchedMessage
    from mail_archiver.octets import InMemory, Spool

    drafter = Drafter(LinkingRules(), Limits(), zip_inline_images=False)
    with tempfile.TemporaryDirectory() as folder:
        blobs = FolderBlobs(Path(folder))
        for generate in CASES.values():  # so that what a kind of mail needs is loaded
            small = InMemory(b"".join(generate(SMALL_OCTETS)))
            blobs.put(drafter.draft(FetchedMessage(1, small, None)).blobs)
        before = memory_kib("VmRSS")
        Path("/proc/self/clear_refs").write_text("5")  # the peak begins anew
        if path.stat().st_size >= LARGE_OCTETS:
            with path.open("rb") as file:
                source = Spool().keep(iter(partial(file.read, MIB), b""))
        else:
            source = InMemory(path.read_bytes())
        started = time.process_time()
        draft = drafter.draft(FetchedMessage(1, source, None))
        blobs.put(draft.blobs)
        seconds = time.process_time() - started
        assert blobs.path(draft.message.source_sha256, compressed=True).exists()
    print(seconds, memory_kib("VmHWM") - before)


def memory_kib(name: str) -> int:
    """A line of Linux's account of this process's memory."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(f"{name}:"))


def main() -> int:
    """Print the table; 1 where a bound does not hold."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("cases", nargs="*", metavar="CASE", help=f"of {', '.join(CASES)}")
    parser.add_argument("--mib", type=int, default=10)
    parser.add_argument("--large-mib", type=int, default=500, help="0 to leave the large ones out")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.measure:
        measure(arguments.measure)
        return 0
    wanted = [(name, arguments.mib) for name in arguments.cases or CASES]
    wanted += [(name, arguments.large_mib) for name in LARGE if arguments.large_mib and not arguments.cases]
    print(f"{'message':32}{'MB':>8}{'s':>8}{'bound':>8}{'MiB more':>10}{'bound':>8}")
    return max([show(name, mib) for name, mib in wanted], default=0)


def show(name: str, mib: int) -> int:
    """One line of the table."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "message"
        with path.open("wb") as file:
            for piece in CASES[name](mib * MIB):
                file.write(piece)
        size = path.stat().st_size
        command = [sys.executable, "-m", "benchmarks.any_message", "--measure", str(path)]
        answer = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    seconds, more_mib = float(answer[0]), int(answer[1]) / 1024
    most_seconds = SECONDS + SECONDS_A_MB * size / 1e6
    most_mib = LARGE_MIB if size >= 16 * MIB else TIMES_SIZE * size / MIB
    too_much = seconds > most_seconds or more_mib > most_mib
    print(
        f"{name:32}{size / 1e6:8.1f}{seconds:8.2f}{most_seconds:8.2f}{more_mib:10.1f}{most_mib:8.1f}"
        + ("  too much" if too_much else ""),
        flush=True,
    )
    return int(too_much)


if __name__ == "__main__":
    sys.exit(main())

"""From good samples to bad ones, in the ways in which mail breaks."""

import base64
import quopri
import random
from collections.abc import Callable, Sequence

MAX_OCTETS = 200_000

# What parsers stumble over: put in anywhere.
TOKENS = (
    b'\r\n', b'\n', b'\r', b'\r\n\r\n', b'\x00', b'\x80', b'\xff\xfe', b'\xed\xa0\x80',
    b'\xf4\x8f\xbf\xbf', b'\x1b$B', b'--', b'--b', b'--b--', b'\r\n--b\r\n', b'=', b'==', b'=?', b'?=',
    b'=?utf-8?B?', b'=?utf-7?Q?+2AA-?=', b'=?x?q?', b'=C3', b'=\r\n', b'<', b'>', b'(', b')', b'[', b']',
    b'"', b'\\', b';', b':', b',', b'@', b'a@b.example', b'\t', b' ',
    b'Content-Type: multipart/mixed; boundary=b\r\n',
    b'Content-Type: multipart/related; boundary="b"; start=x\r\n', b'Content-Type: message/rfc822\r\n',
    b'Content-Type: text/html; charset=utf-16\r\n\r\n<img src=cid:x>',
    b'Content-Type: text/calendar; method=REQUEST\r\n', b'Content-Type: application/ms-tnef\r\n',
    b'Content-Type: multipart/report; report-type=delivery-status; boundary=b\r\n',
    b'Content-Type: message/delivery-status\r\n\r\nFinal-Recipient: rfc822; a@b.example\r\n',
    b'Content-Transfer-Encoding: base64\r\n', b'Content-Transfer-Encoding: quoted-printable\r\n',
    b'Content-Transfer-Encoding: x-uuencode\r\n',
    b"Content-Disposition: attachment; filename*0*=''a; filename=../b\r\n",
    b'begin 644 a\r\n#0V%T\r\n`\r\nend\r\n', b'(This file must be converted with BinHex 4.0)\r\n:',
    b'x\x9f>"', b'Subject: ', b'From: ', b'To: a:b;, ', b'Date: 32 Feb 99999 25:61 XYZ\r\n',
    b'Message-ID: <', b'References: <a> <b', b'charset=iso-2022-jp', b'charset=utf-7',
    b"name*=utf-16''%D8", b'<div>', b'&#0;', b'</p>',
)  # fmt: skip


def mutate(chance: random.Random, samples: Sequence[bytes]) -> bytes:
    """One message out of samples."""
    message = chance.choice(samples)
    for _ in range(chance.choice((1, 1, 2, 3, 5, 8))):
        message = chance.choice(MUTATIONS)(chance, message, samples)[:MAX_OCTETS]
    return message


def _put_in(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(message) + 1)
    return message[:at] + chance.choice(TOKENS) * chance.choice((1, 1, 1, 2, 50)) + message[at:]


def _take_out(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(message) + 1)
    return message[:at] + message[at + chance.choice((1, 2, 10, 100, 1000)) :]


def _flip(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    if not message:
        return b""
    at = chance.randrange(len(message))
    return message[:at] + bytes([chance.randrange(256)]) + message[at + 1 :]


def _cut_off(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    return message[: chance.randrange(len(message) + 1)]


def _splice(chance: random.Random, message: bytes, samples: Sequence[bytes]) -> bytes:
    other = chance.choice(samples)
    return message[: chance.randrange(len(message) + 1)] + other[chance.randrange(len(other) + 1) :]


def _put_message_in(chance: random.Random, message: bytes, samples: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(message) + 1)
    return (
        message[:at]
        + b"\r\n--b\r\nContent-Type: message/rfc822\r\n\r\n"
        + chance.choice(samples)
        + message[at:]
    )


def _shuffle_lines(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    lines = message.split(b"\n")
    start = chance.randrange(len(lines))
    some = lines[start : start + chance.randrange(2, 12)]
    chance.shuffle(some)
    return b"\n".join([*lines[:start], *some, *lines[start + len(some) :]])


def _repeat_lines(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    lines = message.split(b"\n")
    start = chance.randrange(len(lines))
    some = lines[start : start + chance.randrange(1, 6)]
    return b"\n".join([*lines[:start], *some * chance.choice((2, 3, 70)), *lines[start:]])


def _other_line_ends(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    return message.replace(b"\r\n", chance.choice((b"\n", b"\r", b"\r\r\n", b"\n\n")))


def _encode(chance: random.Random, message: bytes, _samples: Sequence[bytes]) -> bytes:
    at = chance.randrange(len(message) + 1)
    encode = chance.choice((base64.encodebytes, quopri.encodestring))
    return message[:at] + encode(message[at:])


MUTATIONS: tuple[Callable[[random.Random, bytes, Sequence[bytes]], bytes], ...] = (
    _put_in, _put_in, _put_in, _take_out, _flip, _cut_off, _splice, _put_message_in, _shuffle_lines,
    _repeat_lines, _other_line_ends, _encode,
)  # fmt: skip

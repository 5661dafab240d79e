import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.headers import decode_unstructured, header_text, read_message_id


class Defects(list[DefectCode]):
    def __call__(self, code: DefectCode, _action: str) -> None:
        self.append(code)


def subject(raw: bytes, defects: Defects) -> str:
    return decode_unstructured(header_text(raw.decode("ascii", "surrogateescape"), defects), defects)


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b" plain ", "plain"),
        (b"unfolded    here", "unfolded here"),
        (b"=?utf-8?Q?caf=C3=A9?=", "café"),
        (b"=?UTF-8?q?caf=c3=a9_au_lait?=", "café au lait"),
        (b"=?utf-8?B?Y2Fmw6k=?=", "café"),
        (b"=?utf-8?B?Y2Fmw6k?=", "café"),
        (b"=?utf-8*fr?Q?caf=C3=A9?=", "café"),
        (b"=?utf-8?B?5w==?= =?utf-8?B?pJE=?=", "礑"),
        (b"=?utf-8?Q?a?= =?utf-8?Q?b?=", "ab"),
        (b"=?utf-8?Q?a?=\t=?iso-8859-1?Q?=E9?=", "aé"),
        (b"=?utf-8?Q?a?= b =?utf-8?Q?c?=", "a b c"),
        (b"Re:=?utf-8?Q?a?=b", "Re:ab"),
        (b"=?utf-8?Q?Why? Because?=", "Why? Because"),
        (b"=?utf-8?Q?a=0Ab?=", "a b"),
        (b"=?x-nowhere?Q?caf=C3=A9?=", "café"),
        (b"=?utf-8?X?abc?=", "=?utf-8?X?abc?="),
        (b"=?utf-8?Q?never closed", "=?utf-8?Q?never closed"),
        (b"=?utf-8?Q?never =?utf-8?Q?closed?=", "=?utf-8?Q?never closed"),
        (b"=??Q?abc?=", "=??Q?abc?="),
        (b"2 =? 3", "2 =? 3"),
        (b"caf\xc3\xa9", "café"),
        (b"", ""),
    ],
)
def test_a_subject_reads_as_a_person_reads_it(raw: bytes, text: str) -> None:
    assert subject(raw, Defects()) == text


@pytest.mark.parametrize(
    ("raw", "text", "code"),
    [
        (b"caf\xe9 \x80", "café €", DefectCode.HEADER_8BIT),
        (
            b"=?utf-8?B?w6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOpw6nDqcOp!w6k=?=",
            "é" * 16,
            DefectCode.HEADER_UNDECODABLE,
        ),
        (b"=?utf-8?B?w6k=w6k?=", "éé", DefectCode.HEADER_UNDECODABLE),
        (b"=?x-nowhere?Q?=E9?=", "é", DefectCode.CHARSET_UNKNOWN),
        (b"=?utf-8?Q?=E9?=", "é", DefectCode.CHARSET_WRONG),
        (b"a\0b", "ab", DefectCode.NUL_REMOVED),
        (b"=?utf-8?Q?a=00b?=", "ab", DefectCode.NUL_REMOVED),
    ],
)
def test_what_is_broken_in_a_subject_is_a_defect(raw: bytes, text: str, code: DefectCode) -> None:
    defects = Defects()
    assert subject(raw, defects) == text
    assert set(defects) == {code}


@given(st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Zl", "Zp", "Zs")), max_size=60))
def test_encoded_words_cut_anywhere_give_back_the_text(text: str) -> None:
    octets = text.encode()
    words = b" ".join(
        b"=?utf-8?Q?" + b"".join(b"=%02X" % octet for octet in octets[n : n + 5]) + b"?="
        for n in range(0, len(octets), 5)
    )
    assert subject(words, Defects()) == text


@pytest.mark.parametrize(
    ("raw", "message_id", "codes"),
    [
        (b" <a@b.example>", "a@b.example", []),
        (b"<a@b. example>", "a@b.example", []),
        (b"(comment) <a@b.example> more", "a@b.example", []),
        (b"a@b.example", "a@b.example", [DefectCode.MESSAGE_ID_INVALID]),
        (b"<a@b\0.example>", "a@b.example", [DefectCode.NUL_REMOVED]),
        (b"<>", None, []),
        (b"", None, []),
        (b"<[x@y]>", "[x@y]", []),
    ],
)
def test_a_message_id_is_what_stands_in_the_brackets(
    raw: bytes, message_id: str | None, codes: list[DefectCode]
) -> None:
    defects = Defects()
    assert read_message_id(raw.decode(), defects) == message_id
    assert defects == codes


def test_a_long_message_id_is_not_cut() -> None:
    assert read_message_id("<" + "x" * 5000 + "@y.example>", Defects()) == "x" * 5000 + "@y.example"


def test_a_charset_is_told_by_its_name_not_as_it_is_declared() -> None:
    told: list[str] = []
    header_text("caf\udce9", lambda _code, action: told.append(action), ["\0\0windows-1252"])
    assert told == ["undeclared 8-bit text read as windows-1252"]

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.message import DefectCode
from mail_archiver.mime.charsets import decode_raw, decode_text, storable


def decode(content: bytes, charset: str | None) -> tuple[str, list[DefectCode]]:
    codes: list[DefectCode] = []
    return decode_text(content, charset, lambda code, _action: codes.append(code)), codes


@pytest.mark.parametrize(
    ("charset", "codec", "text"),
    [
        ("utf-8", "utf-8", "é€雪"),
        ("UTF8", "utf-8", "é€雪"),
        ("'utf-8'", "utf-8", "é"),
        ('"utf-8" (Unicode)', "utf-8", "é"),
        ("utf-8 format=flowed", "utf-8", "é"),
        ("iso-8859-1", "cp1252", "“déjà” – 5 €"),
        ("ISO8859-1", "cp1252", "“déjà” – 5 €"),
        ("latin1", "cp1252", "é"),
        ("iso-8859-9", "cp1254", "İğş"),
        ("windows-874", "cp874", "สวัสดี"),
        ("tis-620", "cp874", "สวัสดี…"),
        ("iso-8859-8-i", "iso-8859-8", "שלום"),
        ("windows-1256", "cp1256", "مرحبا"),
        ("gb2312", "gb18030", "朱镕基"),
        ("ks_c_5601-1987", "cp949", "똠방각하"),
        ("shift_jis", "cp932", "①髙"),
        ("big5", "cp950", "碁"),
        ("iso-2022-jp", "iso2022_jp", "見積り"),
        ("csISO2022JP", "iso2022_jp", "見積り"),
        ("iso-2022-jp", "iso2022_jp_ext", "ｶﾅ"),
        ("iso-2022-kr", "iso2022_kr", "안녕"),
        ("hz-gb-2312", "hz", "你好"),
        ("utf-7", "utf-7", "é"),
        ("unicode-1-1-utf-7", "utf-7", "é"),
        ("utf-16", "utf-16", "héllo"),
        ("koi8-r", "koi8-r", "Привет"),
        ("x-mac-roman", "mac_roman", "é"),
    ],
)
def test_text_in_a_charset_as_senders_name_it_is_read(charset: str, codec: str, text: str) -> None:
    assert decode(text.encode(codec), charset) == (text, [])


@pytest.mark.parametrize("charset", [None, "", "us-ascii", "utf-8", "x-nowhere", "koi8-r", "hex", "a\0b"])
def test_ascii_is_ascii_whatever_is_declared(charset: str | None) -> None:
    assert decode(b"plain words", charset) == ("plain words", [])


@pytest.mark.parametrize(
    ("content", "charset", "text", "code"),
    [
        ("é".encode(), "us-ascii", "é", DefectCode.CHARSET_WRONG),
        (b"\xe9\x80", "us-ascii", "é€", DefectCode.CHARSET_WRONG),
        ("déjà".encode("cp1252"), "utf-8", "déjà", DefectCode.CHARSET_WRONG),
        ("雪".encode(), "iso-2022-jp", "雪", DefectCode.CHARSET_WRONG),
        ("雪雪雪".encode() + b"\xff", "utf-8", "雪雪雪\ufffd", DefectCode.CHARSET_WRONG),
        ("敬啟者".encode("big5") + b"\xff.", "big5", "敬啟者\ufffd.", DefectCode.CHARSET_WRONG),
        ("é".encode(), "x-nowhere", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "???", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "hex", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\xe9", "idna", "é", DefectCode.CHARSET_UNKNOWN),
        (b"\\ud800\xe9", "unicode_escape", "\\ud800é", DefectCode.CHARSET_UNKNOWN),
    ],
)
def test_a_wrong_declaration_is_a_defect_and_the_text_is_still_read(
    content: bytes, charset: str, text: str, code: DefectCode
) -> None:
    assert decode(content, charset) == (text, [code])


def test_undeclared_text_is_utf_8_or_windows_1252() -> None:
    assert decode("é".encode(), None) == ("é", [])
    assert decode(b"\xe9 \x80", None) == ("é €", [])
    assert decode_raw("é".encode()) == decode_raw(b"\xe9") == "é"


@given(
    st.binary(max_size=200),
    st.sampled_from(["utf-8", "utf-7", "utf-16", "big5", "iso-2022-jp", "hz", "cp1252", "x"]),
)
def test_whatever_the_bytes_the_text_can_be_stored(content: bytes, charset: str) -> None:
    text = storable(decode(content, charset)[0], lambda _code, _action: None)
    assert "\0" not in text
    assert text.encode("utf-8").decode("utf-8") == text


@given(st.text(st.characters()))  # lone surrogates too
def test_storable_text_has_no_nul_and_no_lone_surrogate(text: str) -> None:
    codes: list[DefectCode] = []
    stored = storable(text, lambda code, _action: codes.append(code))
    assert "\0" not in stored
    stored.encode("utf-8")
    assert (DefectCode.NUL_REMOVED in codes) == ("\0" in text)
    assert (stored == text) == (codes == [])


def test_storable_leaves_the_rest_as_it_is() -> None:
    codes: list[DefectCode] = []
    assert storable("a\0b\ud800c😀", lambda code, _action: codes.append(code)) == "ab\ufffdc😀"
    assert codes == [DefectCode.NUL_REMOVED, DefectCode.SURROGATE_REPLACED]

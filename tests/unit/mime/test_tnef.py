import os
import struct
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.mime.costs import check_costs, fill
from tests.unit.mime.rtf_writer import compress_rtf, store_rtf

from mail_archiver.mime.packed_file import PackedFile
from mail_archiver.mime.tnef import MAX_ATTACHMENTS, MAX_DEPTH, MAX_RECODED_OCTETS, Tnef, read_tnef

SIGNATURE = struct.pack("<IH", 0x223E9F78, 1)
REND_DATA, TITLE, DATA, ATTACHMENT = 0x00069002, 0x00018010, 0x0006800F, 0x00069005
OEM_CODEPAGE, MSG_PROPS, BODY = 0x00069007, 0x00069003, 0x0002800C
VERSION = 0x00089006
LONG, NULL, BOOLEAN, OBJECT, STRING8, UNICODE, SYSTIME, GUID, BINARY = 3, 1, 11, 13, 30, 31, 64, 72, 258
MULTIPLE = 0x1000
PR_BODY, PR_RTF, PR_HTML, PR_CODEPAGE = 0x1000, 0x1009, 0x1013, 0x3FDE
PR_DATA, PR_SHORT_NAME, PR_LONG_NAME, PR_MIME_TAG, PR_CONTENT_ID = 0x3701, 0x3704, 0x3707, 0x370E, 0x3712
IID_MESSAGE = bytes.fromhex("0703020000000000c000000000000046")
IID_STORAGE = bytes.fromhex("0b00000000000000c000000000000046")
RTF = rb"{\rtf1\ansi hello}"


def attribute(level: int, number: int, content: bytes) -> bytes:
    checksum = struct.pack("<H", sum(content) & 0xFFFF)
    return struct.pack("<BII", level, number, len(content)) + content + checksum


def tnef(*attributes: bytes, codepage: int | None = 1252) -> bytes:
    version = attribute(1, VERSION, struct.pack("<I", 0x10000))
    oem = b"" if codepage is None else attribute(1, OEM_CODEPAGE, struct.pack("<II", codepage, 0))
    return SIGNATURE + version + oem + b"".join(attributes)


def pad(content: bytes) -> bytes:
    return content + b"\0" * (-len(content) % 4)


def fixed(number: int, kind: int, content: bytes) -> bytes:
    return struct.pack("<HH", kind, number) + pad(content)


def variable(number: int, kind: int, *contents: bytes, name: bytes = b"") -> bytes:
    values = b"".join(struct.pack("<I", len(content)) + pad(content) for content in contents)
    return struct.pack("<HH", kind, number) + name + struct.pack("<I", len(contents)) + values


def wide(number: int, text: str) -> bytes:
    return variable(number, UNICODE, (text + "\0").encode("utf-16-le"))


def properties(*items: bytes) -> bytes:
    return struct.pack("<I", len(items)) + b"".join(items)


def message_properties(*items: bytes) -> bytes:
    return attribute(1, MSG_PROPS, properties(*items))


def attachment(
    content: bytes | None = b"", title: bytes = b"", *items: bytes, list_first: bool = False
) -> bytes:
    data = b"" if content is None else attribute(2, DATA, content)
    data = (attribute(2, TITLE, title + b"\0") if title else b"") + data
    props = attribute(2, ATTACHMENT, properties(*items)) if items else b""
    return attribute(2, REND_DATA, b"\1\0" + b"\xff" * 12) + (props + data if list_first else data + props)


def attached(message: bytes, title: bytes = b"Inner", iid: bytes = IID_MESSAGE) -> bytes:
    return attachment(None, title, variable(PR_DATA, OBJECT, iid + message))


def packed(
    content: bytes,
    name: str | None = "a.bin",
    content_type: str = "application/octet-stream",
    *,
    broken: bool = False,
    content_id: str = "",
) -> PackedFile:
    return PackedFile(name, content_type, content, broken, content_id)


def nothing_but(*files: PackedFile, broken: bool = False) -> Tnef:
    return Tnef(list(files), None, None, broken)


FILES = st.lists(
    st.tuples(
        st.binary(max_size=200), st.text("abc XYZ.é文🙂", min_size=1, max_size=12).map(str.strip).filter(bool)
    ),
    max_size=4,
)


@given(FILES, st.booleans())
def test_files_come_back_in_order_under_their_long_names(
    files: list[tuple[bytes, str]], list_first: bool
) -> None:
    written = [
        attachment(content, b"SHORT~1.BIN", wide(PR_LONG_NAME, name), list_first=list_first)
        for content, name in files
    ]
    assert read_tnef(tnef(*written)) == nothing_but(*(packed(content, name) for content, name in files))


@pytest.mark.parametrize(
    ("items", "title", "name"),
    [
        ([], b"title.txt", "title.txt"),
        ([wide(PR_SHORT_NAME, "SHORT~1.TXT")], b"title.txt", "title.txt"),
        ([wide(PR_SHORT_NAME, "SHORT~1.TXT")], b"", "SHORT~1.TXT"),
        ([wide(0x3001, "shown.txt")], b"", "shown.txt"),
        ([variable(PR_LONG_NAME, STRING8, b"caf\xe9.txt\0")], b"title.txt", "café.txt"),
        ([wide(PR_LONG_NAME, "")], b"title.txt", "title.txt"),
        ([], b"caf\xe9.txt", "café.txt"),
        ([], b"", None),
    ],
)
def test_the_best_name_is_taken(items: list[bytes], title: bytes, name: str | None) -> None:
    assert read_tnef(tnef(attachment(b"x", title, *items))) == nothing_but(packed(b"x", name))


@pytest.mark.parametrize(
    ("codepage", "raw", "name"),
    [
        (932, "文書.txt".encode("cp932"), "文書.txt"),
        (1251, "отчёт.txt".encode("cp1251"), "отчёт.txt"),
        (65001, "отчёт.txt".encode(), "отчёт.txt"),
        (None, "отчёт.txt".encode(), "отчёт.txt"),
        (None, b"caf\xe9.txt", "café.txt"),
        (99999, b"caf\xe9.txt", "café.txt"),
        (1200, b"plain.txt", "plain.txt"),
        (932, b"broken\x81", "broken\ufffd"),
    ],
)
def test_a_name_in_octets_is_in_the_stream_s_code_page(codepage: int | None, raw: bytes, name: str) -> None:
    assert read_tnef(tnef(attachment(b"x", raw), codepage=codepage)).files == [packed(b"x", name)]


@pytest.mark.parametrize(
    ("tag", "content_type"),
    [
        ("Image/PNG", "image/png"),
        ("application/vnd.ms-excel", "application/vnd.ms-excel"),
        ("nonsense", "application/octet-stream"),
        ("text/html; charset=x", "application/octet-stream"),
        ("", "application/octet-stream"),
    ],
)
def test_a_mime_tag_gives_the_type_and_a_content_id_is_kept(tag: str, content_type: str) -> None:
    file = attachment(b"x", b"a.bin", wide(PR_MIME_TAG, tag), wide(PR_CONTENT_ID, "<one@example.com>"))
    expected = packed(b"x", "a.bin", content_type, content_id="one@example.com")
    assert read_tnef(tnef(file)) == nothing_but(expected)


NAME_SPACE = bytes(range(16))
SKIPPED = [
    fixed(0x0E17, LONG, b"\1\0\0\0"),
    fixed(0x0001, NULL, b""),
    fixed(0x0057, BOOLEAN, b"\1\0"),
    fixed(0x0039, SYSTIME, b"\1" * 8),
    fixed(0x0040, GUID, b"\1" * 16),
    fixed(0x3005, 0x0002, b"\1\1"),
    fixed(0x3006, 0x0005, b"\1" * 8),
    variable(0x0070, STRING8, b"odd"),
    variable(0x0071, STRING8, b""),
    variable(0x0072, BINARY | MULTIPLE, b"one", b"", b"three", b"4444"),
    variable(0x0073, UNICODE | MULTIPLE, b"a\0\0\0", b"b\0c\0\0\0"),
    variable(0x0073, UNICODE | MULTIPLE),
    struct.pack("<HHIIII", LONG | MULTIPLE, 0x0074, 3, 1, 2, 3),
    struct.pack("<HHIHxxHxx", 0x0002 | MULTIPLE, 0x0075, 2, 1, 2),
    struct.pack("<HHI", SYSTIME | MULTIPLE, 0x0076, 2) + b"\1" * 16,
    struct.pack("<HH", LONG, 0x8005) + NAME_SPACE + struct.pack("<III", 0, 0x8233, 7),
    struct.pack("<HH", LONG, 0x8006)
    + NAME_SPACE
    + struct.pack("<II", 1, 6)
    + b"a\0b\0\0\0\0\0"
    + b"\7\0\0\0",
    variable(0x8007, UNICODE, b"x\0\0\0", name=NAME_SPACE + struct.pack("<II", 0, 0x8580)),
    variable(0xFFFF, STRING8 | MULTIPLE, b"x", b"", name=NAME_SPACE + struct.pack("<II", 1, 2) + b"\0\0\0\0"),
]


@given(st.lists(st.sampled_from(SKIPPED), max_size=12))
def test_properties_of_every_kind_are_stepped_over(skipped: list[bytes]) -> None:
    stream = tnef(
        message_properties(*skipped, wide(PR_BODY, "Hello")),
        attachment(b"x", b"a.bin", *skipped, wide(PR_LONG_NAME, "after.bin")),
    )
    body = ("Hello".encode("utf-16-le"), "utf-16-le")
    assert read_tnef(stream) == Tnef([packed(b"x", "after.bin")], None, body, broken=False)


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1))
def test_a_body_in_unicode_comes_back(text: str) -> None:
    read = read_tnef(tnef(message_properties(wide(PR_BODY, text))))
    assert read == Tnef([], None, (text.encode("utf-16-le"), "utf-16-le"), broken=False)


def test_a_body_in_octets_comes_in_the_stream_s_code_page() -> None:
    expected = Tnef([], None, (b"caf\xe9", "cp1252"), broken=False)
    assert read_tnef(tnef(message_properties(variable(PR_BODY, STRING8, b"caf\xe9\0")))) == expected
    assert read_tnef(tnef(attribute(1, BODY, b"caf\xe9\0"))) == expected


def test_a_body_without_a_code_page_says_so() -> None:
    read = read_tnef(tnef(attribute(1, BODY, b"caf\xe9\0"), codepage=None))
    assert read == Tnef([], None, (b"caf\xe9", None), broken=False)


def test_html_in_octets_comes_in_the_code_page_of_the_internet() -> None:
    html = "<p>Grüße</p>".encode()
    codepage = fixed(PR_CODEPAGE, LONG, struct.pack("<I", 65001))
    read = read_tnef(tnef(message_properties(variable(PR_HTML, BINARY, html), codepage)))
    assert read == Tnef([], (html, "utf-8"), None, broken=False)


def test_html_in_unicode_comes_back() -> None:
    read = read_tnef(
        tnef(message_properties(wide(PR_HTML, "<p>Ā</p>"), fixed(PR_CODEPAGE, LONG, b"\x9f\x4e\0\0")))
    )
    assert read == Tnef([], ("<p>Ā</p>".encode("utf-16-le"), "utf-16-le"), None, broken=False)


def test_two_bodies_each_come_in_a_code_page_of_their_own() -> None:
    codepage = fixed(PR_CODEPAGE, LONG, struct.pack("<I", 1251))
    html = "отчёт".encode("cp1251")
    read = read_tnef(
        tnef(message_properties(wide(PR_BODY, "отчёт"), variable(PR_HTML, BINARY, html), codepage))
    )
    text = ("отчёт".encode("utf-16-le"), "utf-16-le")
    assert read == Tnef([], (html, "cp1251"), text, broken=False)


@pytest.mark.parametrize(
    ("codepage", "text", "read_as"),
    [
        (None, "Grüße".encode(), "Grüße"),
        (None, b"Gr\xfc\xdfe", "Grüße"),
        (1252, b"Gr\xfc\xdfe", "Grüße"),
        (1252, b"\x81\xff", "\ufffdÿ"),
        (1253, "ê".encode(), "ê"),
        (20127, "Grüße".encode(), "Grüße"),
        (932, "文書".encode("cp932") + b"\x81", "文書\ufffd"),
        (50220, b"\xff\x1b" + b"(" * 40, "\ufffd" * 2 + "(" * 40),
    ],
)
def test_a_text_that_is_not_in_its_code_page_is_read_as_far_as_it_is(
    codepage: int | None, text: bytes, read_as: str
) -> None:
    inner = tnef(attribute(1, BODY, text), codepage=codepage)
    (file,) = read_tnef(tnef(attached(inner), codepage=None)).files
    assert file.content.decode() == read_as


def test_only_so_much_text_of_attached_messages_is_recoded() -> None:
    long = attached(tnef(attribute(1, BODY, b"\xe9" * (MAX_RECODED_OCTETS - 1))))
    files = read_tnef(tnef(long, long, attached(tnef(message_properties(wide(PR_BODY, "é")))))).files
    assert [file.content for file in files] == [
        "é".encode() * (MAX_RECODED_OCTETS - 1),
        b"\xe9" * (MAX_RECODED_OCTETS - 1),
        "\ufeffé".encode("utf-16-le"),
    ]


@pytest.mark.parametrize("write", [compress_rtf, store_rtf])
def test_rtf_alone_becomes_a_file(write: Callable[[bytes], bytes]) -> None:
    stream = tnef(attachment(b"x", b"a.bin"), message_properties(variable(PR_RTF, BINARY, write(RTF))))
    assert read_tnef(stream) == nothing_but(packed(RTF, "body.rtf", "application/rtf"), packed(b"x"))


@pytest.mark.parametrize("body", [wide(PR_BODY, "text"), variable(PR_HTML, BINARY, b"<p>")])
def test_rtf_beside_another_body_is_left_out(body: bytes) -> None:
    stream = tnef(message_properties(variable(PR_RTF, BINARY, compress_rtf(RTF)), body))
    assert read_tnef(stream).files == []


def test_an_empty_body_does_not_hide_the_rtf() -> None:
    items = (variable(PR_RTF, BINARY, compress_rtf(RTF)), wide(PR_BODY, ""), variable(PR_HTML, BINARY, b""))
    assert read_tnef(tnef(message_properties(*items))).files == [packed(RTF, "body.rtf", "application/rtf")]


def test_rtf_beyond_the_limit_is_cut_and_broken() -> None:
    stream = tnef(message_properties(variable(PR_RTF, BINARY, compress_rtf(RTF))))
    expected = nothing_but(packed(RTF[:5], "body.rtf", "application/rtf", broken=True), broken=True)
    assert read_tnef(stream, max_octets=5) == expected


def test_an_attached_message_is_opened_where_it_stands() -> None:
    inner = tnef(message_properties(wide(PR_HTML, "<p>Hi</p>")), attachment(b"two", b"two.bin"))
    stream = tnef(attachment(b"one", b"one.bin"), attached(inner, b"Re: 1/2"), attachment(b"3", b"three.bin"))
    html = "\ufeff<p>Hi</p>".encode("utf-16-le")
    assert read_tnef(stream) == nothing_but(
        packed(b"one", "one.bin"),
        packed(html, "Re: 1-2.html", "text/html"),
        packed(b"two", "two.bin"),
        packed(b"3", "three.bin"),
    )


@pytest.mark.parametrize(
    ("items", "file"),
    [
        ([variable(PR_BODY, STRING8, b"caf\xe9\0")], packed("café".encode(), "Inner.txt", "text/plain")),
        ([wide(PR_BODY, "café")], packed("café".encode(), "Inner.txt", "text/plain")),
        ([variable(PR_HTML, BINARY, b"<p>caf\xe9")], packed(b"<p>caf\xe9", "Inner.html", "text/html")),
        ([variable(PR_RTF, BINARY, compress_rtf(RTF))], packed(RTF, "Inner.rtf", "application/rtf")),
    ],
)
def test_the_body_of_an_attached_message_is_a_file(items: list[bytes], file: PackedFile) -> None:
    inner = tnef(message_properties(*items), codepage=None)
    assert read_tnef(tnef(attached(inner))) == nothing_but(file)


def test_an_attached_message_that_holds_nothing_comes_out_as_it_is() -> None:
    inner = tnef()
    assert read_tnef(tnef(attached(inner))) == nothing_but(packed(inner, "Inner", "application/ms-tnef"))


def test_messages_in_messages_are_opened_so_deep_and_no_deeper() -> None:
    stream = tnef(attachment(b"x", b"a.bin"))
    for _ in range(MAX_DEPTH - 1):
        stream = tnef(attached(stream))
    assert read_tnef(stream) == nothing_but(packed(b"x"))
    closed = tnef(attached(stream)), tnef(attachment(b"x", b"a.bin"))
    assert read_tnef(closed[0]) == nothing_but(packed(closed[1], "Inner", "application/ms-tnef"))


def test_an_object_that_is_no_message_is_a_file_as_it_is() -> None:
    assert read_tnef(tnef(attached(b"storage", iid=IID_STORAGE))) == nothing_but(packed(b"storage", "Inner"))


def test_octets_in_the_property_list_are_a_file_too() -> None:
    stream = tnef(attachment(None, b"a.bin", variable(PR_DATA, BINARY, b"x")))
    assert read_tnef(stream) == nothing_but(packed(b"x"))


def test_an_attachment_of_no_octets_is_a_file_if_it_has_a_name() -> None:
    assert read_tnef(tnef(attachment(b"", b"a.bin"), attachment(b""))) == nothing_but(packed(b""))


def test_what_belongs_to_an_attachment_without_its_beginning_is_read() -> None:
    stream = tnef(attribute(2, TITLE, b"a.bin\0"), attribute(2, DATA, b"x"))
    assert read_tnef(stream) == nothing_but(packed(b"x"))


@pytest.mark.parametrize("padding", [b"\0", b"\r\n", b"\0" * 20])
def test_padding_at_the_end_is_no_damage(padding: bytes) -> None:
    assert read_tnef(tnef(attachment(b"x", b"a.bin")) + padding) == nothing_but(packed(b"x"))


def flip(stream: bytes, old: bytes, new: bytes) -> bytes:
    assert stream.count(old) == 1
    return stream.replace(old, new)


def test_a_wrong_checksum_gives_the_file_and_says_so() -> None:
    stream = tnef(attachment(b"content", b"a.bin"), attachment(b"whole", b"b.bin"))
    assert read_tnef(flip(stream, b"content", b"cOntent")) == nothing_but(
        packed(b"cOntent", broken=True), packed(b"whole", "b.bin"), broken=True
    )


def test_a_wrong_checksum_around_an_attached_message_is_looked_for_inside() -> None:
    inner = tnef(attachment(b"content", b"a.bin"), attachment(b"whole", b"b.bin"))
    stream = flip(tnef(attached(inner)), b"content", b"cOntent")
    assert read_tnef(stream) == nothing_but(
        packed(b"cOntent", broken=True), packed(b"whole", "b.bin"), broken=True
    )


@given(st.integers(0, 1_000))
def test_a_stream_cut_off_gives_what_came(cut: int) -> None:
    contents = [bytes([n]) * 150 for n in range(1, 5)]
    stream = tnef(*(attachment(content, b"a.bin") for content in contents))
    read = read_tnef(stream[:cut])
    assert len(read.files) <= len(contents)
    for file, content in zip(read.files, contents, strict=False):
        assert content.startswith(file.content)
        assert file.broken or file.content in (content, b"")


def test_a_length_beyond_the_end_gives_what_is_there() -> None:
    stream = tnef(attachment(None, b"a.bin")) + struct.pack("<BII", 2, DATA, 0xFFFFFFFF) + b"what came"
    assert read_tnef(stream) == nothing_but(packed(b"what came", broken=True), broken=True)


@pytest.mark.parametrize(
    "damaged",
    [
        struct.pack("<I", 9) + wide(PR_LONG_NAME, "long.bin"),
        struct.pack("<I", 2) + wide(PR_LONG_NAME, "long.bin") + struct.pack("<HH", 0x7777, 5),
        struct.pack("<I", 2)
        + wide(PR_LONG_NAME, "long.bin")
        + struct.pack("<HHII", BINARY, 5, 1, 0xFFFFFFFF),
        struct.pack("<I", 2)
        + wide(PR_LONG_NAME, "long.bin")
        + struct.pack("<HH16xII", 3, 0x8000, 1, 0xFFFFFFFF),
        struct.pack("<I", 2)
        + wide(PR_LONG_NAME, "long.bin")
        + struct.pack("<HHI", NULL | MULTIPLE, 5, 0xFFFFFFFF),
    ],
)
def test_a_damaged_property_list_gives_what_stood_before(damaged: bytes) -> None:
    stream = tnef(attachment(b"x", b"a.bin") + attribute(2, ATTACHMENT, damaged), attachment(b"y", b"b.bin"))
    read = read_tnef(stream)
    assert read.broken
    assert read.files[0] == packed(b"x", "long.bin", broken=True)
    assert read.files[1].content == b"y"


@pytest.mark.parametrize("content", [b"", b"\x78\x9f\x3e", SIGNATURE[:5], b"PK\x03\x04 no TNEF", b"\0" * 100])
def test_what_is_no_tnef_is_empty_and_broken(content: bytes) -> None:
    assert read_tnef(content) == nothing_but(broken=True)


@given(st.binary(max_size=300), st.binary(max_size=100))
def test_any_bytes_are_borne(noise: bytes, more: bytes) -> None:
    read_tnef(noise)
    read_tnef(SIGNATURE + noise)
    read_tnef(tnef(attribute(1, MSG_PROPS, noise), attribute(2, ATTACHMENT, more), noise))
    read_tnef(tnef(attached(tnef(noise)), more))


@given(st.data())
def test_any_octet_may_be_damaged(data: st.DataObject) -> None:
    items = (
        wide(PR_BODY, "Hello"),
        variable(PR_HTML, BINARY, b"<p>"),
        variable(PR_RTF, BINARY, compress_rtf(RTF)),
    )
    inner = tnef(message_properties(*items), attachment(b"two", b"two.bin", wide(PR_LONG_NAME, "second.bin")))
    stream = bytearray(tnef(message_properties(*items), attached(inner), attachment(b"x", b"a.bin")))
    for _ in range(data.draw(st.integers(1, 5))):
        stream[data.draw(st.integers(0, len(stream) - 1))] = data.draw(st.integers(0, 255))
    read_tnef(bytes(stream))


def test_only_so_many_attachments_are_taken_out() -> None:
    read = read_tnef(tnef(attachment(b"x", b"a.bin") * (MAX_ATTACHMENTS + 1)))
    assert (len(read.files), read.broken) == (MAX_ATTACHMENTS, True)
    whole = read_tnef(tnef(attachment(b"x", b"a.bin", *SKIPPED) * MAX_ATTACHMENTS))
    assert (len(whole.files), whole.broken) == (MAX_ATTACHMENTS, False)


def endless(*pieces: bytes) -> bytes:
    return attribute(1, MSG_PROPS, struct.pack("<I", 1 << 31) + b"".join(pieces))


def two_bodies(text: bytes, wide_text: bytes, codepage: int) -> bytes:
    items = (variable(PR_BODY, STRING8, text), variable(PR_HTML, UNICODE, wide_text))
    return tnef(message_properties(*items), codepage=codepage)


TINY = attribute(2, REND_DATA, b"")
INNER = attached(tnef(attribute(1, BODY, b"hi")))
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "noise": lambda n: SIGNATURE + os.urandom(n),
    "zeros": lambda n: SIGNATURE + bytes(n),
    "empty attachments": lambda n: tnef(fill(TINY, n)),
    "attachments of one octet": lambda n: tnef(fill(TINY + attribute(2, DATA, b"a"), n)),
    "code pages": lambda n: tnef(fill(attribute(1, OEM_CODEPAGE, b"\1\2\3\4"), n)),
    "one attachment": lambda n: tnef(attachment(bytes(n), b"a.bin")),
    "small properties": lambda n: tnef(endless(fill(fixed(5, LONG, b"\0" * 4), n))),
    "null properties": lambda n: tnef(endless(fill(fixed(5, NULL, b""), n))),
    "properties of many ids": lambda n: tnef(
        endless(*(fixed(i & 0x7FFF, LONG, bytes(4)) for i in range(n // 8)))
    ),
    "named properties": lambda n: tnef(endless(fill(struct.pack("<HH16xIII", 3, 0x8005, 0, 0, 0), n))),
    "values of no size": lambda n: tnef(
        endless(struct.pack("<HHI", BINARY | MULTIPLE, 5, 1 << 31), bytes(n))
    ),
    "a long name": lambda n: tnef(attachment(b"x", fill(b"\xff", n))),
    "a long wide name": lambda n: tnef(
        attachment(b"x", b"", variable(PR_LONG_NAME, UNICODE, fill(b"a\x20", n)))
    ),
    "bodies in two code pages": lambda n: two_bodies(fill(b"\x80", n // 2), fill(b"\xac\x20", n // 2), 1252),
    "bodies in no code page": lambda n: two_bodies(os.urandom(n // 2), os.urandom(n // 2), 50220),
    # Some of them are cut where the decoder is given the next piece.
    "escape sequences without an end": lambda n: two_bodies(
        fill(b"\xff\x1b" + b"(" * 11, n // 2), fill(b"\xac\x20", n // 2), 50220
    ),
    "stored RTF": lambda n: tnef(message_properties(variable(PR_RTF, BINARY, store_rtf(bytes(n))))),
    "attached messages": lambda n: tnef(fill(INNER, n)),
    "a large file far inside": lambda n: tnef(attached(tnef(attached(tnef(attachment(bytes(n), b"a.bin")))))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_hostile_stream_costs_little(kind: str) -> None:
    check_costs(read_tnef, HOSTILE[kind])


def test_everything_at_once_costs_little() -> None:
    rtf = message_properties(variable(PR_RTF, BINARY, compress_rtf(b"hello\\par " * 1_000)))
    properties_, attachments = (
        fill(fixed(5, LONG, bytes(4)), 800_000),
        fill(TINY + attribute(2, DATA, b"a"), 300_000),
    )
    check_costs(read_tnef, lambda _n: tnef(rtf, endless(properties_), attachments), may_expand_to=1_000_000)


def test_a_nest_of_thousands_of_messages_is_no_recursion() -> None:
    stream = tnef(attachment(b"x", b"a.bin"))
    for _ in range(2_000):
        stream = tnef(attached(stream))
    (file,) = read_tnef(stream).files
    assert file.content_type == "application/ms-tnef"

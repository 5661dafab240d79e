import hashlib
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.fingerprint import FINGERPRINT_FIELDS, LeafDigest, LineHash, fingerprint

Headers = Sequence[tuple[str, str]]

HEADERS = (("message-id", "<a@b.example>"), ("subject", "Hello   there"), ("x-trace", "1"))
SOURCE = "0" * 64


def leaf_digest(content_type: str, name: str, *pieces: bytes) -> LeafDigest:
    lines = LineHash()
    for piece in pieces:
        lines.update(piece)
    return LeafDigest(content_type, name, lines.hexdigest())


def identity(headers: Headers, leaves: Sequence[LeafDigest] = (), source_sha256: str = SOURCE) -> str:
    fields: dict[str, list[str]] = {}
    for name, value in headers:
        fields.setdefault(name, []).append(value)
    return fingerprint(fields, leaves, source_sha256=source_sha256)


def test_v1_is_made_as_it_was_written_down() -> None:
    """The recipe once more, by hand: what it gives may never change."""
    recipe = (
        '[[["message-id","<a@b.example>"],["subject","Hello there"]],[["text/plain","","'
        + hashlib.sha256(b"one\ntwo").hexdigest()
        + '"]]]'
    )
    expected = "v1:" + hashlib.sha256(recipe.encode()).hexdigest()
    assert identity(HEADERS, [leaf_digest("text/plain", "", b"one\r\ntwo\r\n")]) == expected
    assert expected == "v1:f5c813b339381565df85fb66d23ea4932070dc5e3c0418f346618976829e8955"


PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\r\n", b" ", b"a" * 90, b"b" * 5_000]), max_size=40
)


@given(PIECES, st.integers(0, 20_000))
def test_line_ends_count_as_lf_however_many_there_are(pieces: list[bytes], cut: int) -> None:
    content = b"".join(pieces)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip()
    for some in ([content], [content[:cut], content[cut:]], pieces):
        assert leaf_digest("", "", *some).sha256 == hashlib.sha256(lines).hexdigest()


@pytest.mark.parametrize("headers", [[], [("subject", "a")], [("message-id", "")], [("message-id", " \t ")]])
def test_without_a_message_id_the_source_is_the_identity(headers: Headers) -> None:
    assert identity(headers, [leaf_digest("text/plain", "", b"x")]) == f"v1:{SOURCE}"


def test_with_a_message_id_the_source_does_not_count() -> None:
    assert identity(HEADERS) == identity(HEADERS, source_sha256="1" * 64)


def test_the_order_of_different_fields_does_not_count() -> None:
    assert identity(HEADERS[::-1]) == identity(HEADERS)


@pytest.mark.parametrize("name", FINGERPRINT_FIELDS)
def test_each_field_that_counts_changes_it(name: str) -> None:
    assert identity([*HEADERS, (name, "more")]) != identity(HEADERS)


@pytest.mark.parametrize(
    "name", ["bcc", "received", "delivered-to", "dkim-signature", "reply-to", "content-type"]
)
def test_no_other_field_changes_it(name: str) -> None:
    assert identity([(name, "more"), *HEADERS]) == identity(HEADERS)


RAW = st.text(st.sampled_from('a",[] \t\\\udce9'), max_size=9)
LEAVES = st.lists(st.builds(LeafDigest, RAW, RAW, st.sampled_from(["0" * 64, "1" * 64])), max_size=3)
FIELDS = st.lists(st.tuples(st.sampled_from(FINGERPRINT_FIELDS), RAW), max_size=4)


@given(FIELDS, LEAVES, FIELDS, LEAVES)
def test_two_messages_share_it_only_when_they_say_the_same(
    one: Headers, leaves: list[LeafDigest], two: Headers, others: list[LeafDigest]
) -> None:
    def said(headers: Headers, leaves: list[LeafDigest]) -> tuple[object, ...]:
        by_name = sorted(headers, key=lambda header: header[0])
        return [(name, " ".join(value.split())) for name, value in by_name], leaves

    first, second = identity([*HEADERS, *one], leaves), identity([*HEADERS, *two], others)
    assert (first == second) == (said(one, leaves) == said(two, others))


@pytest.mark.parametrize(
    "content_type", ["text/plain", "message/rfc822", "application/json", "multipart/mixed"]
)
@pytest.mark.parametrize("content", [b"a\nb", b"a\r\nb", b"a\rb", b"a\r\nb\r\n", b"a\nb \n\n"])
def test_line_ends_and_what_follows_the_last_line_do_not_count(content_type: str, content: bytes) -> None:
    assert leaf_digest(content_type, "", content) == leaf_digest(content_type, "", b"a\nb")


@pytest.mark.parametrize("content", [b"", b"ab", b"a b", b"a\n\nb", b" a\nb", b"A\nb"])
def test_all_other_content_counts(content: bytes) -> None:
    assert leaf_digest("text/plain", "", content) != leaf_digest("text/plain", "", b"a\nb")


@given(
    st.lists(
        st.binary(max_size=4).map(
            lambda octets: octets.translate(bytes(b"\r\n a"[n % 4] for n in range(256)))
        )
    )
)
def test_it_does_not_matter_in_what_pieces_a_part_is_read(pieces: list[bytes]) -> None:
    assert leaf_digest("text/plain", "", *pieces) == leaf_digest("text/plain", "", b"".join(pieces))

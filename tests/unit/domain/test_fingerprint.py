import hashlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.domain.fingerprint import FINGERPRINT_HEADERS, LeafDigest, LeafHash, fingerprint


def leaf_digest(content_type: bytes, name: bytes, *pieces: bytes) -> LeafDigest:
    leaf = LeafHash()
    for piece in pieces:
        leaf.update(piece)
    return leaf.digest(content_type, name)


HEADERS = [(b"message-id", b" <a@b.example>"), (b"subject", b" Hello\r\n there"), (b"x-trace", b" 1")]
SOURCE = "0" * 64


def field(octets: bytes) -> bytes:
    return len(octets).to_bytes(8, "big") + octets


def test_v1_is_made_as_it_was_written_down() -> None:
    """The recipe once more, by hand: what it gives may never change."""
    recipe = field(b"message-id") + field(b"<a@b.example>") + field(b"subject") + field(b"Hello there")
    recipe += (
        (1).to_bytes(8, "big")
        + field(b"text/plain")
        + field(b"")
        + field(hashlib.sha256(b"one\ntwo").digest())
    )
    expected = "v1:" + hashlib.sha256(recipe).hexdigest()
    leaf = leaf_digest(b"text/plain", b"", b"one\r\ntwo\r\n")
    assert fingerprint(HEADERS, [leaf], source_sha256=SOURCE) == expected
    assert expected == "v1:e3e5227de65134b5b2dad27b987e476979df5de2f6b90496308a1c7d05c6c435"


PIECES = st.lists(
    st.sampled_from([b"\r", b"\n", b"\r\n", b"\r\r\n", b" ", b"a" * 90, b"b" * 5_000]), max_size=40
)


@given(PIECES, st.integers(0, 20_000))
def test_line_ends_count_as_lf_however_many_there_are(pieces: list[bytes], cut: int) -> None:
    content = b"".join(pieces)
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").rstrip()
    for some in ([content], [content[:cut], content[cut:]], pieces):
        assert leaf_digest(b"", b"", *some).sha256 == hashlib.sha256(lines).digest()


@pytest.mark.parametrize(
    "headers", [[], [(b"subject", b" a")], [(b"message-id", b"")], [(b"message-id", b" \r\n ")]]
)
def test_without_a_message_id_the_source_is_the_identity(headers: list[tuple[bytes, bytes]]) -> None:
    leaf = leaf_digest(b"text/plain", b"", b"x")
    assert fingerprint(headers, [leaf], source_sha256=SOURCE) == f"v1:{SOURCE}"


def test_with_a_message_id_the_source_does_not_count() -> None:
    assert fingerprint(HEADERS, [], source_sha256=SOURCE) == fingerprint(HEADERS, [], source_sha256="1" * 64)


def test_the_order_of_different_fields_does_not_count() -> None:
    assert fingerprint(HEADERS[::-1], [], source_sha256=SOURCE) == fingerprint(
        HEADERS, [], source_sha256=SOURCE
    )


@pytest.mark.parametrize("name", FINGERPRINT_HEADERS)
def test_each_field_that_counts_changes_it(name: bytes) -> None:
    more = [*HEADERS, (name, b" more")]
    assert fingerprint(more, [], source_sha256=SOURCE) != fingerprint(HEADERS, [], source_sha256=SOURCE)


@pytest.mark.parametrize(
    "name", [b"bcc", b"received", b"delivered-to", b"dkim-signature", b"reply-to", b"content-type"]
)
def test_no_other_field_changes_it(name: bytes) -> None:
    more = [(name, b" more"), *HEADERS]
    assert fingerprint(more, [], source_sha256=SOURCE) == fingerprint(HEADERS, [], source_sha256=SOURCE)


LEAVES = st.lists(
    st.builds(LeafDigest, st.binary(max_size=9), st.binary(max_size=9), st.binary(min_size=32, max_size=32)),
    max_size=3,
)
FIELDS = st.lists(
    st.tuples(st.sampled_from(FINGERPRINT_HEADERS), st.binary(max_size=9).map(bytes.strip)), max_size=4
)


@given(FIELDS, LEAVES, FIELDS, LEAVES)
def test_two_messages_share_it_only_when_they_say_the_same(
    one: list[tuple[bytes, bytes]],
    leaves: list[LeafDigest],
    two: list[tuple[bytes, bytes]],
    others: list[LeafDigest],
) -> None:
    def said(headers: list[tuple[bytes, bytes]], leaves: list[LeafDigest]) -> tuple[object, ...]:
        collapsed = [
            (name, value.replace(b"\t", b" ").replace(b"\r", b" ").replace(b"\n", b" "))
            for name, value in headers
        ]
        by_name = sorted(collapsed, key=lambda header: header[0])
        return [(name, b" ".join(filter(None, value.split(b" ")))) for name, value in by_name], leaves

    first = fingerprint([*HEADERS, *one], leaves, source_sha256=SOURCE)
    second = fingerprint([*HEADERS, *two], others, source_sha256=SOURCE)
    assert (first == second) == (said(one, leaves) == said(two, others))


@pytest.mark.parametrize(
    "content_type", [b"text/plain", b"message/rfc822", b"application/json", b"multipart/mixed"]
)
@pytest.mark.parametrize("content", [b"a\nb", b"a\r\nb", b"a\rb", b"a\r\nb\r\n", b"a\nb \n\n"])
def test_line_ends_and_what_follows_the_last_line_do_not_count(content_type: bytes, content: bytes) -> None:
    assert leaf_digest(content_type, b"", content) == leaf_digest(content_type, b"", b"a\nb")


@pytest.mark.parametrize("content", [b"", b"ab", b"a b", b"a\n\nb", b" a\nb", b"A\nb"])
def test_all_other_content_counts(content: bytes) -> None:
    assert leaf_digest(b"text/plain", b"", content) != leaf_digest(b"text/plain", b"", b"a\nb")


@given(
    st.lists(
        st.binary(max_size=4).map(
            lambda octets: octets.translate(bytes(b"\r\n a"[n % 4] for n in range(256)))
        )
    )
)
def test_it_does_not_matter_in_what_pieces_a_part_is_read(pieces: list[bytes]) -> None:
    assert leaf_digest(b"text/plain", b"", *pieces) == leaf_digest(b"text/plain", b"", b"".join(pieces))

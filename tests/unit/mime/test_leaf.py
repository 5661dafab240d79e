import base64

import pytest

from mail_archiver.domain.limits import Effort
from mail_archiver.mime.leaf import Leaf, read_leaf
from mail_archiver.mime.structure import Part
from mail_archiver.octets import InMemory, whole

CONTENT = b"The same line of text.\r\n" * 100
ENCODED = base64.encodebytes(CONTENT)


def read(effort: Effort) -> Leaf:
    part = Part()
    part.set_raw("content-transfer-encoding", "base64")
    part.start, part.end = 0, len(ENCODED)
    return read_leaf(InMemory(ENCODED), part, lambda _code, _action: None, effort)


@pytest.mark.parametrize(("room", "room_left"), [(len(ENCODED), 0), (len(ENCODED) - 1, len(ENCODED) - 1)])
def test_a_part_reads_the_same_whether_or_not_there_is_room_to_keep_it(room: int, room_left: int) -> None:
    effort = Effort.for_message(len(ENCODED))
    effort.kept_octets = room
    content = read(effort).content
    assert (whole(content), whole(content), len(content)) == (CONTENT, CONTENT, len(CONTENT))
    assert effort.kept_octets == room_left

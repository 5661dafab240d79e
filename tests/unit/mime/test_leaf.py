import base64

import pytest

from mail_archiver.mime.leaf import Leaf, read_leaf
from mail_archiver.mime.structure import Effort, Part
from mail_archiver.octets import InMemory, whole

CONTENT = b"The same line of text.\r\n" * 100
ENCODED = base64.encodebytes(CONTENT)


def read(effort: Effort) -> Leaf:
    part = Part("", [(b"content-transfer-encoding", b" base64")], 0, len(ENCODED), "text/plain", {})
    return read_leaf(InMemory(ENCODED), part, lambda _code, _action: None, effort)


@pytest.mark.parametrize(("room", "room_left"), [(len(CONTENT), 0), (len(CONTENT) - 1, len(CONTENT) - 1)])
def test_a_part_reads_the_same_whether_or_not_there_is_room_to_keep_it(room: int, room_left: int) -> None:
    effort = Effort.for_message(len(ENCODED))
    effort.kept_octets = room
    content = read(effort).content
    assert (whole(content), whole(content), len(content)) == (CONTENT, CONTENT, len(CONTENT))
    assert effort.kept_octets == room_left

import hashlib
import io
import zipfile

from hypothesis import given
from hypothesis import strategies as st

from mail_archiver.archiving.attachment_file import attachment_file
from mail_archiver.domain.message import Attachment
from mail_archiver.mime.filenames import safe_name
from mail_archiver.octets import InMemory, whole


def attachment(name: str, content: bytes, *, inline: bool = False) -> Attachment:
    digest = hashlib.sha256(content).hexdigest()
    return Attachment(name, name, "application/octet-stream", InMemory(content), digest, inline)


def attachments(files: list[tuple[str, bytes]]) -> list[Attachment]:
    taken: dict[str, int] = {}
    return [
        attachment(safe_name(name, "text/plain", nth, taken), content)
        for nth, (name, content) in enumerate(files, start=1)
    ]


SEVERAL = st.lists(st.tuples(st.text(max_size=20), st.binary(max_size=100)), min_size=2, max_size=6).map(
    attachments
)


def test_no_attachment_makes_no_file() -> None:
    assert attachment_file([]) is None
    assert attachment_file([attachment("logo.png", b"x", inline=True)]) is None


def test_one_attachment_is_the_file_itself() -> None:
    file = attachment_file([attachment("logo.png", b"x", inline=True), attachment("plan.pdf", b"plan")])
    assert file is not None
    assert (file.name, whole(file.content)) == ("plan.pdf", b"plan")
    assert file.sha256 == hashlib.sha256(b"plan").hexdigest()


@given(SEVERAL)
def test_several_become_a_zip_that_gives_them_back(files: list[Attachment]) -> None:
    file = attachment_file(files)
    assert file is not None
    assert file.name == "attachments.zip"
    assert file.sha256 == hashlib.sha256(whole(file.content)).hexdigest()
    with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
        assert archive.testzip() is None
        assert [(name, archive.read(name)) for name in archive.namelist()] == [
            (member.safe_name, whole(member.content)) for member in files
        ]
        assert len({name.casefold() for name in archive.namelist()}) == len(files)


@given(SEVERAL)
def test_the_same_attachments_give_the_same_bytes(files: list[Attachment]) -> None:
    one, two = attachment_file(files), attachment_file(list(files))
    assert one is not None
    assert two is not None
    assert (one.name, one.sha256, whole(one.content)) == (two.name, two.sha256, whole(two.content))


def test_a_zip_carries_no_time_and_is_compressed() -> None:
    file = attachment_file([attachment("a.txt", b"a" * 5000), attachment("b.txt", b"b")])
    assert file is not None
    assert len(file.content) < 1000
    with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
        assert {member.date_time for member in archive.infolist()} == {(1980, 1, 1, 0, 0, 0)}


def test_what_the_html_shows_stays_out_of_the_zip() -> None:
    file = attachment_file(
        [attachment("a.txt", b"a"), attachment("logo.png", b"x", inline=True), attachment("b.txt", b"b")]
    )
    assert file is not None
    with zipfile.ZipFile(io.BytesIO(whole(file.content))) as archive:
        assert archive.namelist() == ["a.txt", "b.txt"]

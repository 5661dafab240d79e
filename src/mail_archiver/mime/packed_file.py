"""A file as a container gives it back."""

from dataclasses import dataclass

OCTET_STREAM = "application/octet-stream"


@dataclass(frozen=True, slots=True)
class PackedFile:
    """One file out of a container.

    Attributes:
        name: As the sender wrote it, decoded, not made safe; None when there is none.
        content_type: Lower case; `OCTET_STREAM` where the container does not say.
        broken: The container was damaged here: `content` is what could be read, and may be wrong.
        content_id: By which an HTML body may show the file (RFC 2392), without brackets; "" when it has none.
    """

    name: str | None
    content_type: str
    content: bytes
    broken: bool
    content_id: str = ""

"""Messages to try things on, made up by Hypothesis."""

import base64
import quopri
from dataclasses import dataclass, replace

from hypothesis import strategies as st

TYPES = ("text/plain", "text/html", "text/csv", "application/json", "application/pdf", "image/png")
WORDS = st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Zl", "Zp")), max_size=30)
LINES = st.lists(WORDS, min_size=1, max_size=5).map("\n".join)


@dataclass(frozen=True)
class Leaf:
    """One part: UTF-8 text with LF line ends, and how it travels."""

    content_type: str
    name: str
    content: str
    encoding: str = "8bit"

    def render(self) -> bytes:
        header = (
            f"Content-Type: {self.content_type}; charset=utf-8\nContent-Transfer-Encoding: {self.encoding}\n"
        )
        if self.name:
            header += f'Content-Disposition: attachment; filename="{self.name}"\n'
        octets = self.content.encode()
        if self.encoding == "base64":
            octets = base64.encodebytes(octets.replace(b"\n", b"\r\n"))
        elif self.encoding == "quoted-printable":
            octets = quopri.encodestring(octets)
        return header.encode() + b"\n" + octets


@dataclass(frozen=True)
class Mail:
    """One message with its parts; the header is ASCII, so that folding it is all that can be done to it."""

    subject: str
    leaves: tuple[Leaf, ...]
    message_id: str = "one@sender.example"

    def render(self, more_header: bytes = b"") -> bytes:
        """With LF line ends."""
        header = (
            f"Message-ID: <{self.message_id}>\nFrom: Ann Lee <ann@sender.example>\n"
            f"To: Bo Ek <bo@client.example>, cy@client.example\nDate: Mon, 10 Mar 2025 10:00:00 +0000\n"
            f"Subject: {self.subject}\nContent-Type: multipart/mixed; boundary=frontier_42\n\n"
        ).encode()
        parts = b"".join(b"--frontier_42\n" + leaf.render() + b"\n" for leaf in self.leaves)
        return more_header + header + parts + b"--frontier_42--\n"

    def with_leaf(self, nth: int, leaf: Leaf) -> "Mail":
        return replace(self, leaves=(*self.leaves[:nth], leaf, *self.leaves[nth + 1 :]))


ENCODINGS = st.sampled_from(["8bit", "base64", "quoted-printable"])
NAMES = st.text("abc XYZ012._-", max_size=20).map(str.strip)
LEAVES = st.builds(Leaf, st.sampled_from(TYPES), NAMES, LINES, ENCODINGS).filter(
    lambda leaf: "--frontier_42" not in leaf.content
)
MAILS = st.builds(
    Mail, st.text("abcdefg 0123456789", max_size=60).map(str.strip), st.lists(LEAVES, max_size=4).map(tuple)
)

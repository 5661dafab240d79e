"""The mail of the benchmarks: as an office has it, and the same each time, by a seed.

python -m benchmarks.corpus small --messages 3 | less
"""

import argparse
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from random import Random

from benchmarks.attached import File, a_file, a_logo
from benchmarks.compose import Draft, compose
from benchmarks.people import GENERIC_ADDRESS, People, people
from benchmarks.words import Language, a_language

START = datetime(2020, 1, 6, 8, tzinfo=UTC)
BETWEEN = timedelta(minutes=7)
_THREADS_KEPT = 200
_SPREAD = 0.5, 1.2
"""Sigma of the log-normal sizes of texts and of files: most are small, a few are very large."""


@dataclass(frozen=True)
class Corpus:
    """What a mailbox holds.

    Attributes:
        octets: Of a message on average, near enough.
        attached: The share of messages with attachments.
    """

    name: str
    messages: int
    octets: int
    attached: float = 0.0

    def of(self, messages: int) -> "Corpus":
        """The same kind of mail, more or less of it."""
        return replace(self, messages=messages)

    def scaled(self, factor: float) -> "Corpus":
        """The same kind of mail, a part of it."""
        return self.of(max(round(self.messages * factor), 1))


SMALL = Corpus("small", messages=5000, octets=10_000)
MIX = Corpus("mix", messages=2000, octets=166_000, attached=0.3)
TINY = Corpus("tiny", messages=20_000, octets=3_000)
CORPORA = {each.name: each for each in (SMALL, MIX)}
_MOST_TEXT_OCTETS = 10_000


@dataclass(frozen=True)
class Message:
    """`source` is with CRLF, as a server serves it; `received_at` is its INTERNALDATE."""

    source: bytes
    received_at: datetime


@dataclass(frozen=True)
class _Past:
    """What an answer takes up."""

    message_id: str
    references: tuple[str, ...]
    subject: str
    paragraph: str
    language: Language


def messages(corpus: Corpus, seed: int = 1) -> Iterator[Message]:
    """All of them, oldest first."""
    random = Random(seed)
    everybody = people()
    text_octets = min(corpus.octets, _MOST_TEXT_OCTETS)
    file_octets = _file_octets(corpus, text_octets, random)
    threads: list[_Past] = []
    for number in range(corpus.messages):
        files = [a_file(random, octets) for octets in file_octets[number]]
        sent_at = START + number * BETWEEN
        draft = _draft(random, everybody, threads, files, sent_at, seed)
        source = compose(random, draft, _size(random, text_octets, _SPREAD[0]))
        yield Message(source, sent_at + timedelta(seconds=random.randint(1, 90)))


def _file_octets(corpus: Corpus, text_octets: int, random: Random) -> list[list[int]]:
    """The sizes of each message's files: as different as real ones, and in all what the corpus says."""
    counts = [
        random.choices([1, 2, 3, 5], [60, 25, 10, 5])[0] if random.random() < corpus.attached else 0
        for _ in range(corpus.messages)
    ]
    weights = [[random.lognormvariate(0, _SPREAD[1]) for _ in range(count)] for count in counts]
    whole = sum(map(sum, weights)) or 1
    octets = (corpus.octets - text_octets) * corpus.messages * 3 / 4 * 76 / 78  # base64, and its line ends
    return [[int(octets * weight / whole) for weight in each] for each in weights]


def _size(random: Random, mean: int, sigma: float) -> int:
    return int(mean * random.lognormvariate(-sigma * sigma / 2, sigma))


def _draft(
    random: Random,
    everybody: People,
    threads: list[_Past],
    files: list[File],
    sent_at: datetime,
    seed: int,
) -> Draft:
    """Somebody writes to somebody, our generic address among the recipients; half of it answers."""
    past = random.choice(threads) if threads and random.random() < 0.5 else None
    language = past.language if past else a_language(random)
    staff = random.sample(everybody.staff, random.choice([1, 1, 2]))
    clients = [everybody.a_client(random) for _ in range(random.choices([1, 2, 3, 6], [55, 25, 15, 5])[0])]
    outgoing = random.random() < 0.6
    sender, *others = staff + clients if outgoing else clients + staff
    to, cc = others[:2], others[2:]
    domain = sender.address.partition("@")[2]
    subject = f"Re: {past.subject.removeprefix('Re: ')}" if past else language.sentence(random)[:60]
    draft = Draft(
        message_id=f"<{seed}.{random.getrandbits(64):016x}@{domain}>",
        references=(*past.references, past.message_id)[-10:] if past else (),
        sent_at=sent_at,
        sender=sender,
        to=to,
        cc=cc,
        copy_to=GENERIC_ADDRESS,
        blind=random.random() < 0.4,
        subject=subject,
        language=language,
        quoted=past.paragraph if past else None,
        files=files,
        logo=a_logo(_number(domain)) if files and random.random() < 0.2 else None,
    )
    if len(threads) == _THREADS_KEPT:
        threads.pop(random.randrange(_THREADS_KEPT))
    threads.append(_Past(draft.message_id, draft.references, subject, language.paragraph(random), language))
    return draft


def _number(text: str) -> int:
    """The same in every process, which `hash` is not."""
    return sum(text.encode())


def main() -> int:
    """Print some, as one would look at them."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("corpus", choices=CORPORA)
    parser.add_argument("--messages", type=int, default=3)
    parser.add_argument("--seed", type=int, default=1)
    arguments = parser.parse_args()
    for message in messages(CORPORA[arguments.corpus].of(arguments.messages), arguments.seed):
        sys.stdout.buffer.write(message.source + b"\r\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())

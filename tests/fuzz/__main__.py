"""Messages that nobody wrote: samples of the corpus, cut up, mixed and damaged, read until the time is up.

    python -m tests.fuzz [--seconds 60] [--seed N]

Each message must hold what `check` asks. One that does not is kept in a file, named at the end; exit code 1.
"""

import argparse
import random
import sys
import tempfile
import time
import traceback
from pathlib import Path

from tests.fuzz.check import check
from tests.fuzz.mutate import mutate

CORPUS = Path(__file__).parents[1] / "corpus"


def main() -> int:
    """Read messages until the time is up."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(2**32))
    parser.add_argument("--file", type=Path, help="only this message, such as one that was kept")
    arguments = parser.parse_args()
    if arguments.file:
        check(arguments.file.read_bytes())
        return 0
    chance = random.Random(arguments.seed)
    samples = [path.read_bytes() for path in sorted(CORPUS.rglob("*.eml"))]
    end, messages, octets = time.monotonic() + arguments.seconds, 0, 0
    while time.monotonic() < end:
        source = mutate(chance, samples)
        try:
            check(source)
        except Exception:  # whatever it is, it should not have been
            traceback.print_exc()
            with tempfile.NamedTemporaryFile(prefix="fuzz-", suffix=".eml", delete=False) as kept:
                kept.write(source)
            print(f"Kept as {kept.name}; seed {arguments.seed}, message {messages}.", file=sys.stderr)
            return 1
        messages += 1
        octets += len(source)
    print(f"{messages} messages, {octets / 1e6:.0f} MB, nothing found (seed {arguments.seed}).")
    return 0


if __name__ == "__main__":
    sys.exit(main())

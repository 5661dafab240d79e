"""How long it takes to link years of mail to contacts that came later, at few and at many archives.

    python -m benchmarks.later [--archives 1000000] [--contacts 1000] [--runs 3]

Each new contact has one address, and ten archives have it.
"""

import argparse
import sys
from functools import partial
from pathlib import Path

from benchmarks import table
from benchmarks.archiver import Archiver
from benchmarks.contestants import add_folder, in_turn
from benchmarks.disk import connect
from benchmarks.measure import Cost, Failed
from benchmarks.servers import servers

FEW = 10_000
_YEARS = Path(__file__).with_name("years.sql").read_text()

# Ten archives each, spread over the years, have an address that no contact had.
_STRANGERS = """
INSERT INTO archive_address (archive_id, role, position, epoch_id, uid, display_name, address, normalized)
SELECT archive_id, 'bcc', 0, epoch_id, uid, '', who, who
FROM processed_uid, LATERAL (SELECT 'later' || (uid / :step) % :contacts || '@later.example' AS who) AS found
WHERE uid % :step = 0;

INSERT INTO contact (last_name, external_id)
SELECT 'Later', 'later' || n || '@later.example' FROM generate_series(0, :contacts - 1) n;

INSERT INTO contact_address (contact_id, address, normalized, is_primary)
SELECT id, external_id, external_id, true FROM contact WHERE last_name = 'Later';
"""


def main() -> int:
    """Print a table; 1 where we have failed."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--archives", type=int, default=1_000_000)
    parser.add_argument("--contacts", type=int, default=1_000)
    parser.add_argument("--runs", type=int, default=3)
    add_folder(parser)
    given = parser.parse_args()
    with servers(given.folder) as running:
        ours = Archiver(running, "PostgreSQL")
        grown = {
            f"at {archives:,} archives": ours.grown(_rows(archives, given.contacts))
            for archives in (FEW, given.archives)
        }
        work = {label: partial(relink, each, 10 * given.contacts) for label, each in grown.items()}
        costs, failures = in_turn(work, given.runs)
    if failures:
        table.absent("later", failures)
        return 1
    table.heading(f"relink: {given.contacts:,} new contacts, {10 * given.contacts:,} links", "ms")
    for label, found in costs.items():
        table.row(label, [each.wall_s * 1000 for each in found], found)
    return 0


def relink(archiver: Archiver, links: int) -> Cost:
    """Link what came later, once.

    Raises:
        Failed: Some links are missing.
    """
    home = archiver.home([])
    try:
        cost = home.measured("relink")
        with connect(home.url) as connection:
            query = "SELECT count(*) FROM archive_contact WHERE address LIKE 'later%@later.example'"
            found = connection.exec_driver_sql(query.replace("%", "%%")).scalar_one()
        if found != links:
            raise Failed(f"incomplete: {found} of {links} links")
        return cost
    finally:
        home.remove()


def _rows(archives: int, contacts: int) -> str:
    step = max(archives // (10 * contacts), 1)
    sql = _YEARS.replace(":archives", str(archives)) + _STRANGERS.replace(":step", str(step))
    return sql.replace(":contacts", str(contacts))


if __name__ == "__main__":
    sys.exit(main())

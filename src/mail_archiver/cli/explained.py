"""What `explain` and `--dry-run` say of an address, an organization or an opportunity."""

from mail_archiver.domain.explaining import Fate
from mail_archiver.domain.explaining_associations import Membership


def explained(each: Fate | Membership) -> str:
    """One line."""
    subject = f"{each.role} {each.address}" if isinstance(each, Fate) else each.target
    return f"{subject}: {each.text} [{each.rule}]"

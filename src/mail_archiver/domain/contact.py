"""A contact as another program hands it over."""

from dataclasses import dataclass

KINDS = ("contact", "lead")


@dataclass(frozen=True, slots=True)
class ImportedContact:
    """One contact to bring in.

    Attributes:
        external_id: What the other program calls it; the key by which it is found again.
        kind: "contact" or "lead".
        organization: Its name, or None.
        addresses: As written and normalized; the first is the primary one.
        organization_id: The organization's `external_id`, or None where it is known by its name alone.
    """

    external_id: str
    kind: str
    first_name: str | None
    last_name: str | None
    organization: str | None
    addresses: tuple[tuple[str, str], ...]
    organization_id: str | None = None

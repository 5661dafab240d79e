"""An organization as another program hands it over."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class ImportedOrganization:
    """One organization to bring in.

    Attributes:
        external_id: What the other program calls it; the key by which it is found again.
        addresses: Of the organization itself, as written and normalized.
    """

    external_id: str
    name: str
    addresses: tuple[tuple[str, str], ...]

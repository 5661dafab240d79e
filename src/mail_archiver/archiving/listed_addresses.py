"""The addresses of a contact, as they stand in a field of another program."""

from typing import NamedTuple

from mail_archiver.domain.address import Role
from mail_archiver.mime.addresses import read_addresses
from mail_archiver.mime.charsets import unreported


class ListedAddresses(NamedTuple):
    """What a field holds.

    Attributes:
        found: The addresses in order, each once, as written and normalized.
        bad: What stands there and is no address.
    """

    found: tuple[tuple[str, str], ...]
    bad: tuple[str, ...]


def read_listed(*fields: str) -> ListedAddresses:
    """Read addresses separated by semicolons or commas.

    Names, angle brackets, "mailto:" and the invisible characters that copying an address takes along are left
    out, as in a header field.
    """
    found: dict[str, str] = {}
    bad: list[str] = []
    for field in fields:
        for address in filter(None, read_addresses(field, Role.TO, unreported)):
            if address.normalized is None:
                bad.append(address.address)
            else:
                found.setdefault(address.normalized, address.address)
    return ListedAddresses(tuple((written, normalized) for normalized, written in found.items()), tuple(bad))

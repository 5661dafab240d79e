"""The addresses of a contact or an organization."""

from collections.abc import Sequence

import sqlalchemy as sa

from mail_archiver.store.dialect import insert


def replace_addresses(
    connection: sa.Connection, table: sa.Table, owner_id: int, addresses: Sequence[tuple[str, str]]
) -> None:
    """Give a contact or an organization these addresses and no others.

    Those that it has already stay as they are, so that what was looked up for them is not looked up again.

    Args:
        table: `contact_address`, where the first address is the primary one, or `organization_address`.
        addresses: As written and normalized.
    """
    owner, normalized_column = table.primary_key.columns
    kept = [normalized for _, normalized in addresses]
    connection.execute(sa.delete(table).where(owner == owner_id, normalized_column.not_in(kept)))
    for position, (address, normalized) in enumerate(addresses):
        changing = {"is_primary": position == 0} if "is_primary" in table.c else {}
        statement = insert(connection, table).values(
            {owner.name: owner_id, "address": address, "normalized": normalized, **changing}
        )
        key = [owner, normalized_column]
        connection.execute(
            statement.on_conflict_do_update(index_elements=key, set_=changing)
            if changing
            else statement.on_conflict_do_nothing(index_elements=key)
        )

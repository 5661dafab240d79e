"""Runs the migrations on the connection that the program hands over, or on the configured database."""

from alembic import context
from sqlalchemy import Connection

from mail_archiver.store.release import VERSION_TABLE
from mail_archiver.store.tables import metadata


def run(connection: Connection) -> None:
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table=VERSION_TABLE,
        compare_type=True,
        # SQLite generates its keys without saying so: its defaults cannot be compared.
        compare_server_default=connection.dialect.name == "postgresql",
        transactional_ddl=True,  # on SQLite too: the program begins its transactions itself
        render_as_batch=True,
        # Other programs' tables may live in the same database: they are none of our business.
        include_name=lambda name, kind, _parents: kind != "table" or name in metadata.tables,
    )
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    run(given)
else:
    from mail_archiver.config import load_settings
    from mail_archiver.store.database import for_writing, open_engine, read_url

    engine = open_engine(read_url(load_settings().database_url.get_secret_value()))
    with for_writing(engine).begin() as own_connection:
        run(own_connection)

"""The database: PostgreSQL or SQLite, through SQLAlchemy Core."""

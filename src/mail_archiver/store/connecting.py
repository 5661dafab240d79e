"""What every connection to a database is told, whoever makes it."""

SESSION = {
    "client_encoding": "UTF8",
    "connect_timeout": 15,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 60_000,
}
"""libpq's parameters, in s and ms. The encoding does not depend on the environment or the server, and a
server that is gone without a word is given up in about a minute."""

APPLICATION_NAME = "mail-archiver"

LOCK_WAIT_S = 60
"""How long a statement waits for what another program has locked: its table, say, in PostgreSQL."""

# The server's side of `SESSION`. A machine that died says no goodbye: after half a minute of silence the
# server's kernel asks it, and half a minute later the session ends, and what it held is free; as it does when
# the machine died before it acknowledged an answer. For a holder that is merely stopped, its machine answers.
LIMITS = f"""
SELECT set_config('lock_timeout', '{LOCK_WAIT_S}s', true), set_config('tcp_keepalives_idle', '30', true),
    set_config('tcp_keepalives_interval', '10', true), set_config('tcp_keepalives_count', '3', true),
    set_config('tcp_user_timeout', '60000', true)
"""
"""For each transaction on PostgreSQL: a pooler takes no parameters of a session's."""

SQLITE_BUSY_TIMEOUT_MS = 30_000

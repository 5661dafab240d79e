"""The least that a poll by a Python program does: log in, ask for new UIDs, ask the database for one row.

    python benchmarks/bare_poll.py DATABASE_URL HOST:PORT:USER:PASSWORD …

Run by its path, so that nothing but these two libraries is loaded.
"""

import imaplib
import sys

import psycopg2


def main() -> None:
    """Poll each of the mailboxes once."""
    url, *accounts = sys.argv[1:]
    database = psycopg2.connect(url)
    cursor = database.cursor()
    for account in accounts:
        host, port, user, password = account.split(":")
        cursor.execute("SELECT last_uid FROM bare_poll WHERE username = %s", (user,))
        (last_uid,) = cursor.fetchone() or (0,)
        client = imaplib.IMAP4(host, int(port))
        client.login(user, password)
        client.select("INBOX", readonly=True)
        client.uid("SEARCH", f"UID {last_uid + 1}:*")
        client.logout()


main()

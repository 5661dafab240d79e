"""What an account's mailboxes are called, and what the name of a new one has to begin with."""

from imapclient import IMAPClient, imap_utf7


def list_names(client: IMAPClient) -> list[str]:
    """The names of all mailboxes; one that is not in modified UTF-7 stays as it is."""
    client.folder_encode = False  # imapclient's own decoding fails them all for a wrong one
    try:
        return [_decoded(name) for _flags, _delimiter, name in client.list_folders()]
    finally:
        client.folder_encode = True


def name_to_make(client: IMAPClient, name: str) -> str:
    """The name under which a mailbox can be made: this one, or with the prefix of the user's own (RFC 2342).

    Courier has all mailboxes below INBOX, and no "Archived" but "INBOX.Archived".
    """
    if not client.has_capability("NAMESPACE"):
        return name
    try:
        own, *others = client.namespace()
    except ValueError:  # imapclient knows no extensions of a namespace (RFC 2342 section 6)
        return name
    prefixes = [prefix for namespace in [own, *others] for prefix, _delimiter in namespace or ()]
    if not own or any(name.upper().startswith(prefix.upper()) for prefix in prefixes):
        return name
    return f"{own[0][0]}{name}"


def _decoded(name: str | bytes) -> str:
    if isinstance(name, str):  # imapclient makes one of a name that is a number
        return name
    try:
        return str(imap_utf7.decode(name))
    except UnicodeDecodeError:
        return name.decode("ascii", "replace")

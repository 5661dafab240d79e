"""Which settings there are, and what is said of one that there is not."""

from collections.abc import Iterator, Mapping
from typing import Any

from mail_archiver.config.contact_source import ContactSource
from mail_archiver.config.oauth import OAuth
from mail_archiver.config.settings import PREFIX, Account, LimitSettings, LinkingSettings, Settings
from mail_archiver.errors import ConfigError

CONFIG_VARIABLE = "MAIL_ARCHIVER_CONFIG"

TABLES = frozenset({"accounts", "contact_source", "limits", "linking"})
ACCOUNT_TABLES = frozenset({"oauth"})
"""Settings that are tables of settings: of all, and of an account."""

Keys = tuple[str, ...]
"""A setting as the tables that lead to it and its name: ("accounts", "crm", "host")."""


def is_known(path: Keys) -> bool:
    """Whether there is such a setting."""
    match path:
        case ("accounts", _, "oauth", name):
            return name in OAuth.model_fields
        case ("accounts", _, name):
            return name in Account.model_fields and name not in ACCOUNT_TABLES
        case ("contact_source", name):
            return name in ContactSource.model_fields
        case ("limits", name):
            return name in LimitSettings.model_fields
        case ("linking", name):
            return name in LinkingSettings.model_fields
        case (name,):
            return name in Settings.model_fields and name not in TABLES
    return False


def refuse_unknown_variables(variables: Mapping[str, object], source: str) -> None:
    for name in variables:
        if not name.startswith(PREFIX) or name == CONFIG_VARIABLE:
            continue
        path = tuple(name.removeprefix(PREFIX).lower().split("__"))
        if not is_known(path):
            nearest = PREFIX + "__".join(_nearest(path)).upper()
            raise ConfigError(f"unknown setting in {source}", setting=name, hint=f"Did you mean {nearest}?")


def refuse_unknown_keys(values: dict[str, Any], source: str) -> None:
    for path in _paths(values, ()):
        if not is_known(path):
            raise ConfigError(
                f"unknown setting in {source}",
                setting=".".join(path),
                hint=f"Did you mean {'.'.join(_nearest(path))}?",
            )


def _paths(values: dict[str, Any], tables: Keys) -> Iterator[Keys]:
    for key, value in values.items():
        if isinstance(value, dict) and (tables or key in TABLES):
            yield from _paths(value, (*tables, key))
        else:
            yield (*tables, key)


def _nearest(path: Keys) -> Keys:
    """The known setting most like `path`, with the account's name kept."""
    import difflib

    account = path[1] if len(path) > 2 else "<name>"
    known: list[Keys] = [(name,) for name in Settings.model_fields if name not in TABLES]
    known += [("contact_source", name) for name in ContactSource.model_fields]
    known += [("limits", name) for name in LimitSettings.model_fields]
    known += [("linking", name) for name in LinkingSettings.model_fields]
    known += [("accounts", account, name) for name in Account.model_fields if name not in ACCOUNT_TABLES]
    known += [("accounts", account, "oauth", name) for name in OAuth.model_fields]
    of_this_table = [each for each in known if each[: len(path)] == path]
    by_text = {".".join(each): each for each in of_this_table or known}
    return by_text[difflib.get_close_matches(".".join(path), by_text, n=1, cutoff=0.0)[0]]

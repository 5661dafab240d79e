"""What libraries and the interpreter say by themselves: it may quote a message, and is no line of the log."""

import logging
import sys
import warnings
from contextlib import suppress

from mail_archiver.errors import places


def keep_out_strays() -> None:
    """Keep standard error to what the program itself says."""
    logging.getLogger().addHandler(logging.NullHandler())  # else warnings go to standard error
    if not sys.warnoptions:  # who asks for them gets them
        warnings.simplefilter("ignore")
    sys.unraisablehook = _tell_unraisable


def _tell_unraisable(unraisable: "sys.UnraisableHookArgs") -> None:
    """Of an exception that nobody can catch, as in `__del__`: its kind and its place, and not its text."""
    with suppress(Exception):  # at the interpreter's end there may be nothing left to tell it with
        from mail_archiver.logs import open_log

        error = unraisable.exc_value
        open_log("error").error(
            "exception.ignored", error=unraisable.exc_type.__name__, at=places(error) if error else []
        )

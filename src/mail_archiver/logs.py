"""The structured log: JSON lines, or columns on a terminal; always to standard error."""

import json
import logging
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, TextIO

from mail_archiver.harmless import harmless_json, harmless_line

if TYPE_CHECKING:
    import structlog
    from structlog.typing import EventDict, Processor


def open_log(level: str, stream: TextIO | None = None) -> "structlog.stdlib.BoundLogger":
    """The logger that the program hands to its parts.

    Args:
        level: "debug", "info", "warning" or "error".
        stream: Where to; None for standard error.
    """
    with _absent("rich"):  # structlog would load it for tracebacks, which our log never shows
        import structlog
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    renderer = (
        structlog.dev.ConsoleRenderer(sort_keys=False, pad_event_to=20, pad_level=False)
        if on_terminal
        else structlog.processors.JSONRenderer(_one_line, default=str)
    )
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if on_terminal else "iso", utc=not on_terminal),
        _in_reading_order,
        *([_harmless] if on_terminal else []),
        renderer,
    ]
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        context_class=dict,
    )
    return logger


@contextmanager
def _absent(module: str) -> Iterator[None]:
    """As if a module were not installed, for whoever would import it in the block."""
    if module in sys.modules:
        yield
        return
    sys.modules[module] = None  # type: ignore[assignment]  # documented: to import it raises ModuleNotFoundError
    try:
        yield
    finally:
        del sys.modules[module]


def _in_reading_order(_logger: Any, _method: str, event: "EventDict") -> "EventDict":
    """When, how bad and what first: a line is read from the left."""
    return {**{name: event[name] for name in ("timestamp", "level", "event")}, **event}


def _one_line(event: "EventDict", **options: Any) -> str:
    """JSON that stays on its line, whatever a reader takes for the end of one, and steers no terminal."""
    return harmless_json(json.dumps(event, ensure_ascii=False, **options))


def _harmless(_logger: Any, _method: str, event: "EventDict") -> "EventDict":
    """What is no text is shown in Python's notation, which has escapes of its own."""
    return {name: harmless_line(value) if isinstance(value, str) else value for name, value in event.items()}

"""The structured log: JSON lines, or columns on a terminal; always to standard error."""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.typing import EventDict, Processor


def open_log(level: str, stream: TextIO | None = None) -> structlog.stdlib.BoundLogger:
    """The logger that the program hands to its parts.

    Args:
        level: "debug", "info", "warning" or "error".
        stream: Where to; None for standard error.
    """
    stream = stream or sys.stderr
    on_terminal = stream.isatty()
    renderer = (
        structlog.dev.ConsoleRenderer(sort_keys=False, pad_event_to=20, pad_level=False)
        if on_terminal
        else structlog.processors.JSONRenderer(ensure_ascii=False, default=str)
    )
    processors: list[Processor] = [
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="%H:%M:%S" if on_terminal else "iso", utc=not on_terminal),
        _in_reading_order,
        renderer,
    ]
    logger: structlog.stdlib.BoundLogger = structlog.wrap_logger(
        structlog.PrintLogger(stream),
        processors=processors,
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelNamesMapping()[level.upper()]),
        context_class=dict,
    )
    return logger


def _in_reading_order(_logger: Any, _method: str, event: EventDict) -> EventDict:
    """When, how bad and what first: a line is read from the left."""
    return {**{name: event[name] for name in ("timestamp", "level", "event")}, **event}

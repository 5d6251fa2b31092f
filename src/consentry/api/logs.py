"""The log of requests: one JSON line each, to standard error.

What a caller sent is never part of it: no token, no body, no header, no query, no message of an unforeseen error. JSON
escapes what is left, so one request is one line whatever is in its path.
"""

from __future__ import annotations

import sys
import traceback
from typing import Protocol, TextIO

import structlog


class Log(Protocol):
    """Where lines go."""

    def info(self, event: str, **members: object) -> object:
        """Writes a line about what went as foreseen."""
        ...

    def error(self, event: str, **members: object) -> object:
        """Writes a line about what did not."""
        ...


def json_log(target: TextIO | None = None) -> Log:
    """Makes a log that writes to a stream, standard error if none is given."""
    log: Log = structlog.wrap_logger(
        structlog.PrintLogger(target or sys.stderr),
        processors=[
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.JSONRenderer(ensure_ascii=True),
        ],
        wrapper_class=structlog.BoundLogger,
    )
    return log


def places_of(error: BaseException) -> list[str]:
    """Tells where an error went through: module, line and function of each frame, without values or messages."""
    frames = traceback.extract_tb(error.__traceback__)
    return [f"{frame.filename.rpartition('/')[2]}:{frame.lineno} {frame.name}" for frame in frames]

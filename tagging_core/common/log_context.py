"""Logs: one line an event, as text or as JSON, with the request or the batch that it belongs to."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_TOLD: ContextVar[dict[str, Any]] = ContextVar("told", default={})  # noqa: B039  # replaced, never changed
_OURS = "tagging_core"


@contextmanager
def about(**told: Any) -> Iterator[None]:
    """Add to whatever is logged meanwhile by this thread or task: `request="..."`, `batch=7`."""
    token = _TOLD.set({**_TOLD.get(), **told})
    try:
        yield
    finally:
        _TOLD.reset(token)


def configure(as_json: bool) -> None:
    """Write what Tagloop logs to standard error; for programs, never for a library that uses it."""
    logger = logging.getLogger(_OURS)
    if not any(isinstance(handler.formatter, _TextFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonFormatter() if as_json else _TextFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _TextFormatter(logging.Formatter):
    """`12:03:04 WARNING worker: what happened (batch=7)`."""

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        told = ", ".join(f"{key}={value}" for key, value in _TOLD.get().items())
        when = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        name = record.name.removeprefix(f"{_OURS}.")
        line = f"{when} {record.levelname} {name}: {record.getMessage()}" + (f" ({told})" if told else "")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JsonFormatter(_TextFormatter):
    """An object a line: at (UTC), level, logger, message, and what it is about."""

    def format(self, record: logging.LogRecord) -> str:
        """One event."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_TOLD.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

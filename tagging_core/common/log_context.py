"""Logging: one line per event, as text or JSON, with context fields such as the request or batch id."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC, datetime
from typing import Any

_FIELDS: ContextVar[dict[str, Any]] = ContextVar("log_fields", default={})  # noqa: B039  # never mutated
_LOGGER = "tagging_core"


@contextmanager
def about(**fields: Any) -> Iterator[None]:
    """Attach fields to every log line of this thread or task, within a `with` block.

    Args:
        **fields: Such as `request="..."` or `batch=7`; override fields of the same name of an enclosing block.

    Yields:
        Nothing; the fields are removed at the end of the block.
    """
    token = _FIELDS.set({**_FIELDS.get(), **fields})
    try:
        yield
    finally:
        _FIELDS.reset(token)


def configure(as_json: bool) -> None:
    """Log to standard error, as JSON or text; for entry points only, library users configure their own logging."""
    logger = logging.getLogger(_LOGGER)
    if not any(isinstance(handler.formatter, _TextFormatter) for handler in logger.handlers):
        handler = logging.StreamHandler()
        handler.setFormatter(_JsonFormatter() if as_json else _TextFormatter())
        logger.addHandler(handler)
        logger.setLevel(logging.INFO)
        logger.propagate = False


class _TextFormatter(logging.Formatter):
    """`12:03:04 WARNING worker: what happened (batch=7)`."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        fields = ", ".join(f"{key}={value}" for key, value in _FIELDS.get().items())
        when = datetime.fromtimestamp(record.created).strftime("%H:%M:%S")
        name = record.name.removeprefix(f"{_LOGGER}.")
        line = f"{when} {record.levelname} {name}: {record.getMessage()}" + (f" ({fields})" if fields else "")
        return f"{line}\n{self.formatException(record.exc_info)}" if record.exc_info else line


class _JsonFormatter(_TextFormatter):
    """One JSON object per line: at (UTC), level, logger, message and the context fields."""

    def format(self, record: logging.LogRecord) -> str:
        """Format one record."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
            **_FIELDS.get(),
        }
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)

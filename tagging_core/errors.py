"""Exceptions, one class per kind of failure; every message is fit to be shown to a user."""

from __future__ import annotations


class TaggingError(Exception):
    """Base class of all expected errors; the message says what was wrong, what was expected and what to do."""


class SettingsError(TaggingError):
    """A setting has an invalid value."""


class PictureError(TaggingError):
    """A file is not an image that Tagloop can decode."""


class SourceError(TaggingError):
    """A folder, zip file or path cannot be used as a source of pictures."""


class NotFoundError(TaggingError):
    """No object has the given id."""


class NotAllowedError(TaggingError):
    """None of the user's roles permits the action."""


class DecisionError(TaggingError):
    """A decision conflicts with the current state of its asset or tag."""


class TagError(TaggingError):
    """A tag, category or profile is invalid."""


class EncoderError(TaggingError):
    """A model cannot be loaded or run."""


class BusyError(TaggingError):
    """A resource is held by another process or overloaded; try again later."""


class StorageError(TaggingError):
    """The disk, database or object store rejected a read or write."""


class UnreachableError(StorageError):
    """A required server does not respond; nothing was written and a retry may succeed."""


class TargetError(TaggingError):
    """A precision target is outside the range that can be guaranteed."""


class LeasedError(TaggingError):
    """Another user holds the lease on the picture."""


class SearchError(TaggingError):
    """A search or list request has an invalid parameter."""


class KeyRefusedError(TaggingError):
    """An API key is missing, wrong or revoked."""


class SessionEndedError(NotAllowedError):
    """A person's session has ended; they have to sign in again."""


class WebhookError(TaggingError):
    """A webhook is invalid or its target is not allowed."""


class ImportRefusedError(TaggingError):
    """An import file has errors; the import is all or nothing, so no row was applied.

    Args:
        problems: Error message by line number. The exception's own message lists the first 20.
        unit: What the numbers in `problems` count: `line`, `tag` in a JSON file, or `concept` in a thesaurus.
    """

    def __init__(self, problems: dict[int, str], unit: str = "line") -> None:
        self.problems, self.unit = dict(sorted(problems.items())), unit
        first = [f"{unit} {n}: {problem}" for n, problem in list(self.problems.items())[:20]]
        more = len(problems) - len(first)
        rest = f" {more} more." if more else ""
        super().__init__(f"Nothing was imported. {'; '.join(first)}.{rest}")


class TextError(TaggingError):
    """A text file is damaged or in an unknown encoding.

    Args:
        problem: What is wrong and what to do, without a full stop.
        line: Line number of the problem, from 1.
    """

    def __init__(self, problem: str, line: int = 1) -> None:
        self.problem, self.line = problem, line
        super().__init__(f"Line {line}: {problem}.")


class BackupError(TaggingError):
    """A backup cannot be written, read or restored."""

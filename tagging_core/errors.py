"""What can go wrong, one class per failure; every message may be shown to a person."""

from __future__ import annotations


class TaggingError(Exception):
    """Base of all expected failures: says what was wrong, what was expected and what to do."""


class SettingsError(TaggingError):
    """A setting has a value that Tagloop cannot use."""


class PictureError(TaggingError):
    """A file is not a picture that Tagloop can read."""


class SourceError(TaggingError):
    """A folder, zip or path cannot be taken as a source of pictures."""


class NotFoundError(TaggingError):
    """Something was asked for by an id that does not exist."""


class NotAllowedError(TaggingError):
    """The acting user's roles do not cover the action."""


class DecisionError(TaggingError):
    """A decision contradicts the state it refers to."""


class TagError(TaggingError):
    """A tag, category or profile is not valid."""


class EncoderError(TaggingError):
    """A model cannot be loaded or used."""


class BusyError(TaggingError):
    """Another process holds what only one may hold."""


class StorageError(TaggingError):
    """The disk or database cannot take what should be written."""


class UnreachableError(StorageError):
    """A server that all rests on does not answer; nothing was written, and trying again may help."""


class TargetError(TaggingError):
    """A wanted precision that no library can promise."""


class LeasedError(TaggingError):
    """Somebody else has the picture open."""


class SearchError(TaggingError):
    """A search asks for something that cannot be looked for."""


class KeyRefusedError(TaggingError):
    """An API key is missing, wrong or revoked."""


class WebhookError(TaggingError):
    """A webhook that cannot be kept or called as it is."""


class ImportRefusedError(TaggingError):
    """A file of tags of which nothing was taken.

    Args:
        problems: What is wrong, by line.
        unit: What is counted, if not lines.
    """

    def __init__(self, problems: dict[int, str], unit: str = "line") -> None:
        self.problems, self.unit = dict(sorted(problems.items())), unit
        first = [f"{unit} {n}: {problem}" for n, problem in list(self.problems.items())[:20]]
        more = len(problems) - len(first)
        rest = f" And {more} more." if more else ""
        super().__init__(f"Nothing was imported. {'; '.join(first)}.{rest}")


class BackupError(TaggingError):
    """A backup cannot be written, read, or restored here."""

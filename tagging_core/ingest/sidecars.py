"""Sidecar texts: `photo.txt` or `photo.jpg.txt` beside `photo.jpg`, in any letter case and encoding."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Generic, TypeVar

from tagging_core.assets.repository import AssetText
from tagging_core.common.encodings import decode_text

T = TypeVar("T")

TEXT_BYTES = 200_000
"""Bytes of a text file that are read."""

_ENDING = ".txt"


class Sidecars(Generic[T]):
    """Finds the text file that belongs to a picture.

    Args:
        texts: Path and handle of each text file.
    """

    def __init__(self, texts: Iterable[tuple[str, T]]) -> None:
        exact = {path[: -len(_ENDING)]: text for path, text in texts}
        self._texts = {path.casefold(): text for path, text in exact.items()} | exact

    def of(self, picture: str) -> T | None:
        """Return the handle of a picture's text file.

        Args:
            picture: Path of the picture, written as the paths of the texts are.

        Returns:
            The handle of `photo.jpg.txt`, else of `photo.txt`; None if there is neither.
        """
        names = (picture, picture.rsplit(".", 1)[0])
        keys = (*names, *(name.casefold() for name in names))
        return next((self._texts[key] for key in keys if key in self._texts), None)


def is_text(path: str) -> bool:
    """Whether a file is a text file, by its name."""
    return path.lower().endswith(_ENDING)


def parse_text(data: bytes) -> AssetText:
    """Parse a text file: the first line is the title, the second the caption, the rest the body."""
    text = "\n".join(decode_text(data[:TEXT_BYTES]).strip().splitlines())
    title, _, rest = text.partition("\n")
    caption, _, body = rest.strip().partition("\n")
    return AssetText(title, caption, body).clean()

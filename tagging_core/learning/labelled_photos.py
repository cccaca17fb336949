"""Photos whose starter tags were judged by eye: what a learned starter is fitted to and checked on."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tagging_core.assets.decoding import open_picture
from tagging_core.common.csv_tables import read_table
from tagging_core.embeddings.encoders import Encoder, Vectors
from tagging_core.errors import TagError
from tagging_core.taxonomy.model import Taxonomy

_COLUMNS = ("path", "categories", "yes", "maybe")
_BATCH = 32


@dataclass(frozen=True, slots=True)
class LabelledPhoto:
    """One photo.

    Attributes:
        path: The picture file.
        categories: Ids of the judged categories.
        yes: Ids of the tags that apply.
        maybe: Ids of the tags that can be argued about; all other tags of the judged categories do not apply.
    """

    path: Path
    categories: frozenset[str]
    yes: frozenset[str]
    maybe: frozenset[str]


def read_labels(folder: Path, taxonomy: Taxonomy) -> list[LabelledPhoto]:
    """Read the `labels.csv` of a folder.

    Args:
        folder: Contains `labels.csv` with the columns path (relative to the folder), categories, yes and maybe;
            the last three hold ids joined by `|`.
        taxonomy: Must know the ids.

    Returns:
        The photos in the order of the file.

    Raises:
        TagError: The file is missing, lacks a column, names an unknown id, or a photo is missing.
        ImportRefusedError: The file is not a CSV table.
    """
    file = folder / "labels.csv"
    try:
        table = read_table(file.read_bytes())
    except OSError as error:
        raise TagError(f"{file} cannot be read: {error.strerror}.") from error
    if missing := [name for name in _COLUMNS if name not in table.columns]:
        raise TagError(f"{file} lacks the column {missing[0]!r}; it needs {', '.join(_COLUMNS)}.")
    return [_read(row.cells, f"{file}, line {row.line}", folder, taxonomy=taxonomy) for row in table.rows]


def _read(row: dict[str, str], place: str, folder: Path, *, taxonomy: Taxonomy) -> LabelledPhoto:
    categories, yes, maybe = (
        frozenset(filter(None, map(str.strip, row[name].split("|")))) for name in _COLUMNS[1:]
    )
    if unknown := sorted(categories - taxonomy.categories.keys()):
        raise TagError(f"{place}: there is no category {unknown[0]!r}.")
    if unknown := sorted((yes | maybe) - taxonomy.tags.keys()):
        raise TagError(f"{place}: there is no tag {unknown[0]!r}.")
    path = folder / row["path"]
    if not path.is_file():
        raise TagError(f"{place}: there is no file {path}.")
    return LabelledPhoto(path, categories, yes, maybe)


def judgements(
    photos: Sequence[LabelledPhoto], taxonomy: Taxonomy, tag_ids: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
    """Return the judgements as arrays.

    Args:
        photos: The photos.
        taxonomy: Gives each tag's category.
        tag_ids: The columns.

    Returns:
        `(n, t)` 1 where a tag applies, else 0; and `(n, t)` whether the tag was judged, `maybe` excepted.
    """
    category = [taxonomy.tags[tag_id].category_id for tag_id in tag_ids]
    applies = np.array([[tag_id in photo.yes for tag_id in tag_ids] for photo in photos], np.float64)
    judged = np.array(
        [
            [c in photo.categories and t not in photo.maybe for t, c in zip(tag_ids, category, strict=True)]
            for photo in photos
        ]
    )
    return applies.reshape(len(photos), -1), judged.reshape(len(photos), -1)


def embed_photos(photos: Sequence[LabelledPhoto], encoder: Encoder, max_pixels: int) -> Vectors:
    """Embed photos under the encoder's default instruction.

    Args:
        photos: The photos.
        encoder: The encoder.
        max_pixels: Larger pictures are refused.

    Returns:
        `(n, d)` unit vectors.

    Raises:
        PictureError: A file is damaged, too large or no picture.
        OSError: A file cannot be read.
    """
    found = []
    for start in range(0, len(photos), _BATCH):
        opened = (open_picture(photo.path.read_bytes(), max_pixels) for photo in photos[start : start + _BATCH])
        found.append(encoder.encode_images([encoder.prepare(picture.image) for picture in opened]))
    return np.vstack(found)

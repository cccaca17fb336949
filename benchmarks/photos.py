"""Folders of labelled photos: `images/` and `labels.csv` with the columns path, split and tags."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Photo:
    """One labelled photo; `split` is `train` or `test`."""

    path: Path
    split: str
    tags: tuple[str, ...]


def read_photos(folder: Path) -> list[Photo]:
    """All photos a folder's labels.csv lists, in its order."""
    with (folder / "labels.csv").open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    return [Photo(folder / r["path"], r["split"], tuple(t for t in r["tags"].split("|") if t)) for r in rows]

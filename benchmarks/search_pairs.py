"""Search by two tags at once ("red dress"), on photos whose starter tags were judged by eye.

A query names a colour, material or feature with a thing, or a thing with a place, whatever at least two judged
photos have. A photo is relevant if both tags apply; photos where either may apply or was not judged are left out.
A sample of such pairs that no photo has says how often a likely match is claimed where there is none.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks import judged
from tagging_core import Tagloop
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.learning.labelled_photos import LabelledPhoto, read_labels
from tagging_core.taxonomy import Tag, Taxonomy, read_taxonomy

_QUALITIES, _THINGS, _PLACES = ("colour", "material", "feature"), ("garment", "product", "subject"), ("scene",)
_COMBINED = {(first, then) for first in _QUALITIES for then in _THINGS} | {(t, p) for t in _THINGS for p in _PLACES}
_RELEVANT = 2  # photos with both tags in a fold, for a query to be asked there
_JUDGED, _EVERY = 50, 20  # judged photos in a fold for a pair to count as absent; every 20th of these is asked


@dataclass(frozen=True, slots=True)
class Pair:
    """A query of two tags, and how it is typed."""

    first: Tag
    second: Tag

    @property
    def kind(self) -> str:
        """The categories of both tags."""
        return f"{self.first.category_id} {self.second.category_id}"

    @property
    def text(self) -> str:
        """The query as typed."""
        return f"{_typed(self.first)} {_typed(self.second)}"

    def relevance(self, photo: LabelledPhoto) -> bool | None:
        """Whether both tags apply; None if that was not judged or can be argued about."""
        both = {self.first.id, self.second.id}
        if both & photo.maybe or not {self.first.category_id, self.second.category_id} <= photo.categories:
            return None
        return both <= photo.yes


def measure(folder: Path, folds: int) -> dict:
    """Ask for every pair in a new installation that holds the photos, or in one per fold."""
    taxonomy, encoder = read_taxonomy(), load_encoder("builtin", Path("data/models"))
    photos = read_labels(folder, taxonomy)
    pairs = _pairs(taxonomy)
    absent: list[bool] = []
    results: dict[tuple[str, str], list[dict[str, float]]] = defaultdict(list)
    for fold in judged.folds(photos, encoder, taxonomy, count=folds):
        with judged.installation(encoder, fold.starter) as loop:
            assets = judged.ingest(loop, fold.photos, "general")
            truths = [
                {a: pair.relevance(photo) for a, photo in zip(assets, fold.photos, strict=True)} for pair in pairs
            ]
            for pair, truth in zip(pairs, truths, strict=True):
                if sum(value is True for value in truth.values()) >= _RELEVANT:
                    results[pair.kind, pair.text].append(_ask(loop, pair, truth))
            gone = [p for p, truth in zip(pairs, truths, strict=True) if _absent(truth)][::_EVERY]
            absent += [loop.search.find(pair.text).likely for pair in gone]
    by_kind: dict[str, list[dict[str, float]]] = defaultdict(list)
    for (kind, _), found in results.items():
        by_kind[kind].append(_mean(found))
    return {
        "photos": len(photos),
        "pairs": len(results),
        "asked": sum(len(found) for found in results.values()),
        **_mean([each for found in by_kind.values() for each in found]),
        "absent": {"asked": len(absent), "best_is_likely": round(float(np.mean(absent)), 3)},
        "kinds": {kind: {"pairs": len(found), **_mean(found)} for kind, found in sorted(by_kind.items())},
    }


def _ask(loop: Tagloop, pair: Pair, truth: dict[int, bool | None]) -> dict[str, float]:
    """Search for a pair; photos of unknown relevance are left out, unlisted ones count as not found."""
    found = loop.search.find(pair.text, limit=len(truth))
    listed = [bool(truth[hit.asset_id]) for hit in found.hits if truth[hit.asset_id] is not None]
    relevant = sum(value is True for value in truth.values())
    places = np.flatnonzero(listed)
    return {
        "precision_at_5": sum(listed[:5]) / 5,
        "of_possible_at_5": sum(listed[:5]) / min(5, relevant),
        "map": float(((np.arange(len(places)) + 1) / (places + 1)).sum() / relevant),
        "listed": len(listed),
        "recall": len(places) / relevant,
        "best_is_likely": float(found.likely),
    }


def _absent(truth: dict[int, bool | None]) -> bool:
    known = [value for value in truth.values() if value is not None]
    return len(known) >= _JUDGED and not any(known)


def _pairs(taxonomy: Taxonomy) -> list[Pair]:
    tags = taxonomy.active()
    return [Pair(a, b) for a in tags for b in tags if (a.category_id, b.category_id) in _COMBINED]


def _typed(tag: Tag) -> str:
    """The name, or an alias if the name joins two words, as in "Bags & luggage"."""
    names = [tag.name(), *tag.aliases.get("en", ())]
    return next((n for n in names if "&" not in n and " or " not in n), names[0]).lower()


def _mean(found: Sequence[dict[str, float]]) -> dict[str, float]:
    return {key: round(float(np.mean([each[key] for each in found])), 3) for key in found[0]} if found else {}

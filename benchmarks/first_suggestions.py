"""What a fresh library suggests for photos whose starter tags were judged by eye.

A new installation ingests the photos; suggestions in judged categories are compared with the judgements, `maybe`
left out. With --taught, photos of another folder are reviewed first. With --folds, every photo is judged by a
starter that was fitted to the others.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.metrics import average_precision_score

from benchmarks import judged
from benchmarks.judged import USER
from tagging_core import Decision, Kind, Tagloop
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.learning.calibration import calibration_error
from tagging_core.learning.labelled_photos import LabelledPhoto, judgements, read_labels
from tagging_core.taxonomy import Taxonomy, read_taxonomy

_LEAST = 3  # photos with a tag, for its average precision to count


@dataclass
class Counted:
    """Suggestions of one profile, or of one category."""

    photos: int = 0
    probabilities: list[float] = field(default_factory=list)
    right: list[float] = field(default_factory=list)
    relevant: int = 0
    first_right: int = 0
    none_right: int = 0
    with_any: int = 0

    def add(self, shown: Sequence[tuple[str, float]], yes: set[str]) -> None:
        """Add a photo: its suggestions, best first, and the tags that apply."""
        hits = [float(tag_id in yes) for tag_id, _ in shown]
        self.photos += 1
        self.probabilities += [probability for _, probability in shown]
        self.right += hits
        self.relevant += len(yes)
        self.first_right += bool(hits and hits[0])
        self.none_right += not any(hits)
        self.with_any += bool(hits)

    def summary(self) -> dict[str, Any]:
        """The figures of one profile."""
        p, right = np.array(self.probabilities), np.array(self.right)
        sure = p >= 0.9
        return {
            "photos": self.photos,
            "shown": _rounded(len(p) / self.photos),
            "precision": _rounded(right.mean()) if len(p) else None,
            "recall": _rounded(right.sum() / max(1, self.relevant)),
            "p1": _rounded(self.first_right / self.photos),
            "none_right": _rounded(self.none_right / self.photos),
            "with_any": _rounded(self.with_any / self.photos),
            "ece": _rounded(calibration_error(p, right)),
            "right_at_90": _rounded(right[sure].mean()) if sure.any() else None,
            "shown_at_90": int(sure.sum()),
        }


class Report:
    """Figures over all photos judged so far.

    Args:
        taxonomy: The starter library.
    """

    def __init__(self, taxonomy: Taxonomy) -> None:
        self._taxonomy, self._tag_ids = taxonomy, [tag.id for tag in taxonomy.active()]
        self._profiles: dict[str, Counted] = defaultdict(Counted)
        self._categories: dict[str, Counted] = defaultdict(Counted)
        self._scores: list[np.ndarray] = []
        self._photos: list[LabelledPhoto] = []

    def add(self, loop: Tagloop, photos: Sequence[LabelledPhoto], assets: Sequence[int]) -> None:
        """Add what an installation suggests for photos."""
        suggester = loop.model.suggester
        for profile in self._taxonomy.profiles.values():
            with loop.database.read() as connection:
                found = suggester.suggest(connection, assets, profile.id, decided={})
            for photo, asset in zip(photos, assets, strict=True):
                shown = [(s.tag_id, s.probability) for s in found.get(asset, [])]
                self._add_profile(profile.id, photo, shown, set(profile.categories))
        with loop.database.read() as connection:
            scores = suggester.score(connection, assets, "general")
        column = [scores.matrix.rows[tag_id] for tag_id in self._tag_ids]
        place = {asset: n for n, asset in enumerate(scores.asset_ids)}
        self._scores += [scores.probabilities[place[asset]][column] for asset in assets]
        self._photos += photos

    def _add_profile(
        self, profile: str, photo: LabelledPhoto, shown: list[tuple[str, float]], categories: set[str]
    ) -> None:
        category = {tag_id: self._taxonomy.tags[tag_id].category_id for tag_id in self._tag_ids}
        judged = categories & photo.categories
        counted = [s for s in shown if category[s[0]] in judged and s[0] not in photo.maybe]
        if not judged:
            return
        self._profiles[profile].add(counted, {t for t in photo.yes if category[t] in judged})
        for each in judged:
            mine = [s for s in counted if category[s[0]] == each]
            self._categories[each].add(mine, {t for t in photo.yes if category[t] == each})

    def summary(self) -> dict[str, Any]:
        """All figures."""
        applies, judged = judgements(self._photos, self._taxonomy, self._tag_ids)
        scores = np.stack(self._scores)
        rates = np.array(
            [applies[judged[:, n], n].mean() if judged[:, n].any() else 0 for n in range(len(scores[0]))]
        )
        precisions = []
        for n in range(len(self._tag_ids)):
            seen = judged[:, n]
            if _LEAST <= applies[seen, n].sum() < seen.sum():
                precisions.append(average_precision_score(applies[seen, n], scores[seen, n]))
        return {
            "profiles": {name: counted.summary() for name, counted in self._profiles.items()},
            "map": _rounded(np.mean(precisions)) if precisions else None,
            "tags": len(precisions),
            "brier": _rounded(((scores - applies)[judged] ** 2).mean(), 5),
            "brier_base": _rounded(((rates - applies)[judged] ** 2).mean(), 5),
            "per_category": {
                name: {key: counted.summary()[key] for key in ("shown", "precision", "recall", "with_any")}
                for name, counted in sorted(self._categories.items())
            },
        }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path, help="labels.csv with path, categories, yes, maybe")
    parser.add_argument("--taught", type=Path, help="folder of the same form, reviewed first")
    parser.add_argument("--reviews", type=int, help="number of its photos to review (default: all)")
    parser.add_argument("--profile", default="general", help="business type of these reviews")
    parser.add_argument("--looked-at", nargs="+", help="categories that these reviews look at (default: all)")
    parser.add_argument("--folds", type=int, default=0, help="cross-validate within the folder")
    parser.add_argument("--only", default="", help="judge only photos whose path contains this")
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    taxonomy, encoder = read_taxonomy(), load_encoder(arguments.encoder, arguments.models)
    photos = read_labels(arguments.folder, taxonomy)
    taught = read_labels(arguments.taught, taxonomy)[: arguments.reviews] if arguments.taught else []
    report = Report(taxonomy)
    for fold in judged.folds(photos, encoder, taxonomy, count=arguments.folds):
        mine = [photo for photo in fold.photos if arguments.only in str(photo.path)]
        with judged.installation(encoder, fold.starter) as loop:
            if taught:
                categories = arguments.looked_at or loop.taxonomy().profile(arguments.profile).categories
                assets = judged.ingest(loop, taught, arguments.profile)
                _review(loop, taught, assets, profile=arguments.profile, categories=set(categories))
            assets = judged.ingest(loop, mine, arguments.profile)
            loop.model.library.settle()
            report.add(loop, mine, assets)
    print(json.dumps(report.summary()))


def _review(
    loop: Tagloop, photos: list[LabelledPhoto], assets: list[int], *, profile: str, categories: set[str]
) -> None:
    """Accept or add what applies, reject suggestions that do not, and finish; `maybe` is left alone."""
    tags = loop.taxonomy().tags
    for photo, asset in zip(photos, assets, strict=True):
        card = loop.review.card(USER, asset, profile)
        suggested = {s.tag_id for s in card.suggestions if tags[s.tag_id].category_id in categories}
        mine = {t for t in photo.yes if tags[t].category_id in categories}
        kinds = {t: Kind.ACCEPT if t in suggested else Kind.ADD for t in sorted(mine)}
        kinds |= dict.fromkeys(sorted(suggested - photo.yes - photo.maybe), Kind.REJECT)
        for tag_id, kind in kinds.items():
            loop.review.decide(USER, Decision(kind, asset, tag_id, profile=profile, shown=card.shown))
        loop.review.decide(USER, Decision(Kind.DONE, asset, profile=profile, shown=card.shown))


def _rounded(value: float, digits: int = 3) -> float:
    return round(float(value), digits)


if __name__ == "__main__":
    main()

"""How many acts of a person it takes until all tags of all photos are right.

The simulated editor never errs. Looking at one photo at a time takes one act to accept a tag that is shown, two
for one that must be looked up, one to finish and go on. In the grid it takes one act to confirm a page of 48,
and one for each picture that the machine selected wrongly or did not select. The editor asks the grid as long
as that saves acts, then goes through what is left one by one. Everything that is decided is learned before the
next page.
"""

from __future__ import annotations

import json
import warnings

import numpy as np

from benchmarks.calibration import SHOWN, learn, teach
from benchmarks.embedded import Embedded, embed_folder, photo_arguments
from benchmarks.learning import draw_split, fit, make_anchor
from benchmarks.methods import Anchor, Scores
from benchmarks.ordering import ORDERINGS, count_acts, review_in_order
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.review.grid import SURE

_PAGE = 48
_WORTH = 3  # a question for fewer sure pictures saves nothing over looking at them one by one
_STEP = 10


class Desk:
    """What the editor has decided, and what the library makes of it."""

    def __init__(self, data: Embedded, anchor: Anchor) -> None:
        self.data, self.anchor = data, anchor
        self.known = np.full(data.labels.shape, -1.0)
        self.grid_acts = self.focus_acts = 0

    def probabilities(self) -> Scores:
        """Of all photos; 0 where something is known already."""
        chosen = np.flatnonzero((self.known >= 0).any(axis=1))
        known = self.known[chosen]
        p = learn(self.data, chosen, known, known >= 0, self.anchor).probabilities
        return np.where(self.known >= 0, 0.0, p)

    def confirm(self, photos: np.ndarray, tags: np.ndarray, p: np.ndarray) -> int:
        """Answer a page; returns how many acts it took."""
        right = self.data.labels[photos, tags]
        self.known[photos, tags] = right
        if self.data.single_label:
            self.known[photos[right]] = 0.0
            self.known[photos[right], tags[right]] = 1.0
        acts = int(((p >= SURE) != right).sum()) + 1
        self.grid_acts += acts
        return acts

    def one_by_one(self, photos: np.ndarray) -> None:
        """Look at photos alone, and finish them."""
        for start in range(0, len(photos), _STEP):
            part, p = photos[start : start + _STEP], self.probabilities()
            for photo in part:
                shown = set(np.argsort(-p[photo])[:SHOWN][np.sort(-p[photo])[:SHOWN] <= -MIN_PROBABILITY])
                missing = np.flatnonzero(self.data.labels[photo] & (self.known[photo] != 1))
                self.focus_acts += sum(1 if tag in shown else 2 for tag in missing) + 1
            self.known[part] = self.data.labels[part]


def with_grid(data: Embedded, anchor: Anchor) -> Desk:
    """Ask the grid first, then look at what is left one by one."""
    desk = Desk(data, anchor)
    if data.single_label:
        _ask_category(desk)
        desk.one_by_one(np.flatnonzero((desk.known != 1).all(axis=1)))
    else:
        _ask_tags(desk)
        desk.one_by_one(np.arange(len(data.labels)))
    return desk


def _ask_category(desk: Desk) -> None:
    """Each picture is shown with its likeliest tag; pages go on as long as they save acts."""
    while True:
        p = np.where((desk.known == 1).any(axis=1, keepdims=True), 0.0, desk.probabilities())
        best = p.argmax(axis=1)
        likely = p.max(axis=1)
        photos = np.argsort(-likely, kind="stable")[:_PAGE]
        photos = photos[likely[photos] >= MIN_PROBABILITY]
        if len(photos) < _WORTH:
            return
        acts = desk.confirm(photos, best[photos], likely[photos])
        found = int(desk.data.labels[photos, best[photos]].sum())
        if 2 * found <= acts:  # alone, each would take an act to accept and one to finish
            return


def _ask_tags(desk: Desk) -> None:
    """One question a tag, those that are sure of most pictures first."""
    asked: set[int] = set()
    while True:
        p = desk.probabilities()
        sure = (p >= SURE).sum(axis=0)
        sure[list(asked)] = 0
        tag = int(sure.argmax())
        if sure[tag] < _WORTH:
            return
        photos = np.argsort(-p[:, tag], kind="stable")[:_PAGE]
        photos = photos[p[photos, tag] >= MIN_PROBABILITY]
        desk.confirm(photos, np.full(len(photos), tag), p[photos, tag])
        asked.add(tag)


def running_average(data: Embedded, anchor: Anchor, pool: np.ndarray) -> float:
    """Suggestions of the average that people usually start with; the best few are shown, whatever their score."""
    shown = []
    for start in range(0, len(pool), _STEP):
        part = pool[start : start + _STEP]
        shown.append(fit("running average", data, pool[:start], anchor)(data.vectors[part]) + 2)
    return count_acts(data, pool, np.concatenate(shown))


def main() -> None:
    arguments = photo_arguments(__doc__, draws=3).parse_args()
    warnings.filterwarnings("ignore", message="One of the clusters is empty")
    encoder = load_encoder(arguments.encoder, arguments.models)
    data = embed_folder(arguments.folder, encoder, arguments.models)
    found: dict[str, list[float]] = {}

    def note(name: str, acts: float) -> None:
        found.setdefault(name, []).append(acts)

    for draw in range(arguments.draws):
        anchor = make_anchor(data, draw_split(data, draw), encoder)
        pool = np.random.default_rng(draw).permutation(len(data.labels))
        desk = with_grid(data, anchor)
        note("tagloop: grid, then one by one", (desk.grid_acts + desk.focus_acts) / len(pool))
        note("of these in the grid", desk.grid_acts / len(pool))
        steps = review_in_order(data, anchor, pool, ORDERINGS["default"], len(pool))
        rows, shown = (np.concatenate(part) for part in zip(*steps, strict=True))
        note("tagloop: one by one", count_acts(data, rows, shown))
        still = teach(data, np.zeros(0, np.int64), anchor).probabilities
        note("suggestions without learning", count_acts(data, np.arange(len(still)), still))
        note("running average", running_average(data, anchor, pool))
        note("from scratch", count_acts(data, np.arange(len(still)), np.zeros_like(still)))
    means = {name: round(float(np.mean(values)), 3) for name, values in found.items()}
    for name, acts in means.items():
        print(f"{name:<34} {acts:6.3f} acts a photo, {acts / means['from scratch']:.2f} of from scratch")
    print(json.dumps({"folder": arguments.folder.name, "draws": arguments.draws, "acts_a_photo": means}))


if __name__ == "__main__":
    main()

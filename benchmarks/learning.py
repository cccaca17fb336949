"""How fast decisions teach: the product beside other ways to learn, on the same photos, draws and vectors.

Two curves. Single-label photos: top-1 and top-3 after K decisions a class. Any photos: mean average precision after
N random pictures were reviewed to the end (tags shown are judged, missing ones added, the rest left out). A draw
splits the photos anew into those that may be reviewed and those that test; all methods see the same draws.
"""

from __future__ import annotations

import json
import time
from collections import defaultdict
from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedded import Embedded, embed_folder, photo_arguments
from benchmarks.methods import METHODS, Anchor, Scorer, Scores
from tagging_core.embeddings.encoders import Encoder, default_mean, load_encoder, unit
from tagging_core.learning.classifier import initial_pack, measure_pack
from tagging_core.learning.training_set import IMPLICIT_WEIGHT

SHOTS = (0, 1, 2, 4, 8, 16, 32, 64)
REVIEWED = (0, 5, 10, 20, 50, 100, 200, 500)
Rows = NDArray[np.int64]


def draw_split(data: Embedded, draw: int) -> NDArray[np.bool_]:
    """Which photos may be reviewed in this draw: as many of each class as the folder's own split has."""
    random = np.random.default_rng(draw)
    train = np.zeros(len(data.labels), bool)
    groups = data.labels.argmax(axis=1) if data.single_label else np.zeros(len(data.labels), int)
    for group in np.unique(groups):
        members = np.flatnonzero(groups == group)
        train[random.permutation(members)[: int(data.train[members].sum())]] = True
    return train


def make_anchor(data: Embedded, gallery: NDArray[np.bool_], encoder: Encoder) -> Anchor:
    """What the library knows before any decision; the gallery is the unlabelled photos that may be reviewed."""
    defaults = encoder.preset.learner
    first = initial_pack(default_mean(encoder.preset, encoder.dimension), defaults)
    texts = unit(data.texts - data.common)
    pack = measure_pack(data.vectors[gallery], texts, first)
    return Anchor(texts, data.texts, pack, defaults, data.single_label)


def fit(name: str, data: Embedded, chosen: Rows, anchor: Anchor) -> Scorer:
    """Teach a method the photos that were reviewed."""
    labels = data.labels[chosen].astype(np.float64)
    unstated = 1.0 if data.single_label else IMPLICIT_WEIGHT
    return METHODS[name](data.vectors[chosen], labels, np.where(labels > 0, 1.0, unstated), anchor)


def few_shot(data: Embedded, encoder: Encoder, draws: int, methods: Iterable[str]) -> list[dict]:
    classes = data.labels.argmax(axis=1)
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for draw in range(draws):
        train = draw_split(data, draw)
        anchor = make_anchor(data, train, encoder)
        order = np.random.default_rng(draw).permutation(np.flatnonzero(train))
        for k in SHOTS:
            chosen = np.concatenate([order[classes[order] == c][:k] for c in range(len(data.tags))])
            chosen = order[np.isin(order, chosen)]  # the running average depends on order
            for name in methods:
                scores = fit(name, data, chosen, anchor)(data.vectors[~train])
                found[name, k].append(top(scores, classes[~train]))
    return [row for (name, k), values in found.items() for row in [_row(name, k, values, ("top1", "top3"))]]


def streaming(data: Embedded, encoder: Encoder, draws: int, methods: Iterable[str]) -> list[dict]:
    found: dict[tuple[str, int], list[tuple[float, float]]] = defaultdict(list)
    for draw in range(draws):
        train = draw_split(data, draw)
        anchor = make_anchor(data, train, encoder)
        order = np.random.default_rng(draw).permutation(np.flatnonzero(train))
        for n in [n for n in REVIEWED if n < len(order)] + [len(order)]:
            for name in methods:
                scores = fit(name, data, order[:n], anchor)(data.vectors[~train])
                labels = data.labels[~train]
                found[name, n].append((mean_average_precision(scores, labels), precision_at_1(scores, labels)))
    return [_row(name, n, values, ("map", "p1")) for (name, n), values in found.items()]


def main() -> None:
    parser = photo_arguments(__doc__, draws=5)
    parser.add_argument("--methods", nargs="*", default=list(METHODS), choices=list(METHODS))
    parser.add_argument("--bare", action="store_true", help="plain names as prompts, no synonyms")
    arguments = parser.parse_args()
    started = time.perf_counter()
    encoder = load_encoder(arguments.encoder, arguments.models)
    data = embed_folder(arguments.folder, encoder, arguments.models, bare=arguments.bare)
    result = {"folder": arguments.folder.name, "encoder": encoder.fingerprint, "draws": arguments.draws}
    if data.single_label:
        result["few_shot"] = few_shot(data, encoder, arguments.draws, arguments.methods)
        _print(result["few_shot"], "top1")
    result["streaming"] = streaming(data, encoder, arguments.draws, arguments.methods)
    _print(result["streaming"], "map")
    print(json.dumps(result | {"seconds": round(time.perf_counter() - started, 1)}))


def top(scores: Scores, classes: Rows) -> tuple[float, float]:
    """Share of photos whose class is the best tag, and among the best three."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :3] == classes[:, None]
    return float(best[:, 0].mean()), float(best.any(axis=1).mean())


def precision_at_1(scores: Scores, labels: NDArray[np.bool_]) -> float:
    """Share of photos with any tag whose best tag is right."""
    some = labels.any(axis=1)
    return float(labels[some, scores[some].argmax(axis=1)].mean())


def mean_average_precision(scores: Scores, labels: NDArray[np.bool_]) -> float:
    """Mean over the tags that have a photo in the split."""
    values = []
    for column in np.flatnonzero(labels.any(axis=0)):
        right = labels[np.argsort(-scores[:, column], kind="stable"), column]
        values.append(float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean()))
    return float(np.mean(values))


def _row(name: str, k: int, values: list[tuple[float, float]], names: tuple[str, str]) -> dict:
    """Mean of each figure with its standard error, and every draw's first figure for paired comparison."""
    array = np.array(values)
    error = array.std(axis=0, ddof=1) / np.sqrt(len(array)) if len(array) > 1 else np.zeros(2)
    row: dict = {"method": name, "k": k}
    for column, figure in enumerate(names):
        row[figure], row[f"{figure}_se"] = round(float(array[:, column].mean()), 4), round(float(error[column]), 4)
    return row | {"draws": [round(float(v), 4) for v in array[:, 0]]}


def _print(rows: list[dict], figure: str) -> None:
    steps = sorted({row["k"] for row in rows})
    print(f"{figure:<22}" + "".join(f"{k:>8}" for k in steps))
    by = {(row["method"], row["k"]): row for row in rows}
    for name in dict.fromkeys(row["method"] for row in rows):
        print(f"{name:<22}" + "".join(f"{by[name, k][figure]:8.3f}" for k in steps))
    print(f"{'standard error, ours':<22}" + "".join(f"{by['tagloop', k][figure + '_se']:8.3f}" for k in steps))
    for other in dict.fromkeys(row["method"] for row in rows):
        gaps = [np.array(by["tagloop", k]["draws"]) - by[other, k]["draws"] for k in steps]
        print(f"over {other:<17}" + "".join(f"{gap.mean():+8.3f}" for gap in gaps))
    start = np.array(by["tagloop", 0]["draws"])
    worst = [(np.array(by["tagloop", k]["draws"]) - start).min() for k in steps]
    print(f"{'worst over zero-shot':<22}" + "".join(f"{w:+8.3f}" for w in worst))


if __name__ == "__main__":
    main()

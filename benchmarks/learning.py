"""Learning curve on labelled photos: top-1 and top-3 after K decisions a class, or mAP for several labels a photo.

Every method sees the same vectors, the same texts and the same draws. Prompts come from the rule that any new tag
gets (`tagging_core.taxonomy.with_known_synonyms`); `--bare` takes the plain names instead.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression

from benchmarks.embedded import Embedded, embed_folder
from tagging_core.encoders import Encoder, Vectors, default_mean, load_encoder, unit
from tagging_core.examples import NEGATIVES, POSITIVES
from tagging_core.learner import IMPLICIT_WEIGHT, Examples, fit_tag, initial_pack, measure_pack

Scores = NDArray[np.float64]
Method = Callable[[Embedded, NDArray[np.int64], Encoder], Scores]
SHOTS = (0, 1, 2, 4, 8, 16, 32, 64)


def tagloop(data: Embedded, chosen: NDArray[np.int64], encoder: Encoder) -> Scores:
    """Ours: the library's own fit on the examples it would choose."""
    defaults = encoder.preset.learner
    first = initial_pack(default_mean(encoder.preset, encoder.dimension), defaults)
    pack = measure_pack(data.vectors[data.train], data.texts, first)
    centred = pack.centre(data.vectors)
    unstated = 1.0 if data.single_label else IMPLICIT_WEIGHT
    scores = np.empty((len(data.vectors), len(data.tags)))
    for column, text in enumerate(data.texts):
        mine = data.labels[chosen, column]
        rows = np.sort(np.concatenate([chosen[mine][:POSITIVES], chosen[~mine][:NEGATIVES]]))
        labels = data.labels[rows, column].astype(np.float64)
        examples = Examples(centred[rows], labels, np.where(labels > 0, 1.0, unstated))
        model = fit_tag(text, examples, pack, defaults)
        scores[:, column] = centred @ model.weights + model.bias
    return scores


def running_average(data: Embedded, chosen: NDArray[np.int64], encoder: Encoder) -> Scores:
    """What people usually start with: `new = (old + picture) / 2` for every accepted picture."""
    means: Vectors = data.texts.copy()
    for row in chosen:
        for column in np.flatnonzero(data.labels[row]):
            means[column] = unit((means[column] + data.vectors[row]) / 2)
    return np.asarray(data.vectors @ means.T, dtype=np.float64)


def logistic_regression(data: Embedded, chosen: NDArray[np.int64], encoder: Encoder) -> Scores:
    """Plain logistic regression, one tag against the rest; no text."""
    scores = np.zeros((len(data.vectors), len(data.tags)))
    for column in range(len(data.tags)):
        labels = data.labels[chosen, column]
        if 0 < labels.sum() < len(labels):
            model = LogisticRegression(C=10, max_iter=500).fit(data.vectors[chosen], labels)
            scores[:, column] = model.decision_function(data.vectors)
    return scores


METHODS: dict[str, Method] = {
    "tagloop": tagloop,
    "running average": running_average,
    "logistic regression": logistic_regression,
}


def single_label_rows(data: Embedded, encoder: Encoder, draws: int) -> list[dict]:
    classes = data.labels.argmax(axis=1)
    smallest = min(int((data.train & (classes == c)).sum()) for c in range(len(data.tags)))
    rows = []
    for k in (k for k in SHOTS if k <= smallest):
        found: dict[str, list[tuple[float, float]]] = {name: [] for name in METHODS}
        for draw in range(draws if k else 1):
            chosen = _draw(data, classes, k, draw)
            for name, method in METHODS.items():
                found[name].append(_top(method(data, chosen, encoder), classes, ~data.train))
        for name, values in found.items():
            top1, top3 = np.mean(values, axis=0)
            rows.append({"method": name, "k": k, "top1": round(float(top1), 4), "top3": round(float(top3), 4)})
    return rows


def multi_label_rows(data: Embedded, encoder: Encoder) -> list[dict]:
    test = ~data.train
    rows = []
    for chosen in (np.array([], dtype=np.int64), np.flatnonzero(data.train)):
        for name, method in METHODS.items():
            scores = method(data, chosen, encoder)
            precision, hit = _precision_and_hit(scores[test], data.labels[test])
            figures = {
                "map": _mean_average_precision(scores[test], data.labels[test]),
                "p1": precision,
                "hit3": hit,
            }
            rows.append({"method": name, "k": len(chosen), **{n: round(v, 4) for n, v in figures.items()}})
    return rows


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--bare", action="store_true", help="plain names as prompts, no synonyms")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    started = time.perf_counter()
    encoder = load_encoder(arguments.encoder, arguments.models)
    data = embed_folder(arguments.folder, encoder, arguments.models, bare=arguments.bare)
    single = data.single_label
    rows = single_label_rows(data, encoder, arguments.draws) if single else multi_label_rows(data, encoder)
    for row in rows:
        print("  ".join(f"{name} {value}" for name, value in row.items()))
    seconds = round(time.perf_counter() - started, 1)
    print(
        json.dumps(
            {"folder": arguments.folder.name, "encoder": encoder.fingerprint, "seconds": seconds, "rows": rows}
        )
    )


def _draw(data: Embedded, classes: NDArray[np.int64], k: int, draw: int) -> NDArray[np.int64]:
    random = np.random.default_rng(draw)
    groups = [np.flatnonzero(data.train & (classes == c)) for c in range(len(data.tags))]
    chosen = [random.choice(group, k, replace=False) for group in groups]
    return random.permutation(np.concatenate(chosen)).astype(np.int64)


def _top(scores: Scores, classes: NDArray[np.int64], test: NDArray[np.bool_]) -> tuple[float, float]:
    best = np.argsort(-scores[test], axis=1, kind="stable")[:, :3] == classes[test][:, None]
    return float(best[:, 0].mean()), float(best.any(axis=1).mean())


def _precision_and_hit(scores: Scores, labels: NDArray[np.bool_]) -> tuple[float, float]:
    some = labels.any(axis=1)
    order = np.argsort(-scores[some], axis=1, kind="stable")[:, :3]
    hits = np.take_along_axis(labels[some], order, axis=1)
    return float(hits[:, 0].mean()), float(hits.any(axis=1).mean())


def _mean_average_precision(scores: Scores, labels: NDArray[np.bool_]) -> float:
    """Mean over the tags that have a photo in the split."""
    values = []
    for column in np.flatnonzero(labels.any(axis=0)):
        right = labels[np.argsort(-scores[:, column], kind="stable"), column]
        values.append(float((np.cumsum(right) / np.arange(1, len(right) + 1))[right].mean()))
    return float(np.mean(values))


if __name__ == "__main__":
    main()

"""Whether a shown probability is true, and whether promised precisions hold, on labelled photos.

Photos are reviewed in random order: the five likeliest tags are judged, missing ones added, the rest left out. Then
photos that nobody has looked at tell how far probability and truth lie apart for tags that would be shown; beside
it stands what perfectly calibrated probabilities of that number and spread would show by chance.
"""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.embedded import Embedded, embed_folder, photo_arguments
from benchmarks.learning import Rows, draw_split, make_anchor, mean_average_precision
from benchmarks.methods import Anchor, Scores, against_rivals
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.learning.calibration import CalibrationData, calibration_error, fit_calibration, unavoidable_error
from tagging_core.learning.classifier import Examples, fit_tag, sigmoid
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.learning.thresholds import find_thresholds
from tagging_core.learning.training_set import IMPLICIT_WEIGHT

SHOWN = 5
DECISIONS = (0, 100, 250, 500, 1000)
TARGETS = (0.95, 0.97, 0.99)


@dataclass(frozen=True, slots=True)
class Feedback:
    """What reviewers leave behind.

    Attributes:
        finished: They end with "done", so that tags left out are negatives.
        adds_count: Added tags are used for calibration although nothing tells what else would apply.
        overlooked: Share of applying tags that were not shown and that they do not add.
        weight: Weight of a negative that nobody stated.
    """

    finished: bool = True
    adds_count: bool = False
    overlooked: float = 0.0
    weight: float = IMPLICIT_WEIGHT


@dataclass(frozen=True, slots=True)
class Taught:
    """A library after some reviews: probabilities for all photos, left-out ones for the judged pairs."""

    probabilities: Scores
    judged: Scores
    truth: Scores
    rows: NDArray[np.int64]


def teach(data: Embedded, chosen: Rows, anchor: Anchor, feedback: Feedback = Feedback(), seed: int = 0) -> Taught:
    """Review photos and fit and calibrate the library as the product does."""
    known, fair = _verdicts(data, chosen, anchor, feedback, seed)
    return learn(data, chosen, known, fair, anchor, feedback)


def learn(
    data: Embedded,
    chosen: Rows,
    known: Scores,
    fair: NDArray[np.bool_],
    anchor: Anchor,
    feedback: Feedback = Feedback(),
) -> Taught:
    """Fit and calibrate the library as the product does.

    Args:
        chosen: Photos `(k,)` that something is known of.
        known: `(k, t)` 1, 0, or -1 where nothing is known.
        fair: `(k, t)` whether a pair was judged because of its score.
    """
    centred, tags = anchor.pack.centre(data.vectors), range(len(data.tags))
    left_out, logits = np.zeros(known.shape), np.zeros(data.labels.shape)
    for t in tags:
        mine = known[:, t] >= 0
        labels = known[mine, t]
        weights = np.where((labels > 0) | data.single_label | fair[mine, t], 1.0, feedback.weight)
        fit = fit_tag(
            anchor.texts[t], Examples(centred[chosen[mine]], labels, weights), anchor.pack, defaults=anchor.defaults
        )
        left_out[mine, t] = fit.held_out
        logits[:, t] = fit.model.logits(centred)
    usable = (known >= 0) & (fair | feedback.finished | feedback.adds_count)
    names = [str(t) for t in tags]
    columns, places = np.nonzero(usable.T)
    judged = CalibrationData(
        logits=against_rivals(left_out, anchor)[places, columns],
        labels=known[places, columns],
        weights=np.ones(len(columns)),
        rows=columns,
        tag_ids=names,
        category_ids=["all"] * len(names),
    )
    slopes, shifts = fit_calibration(judged).of(names, judged.category_ids)
    return Taught(
        sigmoid(against_rivals(logits, anchor) * slopes + shifts),
        sigmoid(judged.logits * slopes[columns] + shifts[columns]),
        judged.labels,
        columns,
    )


def photos_for(decisions: int) -> int:
    """Photos reviewed until about so many verdicts were given."""
    return -(-decisions // SHOWN)


def calibration_rows(data: Embedded, encoder_name: str, anchors: list[Anchor], draws: int) -> list[dict]:
    rows = []
    for decisions in DECISIONS:
        n = photos_for(decisions)
        if n >= len(data.labels) - 20:
            continue
        values = []
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(len(data.labels))
            taught = teach(data, order[:n], anchors[draw])
            values.append(_shown_figures(taught.probabilities[order[n:]], data.labels[order[n:]]))
        row = _mean(values, ("ece", "by_chance", "shown", "precision", "expected_precision", "recall"))
        rows.append({"decisions": decisions, "photos": n, **row})
    return rows


def promise_rows(data: Embedded, anchors: list[Anchor], draws: int) -> list[dict]:
    """Coverage and realised precision of automatic acceptance after K decisions a class."""
    classes = data.labels.argmax(axis=1)
    rows = []
    for k in (8, 32, 64):
        found: dict[float, list[tuple[float, float, float]]] = defaultdict(list)
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(np.flatnonzero(draw_split(data, draw)))
            chosen = np.concatenate([order[classes[order] == c][:k] for c in range(len(data.tags))])
            taught = teach(data, chosen, anchors[draw])
            rest = np.setdiff1d(np.arange(len(data.labels)), chosen)
            names = [str(t) for t in range(len(data.tags))]
            for target in TARGETS:
                cuts = find_thresholds(taught.judged, taught.truth, taught.rows, tag_ids=names, target=target)
                bars = np.array([cuts.of(n).probability or 2.0 for n in names])
                taken, truth = taught.probabilities[rest] >= bars, data.labels[rest]
                right = float((taken & truth).sum())
                found[target].append((float(taken.any(axis=1).mean()), right, float(taken.sum())))
        for target, values in found.items():
            coverage, right, taken = np.array(values).T
            some = taken > 0
            rows.append(
                {
                    "k": k,
                    "target": target,
                    "coverage": round(float(coverage.mean()), 3),
                    "precision": round(float(right.sum() / max(taken.sum(), 1)), 4),
                    "histories_with_a_cut": int(some.sum()),
                    "of": draws,
                    "worst_history": round(float((right[some] / taken[some]).min()), 3) if some.any() else None,
                    "below_target": round(float((right[some] / taken[some] < target).mean()), 3)
                    if some.any()
                    else 0,
                }
            )
    return rows


def feedback_rows(data: Embedded, anchors: list[Anchor], draws: int) -> list[dict]:
    """What each kind of feedback does to ranking and calibration, after half of the photos."""
    kinds = {
        "finished reviews": Feedback(),
        "shown tags alone": Feedback(finished=False),
        "shown tags alone, additions calibrate": Feedback(finished=False, adds_count=True),
        **{
            f"finished, a fifth of unseen tags overlooked, weight {w}": Feedback(overlooked=0.2, weight=w)
            for w in (0.3, 0.5, 0.7, 1.0)
        },
    }
    rows = []
    for name, feedback in kinds.items():
        values = []
        for draw in range(draws):
            order = np.random.default_rng(draw).permutation(len(data.labels))
            half = min(len(order) // 2, 200)
            taught = teach(data, order[:half], anchors[draw], feedback, seed=draw)
            p, truth = taught.probabilities[order[half:]], data.labels[order[half:]]
            loss = -np.log(np.where(truth, p, 1 - p)).mean()
            values.append((mean_average_precision(p, truth), float(loss), *_shown_figures(p, truth)[:2]))
        rows.append({"feedback": name, **_mean(values, ("map", "log_loss", "ece", "by_chance"))})
    return rows


def main() -> None:
    arguments = photo_arguments(__doc__, draws=10).parse_args()
    encoder = load_encoder(arguments.encoder, arguments.models)
    data = embed_folder(arguments.folder, encoder, arguments.models)
    anchors = [make_anchor(data, draw_split(data, draw), encoder) for draw in range(arguments.draws)]
    result: dict = {"folder": arguments.folder.name, "encoder": encoder.fingerprint, "draws": arguments.draws}
    result["calibration"] = calibration_rows(data, arguments.encoder, anchors, arguments.draws)
    if data.single_label:
        result["promises"] = promise_rows(data, anchors, arguments.draws)
    result["feedback"] = feedback_rows(data, anchors, arguments.draws)
    for rows in (result["calibration"], result.get("promises", []), result["feedback"]):
        for row in rows:
            print("  ".join(f"{name} {value}" for name, value in row.items()))
    print(json.dumps(result))


def _verdicts(
    data: Embedded, chosen: Rows, anchor: Anchor, feedback: Feedback, seed: int
) -> tuple[Scores, NDArray[np.bool_]]:
    """What reviewers say of `(k, t)` pairs: 1, 0, or -1 where nothing is known; and which were shown to them."""
    truth = data.labels[chosen]
    first = against_rivals(anchor.logits(data.vectors[chosen]), anchor)
    shown = np.zeros(truth.shape, bool)
    if len(chosen):
        np.put_along_axis(shown, np.argsort(-first, axis=1)[:, :SHOWN], True, axis=1)
    missed = np.random.default_rng(seed).random(truth.shape) < feedback.overlooked
    applies = truth & (shown | ~missed)
    told = shown | applies | feedback.finished | (data.single_label & truth.any(axis=1, keepdims=True))
    return np.where(told, applies.astype(float), -1.0), shown


def _shown_figures(probabilities: Scores, labels: NDArray[np.bool_]) -> tuple[float, ...]:
    """Calibration error and that by chance; tags shown a photo, their precision, expected precision and recall."""
    best = np.zeros(probabilities.shape, bool)
    np.put_along_axis(best, np.argsort(-probabilities, axis=1)[:, :SHOWN], True, axis=1)
    seen = best & (probabilities >= MIN_PROBABILITY)
    p, y = probabilities[seen], labels[seen].astype(float)
    return (
        calibration_error(p, y),
        unavoidable_error(p, draws=50),
        float(seen.sum(axis=1).mean()),
        float(y.mean()),
        float(p.mean()),
        float(y.sum() / labels.sum()),
    )


def _mean(values: list[tuple[float, ...]], names: tuple[str, ...]) -> dict[str, float]:
    array = np.array(values)
    means = dict(zip(names, array.mean(axis=0).round(4).tolist(), strict=True))
    error = array[:, 0].std(ddof=1) / np.sqrt(len(array)) if len(array) > 1 else 0.0
    return means | {f"{names[0]}_se": round(float(error), 4)}


if __name__ == "__main__":
    main()

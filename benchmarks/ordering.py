"""Which picture to ask about next: orderings compared by what is known after as many reviews, and by human effort.

The simulated editor accepts what is shown and right, adds what is missing and says "done". Photos that were not
reviewed test what was learned. Effort is counted over all photos of a batch: one act an accepted tag, two for one
that must be looked up and added, one to finish.
"""

from __future__ import annotations

import json
import warnings
from collections import defaultdict
from collections.abc import Callable

import numpy as np

from benchmarks.calibration import SHOWN, teach
from benchmarks.embedded import Embedded, embed_folder, photo_arguments
from benchmarks.learning import Rows, draw_split, make_anchor, mean_average_precision
from benchmarks.methods import Anchor, Scores
from tagging_core.embeddings.encoders import Vectors, load_encoder
from tagging_core.learning import uncertainty
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.review import planner

BUDGETS = (10, 20, 30, 50, 100, 200, 400)
STEP = 10
Ordering = Callable[[Vectors, Scores, list[list[int]], int, int], Rows]


def _random(centred: Vectors, p: Scores, exclusive: list[list[int]], finished: int, count: int) -> Rows:
    return np.arange(count)  # what waits is shuffled


def _margin(centred: Vectors, p: Scores, exclusive: list[list[int]], finished: int, count: int) -> Rows:
    return np.argsort(uncertainty.margins(p, exclusive), kind="stable")[:count]


def _entropy(centred: Vectors, p: Scores, exclusive: list[list[int]], finished: int, count: int) -> Rows:
    q = np.clip(p, 1e-9, 1 - 1e-9)
    return np.argsort((q * np.log(q) + (1 - q) * np.log(1 - q)).sum(axis=1), kind="stable")[:count]


def _surest(centred: Vectors, p: Scores, exclusive: list[list[int]], finished: int, count: int) -> Rows:
    return np.argsort(-p.max(axis=1), kind="stable")[:count]


def _typical_then_margin(
    centred: Vectors, p: Scores, exclusive: list[list[int]], finished: int, count: int
) -> Rows:
    early = finished < planner.TYPICAL_FIRST
    return planner.typical(centred, count) if early else _margin(centred, p, exclusive, finished, count)


ORDERINGS: dict[str, Ordering] = {
    "default": lambda v, p, e, finished, count: planner.choose(v, p, e, finished=finished, count=count),
    "random": _random,
    "margin": _margin,
    "entropy": _entropy,
    "surest first": _surest,
    "typical, then margin": _typical_then_margin,
}


def review_in_order(
    data: Embedded, anchor: Anchor, pool: Rows, order: Ordering, budget: int
) -> list[tuple[Rows, Scores]]:
    """Review in steps of ten; each step's photos with the probabilities that were shown for them."""
    reviewed, waiting, steps = np.zeros(0, np.int64), pool.copy(), []
    centred = anchor.pack.centre(data.vectors)
    exclusive = [list(range(len(data.tags)))] if data.single_label else []
    while len(reviewed) < budget and len(waiting):
        p = teach(data, reviewed, anchor).probabilities
        count = min(STEP, len(waiting), budget - len(reviewed))
        places = order(centred[waiting], p[waiting], exclusive, len(reviewed), count)
        steps.append((waiting[places], p[waiting[places]]))
        reviewed = np.concatenate([reviewed, waiting[places]])
        waiting = np.delete(waiting, places)
    return steps


def learning_rows(data: Embedded, anchors: list[Anchor], draws: int) -> list[dict]:
    found: dict[tuple[str, int], list[float]] = defaultdict(list)
    for draw in range(draws):
        train = draw_split(data, draw)
        pool = np.random.default_rng(draw).permutation(np.flatnonzero(train))
        budgets = [b for b in BUDGETS if b < len(pool)]
        for name, order in ORDERINGS.items():
            steps = review_in_order(data, anchors[draw], pool, order, budgets[-1])
            for budget in budgets:
                chosen = np.concatenate([rows for rows, _ in steps[: budget // STEP]])
                p = teach(data, chosen, anchors[draw]).probabilities
                found[name, budget].append(mean_average_precision(p[~train], data.labels[~train]))
    return [
        {"ordering": name, "photos": budget, "map": round(float(np.mean(v)), 4), "se": round(_error(v), 4)}
        for (name, budget), v in found.items()
    ]


def effort_rows(data: Embedded, anchors: list[Anchor], draws: int) -> list[dict]:
    found: dict[str, list[float]] = defaultdict(list)
    for draw in range(draws):
        pool = np.random.default_rng(draw).permutation(len(data.labels))
        for name in ("default", "random"):
            steps = review_in_order(data, anchors[draw], pool, ORDERINGS[name], len(pool))
            found[name].append(
                count_acts(data, np.concatenate([r for r, _ in steps]), np.concatenate([p for _, p in steps]))
            )
        still = teach(data, np.zeros(0, np.int64), anchors[draw]).probabilities
        found["no learning"].append(count_acts(data, np.arange(len(still)), still))
        found["from scratch"].append(count_acts(data, np.arange(len(still)), np.zeros_like(still)))
    return [
        {"ordering": name, "acts_a_photo": round(float(np.mean(v)), 3), "se": round(_error(v), 4)}
        for name, v in found.items()
    ]


def main() -> None:
    arguments = photo_arguments(__doc__, draws=5).parse_args()
    warnings.filterwarnings("ignore", message="One of the clusters is empty")
    encoder = load_encoder(arguments.encoder, arguments.models)
    data = embed_folder(arguments.folder, encoder, arguments.models)
    anchors = [make_anchor(data, draw_split(data, draw), encoder) for draw in range(arguments.draws)]
    result: dict = {"folder": arguments.folder.name, "encoder": encoder.fingerprint, "draws": arguments.draws}
    result["learning"] = learning_rows(data, anchors, arguments.draws)
    result["effort"] = effort_rows(data, anchors, arguments.draws)
    for name in ORDERINGS:
        mine = [row for row in result["learning"] if row["ordering"] == name]
        print(f"{name:<22}" + "".join(f"  {row['photos']}: {row['map']:.3f}" for row in mine))
    for row in result["effort"]:
        print(f"{row['ordering']:<22}  {row['acts_a_photo']} acts a photo")
    print(json.dumps(result))


def count_acts(data: Embedded, photos: Rows, shown: Scores) -> float:
    """Acts a photo if each is looked at alone: one an accepted tag, two for one looked up, one to finish."""
    best = np.zeros(shown.shape, bool)
    np.put_along_axis(best, np.argsort(-shown, axis=1)[:, :SHOWN], True, axis=1)
    truth, seen = data.labels[photos], best & (shown >= MIN_PROBABILITY)
    return float(((truth & seen).sum() + 2 * (truth & ~seen).sum()) / len(photos) + 1)


def _error(values: list[float]) -> float:
    return float(np.std(values, ddof=1) / np.sqrt(len(values))) if len(values) > 1 else 0.0


if __name__ == "__main__":
    main()

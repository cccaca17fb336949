"""What a model is worth on labelled photos and what it costs, as rows of one table.

Accuracy: of photos with one label each, the share whose best tag is right by text alone, after 4 and after 16
decisions a class; of other photos, mean average precision by text alone, after 20 and after 100 photos.
Calibration: mean distance of shown probabilities from the truth after 250 decisions. Speed: prepared pictures
through the product's encoder, asked by four threads; share: of the peak that a large matrix product reaches there.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks import pipeline
from benchmarks.calibration import calibration_rows
from benchmarks.embedded import Embedded, embed_folder
from benchmarks.learning import draw_split, few_shot, make_anchor, streaming
from benchmarks.photos import read_photos
from tagging_core import TaggingError
from tagging_core.assets.decoding import open_picture
from tagging_core.embeddings.encoders import load_encoder, presets
from tagging_core.embeddings.encoders.sentence import BuiltinEncoder, SentenceEncoder

_COLUMNS = ("text alone", "few", "more", "calibration error", "pictures/s", "of bf16 peak", "memory, GB", "device")
_STEPS = {True: (0, 4, 16), False: (0, 20, 100)}  # by whether photos have one label each
_DECISIONS = 250
_TIMED = 128  # pictures


def main() -> int:
    """Print a Markdown table of all presets and one JSON object; 2 if a model is not here."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--preset", nargs="+", default=["builtin"], help="presets, folders or hub ids")
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument("--devices", default="")
    arguments = parser.parse_args()
    rows: dict[str, dict] = {}
    for name in arguments.preset:
        try:
            rows[name] = measure(name, arguments)
        except TaggingError as error:
            print(f"{name}: {error}", file=sys.stderr)
    print(table(rows))
    print(json.dumps({"folder": arguments.folder.name, "draws": arguments.draws, "rows": rows}))
    return 0 if rows.keys() == set(arguments.preset) else 2


def measure(name: str, arguments: argparse.Namespace) -> dict:
    """One row.

    Raises:
        EncoderError: The model cannot be loaded.
    """
    encoder = load_encoder(name, arguments.models, arguments.devices)
    assert isinstance(encoder, SentenceEncoder)
    data = embed_folder(arguments.folder, encoder, arguments.models)
    row = accuracy(data, encoder, arguments.draws)
    photos = read_photos(arguments.folder)[:_TIMED]
    images = [encoder.prepare(open_picture(photo.path.read_bytes()).image) for photo in photos]
    return row | cost(encoder, images)


def accuracy(data: Embedded, encoder: SentenceEncoder, draws: int) -> dict:
    """What the model is worth, by the product's learner."""
    single = data.single_label
    curve = few_shot(data, encoder, draws, ["tagloop"]) if single else streaming(data, encoder, draws, ["tagloop"])
    figures = {step["k"]: step["top1" if single else "map"] for step in curve}
    anchors = [make_anchor(data, draw_split(data, draw), encoder) for draw in range(draws)]
    calibrated = {row["decisions"]: row["ece"] for row in calibration_rows(data, "", anchors, draws)}
    right = {column: figures[step] for column, step in zip(_COLUMNS[:3], _STEPS[single], strict=True)}
    return right | {"calibration error": calibrated.get(_DECISIONS)}


def cost(encoder: SentenceEncoder, images: Sequence[Image.Image]) -> dict:
    """What the model takes."""
    rate = pipeline.encoder_rate(encoder, images, threads=4)
    share = None
    if not isinstance(encoder, BuiltinEncoder):  # its network is no torch module, whose operations could be counted
        work = float(np.mean([pipeline.flops_of(encoder, image) for image in images[:8]]))
        share = round(rate * work / pipeline.peak_flops(encoder), 3)
    return {
        "pictures/s": round(rate, 1),
        "of bf16 peak": share,
        "memory, GB": round(pipeline.memory_gb(encoder), 1),
        "device": pipeline.device_name(encoder),
    }


def table(rows: dict[str, dict]) -> str:
    """All presets as a Markdown table; what was not measured says so."""
    titles = {name: preset.title for name, preset in presets().items() if name != "tiny"}
    titles |= {name: name for name in rows if name not in titles}
    lines = [f"| model | {' | '.join(_COLUMNS)} |", "| --- |" + " --- |" * len(_COLUMNS)]
    for name, title in titles.items():
        row = rows.get(name)
        cells = [_cell(row[column]) for column in _COLUMNS] if row else ["not run"] * len(_COLUMNS)
        lines.append(f"| {title} | {' | '.join(cells)} |")
    return "\n".join(lines)


def _cell(value: object) -> str:
    if value is None:
        return "–"
    return f"{value:.3f}".lstrip("0") if isinstance(value, float) and value < 1 else str(value)


if __name__ == "__main__":
    sys.exit(main())

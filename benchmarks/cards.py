"""Whether a model gives the similarities that its card shows: if it does, weights, template and pooling are right.

The card's pictures are looked for in a folder; what is missing is named with the command that fetches it. Exits
with 1 if a similarity differs, with 2 if the model or a picture is not here.
"""

from __future__ import annotations

import argparse
import json
import sys
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from PIL import Image

from tagging_core import TaggingError
from tagging_core.embeddings.encoders import Encoder, Preset, Vectors, find_preset, load_preset

_ASSISTANT = "You are a helpful assistant."
_INPUT = "Represent the user's input."
_FIND = "Find an image that matches the given text."
_WINDOW = "e/e9/Tesla_Cybertruck_damaged_window.jpg/800px-Tesla_Cybertruck_damaged_window.jpg"
_FRONT = "2024_Tesla_Cybertruck_Foundation_Series%2C_front_left_%28Greenwich%29.jpg"
_WIKI = "https://upload.wikimedia.org/wikipedia/commons/thumb"
_PICTURES = {
    "cybertruck-window.jpg": f"{_WIKI}/{_WINDOW}",
    "cybertruck-front.jpg": f"{_WIKI}/9/95/{_FRONT}/960px-{_FRONT}",
    "beach.jpeg": "https://qianwen-res.oss-cn-beijing.aliyuncs.com/Qwen-VL/assets/demo.jpeg",
}
_CARS = (
    "What kind of car is this?",
    "The Tesla Cybertruck is a battery electric pickup truck built by Tesla, Inc. since 2023.",
)
_BEACH = (
    "A woman shares a joyful moment with her golden retriever on a sun-drenched beach at sunset, as the dog offers "
    "its paw in a heartwarming display of companionship and trust."
)
_QUERIES = (
    "A woman playing with her dog on a beach at sunset.",
    "Pet owner training dog outdoors near water.",
    "Woman surfing on waves during a sunny day.",
    "City skyline view from a high-rise building at night.",
)
_TRUCKS = ("cybertruck-window.jpg", "cybertruck-front.jpg")


@dataclass(frozen=True, slots=True)
class Input:
    """A text, the name of a picture, or both as one."""

    text: str = ""
    picture: str = ""


@dataclass(frozen=True, slots=True)
class Example:
    """Similarities of a card.

    Attributes:
        expected: Of each left input with the right one beside it, or with all of them, a row each.
        instructions: Under which left and right inputs are embedded.
    """

    name: str
    left: tuple[Input, ...]
    right: tuple[Input, ...]
    expected: tuple
    instructions: tuple[str, str]


@dataclass(frozen=True, slots=True)
class Card:
    """What a model's page shows.

    Attributes:
        limits: Fewest and most pixels of a picture there.
        tolerance: How far ours may be off: cards were made in half precision, with other versions of the libraries.
    """

    preset: str
    limits: tuple[int, int]
    examples: tuple[Example, ...]
    tolerance: float = 0.02


def _beach(preset: str, expected: tuple) -> Card:
    documents = (Input(_BEACH), Input(picture="beach.jpeg"), Input(_BEACH, "beach.jpeg"))
    queries = tuple(Input(text) for text in _QUERIES)
    example = Example("texts with text, picture and both", queries, documents, expected, (_INPUT, _INPUT))
    return Card(preset, (4096, 1_843_200), (example,))


_texts, _trucks = tuple(Input(text) for text in _CARS), tuple(Input(picture=name) for name in _TRUCKS)
_both = tuple(Input(text, name) for text, name in zip(_CARS, _TRUCKS, strict=True))
CARDS = (
    Card(
        "gme-qwen2-vl-2b",
        (256 * 28 * 28, 1280 * 28 * 28),
        (
            Example("texts with pictures", _texts, _trucks, (0.2281, 0.6001), (_ASSISTANT, _ASSISTANT)),
            Example("texts under an instruction", _texts, _trucks, (0.2433, 0.7051), (_FIND, _ASSISTANT)),
            Example("fused with fused", _both[:1], _both[1:], (0.6108,), (_ASSISTANT, _ASSISTANT)),
        ),
    ),
    _beach(
        "qwen3-vl-embedding-2b",
        ((0.8160, 0.7155, 0.7054), (0.5173, 0.3295, 0.4446), (0.3863, 0.2987, 0.3312), (0.1061, 0.0433, 0.0839)),
    ),
    _beach(
        "qwen3-vl-embedding-8b",
        ((0.7438, 0.6556, 0.6244), (0.4430, 0.3323, 0.3929), (0.3685, 0.2310, 0.2874), (0.0602, -0.0162, 0.0167)),
    ),
)
"""From the models' own pages; the other presets' pages show none."""


def main() -> int:
    """Print one JSON object; 0 if all similarities are those of the card."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("preset", choices=[card.preset for card in CARDS])
    parser.add_argument("pictures", type=Path)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument("--devices", default="")
    arguments = parser.parse_args()
    card = next(card for card in CARDS if card.preset == arguments.preset)
    fetch = missing(card, arguments.pictures)
    if fetch:
        print("Pictures of the card are missing. Fetch them with\n\n" + "\n".join(fetch), file=sys.stderr)
        return 2
    try:
        encoder = load_preset(at_limits(card), arguments.models, arguments.devices)
    except TaggingError as error:
        print(error, file=sys.stderr)
        return 2
    return check(card, encoder, arguments.pictures)


def check(card: Card, encoder: Encoder, pictures: Path) -> int:
    """Compare and print; 0 if all similarities are those of the card, else 1."""
    rows = []
    for example in card.examples:
        found, expected = similarities(encoder, example, pictures), np.array(example.expected)
        off = float(np.abs(found - expected).max())
        rows.append({"example": example.name, "found": found.round(4).tolist(), "off_by": round(off, 4)})
        print(f"{example.name}: off by {off:.4f} at most")
    same = all(row["off_by"] <= card.tolerance for row in rows)
    print(json.dumps({"preset": card.preset, "tolerance": card.tolerance, "same": same, "examples": rows}))
    return 0 if same else 1


def similarities(encoder: Encoder, example: Example, pictures: Path) -> np.ndarray:
    """Cosines in the form of `example.expected`."""
    left = _embed(encoder, example.left, example.instructions[0], pictures)
    right = _embed(encoder, example.right, example.instructions[1], pictures)
    return left @ right.T if np.ndim(example.expected) == 2 else (left * right).sum(axis=1)


def at_limits(card: Card) -> Preset:
    """The card's preset with the card's limits of pixels in place of ours, which are lower for speed."""
    least, most = card.limits
    return replace(find_preset(card.preset), min_pixels=least, max_pixels=most)


def missing(card: Card, folder: Path) -> list[str]:
    """Commands that fetch the card's pictures which are not here."""
    names = {i.picture for example in card.examples for i in (*example.left, *example.right) if i.picture}
    return [f"curl -L -o {folder / n} '{_PICTURES[n]}'" for n in sorted(names) if not (folder / n).is_file()]


def _embed(encoder: Encoder, inputs: tuple[Input, ...], instruction: str, folder: Path) -> Vectors:
    return np.vstack([_embed_one(encoder, each, instruction, folder) for each in inputs])


def _embed_one(encoder: Encoder, given: Input, instruction: str, folder: Path) -> Vectors:
    if not given.picture:
        return encoder.encode_texts([given.text], instruction)
    with Image.open(folder / given.picture) as image:
        prepared = encoder.prepare(image.convert("RGB"))
    return encoder.encode_images([prepared], instruction, [given.text] if given.text else ())


if __name__ == "__main__":
    sys.exit(main())

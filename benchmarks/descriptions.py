"""Thirty pictures with the sentences that stand for them, on one sheet, to be judged by reading.

Their tags are in descriptions.csv, given by somebody who looked at them; title, caption and alt text are phrased
from these, in English and Chinese.
"""

from __future__ import annotations

import argparse
import csv
import json
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

from benchmarks.photos import read_photos
from tagging_core.publishing.caption_templates import Description, phrase
from tagging_core.taxonomy.starter_file import read_taxonomy

_TAGS = Path(__file__).with_name("descriptions.csv")
_COLUMNS, _WIDTH, _HEIGHT, _TEXT = 6, 230, 220, 100


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("photos", type=Path, help="folder with images/ and labels.csv")
    parser.add_argument("sheet", type=Path, help="PNG or JPEG file to write")
    options = parser.parse_args()
    paths = {photo.path.name: photo.path for photo in read_photos(options.photos)}
    with _TAGS.open(encoding="utf-8") as file:
        tagged = {row["photo"]: row["tags"].split("|") for row in csv.DictReader(file)}
    known = {tag.id: tag for tag in read_taxonomy().tags.values()}
    said = {
        name: [phrase([known[tag] for tag in tags], language) for language in ("en", "zh")]
        for name, tags in tagged.items()
    }
    draw([(paths[name], english) for name, (english, _) in said.items()], options.sheet)
    rows = [
        {"photo": name, **{d.language: [d.title, d.caption, d.alt] for d in both}} for name, both in said.items()
    ]
    print(json.dumps({"pictures": len(said), "descriptions": rows}, ensure_ascii=False))


def draw(described: list[tuple[Path, Description]], path: Path) -> None:
    """A sheet of pictures with title and caption."""
    rows = -(-len(described) // _COLUMNS)
    sheet = Image.new("RGB", (_COLUMNS * _WIDTH, rows * (_HEIGHT + _TEXT)), "white")
    pen, small, bold = ImageDraw.Draw(sheet), ImageFont.load_default(14), ImageFont.load_default(16)
    for n, (photo, words) in enumerate(described):
        x, y = n % _COLUMNS * _WIDTH, n // _COLUMNS * (_HEIGHT + _TEXT)
        image = Image.open(photo).convert("RGB")
        image.thumbnail((_WIDTH - 16, _HEIGHT - 16))
        sheet.paste(image, (x + 8, y + 8))
        title = wrapped(words.title, 27)
        pen.text((x + 8, y + _HEIGHT), title, "black", bold)
        below = 22 * len(title.splitlines())
        pen.text((x + 8, y + _HEIGHT + below), wrapped(words.caption, 32), "#444", small)
    sheet.save(path, optimize=True, quality=80)


def wrapped(text: str, letters: int) -> str:
    lines, line = [], ""
    for word in text.split():
        if len(line) + len(word) >= letters:
            lines, line = [*lines, line], ""
        line = f"{line} {word}".strip()
    return "\n".join([*lines, line])


if __name__ == "__main__":
    main()

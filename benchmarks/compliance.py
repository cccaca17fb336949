"""How often sensitive tags are shown on ordinary photos, and how well copies of protected pictures are told.

The library is new: nobody has decided anything. Photos are ordinary ones, so what is shown is a false alarm, but
for the few in which somebody would agree. Copies are made of every tenth photo and compared with it; all photos are
compared with one another.
"""

from __future__ import annotations

import argparse
import io
import json
import tempfile
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image, ImageEnhance, ImageOps

from benchmarks.photos import read_photos
from tagging_core import Settings, Tagloop
from tagging_core.assets.decoding import open_picture
from tagging_core.assets.protected import CUT
from tagging_core.common.users import local_user
from tagging_core.curation import sensitive_tags
from tagging_core.embeddings.encoders import load_encoder
from tagging_core.learning.suggestions import MIN_PROBABILITY


def jpeg(image: Image.Image, quality: int) -> Image.Image:
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return Image.open(buffer).convert("RGB")


def crop(image: Image.Image, share: float) -> Image.Image:
    """Without a margin of this share of each side."""
    dx, dy = round(image.width * share / 2), round(image.height * share / 2)
    return image.crop((dx, dy, image.width - dx, image.height - dy))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "half size": lambda i: i.resize((max(1, i.width // 2), max(1, i.height // 2))),
    "JPEG quality 40": lambda i: jpeg(i, 40),
    "cropped by 10 %": lambda i: crop(i, 0.1),
    "cropped by 25 %": lambda i: crop(i, 0.25),
    "brighter by 20 %": lambda i: ImageEnhance.Brightness(i).enhance(1.2),
    "black and white": lambda i: ImageOps.grayscale(i).convert("RGB"),
    "mirrored": ImageOps.mirror,
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    warnings.filterwarnings("ignore")
    encoder = load_encoder("builtin", arguments.models)
    photos = [photo for folder in arguments.folders for photo in read_photos(folder)]
    images = [encoder.prepare(open_picture(photo.path.read_bytes()).image) for photo in photos]
    vectors = encoder.encode_images(images)
    with tempfile.TemporaryDirectory() as folder:
        loop = Tagloop(Settings(data_dir=Path(folder), encoder="builtin"), encoder)
        loop.curation.apply(local_user("Ann"), sensitive_tags.switch_on(loop.taxonomy()))
        loop.model.library.settle()
        matrix = loop.model.library.matrix()
        shown = (matrix.probabilities(vectors) >= MIN_PROBABILITY).mean(axis=0)
        alarms = {
            matrix.taxonomy.tags[t].name(): round(100 * float(shown[row]), 1)
            for t, row in matrix.rows.items()
            if matrix.taxonomy.tags[t].sensitive
        }
        loop.close()
    chosen = list(range(0, len(photos), 10))
    found = {}
    for name, change in COPIES.items():
        originals = (open_picture(photos[n].path.read_bytes()).image for n in chosen)
        copies = encoder.encode_images([encoder.prepare(change(image)) for image in originals])
        cosines = (copies * vectors[chosen]).sum(axis=1)
        found[name] = {
            "found": round(float((cosines >= CUT).mean()), 3),
            "median": round(float(np.median(cosines)), 3),
            "10th percentile": round(float(np.percentile(cosines, 10)), 3),
        }
    others = vectors @ vectors.T
    np.fill_diagonal(others, -1)
    nearest = others.max(axis=1)
    result = {
        "photos": len(photos),
        "sensitive_shown_on_100": alarms,
        "copies": found,
        "other_photos_taken_for_copies": round(float((nearest >= CUT).mean()), 4),
        "nearest_other_percentiles": {p: round(float(np.percentile(nearest, p)), 3) for p in (95, 98, 99)},
    }
    print(json.dumps(result))


if __name__ == "__main__":
    main()

"""Measure the built-in encoder's means and scales on training photos and write builtin_reference.npz.

Run once per change of the built-in model; labels are not read, only the split.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path

import numpy as np

from benchmarks.photos import read_photos
from tagging_core.assets.decoding import open_picture
from tagging_core.embeddings.encoders import builtin, colours, find_preset, image_network
from tagging_core.embeddings.encoders.sentence import BuiltinEncoder

_TARGET = Path(builtin.__file__).with_name("builtin_reference.npz")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folders", nargs="+", type=Path, help="folders of labelled photos")
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    photos = [photo for folder in arguments.folders for photo in read_photos(folder) if photo.split == "train"]
    images = [builtin.prepare(open_picture(photo.path.read_bytes()).image) for photo in photos]
    network = image_network.ImageNetwork(arguments.models)
    batches = [np.stack([np.asarray(i) for i in images[k : k + 32]]) for k in range(0, len(images), 32)]
    features = np.vstack([network(batch)[1] for batch in batches])
    seen = np.stack([colours.colour_profile(image) for image in images])
    parts = {
        "visual_mean": features.mean(0),
        "colour_mean": seen.mean(0),
        "colour_scale": np.maximum(seen.std(0), 0.02),
        "mean": np.zeros(2296),
    }
    np.savez(_TARGET, **{name: part.astype(np.float16) for name, part in parts.items()})
    vectors = BuiltinEncoder(find_preset("builtin"), arguments.models).encode_images(images)
    parts["mean"] = vectors.mean(0)
    np.savez(_TARGET, **{name: part.astype(np.float16) for name, part in parts.items()})
    print(json.dumps({"photos": len(photos), "mean_length": float(np.linalg.norm(parts["mean"]))}))


if __name__ == "__main__":
    main()

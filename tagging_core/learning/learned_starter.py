"""Learned starters: classifiers of the starter tags, fitted to labelled photos before delivery.

A starter belongs to one encoder's vectors, by fingerprint. It ships as a file, is copied into the database when an
installation adopts it, and comes into force as a reference pack, so that later files change nothing by themselves.
"""

from __future__ import annotations

import io
import zipfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tagging_core.embeddings.encoders import Vectors
from tagging_core.errors import TagError
from tagging_core.learning.classifier import TagModel, TagPrior

FOLDER = Path(__file__).parents[2] / "data" / "taxonomy" / "learned"
_ARRAYS = ("fingerprint", "photos", "mean", "tags", "weights", "biases", "variances", "categories", "nothing")


@dataclass(frozen=True, slots=True)
class LearnedStarter:
    """The content of a starter file.

    Attributes:
        fingerprint: Of the encoder's vector space.
        photos: Number of labelled photos.
        mean: `(d,)` mean that pictures are centred by.
        priors: By tag id.
        nothing: Logit of "none of them" by exclusive category.
    """

    fingerprint: str
    photos: int
    mean: Vectors
    priors: dict[str, TagPrior]
    nothing: dict[str, float]

    def to_bytes(self) -> bytes:
        """Return the file's content; weights are stored as float16."""
        priors = list(self.priors.values())
        buffer = io.BytesIO()
        np.savez_compressed(
            buffer,
            fingerprint=np.array(self.fingerprint),
            photos=np.array(self.photos),
            mean=self.mean,
            tags=np.array(list(self.priors)),
            weights=np.stack([prior.model.weights for prior in priors]).astype(np.float16),
            biases=np.array([prior.model.bias for prior in priors]),
            variances=np.array([prior.variance for prior in priors]),
            categories=np.array(list(self.nothing), dtype=np.str_),
            nothing=np.array(list(self.nothing.values()), np.float64),
        )
        return buffer.getvalue()


def parse_starter(data: bytes) -> LearnedStarter:
    """Read a starter file's content.

    Args:
        data: The content.

    Returns:
        The starter.

    Raises:
        TagError: The content is damaged or has another form.
    """
    try:
        with np.load(io.BytesIO(data), allow_pickle=False) as arrays:
            read = {key: arrays[key] for key in _ARRAYS}
    except (ValueError, OSError, KeyError, EOFError, zipfile.BadZipFile) as error:
        raise TagError(
            f"The learned starter is damaged, or was made by another version ({error}); build it again."
        ) from error
    photos, weights = int(read["photos"]), read["weights"].astype(np.float32)
    values = zip(read["tags"].tolist(), weights, read["biases"].tolist(), read["variances"].tolist(), strict=True)
    return LearnedStarter(
        str(read["fingerprint"]),
        photos,
        read["mean"].astype(np.float32),
        {tag_id: TagPrior(TagModel(row, bias), variance, photos) for tag_id, row, bias, variance in values},
        dict(zip(read["categories"].tolist(), read["nothing"].tolist(), strict=True)),
    )


def find_starter(fingerprint: str) -> Path | None:
    """Return the starter file that ships for an encoder, None if there is none.

    Args:
        fingerprint: Of the encoder's vector space.
    """
    path = FOLDER / f"{fingerprint}.npz"
    return path if path.is_file() else None

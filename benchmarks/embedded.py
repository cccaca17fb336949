"""Labelled photos as vectors, each embedded once and kept beside the model files."""

from __future__ import annotations

import argparse
import hashlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.photos import Photo, read_photos
from tagging_core.assets.decoding import open_picture
from tagging_core.embeddings.encoders import Encoder, Vectors
from tagging_core.learning.tag_texts import common_text
from tagging_core.taxonomy.model import Tag, Taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy, with_known_synonyms


@dataclass(frozen=True, slots=True)
class Embedded:
    """Photos of one folder.

    Attributes:
        tags: Names of the labels.
        texts: `(t, d)` their text vectors.
        common: `(d,)` what all texts of the encoder have in common.
        vectors: `(n, d)`.
        labels: `(n, t)` bool.
        train: `(n,)` bool, the rest is test.
    """

    tags: list[str]
    texts: Vectors
    common: Vectors
    vectors: Vectors
    labels: NDArray[np.bool_]
    train: NDArray[np.bool_]

    @property
    def single_label(self) -> bool:
        """Whether every photo has exactly one label, as in an exclusive category."""
        return bool((self.labels.sum(axis=1) == 1).all())


def photo_arguments(description: str | None, draws: int) -> argparse.ArgumentParser:
    """The arguments that benchmarks on labelled photos share."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--encoder", default="builtin")
    parser.add_argument("--draws", type=int, default=draws)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    return parser


def embed_folder(folder: Path, encoder: Encoder, cache: Path, bare: bool = False) -> Embedded:
    """Embed a folder's photos and labels; labels become tags by the rule that any new tag gets."""
    photos = read_photos(folder)
    tags = sorted({tag for photo in photos for tag in photo.tags})
    starter = read_taxonomy()
    sentences = [starter.sentences(new_tag(name, starter, bare), encoder.preset.templates) for name in tags]
    texts = np.stack([_mean(encoder, group) for group in sentences])
    return Embedded(
        tags=tags,
        texts=texts,
        common=common_text(encoder),
        vectors=_embed(photos, encoder, cache),
        labels=np.array([[tag in photo.tags for tag in tags] for photo in photos]),
        train=np.array([photo.split == "train" for photo in photos]),
    )


def new_tag(name: str, taxonomy: Taxonomy, bare: bool = False) -> Tag:
    """The tag the console would make of a name that an owner types, synonyms of the starter library included."""
    tag = Tag("", next(iter(taxonomy.categories)), {"en": name})
    return tag if bare else with_known_synonyms(tag, taxonomy)


def _mean(encoder: Encoder, sentences: list[str]) -> Vectors:
    mean = encoder.encode_texts(sentences).mean(axis=0)
    return mean / np.linalg.norm(mean)


def _embed(photos: list[Photo], encoder: Encoder, cache: Path) -> Vectors:
    names = "\n".join(f"{p.path.name} {p.path.stat().st_size}" for p in photos)
    key = hashlib.sha256(f"{encoder.fingerprint}\n{names}".encode()).hexdigest()[:16]
    path = cache / f"embedded-{key}.npy"
    if path.exists():
        return np.load(path, allow_pickle=False)
    images = [encoder.prepare(open_picture(photo.path.read_bytes()).image) for photo in photos]
    vectors = encoder.encode_images(images)
    cache.mkdir(parents=True, exist_ok=True)
    np.save(path, vectors)
    return vectors

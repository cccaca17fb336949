"""Embeddings of assets and tag texts in SQL, as float32: the source of truth, of which Chroma holds copies."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence

import numpy as np
from sqlalchemy import Connection, delete, select

from tagging_core.embeddings import spaces
from tagging_core.embeddings.encoders import Encoder, Vectors, unit
from tagging_core.storage import Database, upsert
from tagging_core.storage.schema import text_vectors, vectors


def save(
    connection: Connection,
    fingerprint: str,
    asset_ids: Sequence[int],
    *,
    matrix: Vectors,
    kind: str = "image",
) -> None:
    """Upsert the vectors of assets.

    Args:
        fingerprint: The vector space.
        asset_ids: n assets.
        matrix: `(n, d)`; row i belongs to `asset_ids[i]`.
        kind: `image`, or `text` for the text that came with the picture.
    """
    model, instruction = spaces.split(fingerprint)
    key = {"fingerprint": model, "kind": kind, "instruction": instruction}
    rows = [
        {"asset_id": asset_id, **key, "vector": to_bytes(vector)}
        for asset_id, vector in zip(asset_ids, matrix, strict=True)
    ]
    upsert(connection, vectors, rows)


def load(
    connection: Connection,
    fingerprint: str,
    asset_ids: Sequence[int],
    *,
    kind: str = "image",
) -> dict[int, Vectors]:
    """Return vectors `(d,)` by asset id; assets without a vector in the space are absent."""
    model, instruction = spaces.split(fingerprint)
    found: dict[int, Vectors] = {}
    for start in range(0, len(asset_ids), 500):
        query = select(vectors.c.asset_id, vectors.c.vector).where(
            vectors.c.asset_id.in_(asset_ids[start : start + 500]),
            vectors.c.fingerprint == model,
            vectors.c.kind == kind,
            vectors.c.instruction == instruction,
        )
        found.update({row.asset_id: from_bytes(row.vector) for row in connection.execute(query)})
    return found


def replace_text(connection: Connection, fingerprint: str, asset_id: int, *, matrix: Vectors | None) -> None:
    """Upsert the vector `(1, d)` of an asset's text, or delete it if None."""
    if matrix is not None:
        save(connection, fingerprint, [asset_id], matrix=matrix, kind="text")
        return
    mine = vectors.c.asset_id == asset_id, vectors.c.fingerprint == fingerprint, vectors.c.kind == "text"
    connection.execute(delete(vectors).where(*mine))


def load_sentences(
    connection: Connection, fingerprint: str, groups: Sequence[Sequence[str]]
) -> list[Vectors | None]:
    """Return the stored mean vector `(d,)` of each group of sentences; None if it was never embedded."""
    keys = [_sentences_key(group) for group in groups]
    wanted = sorted(set(keys))
    query = select(text_vectors.c.text, text_vectors.c.vector).where(text_vectors.c.fingerprint == fingerprint)
    known: dict[str, Vectors] = {}
    for start in range(0, len(wanted), 500):
        rows = connection.execute(query.where(text_vectors.c.text.in_(wanted[start : start + 500])))
        known.update({row.text: from_bytes(row.vector) for row in rows})
    return [known.get(key) for key in keys]


def encode_sentences(encoder: Encoder, groups: Sequence[Sequence[str]], instruction: str = "") -> list[Vectors]:
    """Embed groups of sentences; return the normalized mean vector `(d,)` of each."""
    encoded = encoder.encode_texts([text for group in groups for text in group], instruction)
    bounds = np.cumsum([0, *(len(group) for group in groups)])
    return [unit(encoded[bounds[i] : bounds[i + 1]].mean(axis=0)) for i in range(len(groups))]


def save_sentences(
    connection: Connection, fingerprint: str, groups: Sequence[Sequence[str]], *, means: Sequence[Vectors]
) -> None:
    """Store the result of `encode_sentences`."""
    rows = [
        {"fingerprint": fingerprint, "text": _sentences_key(group), "vector": to_bytes(mean)}
        for group, mean in zip(groups, means, strict=True)
    ]
    upsert(connection, text_vectors, rows)


def sentences(
    database: Database,
    encoder: Callable[[], Encoder],
    fingerprint: str,
    *,
    groups: Sequence[Sequence[str]],
    instruction: str = "",
) -> list[Vectors]:
    """Return the mean vector `(d,)` of each group of sentences; embed and store the missing ones.

    Args:
        encoder: Called only if a group is missing.
        fingerprint: The vector space.
        groups: Sentences, such as the prompts of one tag; each group gives one vector.
        instruction: The space's instruction.

    Raises:
        EncoderError: A group is missing and the encoder cannot be loaded.
    """
    with database.read() as connection:
        found = load_sentences(connection, fingerprint, groups)
    missing = [place for place, vector in enumerate(found) if vector is None]
    if missing:
        fresh = encode_sentences(encoder(), [groups[place] for place in missing], instruction)
        with database.write() as connection:
            save_sentences(connection, fingerprint, [groups[place] for place in missing], means=fresh)
        for place, vector in zip(missing, fresh, strict=True):
            found[place] = vector
    return [vector for vector in found if vector is not None]


def _sentences_key(group: Sequence[str]) -> str:
    return hashlib.sha256("\n".join(group).encode()).hexdigest()


def to_bytes(vector: Vectors) -> bytes:
    """Serialize a vector as little-endian float32, the format in SQL."""
    return np.asarray(vector, dtype="<f4").tobytes()


def from_bytes(data: bytes) -> Vectors:
    """Deserialize a vector from SQL; the array is read-only."""
    return np.frombuffer(data, dtype="<f4")

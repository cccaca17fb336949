"""The progress of building a vector space."""

from __future__ import annotations

from dataclasses import dataclass

from tagging_core.embeddings.spaces import VectorSpace


@dataclass(frozen=True, slots=True)
class BuildProgress:
    """A vector space and its build progress.

    Attributes:
        title: Title of the model.
        pictures: Number of pictures to embed.
        missing: How many of them have no vector yet.
        pending: Number of tags not fitted yet.
    """

    space: VectorSpace
    title: str
    pictures: int
    missing: int
    pending: int

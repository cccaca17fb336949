"""Text vectors of tags, centred: without what all texts of an encoder have in common.

The common part is the mean of a bank of texts: the tags of the starter library and about as many names of things.
A picture's product with it tells how well the picture agrees with texts as such; without it, a tag is measured by
how much better it fits than others do. The house's own tags are not in the bank: else a new tag would change the
probabilities of all others.

Source: the centring step of image-wise standardisation, arXiv 2502.16911 (SPARC). Dividing by the standard
deviation as well would end the classifiers' being linear, for less than half of what the centring gives.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Encoder, Preset, Vectors, class_names, unit
from tagging_core.storage import Database
from tagging_core.taxonomy.model import Tag, Taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy

_MOST = 20_000  # vectors kept


class TagTexts:
    """Embeds texts for one vector space; keeps the vectors in memory and in the database.

    Args:
        database: Keeps the vectors of sentences between processes.
        preset: The model, with its sentence templates.
        encoder: Loads the encoder; called only for sentences that were never embedded.
        instruction: Instruction of the space, empty for none.
    """

    def __init__(
        self, database: Database, preset: Preset, encoder: Callable[[], Encoder], *, instruction: str = ""
    ) -> None:
        self._database, self._preset, self._encoder, self._instruction = database, preset, encoder, instruction
        self._fingerprint = spaces.fingerprint_of(preset.fingerprint, instruction)
        self._known: dict[tuple[str, ...], Vectors] = {}
        self._common: Vectors | None = None

    def of(self, tags: Sequence[Tag], taxonomy: Taxonomy) -> list[Vectors]:
        """Return the centred unit text vector `(d,)` of each tag."""
        return self.of_sentences(
            [taxonomy.sentences(tag, self._preset.templates, self._preset.name) for tag in tags]
        )

    def of_sentences(self, groups: Sequence[Sequence[str]]) -> list[Vectors]:
        """Return the centred unit text vector `(d,)` of each group of sentences."""
        if self._common is None:
            self._common = np.mean(self._vectors(_bank(self._preset)), axis=0)
        return [unit(vector - self._common) for vector in self._vectors(groups)]

    def _vectors(self, groups: Sequence[Sequence[str]]) -> list[Vectors]:
        keys = [tuple(group) for group in groups]
        new = [key for key in keys if key not in self._known]
        if new:
            if len(self._known) > _MOST:
                self._known = {}
            found = vectors.sentences(
                self._database, self._encoder, self._fingerprint, groups=new, instruction=self._instruction
            )
            self._known = self._known | dict(zip(new, found, strict=True))
        return [self._known[key] for key in keys]


def common_text(encoder: Encoder, instruction: str = "") -> Vectors:
    """Embed the common part `(d,)` of all texts, without keeping anything.

    Args:
        encoder: The encoder.
        instruction: Of the vector space, empty for none.
    """
    found = vectors.encode_sentences(encoder, _bank(encoder.preset), instruction)
    return np.asarray(np.mean(found, axis=0), np.float32)


def _bank(preset: Preset) -> list[list[str]]:
    """Groups of sentences: one a text of the bank."""
    starter = read_taxonomy()
    tags = [starter.sentences(tag, preset.templates, preset.name) for tag in starter.active()]
    return tags + [[f"a photo of a {name}"] for name in class_names()[::4]]

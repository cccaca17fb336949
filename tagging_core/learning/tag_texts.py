"""Text vectors of tags, kept in memory while their sentences stay the same."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tagging_core.embeddings import spaces, vectors
from tagging_core.embeddings.encoders import Encoder, Preset, Vectors
from tagging_core.storage import Database
from tagging_core.taxonomy.model import Tag, Taxonomy

_MOST = 20_000  # vectors kept


class TagTexts:
    """Embeds the sentences of tags for one vector space.

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

    def of(self, tags: Sequence[Tag], taxonomy: Taxonomy) -> list[Vectors]:
        """Return the unit text vector `(d,)` of each tag."""
        groups = [tuple(taxonomy.sentences(tag, self._preset.templates, self._preset.name)) for tag in tags]
        new = [group for group in groups if group not in self._known]
        if new:
            if len(self._known) > _MOST:
                self._known = {}
            found = vectors.sentences(
                self._database, self._encoder, self._fingerprint, groups=new, instruction=self._instruction
            )
            self._known = self._known | dict(zip(new, found, strict=True))
        return [self._known[group] for group in groups]

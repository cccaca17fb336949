"""The active model: one encoder with the tag library and the suggester that belong to it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from sqlalchemy import Connection

from tagging_core.embeddings.encoders import Encoder, Preset
from tagging_core.embeddings.registry import EncoderRegistry
from tagging_core.learning.library import TagLibrary
from tagging_core.learning.registry import LibraryRegistry
from tagging_core.learning.suggestions import Suggester
from tagging_core.learning.text_evidence import TextEvidence
from tagging_core.taxonomy.model import Taxonomy


@dataclass(slots=True)
class ActiveModel:
    """What services need of the active model; a model switch creates a new object.

    Attributes:
        preset: The encoder's constants and fingerprint.
        library: The tags' classifiers under the default instruction.
        suggester: Suggests tags with that library.
        encoder: Returns the loaded encoder; slow on first call, raises EncoderError if it cannot be loaded.
        instructed: Tag libraries of profiles with their own instruction; decisions are fitted there too.
    """

    preset: Preset
    library: TagLibrary
    suggester: Suggester
    encoder: Callable[[], Encoder]
    instructed: list[TagLibrary] = field(default_factory=list)

    @classmethod
    def open(cls, preset: Preset, encoders: EncoderRegistry, libraries: LibraryRegistry) -> ActiveModel:
        """Create the model of a preset without loading the encoder.

        Args:
            preset: The encoder's constants and fingerprint.
            encoders: Loads the encoder when it is first needed, such as to embed a tag's text.
            libraries: Source of the tag libraries.

        Returns:
            A model with the tag library and suggester of the default instruction; `instructed` is empty.
        """

        def encoder() -> Encoder:
            return encoders.get(preset)

        return cls(preset, libraries.of(preset), Suggester(libraries, preset, TextEvidence(encoder)), encoder)

    @property
    def fingerprint(self) -> str:
        """The model's fingerprint."""
        return self.preset.fingerprint

    @property
    def taxonomy(self) -> Taxonomy:
        """The taxonomy at the library's latest revision."""
        return self.library.matrix().taxonomy

    def load_taxonomy(self, connection: Connection) -> Taxonomy:
        """Return the taxonomy as seen by a transaction.

        Args:
            connection: A read or write transaction.

        Returns:
            The taxonomy, with the transaction's own changes; from memory if its revision has not changed.
        """
        return self.library.taxonomies.load(connection)

    def fit(self, tag_ids: Iterable[str | None], taxonomy: Taxonomy) -> None:
        """Fit a decision's own tags in every library; other dirty tags are left to the background.

        Args:
            tag_ids: The tags of a decision; None and deleted tags are skipped, merged ones resolved.
            taxonomy: The taxonomy that the decision was written under.

        Raises:
            EncoderError: A tag's text has no embedding yet and the encoder cannot be loaded.
        """
        resolved = {found for tag_id in tag_ids if tag_id and (found := taxonomy.redirects.resolve(tag_id))}
        for library in (self.library, *self.instructed):
            library.settle(resolved, taxonomy=taxonomy)

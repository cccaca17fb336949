"""Tagging single pictures, in process."""

from __future__ import annotations

from collections.abc import Sequence

from tagging_core.app.tagloop import Tagloop
from tagging_core.assets.repository import NO_TEXT, AssetText
from tagging_core.common.users import User
from tagging_core.learning.suggestions import MAX_SUGGESTIONS, Suggestion
from tagging_core.publishing import schemas, serializers
from tagging_core.publishing.caption_templates import phrase
from tagging_core.publishing.captions import Captions
from tagging_core.review.shown import Shown
from tagging_core.taxonomy.model import Taxonomy

_LIKELY = 0.5
"""Minimum probability of the suggestions that a drafted description uses."""


class PicturesOperations:
    """Operations on single pictures, in process."""

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def tag(
        self,
        picture: bytes,
        name: str = "",
        profile: str = "general",
        *,
        text: schemas.Text | None = None,
        instruction: str = "",
        top_k: int = MAX_SUGGESTIONS,
        target: float | None = None,
        language: schemas.Language = "en",
        keep: bool = True,
        vector: bool = False,
    ) -> schemas.Tagged:
        """Tag one picture synchronously.

        Args:
            picture: The encoded image file.
            name: File name to store.
            profile: Business type; selects the tag categories.
            text: Accompanying text; tag names in it are evidence.
            instruction: What the model should look for; ignored by models without instructions.
            top_k: Maximum number of suggestions.
            target: Minimum precision in (0, 1), such as 0.95. Suggestions below the threshold that past decisions
                support are dropped; with too few decisions, those with a lower probability.
            keep: Whether to store the picture.
            vector: Whether to return its embedding.

        Raises:
            PictureError: The file is not an image that Tagloop can decode.
            NotFoundError: The profile does not exist.
            TargetError: The precision is outside the range that can be guaranteed.
            BusyError: Too many pictures are waiting.
        """
        thresholds = None if target is None else self._loop.review.thresholds(profile, target)
        asset_text = AssetText(**text.model_dump()) if text else NO_TEXT
        found = self._loop.tagger.tag(
            self._user, picture, profile, name=name, text=asset_text, instruction=instruction, keep=keep
        )
        chosen = found.suggestions
        if thresholds is not None:
            cuts = {s.tag_id: thresholds.of(s.tag_id).probability or thresholds.target for s in chosen}
            chosen = [s for s in chosen if s.probability >= cuts[s.tag_id]]
        matrix = self._loop.model.library.matrix()
        chosen = chosen[:top_k]
        shown = Shown(found.asset_id or 0, profile, tuple(chosen))
        return schemas.Tagged(
            asset=found.asset_id,
            sha256=found.sha256,
            new=found.new,
            suggestions=serializers.suggestions(chosen, matrix.taxonomy, language),
            description=_draft(found.suggestions, matrix.taxonomy, language, text=asset_text),
            vector=[float(x) for x in found.vector] if vector else None,
            shown=self._loop.shown_tokens.write(shown) if found.asset_id else "",
            model=self._loop.model.library.fingerprint,
            revision=matrix.revision,
        )


def _draft(
    found: Sequence[Suggestion], taxonomy: Taxonomy, language: str, *, text: AssetText
) -> schemas.Description:
    likely = [taxonomy.tags[s.tag_id] for s in found if s.probability >= _LIKELY and s.tag_id in taxonomy.tags]
    return serializers.description(Captions(phrase(likely, language, text), ()))

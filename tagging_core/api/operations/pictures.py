"""Pictures in, in process."""

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
"""Probability from which a suggestion is part of a drafted description."""


class PicturesOperations:
    """Pictures in as one user.

    Args:
        loop: The installation.
        user: As whom everything is done.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

    def tag(
        self,
        picture: bytes,
        name: str = "",
        profile: str = "general",
        text: schemas.Text | None = None,
        instruction: str = "",
        top_k: int = MAX_SUGGESTIONS,
        target: float | None = None,
        language: schemas.Language = "en",
        keep: bool = True,
        vector: bool = False,
    ) -> schemas.Tagged:
        """Tag one picture while the caller waits.

        Args:
            picture: The whole file.
            name: What the caller calls it.
            profile: Chooses the categories in play.
            text: What belongs to it; names of tags in it count.
            instruction: What the model should look for; models that take none ignore it.
            top_k: Suggestions at most.
            target: Wanted precision in (0, 1), such as 0.95: only suggestions that keep it, by past decisions, or
                by their probability where there are too few of those.
            keep: Whether it joins the archive.
            vector: Whether its vector is returned.

        Raises:
            PictureError: It is no picture that Tagloop can read.
            NotFoundError: There is no such profile.
            TargetError: No library can promise that precision.
            BusyError: Too many pictures wait.
        """
        promise = None if target is None else self._loop.review.thresholds(profile, target)
        came = AssetText(**text.model_dump()) if text else NO_TEXT
        found = self._loop.tagger.tag(self._user, picture, profile, name, came, instruction, keep)
        chosen = found.suggestions
        if promise is not None:
            cuts = {s.tag_id: promise.of(s.tag_id).probability or promise.target for s in chosen}
            chosen = [s for s in chosen if s.probability >= cuts[s.tag_id]]
        matrix = self._loop.model.library.matrix()
        chosen = chosen[:top_k]
        shown = Shown(found.asset_id or 0, profile, tuple(chosen))
        return schemas.Tagged(
            asset=found.asset_id,
            sha256=found.sha256,
            new=found.new,
            suggestions=serializers.suggestions(chosen, matrix.taxonomy, language),
            description=_draft(found.suggestions, matrix.taxonomy, language, came),
            vector=[float(x) for x in found.vector] if vector else None,
            shown=self._loop.shown_tokens.write(shown) if found.asset_id else "",
            model=self._loop.model.library.fingerprint,
            revision=matrix.revision,
        )


def _draft(found: Sequence[Suggestion], taxonomy: Taxonomy, language: str, text: AssetText) -> schemas.Description:
    likely = [taxonomy.tags[s.tag_id] for s in found if s.probability >= _LIKELY and s.tag_id in taxonomy.tags]
    return serializers.description(Captions(phrase(likely, language, text), ()))

"""What became of tags that are no more: those merged into another, and those deleted.

Decisions keep the id they were made under; their meaning follows the tag. So a merge writes no decision anew, and
taking it back gives each tag its own decisions again.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TagRedirects:
    """Where tag ids lead.

    Attributes:
        merged: By merged tag, the tag it went into and the last event before that, earliest merge first.
        gone: Deleted tags.
    """

    merged: dict[str, tuple[str, int]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def resolve(self, tag_id: str) -> str | None:
        """The tag that an id stands for; None if it was deleted."""
        seen = {tag_id}
        while tag_id in self.merged:
            tag_id = self.merged[tag_id][0]
            if tag_id in seen:
                return None
            seen.add(tag_id)
        return None if tag_id in self.gone else tag_id

    def moved(self, other: TagRedirects) -> set[str]:
        """The ids that lead elsewhere, or nowhere, under other redirects."""
        ids = self.merged.keys() | other.merged.keys() | self.gone | other.gone
        return {tag_id for tag_id in ids if self.resolve(tag_id) != other.resolve(tag_id)}


NO_REDIRECTS = TagRedirects()
"""Every tag is itself."""

"""Redirects from the ids of merged and deleted tags.

Decisions keep the tag id they were made with; redirects are resolved on reading. So a merge rewrites no decision,
and undoing it restores each tag's own decisions.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class TagRedirects:
    """Resolves the ids of merged and deleted tags.

    Attributes:
        merged: By merged tag id, the target tag's id and the last event before the merge; earliest merge first.
        gone: Ids of deleted tags.
    """

    merged: dict[str, tuple[str, int]] = field(default_factory=dict)
    gone: frozenset[str] = frozenset()

    def resolve(self, tag_id: str) -> str | None:
        """Follow the redirects of a tag id.

        Args:
            tag_id: Any id; an unknown one is returned unchanged.

        Returns:
            The id of the tag that it stands for; None if redirects end at a deleted tag or form a cycle.
        """
        seen = {tag_id}
        while tag_id in self.merged:
            tag_id = self.merged[tag_id][0]
            if tag_id in seen:
                return None
            seen.add(tag_id)
        return None if tag_id in self.gone else tag_id

    def moved(self, other: TagRedirects) -> set[str]:
        """Return the ids that resolve differently under other redirects.

        Args:
            other: The redirects to compare with.

        Returns:
            Ids of merged and deleted tags, in either, for which `resolve` gives different results.
        """
        ids = self.merged.keys() | other.merged.keys() | self.gone | other.gone
        return {tag_id for tag_id in ids if self.resolve(tag_id) != other.resolve(tag_id)}


NO_REDIRECTS = TagRedirects()
"""No tag was merged or deleted."""

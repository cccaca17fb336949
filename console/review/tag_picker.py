"""The tag search field of group mode; the surface of focus mode has its own."""

from __future__ import annotations

from console import session
from console.review import actions, components, tag_search


@session.fragment()
def draw_picker() -> None:
    """Draw the field; it is a fragment, so that typing reruns nothing else."""
    components.draw_finder(tag_search.hits(components.typed()), actions.pick)

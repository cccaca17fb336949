"""The review page's keys: what each does, for the buttons that have them and for the help."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Key:
    """A key and what it does."""

    key: str
    does: str


EVERYWHERE = {
    "undo": Key("Z", "Undo your last act, also from what was learned"),
    "history": Key("H", "Your last 50 acts, each to undo or bring back"),
    "mode": Key("M", "Focus, grid, groups: the same pictures, another way"),
    "bulk": Key("B", "Accept many at once, by how many will be right"),
    "help": Key("?", "These keys"),
}
FOCUS = {
    "chip": Key("1 ... 9", "Accept that suggestion; press again to take it back"),
    "up": Key("Up", "The suggestion above"),
    "down": Key("Down", "The suggestion below"),
    "accept": Key("A", "Accept the marked suggestion"),
    "reject": Key("X", "Not this tag"),
    "instead": Key("E", "Another tag in its place"),
    "why": Key("W", "Why: the decided pictures behind it"),
    "find": Key("/", "Type any tag, in any language; typos are fine. Enter adds it, Esc leaves"),
    "done": Key("D", "Done: what you left out does not apply"),
    "skip": Key("S", "Skip: decide later"),
    "flag": Key("F", "Flag for discussion, with a note"),
    "back": Key("Left", "The picture before"),
    "next": Key("Right", "The next picture, deciding nothing"),
    "info": Key("I", "All that happened to this picture"),
    "original": Key("O", "The original, at full size"),
}
GRID = {
    "move": Key("Arrows", "Move over the pictures"),
    "toggle": Key("Space", "Select or unselect the picture; with Shift a click selects all between"),
    "confirm": Key("Enter", "Confirm: selected ones have the tag, the others do not"),
    "all": Key("A", "Select all"),
    "none": Key("X", "Select none"),
    "next": Key("N", "Other pictures, deciding nothing"),
    "open": Key("F", "Look at the picture in focus"),
}
GROUPS = {
    "move": Key("Arrows", "Move over the pictures"),
    "toggle": Key("Space", "Leave the picture out, or take it in"),
    "chip": Key("1 ... 9", "That tag for all selected pictures; press again to take it back"),
    "find": Key("/", "Type any tag, for all selected pictures"),
    "done": Key("D", "Done with the selected pictures"),
    "next": Key("N", "The next group, deciding nothing"),
    "open": Key("F", "Look at the picture in focus"),
}
MODES = {"focus": FOCUS, "grid": GRID, "groups": GROUPS}

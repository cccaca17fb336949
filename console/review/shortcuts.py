"""The review page's keys and what each does, for the help; a test holds the buttons against it."""

from __future__ import annotations

EVERYWHERE = {
    "Z": "Undo your last act, also from what was learned",
    "H": "Your last 50 acts, each to undo or bring back",
    "M": "Focus, grid, groups: the same pictures, another way",
    "B": "Accept many at once, by how many will be right",
    "?": "These keys",
}
FOCUS = {
    "1 ... 9": "Accept that suggestion; press again to take it back",
    "Up": "The suggestion above",
    "Down": "The suggestion below",
    "A": "Accept the marked suggestion",
    "X": "Not this tag",
    "E": "Another tag in its place",
    "W": "Why: the decided pictures behind it",
    "/": "Type any tag, in any language; typos are fine. Enter adds it, Esc leaves",
    "D": "Done: what you left out does not apply",
    "S": "Skip: decide later",
    "F": "Flag for discussion, with a note",
    "Left": "The picture before",
    "Right": "The next picture, deciding nothing",
    "I": "All that happened to this picture",
    "O": "The original, at full size",
}
GRID = {
    "Arrows": "Move over the pictures",
    "Space": "Select or unselect the picture; with Shift a click selects all between",
    "Enter": "Confirm: selected ones have the tag, the others do not",
    "A": "Select all",
    "X": "Select none",
    "N": "Other pictures, deciding nothing",
    "F": "Look at the picture in focus",
}
GROUPS = {
    "Arrows": "Move over the pictures",
    "Space": "Leave the picture out, or take it in",
    "1 ... 9": "That tag for all selected pictures; press again to take it back",
    "/": "Type any tag, for all selected pictures",
    "D": "Done with the selected pictures",
    "N": "The next group, deciding nothing",
    "F": "Look at the picture in focus",
}
MODES = {"focus": FOCUS, "grid": GRID, "groups": GROUPS}

"""The review page's keyboard shortcuts, for its help; a test compares grid and groups with their buttons."""

from __future__ import annotations

EVERYWHERE = {
    "Z": "Undo your latest decision; what was learned from it goes too",
    "H": "Your latest 50 decisions, to undo or redo",
    "M": "Switch between focus, grid and groups",
    "B": "Accept many at once, at a target precision",
    "?": "This help",
}
FOCUS = {
    "1 ... 9": "Accept that suggestion; press again to undo",
    "Up": "The suggestion above",
    "Down": "The suggestion below",
    "A": "Accept the marked suggestion",
    "X": "Reject the marked suggestion",
    "E": "Replace it with another tag",
    "W": "Why: the examples behind it",
    "/": "Type any tag, in any language or pinyin. Enter adds it, Esc leaves",
    "V": "Give this picture the tags of the one before; each can be undone",
    "D": "Done: what you left out does not apply; reopens a finished picture",
    "S": "Skip: decide later",
    "F": "Flag for discussion, with a note",
    "Left": "The previous picture",
    "Right": "The next picture, without a decision",
    "I": "Details: this picture's text, description and history",
    "O": "The original, at full size, in a new tab",
    "+  -": "Zoom; so do the wheel and a double click. Drag to move",
    "T": "Take over a picture that somebody else has open",
}
GRID = {
    "Arrows": "Move between pictures",
    "Space": "Mark the picture with yes, no, or neither; Shift-click marks a range",
    "Enter": "Confirm what is marked; the others stay undecided",
    "Shift+Enter": "Confirm, and no to all others",
    "A": "Mark all with yes",
    "X": "Leave all undecided",
    "N": "Other pictures, without a decision",
    "F": "Open the picture in focus mode",
}
GROUPS = {
    "Arrows": "Move between pictures",
    "Space": "Select or unselect the picture",
    "1 ... 9": "That tag for all selected pictures; press again to undo",
    "/": "Type any tag, for all selected pictures",
    "D": "Done with the selected pictures",
    "N": "The next group, without a decision",
    "F": "Open the picture in focus mode",
}
MODES = {"focus": FOCUS, "grid": GRID, "groups": GROUPS}

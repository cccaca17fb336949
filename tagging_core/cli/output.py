"""What commands print."""

from __future__ import annotations

import argparse
import json
import sys
from typing import Any

from tagging_core.errors import TaggingError
from tagging_core.review.decision_groups import DecisionGroup


def say_group(options: argparse.Namespace, group: DecisionGroup, verb: str) -> None:
    """Print what became of decisions that were written as a group."""
    line = f"{len(group.event_ids)} decisions {verb} as group {group.id}; undo this with `undo {group.id}`."
    if not group.event_ids:
        line = "Nothing to record: all of this is decided already."
    say(options, {"act": group.id, "events": group.event_ids}, [line])


def say(options: argparse.Namespace, data: dict[str, Any], lines: list[str]) -> None:
    """Print `lines`, or `data` as one line of JSON with `--json`."""
    print(json.dumps(data, ensure_ascii=False) if options.json else "\n".join(lines))


def say_error(options: argparse.Namespace, error: TaggingError | OSError) -> None:
    """Print an error, such as that of a file or port that the command line names, in one line."""
    text = str(error)
    if isinstance(error, OSError):
        text = (
            f"{error.filename} cannot be used: {error.strerror}."
            if error.filename
            else f"{error.strerror or error}."
        )
    print(json.dumps({"error": text}) if options.json else f"Error: {text}", file=sys.stderr)

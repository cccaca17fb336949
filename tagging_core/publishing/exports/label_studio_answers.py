"""What annotators answered in an exported task of Label Studio."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tagging_core.errors import NotFoundError
from tagging_core.taxonomy.tag_lookup import TagLookup

MARK = "label-studio-"
"""Beginning of the idempotency keys of imported decisions."""


@dataclass(frozen=True, slots=True)
class Answer:
    """The annotation of a picture that was submitted last.

    Attributes:
        at: When, in seconds since 1970; 0 if the export does not say.
        tag_ids: The tags that apply to the picture.
    """

    at: float
    tag_ids: list[str]

    @property
    def mark(self) -> str:
        """Beginning of the idempotency keys of its own decisions; tells whether it was imported before."""
        return MARK + hashlib.sha256(json.dumps([self.at, sorted(self.tag_ids)]).encode()).hexdigest()[:16]


def read_answer(task: dict[str, Any], lookup: TagLookup) -> Answer | None:
    """Return a task's answer; None if nobody has submitted one.

    Cancelled annotations do not count, nor do drafts and predictions.

    Raises:
        ValueError: The task does not tell annotations from data, names unknown tags, or answers something else.
        KeyError, TypeError, AttributeError: It is no task.
    """
    known = [task[key] for key in ("annotations", "completions") if key in task]  # `completions` before version 1.0
    if not known and "predictions" not in task:
        raise ValueError("a task without 'annotations'. In Label Studio, export as JSON, not as JSON-MIN")
    submitted = [a for a in (known[0] if known else []) if not (a.get("was_cancelled") or a.get("skipped"))]
    if not submitted:
        return None
    latest = max(reversed(submitted), key=_submitted_at)
    return Answer(_submitted_at(latest), _tags_of(latest["result"], lookup))


def _submitted_at(annotation: dict[str, Any]) -> float:
    stamp = annotation.get("updated_at") or annotation.get("created_at") or 0
    if isinstance(stamp, int | float):
        return float(stamp)
    try:
        found = datetime.fromisoformat(stamp)
    except ValueError:
        return 0.0
    return (found if found.tzinfo else found.replace(tzinfo=UTC)).timestamp()


def _tags_of(result: list[dict[str, Any]], lookup: TagLookup) -> list[str]:
    """Return the ids of the tags that an annotation names.

    Choices and taxonomies name tags, of a path the last part; so do the labels of boxes and other regions.
    """
    values = [part.get("value") or {} for part in result]
    lists = [value[control] for value in values for control in value if _names_tags(control, value[control])]
    if result and not lists:
        kinds = ", ".join(sorted({str(part.get("type")) for part in result}))
        raise ValueError(f"its annotation names no tags, but has answers of type {kinds}")
    found: dict[str, None] = {}
    problems = []
    for name in (name for names in lists for name in names):
        path = [str(step) for step in name] if isinstance(name, list) else [str(name)]
        try:
            found[lookup.find(path[-1], path[:-1]).id] = None
        except NotFoundError as error:
            problems.append(str(error).rstrip("."))
    if problems:
        raise ValueError("; ".join(problems))
    return list(found)


def _names_tags(control: str, names: object) -> bool:
    """Return whether a control answers with tags; a region without a label does not."""
    return control in ("choices", "taxonomy") or (control.endswith("labels") and bool(names))

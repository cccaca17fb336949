"""Export to and import from Label Studio: suggestions as predictions, decisions as annotations.

Uses its JSON format of tasks, with one `Choices` control named `tags`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from sqlalchemy import Connection

from tagging_core.assets import repository as asset_module
from tagging_core.errors import ImportRefusedError, TaggingError
from tagging_core.ledger.events import Kind
from tagging_core.publishing.schemas import Asset, Suggestion
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.model import Taxonomy


def config(taxonomy: Taxonomy) -> str:
    """Return the labelling configuration of a project for these tasks; choices are tag ids."""
    choices = "".join(
        f"\n    <Choice value={quoteattr(tag.id)} hint={quoteattr(tag.name())}/>" for tag in taxonomy.assignable()
    )
    control = f'<Choices name="tags" toName="image" choice="multiple" showInLine="true">{choices}\n  </Choices>'
    return f'<View>\n  <Image name="image" value="$image"/>\n  {control}\n</View>\n'


def task(asset: Asset, suggestions: Sequence[Suggestion], model: str, *, image: str) -> dict[str, Any]:
    """Convert an asset to a task.

    Args:
        asset: The asset; its accepted tags become an annotation.
        suggestions: Become a prediction, scored by the highest probability.
        model: Model version of the prediction.
        image: Image URL.
    """
    data = {"image": image, "asset": asset.id, "sha256": asset.sha256, "name": asset.name}
    predicted = [s.tag for s in suggestions]
    score = max((s.probability for s in suggestions), default=0.0)
    prediction = {"model_version": model, "score": score, "result": [_choices(predicted)]}
    given = [tag.tag for tag in asset.tags]
    annotation = {"result": [_choices(given)], "was_cancelled": False, "ground_truth": False}
    return {
        "data": data,
        "predictions": [prediction] if predicted else [],
        "annotations": [annotation] if given or asset.state == "done" else [],
    }


def to_tasks(tasks: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield the chunks of a JSON file of tasks."""
    before = "[\n"
    for each in tasks:
        yield before + json.dumps(each, ensure_ascii=False)
        before = ",\n"
    yield "[]\n" if before == "[\n" else "\n]\n"


def read(connection: Connection, text: str, taxonomy: Taxonomy, *, profile: str) -> list[Decision]:
    """Read decisions from an export of Label Studio: its tags are accepted, and its pictures are done.

    Raises:
        ImportRefusedError: A task is invalid; lists the problem of each.
    """
    try:
        tasks = json.loads(text)
    except ValueError as error:
        raise ImportRefusedError({1: f"the file is not JSON: {error}"}, "task") from error
    if not isinstance(tasks, list):
        raise ImportRefusedError({1: "expected a list of tasks, as exported by Label Studio"}, "task")
    found: list[Decision] = []
    problems: dict[int, str] = {}
    for n, each in enumerate(tasks, start=1):
        try:
            found += _decisions(connection, each, taxonomy, profile=profile)
        except TaggingError as error:
            problems[n] = str(error)
        except (KeyError, TypeError, AttributeError, ValueError):
            problems[n] = "not a task: expected data with an asset or sha256, and annotations"
    if problems:
        raise ImportRefusedError(problems, "task")
    return found


def _decisions(connection: Connection, each: dict[str, Any], taxonomy: Taxonomy, *, profile: str) -> list[Decision]:
    """Return the decisions of a task's latest annotation that was not cancelled."""
    annotations = [a for a in each.get("annotations", []) if not a.get("was_cancelled")]
    if not annotations:
        return []
    data = each["data"]
    asset = asset_module.resolve(connection, str(data.get("sha256") or data["asset"]))
    latest = max(annotations, key=lambda a: str(a.get("updated_at") or a.get("created_at") or ""))
    names = [c for part in latest["result"] if part["type"] == "choices" for c in part["value"]["choices"]]
    tag_ids = dict.fromkeys(taxonomy.tag(name).id for name in names)
    accepted = [Decision(Kind.ACCEPT, asset.id, tag_id, profile=profile) for tag_id in tag_ids]
    return [*accepted, Decision(Kind.DONE, asset.id, profile=profile)]


def _choices(tag_ids: Sequence[str]) -> dict[str, Any]:
    return {"from_name": "tags", "to_name": "image", "type": "choices", "value": {"choices": list(tag_ids)}}

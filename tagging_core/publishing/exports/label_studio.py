"""Export to and import from Label Studio: suggestions as predictions, decisions as annotations.

Uses its JSON format of tasks, with one `Choices` control named `tags`.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Iterator, Sequence
from typing import Any
from xml.sax.saxutils import quoteattr

from sqlalchemy import Connection

from tagging_core.assets import repository as asset_module
from tagging_core.errors import ImportRefusedError, TaggingError
from tagging_core.ledger.events import Kind, fold, history_of, undone_ids
from tagging_core.publishing.exports.label_studio_answers import MARK, Answer, read_answer
from tagging_core.publishing.schemas import Asset, Suggestion
from tagging_core.review.decisions import Decision
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.tag_lookup import TagLookup


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
    """Read decisions from an export of Label Studio: the latest annotation of a picture says which tags it has.

    Args:
        connection: A read transaction.
        text: Tasks in JSON; choices, taxonomies and labels name tags by id, name or alias.
        taxonomy: The tags.
        profile: Profile under which the pictures are done.

    Returns:
        Decisions that give the pictures these tags, take others away, and finish the review; none where a picture
        is as annotated already, or where this annotation was imported before.

    Raises:
        ImportRefusedError: A task is invalid; lists the problem of each.
    """
    lookup = TagLookup(taxonomy)
    answers: dict[int, Answer] = {}
    problems: dict[int, str] = {}
    for n, each in enumerate(_load(text), start=1):
        try:
            answer = read_answer(each, lookup)
            if answer is not None:
                asset_id = _find_asset(connection, each["data"])
                answers[asset_id] = max(answer, answers.get(asset_id, answer), key=lambda found: found.at)
        except (KeyError, TypeError, AttributeError):
            problems[n] = "not a task: expected data with an asset or sha256, and annotations"
        except (TaggingError, ValueError) as error:
            problems[n] = str(error).rstrip(".")
    if problems:
        raise ImportRefusedError(problems, "task")
    return [
        decision
        for asset_id, answer in answers.items()
        for decision in _decisions(connection, asset_id, answer, taxonomy=taxonomy, profile=profile)
    ]


def _load(text: str) -> list[dict[str, Any]]:
    try:
        tasks = json.loads(text)
    except ValueError as error:
        raise ImportRefusedError({1: f"the file is not JSON: {error}"}, "task") from error
    if not isinstance(tasks, list):
        raise ImportRefusedError({1: "expected a list of tasks, as exported by Label Studio"}, "task")
    return tasks


def _find_asset(connection: Connection, data: dict[str, Any]) -> int:
    return asset_module.resolve(connection, str(data.get("sha256") or data["asset"])).id


def _decisions(
    connection: Connection, asset_id: int, answer: Answer, *, taxonomy: Taxonomy, profile: str
) -> list[Decision]:
    """Return what gives a picture exactly the tags of an answer and finishes its review."""
    history = history_of(connection, asset_id)
    state, undone = fold(history, taxonomy.redirects), undone_ids(history)
    finished = profile in state.reviews
    imported = [e.uid for e in history if e.uid.startswith(MARK) and e.id not in undone]
    if finished and imported and imported[-1].startswith(answer.mark):
        return []  # decisions made since then stand
    given = [tag_id for tag_id, label in state.labels.items() if label.value]
    offered = [t for t in given if t in taxonomy.tags and taxonomy.tags[t].state != "deprecated"]
    verdicts: list[tuple[Kind, str | None]] = [(Kind.ACCEPT, t) for t in answer.tag_ids if t not in given]
    verdicts += [(Kind.REJECT, t) for t in offered if t not in answer.tag_ids]
    verdicts += [] if finished else [(Kind.DONE, None)]
    return [
        Decision(kind, asset_id, tag_id, profile=profile, uid=f"{answer.mark}-{uuid.uuid4().hex}")
        for kind, tag_id in verdicts
    ]


def _choices(tag_ids: Sequence[str]) -> dict[str, Any]:
    return {"from_name": "tags", "to_name": "image", "type": "choices", "value": {"choices": list(tag_ids)}}

"""Cards as the review surface gets them: names, states and addresses, ready to draw."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Any

from console import asset_history, image_routes, session
from console.review.chip_order import Orders, chips_of
from tagging_core.learning.exclusive_choices import Choices
from tagging_core.learning.suggestions import MIN_PROBABILITY
from tagging_core.ledger import Event, Kind, Look
from tagging_core.review import Card
from tagging_core.review.queue import QueueProgress
from tagging_core.taxonomy import Tag, Taxonomy

_SECOND = "Second opinion: somebody else has tagged this picture. Tag what you see."
_BLIND = "Blind sample: no suggestions here, so that accuracy is measured without bias. Type the tags."


def cards_data(cards: Sequence[Card], orders: Orders, taxonomy: Taxonomy) -> list[dict[str, Any]]:
    """Return cards as the surface draws them.

    Args:
        cards: The cards.
        orders: The order of the chips by picture, see `chips_of`.
        taxonomy: Gives the names.
    """
    closed = [card.asset.id for card in cards if card.asset.review in ("done", "flagged")]
    past = session.loop().assets.histories(closed)
    standing = {asset_id: [event for event, stands in found if stands] for asset_id, found in past.items()}
    return [
        _card_data(card, chips_of(card, orders, taxonomy), taxonomy, standing=standing.get(card.asset.id, []))
        for card in cards
    ]


def _card_data(card: Card, chips: dict[str, float], taxonomy: Taxonomy, *, standing: list[Event]) -> dict[str, Any]:
    asset = card.asset
    return {
        "id": asset.id,
        "token": session.loop().shown_tokens.write(card.shown),
        "screen": image_routes.screen(asset),
        "thumbnail": image_routes.thumbnail(asset),
        "original": image_routes.original(asset),
        "alt": _alt(card, chips, taxonomy),
        "caption": f"{asset.name} · {asset.width} x {asset.height} · {asset.format}",
        "notices": _notices(card, standing, taxonomy),
        "held": card.holder.actor if card.holder else None,
        "finished": None if card.look else _finished(asset.review, [event for event in standing if not event.look]),
        "chips": [{"tag": tag_id, "p": round(p, 4)} for tag_id, p in chips.items()],
        "labels": {tag_id: label.value for tag_id, label in card.decided.items()},
        "choices": [
            _choice(category_id, choices, taxonomy) for category_id, choices in card.choices.items() if choices.tags
        ],
        "partial": not (chips or card.blind) and card.guesses is None,
        "empty": "" if chips or card.blind else _nothing(card, taxonomy),
    }


def tags_of(cards: Iterable[dict[str, Any]], taxonomy: Taxonomy) -> dict[str, dict[str, Any]]:
    """Return what the surface knows about the tags that cards name, by tag id."""
    found: set[str] = set()
    for card in cards:
        found |= {chip["tag"] for chip in card["chips"]} | card["labels"].keys()
        found |= {tag_id for choice in card["choices"] for tag_id, _ in choice["tags"]}
    return {tag_id: tag_data(taxonomy.tags[tag_id], taxonomy) for tag_id in found if tag_id in taxonomy.tags}


def tag_data(tag: Tag, taxonomy: Taxonomy) -> dict[str, Any]:
    """Return what the surface knows about a tag: its name, its category, and whether it excludes others of it."""
    category = taxonomy.categories[tag.category_id]
    return {
        "name": session.tag_label(tag) + (" (proposed)" if tag.state == "proposed" else ""),
        "group": category.name(session.language()),
        "exclusive": category.id if category.exclusive else None,
        "help": tag.definition,
    }


def progress_data(found: QueueProgress) -> dict[str, Any]:
    """Return how far the batch is: words, and the share in [0, 1] that is done."""
    words = [
        f"{found.done:,} done",
        f"{found.waiting:,} waiting",
        *([f"{found.skipped:,} skipped"] if found.skipped else []),
        *([f"{found.flagged:,} flagged"] if found.flagged else []),
        *([f"{found.second:,} for second opinion"] if found.second else []),
    ]
    return {"words": " · ".join(words), "share": found.done / max(1, found.total)}


def _alt(card: Card, chips: dict[str, float], taxonomy: Taxonomy) -> str:
    """What the picture shows, as far as anybody knows: its text, its tags, or what is likelier than not."""
    text = card.asset.text
    accepted = [tag_id for tag_id, label in card.decided.items() if label.value]
    likely = (
        [] if card.blind else [tag_id for tag_id, p in chips.items() if p >= 0.5 and tag_id not in card.decided]
    )
    names = [session.tag_label(taxonomy.tags[t]) for t in [*accepted, *likely] if t in taxonomy.tags]
    return text.title or text.caption[:120] or ", ".join(names) or "Picture without tags yet"


def _notices(card: Card, standing: list[Event], taxonomy: Taxonomy) -> list[str]:
    found = [_BLIND] if card.blind else []
    if card.look == Look.SECOND:  # a known picture must not be recognizable as one
        found.append(_SECOND)
    if card.asset.review == "flagged":
        for event in standing:
            payload = event.payload or {}
            if event.kind == Kind.FLAG:
                return [*found, f"{event.actor} flagged this picture: {payload.get('note') or 'no note'}"]
            if event.look and (differs := payload.get("differs")):
                names = ", ".join(session.tag_label(taxonomy.tag(t)) for t in differs)
                return [*found, f"{event.actor}'s second opinion differs on: {names}"]
    return found


def _finished(review: str, standing: list[Event]) -> dict[str, Any] | None:
    done = next((event for event in standing if event.kind == Kind.DONE), None)
    if review != "done" or done is None:
        return None
    return {
        "kind": "done",
        "by": done.actor,
        "own": done.actor == session.current_user().name,
        "at": done.at.replace(tzinfo=UTC).timestamp(),
        "when": asset_history.when(done.at),
    }


def _choice(category_id: str, choices: Choices, taxonomy: Taxonomy) -> dict[str, Any]:
    note = f"none of them {_percent(choices.nothing)}"
    if choices.covered is not None:
        note += f"; in {100 * choices.covered:.0f} of 100 pictures the right one is among the three likeliest"
    name = taxonomy.categories[category_id].name(session.language())
    return {"category": category_id, "name": name, "tags": choices.tags, "note": note}


def _nothing(card: Card, taxonomy: Taxonomy) -> str:
    """Why there are no chips."""
    if card.guesses is None or not (card.guesses or session.loop().model.library.is_complete()):
        return "Suggestions are still being computed and appear by themselves. Tags can be typed meanwhile."
    names = ", ".join(f"{session.tag_label(taxonomy.tag(tag_id))} {_percent(p)}" for tag_id, p in card.guesses)
    other = "other " if card.decided else ""
    return f"No {other}tag is likelier than {MIN_PROBABILITY:.0%}." + (f" Best guesses: {names}." if names else "")


def _percent(p: float) -> str:
    return f"{p:.0%}" if p >= 0.005 else "< 1%"

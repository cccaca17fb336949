"""The deck: the pictures dealt to this session, and the acts that the surface reports on them."""

from __future__ import annotations

from typing import Any, Literal

import streamlit as st
from pydantic import BaseModel, Field, ValidationError

from console import session
from console.review import state as review_state
from console.review import surface, tag_search
from tagging_core import TaggingError
from tagging_core.errors import DecisionError, EncoderError
from tagging_core.ledger import Look
from tagging_core.review import Act, ActKind, Assignment, Card, EditorActs, Shown
from tagging_core.taxonomy import Tag

state = st.session_state

SIZE = 9
"""Pictures dealt ahead, the one in focus among them."""

_MAX_ANSWERS = 500
_CLOSING = {"done", "skip", "flag"}


class SurfaceAct(BaseModel):
    """An act as the browser sends it.

    `type` adds the tag that `text` means, `propose` a new one of that name, `pass` goes on without a decision, and
    `take` takes over somebody else's lease; the other kinds are those of `review.ActKind`.
    """

    uid: str = Field(min_length=8, max_length=64)
    kind: ActKind | Literal["type", "propose", "pass", "take"]
    asset: int = Field(ge=1, lt=2**63)
    token: str = Field("", max_length=20_000)
    tag: str | None = Field(None, max_length=200)
    other: str | None = Field(None, max_length=200)
    target: str = Field("", max_length=64)
    text: str = Field("", max_length=200)
    category: str = Field("", max_length=200)
    note: str = Field("", max_length=2000)
    seconds: float | None = Field(None, ge=0, le=86_400, allow_inf_nan=False)


def receive() -> None:
    """Apply the acts of a message in order, remember an answer to each, and follow the editor to their picture."""
    said = surface.said()
    known: dict[str, str] = state["review_answers"]
    acts = said.get("acts", [])
    uids = [str(raw.get("uid", "")) for raw in acts]
    for n, raw in enumerate(acts):
        if uids[n] not in known:
            known[uids[n]] = _answer(raw, uids[n + 1 :])
            state["review_acts"] += 1
    for uid in list(known)[: max(0, len(known) - _MAX_ANSWERS)]:
        del known[uid]
    at = said.get("at")
    state["review_asset"] = at if isinstance(at, int) and at > 0 else None


def answers() -> dict[str, str]:
    """Return the answers to the acts of the latest message, by uid."""
    known: dict[str, str] = state["review_answers"]
    uids = [str(raw.get("uid", "")) for raw in surface.said().get("acts", [])]
    return {uid: known[uid] for uid in uids if uid in known}


def refresh() -> list[Card]:
    """Deal what is missing and return the cards of the picture in focus and of the deck, leased to the user."""
    turns = _deal()
    ids = [turn.asset_id for turn in turns]
    if state["review_asset"] is None and ids:
        state["review_asset"] = ids[0]  # the surface shows the first of the deck by itself
    at = state["review_asset"]
    if at is not None and at not in ids:
        turns = [Assignment(at, state["review_looks"].get(at)), *turns]
    held = {turn.asset_id for turn in turns}
    if gone := state["review_held"] - held:
        session.loop().review.assigner.release(session.current_user(), sorted(gone))
    state["review_held"] = held
    review = session.loop().review
    cards = review.cards.build(session.current_user(), turns, state["review_profile"], rates=review.rates)
    if at is not None and at not in {card.asset.id for card in cards}:  # unknown to this archive
        state["review_asset"] = None
    return cards


def _deal() -> list[Assignment]:
    assigner, user, view = session.loop().review.assigner, session.current_user(), review_state.view()
    deck: list[Assignment] = state["review_deck"]
    waiting = assigner.still_waiting([turn.asset_id for turn in deck], view.state)
    deck = [turn for turn in deck if turn.look == Look.KNOWN or turn.asset_id in waiting]
    ids = [turn.asset_id for turn in deck]
    held = ids if state["review_asset"] in (None, *ids) else [*ids, state["review_asset"]]
    deck += assigner.deal(user, view, held, passed=state["review_passed"], count=SIZE - len(deck))
    state["review_deck"] = deck
    state["review_looks"] |= {turn.asset_id: turn.look for turn in deck if turn.look}
    return deck


def _answer(raw: dict[str, Any], later: list[str]) -> str:
    """Apply an act that others followed; an empty string, or why it was refused."""
    try:
        act = SurfaceAct.model_validate(raw)
        _apply(act, later)
    except ValidationError as error:
        return f"This act was not understood and not saved: {error.errors()[0]['msg']}."
    except EncoderError as error:  # stored; only the tag's classifier has to wait
        session.defer_error(error)
    except TaggingError as error:
        return str(error)
    return ""


def _apply(act: SurfaceAct, later: list[str]) -> None:
    user, loop = session.current_user(), session.loop()
    if act.kind == "take":
        loop.review.assigner.take(user, act.asset, force=True)
    elif act.kind != "pass":
        shown = loop.shown_tokens.read(act.token)
        if act.kind == ActKind.UNDO and shown.look:
            state["review_looks"][act.asset] = shown.look
        written = _written(act, shown)
        EditorActs(loop.review).apply(user, written, later)
        if written.kind in (ActKind.ADD, ActKind.REPLACE):
            tag_search.remember(written.other_tag_id or written.tag_id or "")
    if act.kind == "pass" or act.kind in _CLOSING:
        _leave(act.asset, passed=act.kind == "pass")


def _written(act: SurfaceAct, shown: Shown) -> Act:
    """The act for the ledger; typed text becomes a tag, which perhaps replaces another."""
    kind, tag, other = act.kind, act.tag, act.other
    if kind in ("type", "propose"):
        kind, tag, other = (ActKind.REPLACE, other, _typed(act)) if other else (ActKind.ADD, _typed(act), None)
    return Act(act.uid, ActKind(kind), act.asset, shown, tag, other, act.target, act.seconds, act.note)


def _typed(act: SurfaceAct) -> str:
    """The tag that typed text means; a proposed one is created unless it exists already."""
    found = tag_search.best(act.text)
    if act.kind == "propose":
        if found is None or not found.exact:
            tag = Tag("", act.category, {"en": act.text})
            return session.loop().curation.propose(session.current_user(), tag).id
    elif found is None:
        raise DecisionError(f"No tag is called “{act.text}”. It can be proposed as a new one.")
    return found.tag.id


def _leave(asset_id: int, *, passed: bool) -> None:
    """Take a picture out of the deck; one that was passed over comes again after all others."""
    state["review_deck"] = [turn for turn in state["review_deck"] if turn.asset_id != asset_id]
    state["review_looks"].pop(asset_id, None)
    before = [a for a in state["review_passed"] if a != asset_id]
    state["review_passed"] = [*before, asset_id][-review_state.MAX_PASSED :] if passed else before

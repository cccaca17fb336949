"""A decision, from the key press to the library's new revision, stays within a budget of SQL."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import pytest
from sqlalchemy import event
from sqlalchemy.engine import Engine

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.api import Operations
from tagging_core.api.idempotency import run_once
from tagging_core.publishing.schemas import NewDecision
from tests.conftest import BLUE, GREEN, RED, ingest


@dataclass
class Used:
    statements: int = 0
    connections: int = 0


BUDGET = Used(statements=20, connections=4)
# An idempotency key is claimed before the decision, and its response is stored after it.
WITH_KEY = Used(statements=24, connections=5)


@contextmanager
def counted() -> Iterator[Used]:
    """Count this thread's statements and connections; transactions and pragmas count too."""
    used, me = Used(), threading.get_ident()

    def statement(*_: object) -> None:
        used.statements += threading.get_ident() == me

    def connection(*_: object) -> None:
        used.connections += threading.get_ident() == me

    event.listen(Engine, "before_cursor_execute", statement)
    event.listen(Engine, "engine_connect", connection)
    try:
        yield used
    finally:
        event.remove(Engine, "before_cursor_execute", statement)
        event.remove(Engine, "engine_connect", connection)


def press_key(loop: Tagloop, user: User, asset: int) -> Callable[[], object]:
    card = loop.review.card(user, asset, "e-commerce")
    decision = Decision(Kind.ACCEPT, asset, "garment.dress", profile="e-commerce", shown=card.shown)
    return lambda: loop.review.decide(user, decision)


def call_rest(loop: Tagloop, user: User, asset: int) -> Callable[[], object]:
    shown = Operations(loop, user).assets.suggestions(asset, "e-commerce").shown
    decision = NewDecision(kind="accept", asset=asset, tag="garment.dress", profile="e-commerce", shown=shown)
    return lambda: Operations(loop, user).decisions.create([decision])


def call_rest_once(loop: Tagloop, user: User, asset: int) -> Callable[[], object]:
    decide = call_rest(loop, user, asset)

    def work() -> str:
        decide()
        return ""

    return lambda: run_once(loop.database, "cms", "key", request="", work=work)


@pytest.mark.parametrize(
    ("make_call", "budget"), [(press_key, BUDGET), (call_rest, BUDGET), (call_rest_once, WITH_KEY)]
)
def test_a_decision_stays_within_its_budget(
    loop: Tagloop, ann: User, make_call: Callable[[Tagloop, User, int], Callable[[], object]], budget: Used
) -> None:
    first, second, third = ingest(loop, ann, RED, BLUE, GREEN)
    press_key(loop, ann, first)()  # the first decision of a process loads the pack and the tag's text
    press_key(loop, ann, second)()
    decide = make_call(loop, ann, third)
    before = loop.model.library.matrix().revision
    with counted() as used:
        decide()
    assert loop.model.library.matrix().revision > before
    assert used.statements <= budget.statements
    assert used.connections <= budget.connections

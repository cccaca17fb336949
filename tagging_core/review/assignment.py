"""Turns: whose turn it is to look at which picture, and which comes next."""

from __future__ import annotations

import random
import threading
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from tagging_core.assets import repository
from tagging_core.common.users import Action, User, require
from tagging_core.learning import uncertainty
from tagging_core.learning.library import TagLibrary
from tagging_core.ledger.events import Look
from tagging_core.review import leases, planner, queue, sampling
from tagging_core.review.queue import Order, View
from tagging_core.review.sampling import SamplingRates
from tagging_core.storage import Database

_PLAN = 10  # pictures chosen at once; what they teach shows from the next plan on


@dataclass(frozen=True, slots=True)
class Assignment:
    """The picture that comes next; `look` is set if it is to be looked at without what was decided."""

    asset_id: int
    look: Look | None = None


class Assigner:
    """Hands pictures out, each to one person at a time.

    Args:
        database: Keeps the leases.
        library: Knows what teaches most.
        rates: Sizes of the samples that keep accuracy honest.
    """

    def __init__(self, database: Database, library: TagLibrary, rates: SamplingRates) -> None:
        self._database, self._library, self._rates = database, library, rates
        self._plans: dict[View, list[int]] = {}
        self._planning = threading.Lock()  # a plan serves all who ask meanwhile

    def next(self, user: User, view: View, seen: Sequence[int] = ()) -> Assignment | None:
        """Lease the picture that comes next to a person; None if nothing is left that nobody else has open.

        Args:
            view: Which pictures, in which order.
            seen: Those that the person looked at and left undecided, latest last; they come again at the end. The
                latest one is given back.
        """
        with self._database.write(serialized=False) as connection:
            leases.release(connection, user, seen[-1:])
            others = set(leases.of_others(connection, user))
            if view.state == "new" and random.random() < self._rates.known:
                known = sampling.known_picture(connection, user, view.profile)
                if known is not None and leases.take(connection, user, [known]):
                    return Assignment(known, Look.KNOWN)
        for put_off in (set(seen), set(seen[-1:]), set()):
            while found := self._following(user, view, seen[-1] if seen else 0, others | put_off):
                for asset_id in found:
                    if self._hand(user, asset_id, view.state):
                        return Assignment(asset_id, Look.SECOND if view.state == "second" else None)
                others.update(found)
        return None

    def take(self, user: User, asset_id: int, force: bool = False) -> bool:
        """Lease a picture that a person asks for by name; whether nobody else has it open.

        Args:
            force: Take it over if somebody has.
        """
        require(user, Action.REVIEW)
        with self._database.write(serialized=False) as connection:
            repository.get(connection, asset_id)
            return bool(leases.take(connection, user, [asset_id], force))

    def take_many(self, user: User, asset_ids: Sequence[int]) -> list[int]:
        """Lease pictures that a person is about to see together; those that others have open are left out."""
        with self._database.write(serialized=False) as connection:
            return leases.take(connection, user, asset_ids)

    def release(self, user: User, asset_ids: Sequence[int]) -> None:
        """Give pictures back that a person has open."""
        with self._database.write(serialized=False) as connection:
            leases.release(connection, user, asset_ids)

    def coming(self, user: User, view: View, after: int = 0, limit: int = 6) -> list[int]:
        """The pictures that `next` will probably give after one another, as far as they are chosen."""
        with self._database.read() as connection:
            without = {after, *leases.of_others(connection, user)}
            if not _is_planned(view):
                return queue.following(connection, view, after, limit, without, user)
            return self._planned(connection, view, without)[:limit]

    def held_by_others(self, user: User, view: View) -> dict[int, str]:
        """The pictures of a view that other people have open now, with each one's name."""
        with self._database.read() as connection:
            held = leases.of_others(connection, user)
            waiting = queue.still(connection, held.keys(), view.state)
        return {asset_id: lease.actor for asset_id, lease in held.items() if asset_id in waiting}

    def still_waiting(self, asset_ids: Collection[int], state: str) -> set[int]:
        """Those of some pictures that are still in a state of review."""
        with self._database.read() as connection:
            return queue.still(connection, asset_ids, state)

    def waiting(self, view: View, limit: int) -> list[int]:
        """The first pictures of a view, whoever has them open."""
        with self._database.read() as connection:
            return queue.following(connection, view, limit=limit)

    def _following(self, user: User, view: View, after: int, without: set[int]) -> list[int]:
        """Some pictures that may come next."""
        with self._database.read() as connection:
            if not _is_planned(view):
                found = queue.following(connection, view, after, 5, without, user)
                return found or queue.following(connection, view, 0, 5, without, user)
            if planned := self._planned(connection, view, without):
                return planned
        with self._planning, self._database.read() as connection:
            return self._planned(connection, view, without) or self._plan(connection, view, without)

    def _planned(self, connection: Connection, view: View, without: set[int]) -> list[int]:
        plan = [a for a in self._plans.get(view, []) if a not in without]
        waiting = queue.still(connection, plan) if plan else set()
        return [a for a in plan if a in waiting]

    def _plan(self, connection: Connection, view: View, without: set[int]) -> list[int]:
        plan = planner.plan(connection, self._library, view, _PLAN, without)
        if view.order == Order.DOUBT:
            with self._database.write() as writing:
                uncertainty.save_margins(writing, plan.margins)
        self._plans[view] = plan.asset_ids
        return plan.asset_ids

    def _hand(self, user: User, asset_id: int, state: str) -> bool:
        """Lease a picture, unless somebody was faster: has it open, or had and is done with it."""
        with self._database.write(serialized=False) as connection:
            if not leases.take(connection, user, [asset_id]):
                return False
            if queue.still(connection, [asset_id], state):
                return True
            leases.release(connection, user, [asset_id])
            return False


def _is_planned(view: View) -> bool:
    """Whether pictures are chosen by what the library knows, and not by their place."""
    return view.state == "new" and view.order in (Order.TEACHING, Order.DOUBT)

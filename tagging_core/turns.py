"""Turns: whose turn it is to look at which picture, and which comes next."""

from __future__ import annotations

import random
import threading
from collections.abc import Sequence
from dataclasses import dataclass

from tagging_core import asking, assets, leases, queue, sampling
from tagging_core.ledger import Look
from tagging_core.library import Library
from tagging_core.people import Action, User, require
from tagging_core.queue import Order, View
from tagging_core.sampling import Shares
from tagging_core.store import Database

_PLAN = 10  # pictures chosen at once; what they teach shows from the next plan on


@dataclass(frozen=True, slots=True)
class Turn:
    """The picture that comes next; `look` is set if it is to be looked at without what was decided."""

    asset_id: int
    look: Look | None = None


class Turns:
    """Hands pictures out, each to one person at a time.

    Args:
        database: Keeps the leases.
        library: Knows what teaches most.
        shares: Sizes of the samples that keep accuracy honest.
    """

    def __init__(self, database: Database, library: Library, shares: Shares) -> None:
        self._database, self._library, self._shares = database, library, shares
        self._plans: dict[View, list[int]] = {}
        self._handing = threading.Lock()

    def next(self, user: User, view: View, seen: Sequence[int] = ()) -> Turn | None:
        """Lease the picture that comes next to a person; None if nothing is left that nobody else has open.

        Args:
            view: Which pictures, in which order.
            seen: Those that the person looked at and left undecided, latest last; they come again at the end. The
                latest one is given back.
        """
        with self._handing:
            with self._database.write() as connection:
                leases.release(connection, user, seen[-1:])
                others = set(leases.of_others(connection, user))
                if view.state == "new" and random.random() < self._shares.known:
                    known = sampling.known_picture(connection, user, view.profile)
                    if known is not None and leases.take(connection, user, [known]):
                        return Turn(known, Look.KNOWN)
            for without in (others | set(seen), others | set(seen[-1:]), others):
                for asset_id in self._following(user, view, seen[-1] if seen else 0, without):
                    with self._database.write() as connection:
                        if leases.take(connection, user, [asset_id]):
                            return Turn(asset_id, Look.SECOND if view.state == "second" else None)
        return None

    def take(self, user: User, asset_id: int, force: bool = False) -> bool:
        """Lease a picture that a person asks for by name; whether nobody else has it open.

        Args:
            force: Take it over if somebody has.
        """
        require(user, Action.REVIEW)
        with self._database.write() as connection:
            assets.get(connection, asset_id)
            return bool(leases.take(connection, user, [asset_id], force))

    def take_many(self, user: User, asset_ids: Sequence[int]) -> list[int]:
        """Lease pictures that a person is about to see together; those that others have open are left out."""
        with self._database.write() as connection:
            return leases.take(connection, user, asset_ids)

    def release(self, user: User, asset_ids: Sequence[int]) -> None:
        """Give pictures back that a person has open."""
        with self._database.write() as connection:
            leases.release(connection, user, asset_ids)

    def coming(self, user: User, view: View, after: int = 0, limit: int = 6) -> list[int]:
        """The pictures that `next` will probably give after one another, as far as they are chosen."""
        with self._database.read() as connection:
            without = {after, *leases.of_others(connection, user)}
            if not _is_planned(view):
                return queue.following(connection, view, after, limit, without, user)
            plan = [a for a in self._plans.get(view, []) if a not in without][:limit]
            waiting = queue.still(connection, plan)
            return [a for a in plan if a in waiting]

    def _following(self, user: User, view: View, after: int, without: set[int]) -> list[int]:
        """Some pictures that may come next."""
        if not _is_planned(view):
            with self._database.read() as connection:
                found = queue.following(connection, view, after, 5, without, user)
                return found or queue.following(connection, view, 0, 5, without, user)
        coming = self.coming(user, view, limit=_PLAN)
        coming = [asset_id for asset_id in coming if asset_id not in without]
        if not coming:
            with self._database.read() as connection:
                plan = asking.plan(connection, self._library, view, _PLAN, without)
            if view.order == Order.DOUBT:
                with self._database.write() as connection:
                    asking.keep_margins(connection, plan.margins)
            self._plans[view] = coming = plan.asset_ids
        return coming


def _is_planned(view: View) -> bool:
    """Whether pictures are chosen by what the library knows, and not by their place."""
    return view.state == "new" and view.order in (Order.TEACHING, Order.DOUBT)

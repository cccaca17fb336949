"""Assignment of pictures to reviewers: which comes next, and who holds which."""

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

_PLAN = 10  # pictures per plan; decisions on them influence the next plan


@dataclass(frozen=True, slots=True)
class Assignment:
    """The next picture; `look` is set for an independent review, which hides earlier decisions."""

    asset_id: int
    look: Look | None = None


class Assigner:
    """Assigns pictures to reviewers, each to one at a time.

    Args:
        database: Stores the leases.
        library: Ranks pictures by uncertainty.
        rates: Sampling rates of quality checks.
    """

    def __init__(self, database: Database, library: TagLibrary, rates: SamplingRates) -> None:
        self._database, self._library, self._rates = database, library, rates
        self._plans: dict[View, list[int]] = {}
        self._planning = threading.Lock()  # concurrent callers wait for one plan and share it

    def deal(
        self, user: User, view: View, held: Sequence[int] = (), *, passed: Sequence[int] = (), count: int = 1
    ) -> list[Assignment]:
        """Lease further pictures to a user.

        Args:
            user: Holder of the leases; rights are not checked.
            view: Filter and order of the queue.
            held: Pictures dealt before that the user has not finished; they are not dealt again.
            passed: Pictures the user passed over, latest last; they come again at the end.
            count: Maximum number of pictures.

        Returns:
            The assignments in order; fewer than `count` if no more pictures are left that others have not leased.

        Raises:
            NotFoundError: The view's profile does not exist (orders TEACHING and DOUBT only).
        """
        with self._database.read() as connection:
            others = set(leases.of_others(connection, user))
        dealt: list[Assignment] = []
        while len(dealt) < count:
            mine = [*held, *(turn.asset_id for turn in dealt)]
            turn = self._known(user, view, mine) or self._waiting(user, view, mine, passed=passed, others=others)
            if turn is None:
                break
            dealt.append(turn)
        return dealt

    def next(self, user: User, view: View, seen: Sequence[int] = ()) -> Assignment | None:
        """Lease the next picture to a user and release the one before.

        Args:
            user, view: As for `deal`.
            seen: Pictures the user passed over, latest last; they come again at the end. The latest is released.

        Returns:
            The assignment; None if no picture is left that others have not leased.

        Raises:
            NotFoundError: As from `deal`.
        """
        self.release(user, seen[-1:])
        return next(iter(self.deal(user, view, passed=seen)), None)

    def take(self, user: User, asset_id: int, force: bool = False) -> bool:
        """Lease a given picture.

        Args:
            user: Needs the right to review.
            asset_id: The picture.
            force: Take over another user's lease.

        Returns:
            Whether the user holds the lease now.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: There is no such picture.
        """
        require(user, Action.REVIEW)
        with self._database.write(serialized=False) as connection:
            repository.get(connection, asset_id)
            return bool(leases.take(connection, user, [asset_id], force=force))

    def take_many(self, user: User, asset_ids: Sequence[int]) -> list[int]:
        """Lease several pictures.

        Args:
            user: Holder of the leases; rights are not checked.
            asset_ids: Ids of existing pictures.

        Returns:
            Ids of those that the user holds now, in the given order; those leased by others are left out.
        """
        with self._database.write(serialized=False) as connection:
            return leases.take(connection, user, asset_ids)

    def release(self, user: User, asset_ids: Sequence[int]) -> None:
        """Release a user's leases on pictures.

        Args:
            user: The holder; leases of others are kept.
            asset_ids: Pictures to release; those that the user has not leased are ignored.
        """
        with self._database.write(serialized=False) as connection:
            leases.release(connection, user, asset_ids)

    def upcoming(self, user: User, view: View, after: int = 0, *, limit: int = 6) -> list[int]:
        """Return the pictures that `next` will probably assign.

        Args:
            user: The reviewer; pictures leased by others are left out.
            view: Filter and order of the queue.
            after: The current picture, which is left out; 0 for none.
            limit: Maximum number of pictures.

        Returns:
            Asset ids in order; in the orders TEACHING and DOUBT only those that `next` has planned, perhaps none.
        """
        with self._database.read() as connection:
            without = {after, *leases.of_others(connection, user)}
            if not _is_planned(view):
                return queue.next_assets(connection, view, after, limit=limit, without=without, user=user)
            return self._planned(connection, view, without)[:limit]

    def held_by_others(self, user: User, view: View) -> dict[int, str]:
        """Return other users' leases on pictures in a review state.

        Args:
            user: The user whose own leases are left out.
            view: Only its state is used; pictures of all batches are included.

        Returns:
            User names by asset id.
        """
        with self._database.read() as connection:
            held = leases.of_others(connection, user)
            waiting = queue.filter_by_state(connection, held.keys(), view.state)
        return {asset_id: lease.actor for asset_id, lease in held.items() if asset_id in waiting}

    def still_waiting(self, asset_ids: Collection[int], state: str) -> set[int]:
        """Return which pictures are still in a review state.

        Args:
            asset_ids: Pictures to check.
            state: One of `ledger.STATES`.

        Returns:
            Ids of those that are in that state.
        """
        with self._database.read() as connection:
            return queue.filter_by_state(connection, asset_ids, state)

    def waiting(self, view: View, limit: int) -> list[int]:
        """Return the first pictures of a view, leased or not.

        Args:
            view: Filter and order of the queue; TEACHING and DOUBT are replaced by upload order.
            limit: Maximum number of pictures.

        Returns:
            Asset ids, newest first for that order and in upload order otherwise.
        """
        with self._database.read() as connection:
            return queue.next_assets(connection, view, limit=limit)

    def _known(self, user: User, view: View, mine: Sequence[int]) -> Assignment | None:
        """A finished picture whose answer is known, now and then, to measure how far reviewers agree."""
        if view.state != "new" or random.random() >= self._rates.known:
            return None
        with self._database.write(serialized=False) as connection:
            known = sampling.known_picture(connection, user, view.profile)
            if known is not None and known not in mine and leases.take(connection, user, [known]):
                return Assignment(known, Look.KNOWN)
        return None

    def _waiting(
        self, user: User, view: View, mine: Sequence[int], *, passed: Sequence[int], others: set[int]
    ) -> Assignment | None:
        """The next waiting picture; adds to `others` what turns out to be leased or finished."""
        after = next((ids[-1] for ids in (mine, passed) if ids), 0)
        for postponed in (set(passed), set(passed[-1:]), set()):
            while found := self._candidates(user, view, after, without=others | postponed | set(mine)):
                for asset_id in found:
                    if self._assign(user, asset_id, view.state):
                        return Assignment(asset_id, Look.SECOND if view.state == "second" else None)
                others.update(found)
        return None

    def _candidates(self, user: User, view: View, after: int, *, without: set[int]) -> list[int]:
        """Candidates for the next assignment, in order."""
        with self._database.read() as connection:
            if not _is_planned(view):
                found = queue.next_assets(connection, view, after, limit=5, without=without, user=user)
                return found or queue.next_assets(connection, view, 0, limit=5, without=without, user=user)
            if planned := self._planned(connection, view, without):
                return planned
        with self._planning, self._database.read() as connection:
            return self._planned(connection, view, without) or self._plan(connection, view, without)

    def _planned(self, connection: Connection, view: View, without: set[int]) -> list[int]:
        plan = [a for a in self._plans.get(view, []) if a not in without]
        waiting = queue.filter_by_state(connection, plan) if plan else set()
        return [a for a in plan if a in waiting]

    def _plan(self, connection: Connection, view: View, without: set[int]) -> list[int]:
        plan = planner.plan(connection, self._library, view, count=_PLAN, without=without)
        if view.order == Order.DOUBT:
            with self._database.write() as writing:
                uncertainty.save_margins(writing, plan.margins)
        self._plans[view] = plan.asset_ids
        return plan.asset_ids

    def _assign(self, user: User, asset_id: int, state: str) -> bool:
        """Lease a picture unless another user leased or finished it in the meantime."""
        with self._database.write(serialized=False) as connection:
            if not leases.take(connection, user, [asset_id]):
                return False
            if queue.filter_by_state(connection, [asset_id], state):
                return True
            leases.release(connection, user, [asset_id])
            return False


def _is_planned(view: View) -> bool:
    """Whether the view's order depends on predictions."""
    return view.state == "new" and view.order in (Order.TEACHING, Order.DOUBT)

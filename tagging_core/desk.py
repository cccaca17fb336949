"""The reviewer's desk: decisions, undo, suggestions, explanations, and which picture comes next."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Sequence
from datetime import datetime

from tagging_core import acts, asking, assets, evidence, promises, reviewing, vectors
from tagging_core.acts import Act
from tagging_core.assets import Accompanying, Asset
from tagging_core.encoders import Encoder
from tagging_core.evidence import Explanation
from tagging_core.ledger import Event
from tagging_core.library import Library
from tagging_core.people import Action, User, require
from tagging_core.reviewing import Card, Decision
from tagging_core.store import Database
from tagging_core.suggesting import Suggester, Suggestion
from tagging_core.thresholds import Thresholds

_PLAN = 10  # pictures chosen at once; what they teach shows from the next plan on
_SHOWN_SECONDS = 600.0  # a picture handed to somebody is not handed to the next for so long


class Desk:
    """What people who review call.

    Args:
        database: The store of record.
        library: Is taught by decisions.
        suggester: Suggests tags.
        encoder: Gives the loaded encoder, for texts.
    """

    def __init__(
        self, database: Database, library: Library, suggester: Suggester, encoder: Callable[[], Encoder]
    ) -> None:
        self.database, self.library, self.suggester = database, library, suggester
        self._text_encoder = encoder
        self._plans: dict[tuple[str, int | None], list[int]] = {}
        self._handed: dict[int, float] = {}
        self._handing = threading.Lock()
        self._promises: tuple[int, dict[tuple[str, float], Thresholds]] = (-1, {})

    def wake(self) -> None:
        """Tell whoever works in the background that there is work."""

    def decide(self, user: User, decision: Decision) -> int:
        """Write a decision and teach its tags at once; what else follows is taught within moments.

        Returns:
            The ledger event's id, for `undo`.
        """
        with self.database.write(durable=True) as connection:
            event_id = reviewing.decide(connection, user, decision, self.library.taxonomies.load(connection))
        self._teach([decision.tag_id, decision.other_tag_id])
        return event_id

    def undo(self, user: User, event_id: int, uid: str = "") -> int:
        """Take a decision back, also from what was learned."""
        with self.database.write(durable=True) as connection:
            undone = reviewing.undo(connection, user, event_id, self.library.taxonomies.load(connection), uid)
            target = reviewing.target_of(connection, undone)
        self._teach([target.tag_id, target.other_tag_id])
        return undone

    def decide_many(self, user: User, decisions: Sequence[Decision]) -> Act:
        """Write decisions as one act, all or none, and fit what they teach once."""
        with self.database.write(durable=True) as connection:
            act = acts.decide_many(connection, user, decisions, self.library.taxonomies.load(connection))
        self._teach(act.tag_ids)
        return act

    def undo_act(self, user: User, act_id: str) -> Act:
        """Take all that one gesture decided back; the result can itself be taken back."""
        with self.database.write(durable=True) as connection:
            act = acts.undo_act(connection, user, act_id, self.library.taxonomies.load(connection))
        self._teach(act.tag_ids)
        return act

    def undo_period(self, user: User, actor: str, since: datetime, until: datetime) -> Act:
        """Take back what a person decided in a period (UTC without zone); that of others takes an operator."""
        require(user, Action.REVIEW if actor == user.name else Action.OPERATE)
        with self.database.write(durable=True) as connection:
            taxonomy = self.library.taxonomies.load(connection)
            act = acts.undo_period(connection, user, actor, since, until, taxonomy)
        self._teach(act.tag_ids)
        return act

    def suggest(self, asset_id: int, profile: str) -> list[Suggestion]:
        """A picture's suggestions at the library's latest revision, kept as shown.

        Raises:
            NotFoundError: There is no such picture or profile.
        """
        with self.database.write() as connection:
            assets.get(connection, asset_id)
            return self.suggester.suggest(connection, [asset_id], profile).get(asset_id, [])

    def card(self, asset_id: int, profile: str) -> Card:
        """What a review shows of a picture, suggestions fresh."""
        with self.database.write() as connection:
            asset = assets.get(connection, asset_id)
            found = self.suggester.suggest(connection, [asset_id], profile).get(asset_id, [])
            return Card(asset, reviewing.labels_of(connection, asset_id), found)

    def last_act(self, user: User) -> Event | None:
        """The user's latest decision that still stands."""
        with self.database.read() as connection:
            return reviewing.last_act(connection, user)

    def set_text(self, user: User, asset_id: int, text: Accompanying) -> Asset:
        """Replace the text that belongs to a picture; suggestions take it into account from then on."""
        sentence = text.clean().sentence()
        vector = self._text_encoder().encode_passages([sentence]) if sentence else None
        with self.database.write(durable=True) as connection:
            reviewing.set_text(connection, user, asset_id, text, self.library.taxonomies.load(connection))
            vectors.replace_text(connection, self.library.fingerprint, asset_id, vector)
            return assets.get(connection, asset_id)

    def explain(self, asset_id: int, tag_id: str, limit: int = 12) -> Explanation:
        """Why a picture has a tag's probability: the decided pictures that carry it, `limit` of them at most.

        Raises:
            NotFoundError: There is no such tag or picture.
        """
        with self.database.read() as connection:
            return evidence.explain(connection, self.library, asset_id, tag_id, limit)

    def promise(self, profile: str, target: float) -> Thresholds:
        """From which probability on `target` of the suggestions are right, as far as history can tell."""
        revision = self.library.matrix().revision
        if self._promises[0] != revision:
            self._promises = (revision, {})
        known = self._promises[1]
        if (profile, target) not in known:
            with self.database.read() as connection:
                known[profile, target] = promises.promise(connection, self.library, profile, target)
        return known[profile, target]

    def next_picture(self, profile: str, batch_id: int | None = None) -> int | None:
        """The waiting picture whose review teaches most, of a batch or of all; None when none waits.

        Two people who ask are not given the same one, unless nothing else waits.
        """
        with self._handing:
            now = time.monotonic()
            self._handed = {a: t for a, t in self._handed.items() if now - t < _SHOWN_SECONDS}
            coming = self.coming(profile, batch_id)
            with self.database.read() as connection:
                for without in (set(self._handed), set()):
                    coming = coming or asking.plan(connection, self.library, profile, batch_id, _PLAN, without)
            self._plans[profile, batch_id] = coming[1:]
            if not coming:
                return None
            self._handed[coming[0]] = now
            return coming[0]

    def coming(self, profile: str, batch_id: int | None = None) -> list[int]:
        """The pictures that `next_picture` will give after one another, as far as they are chosen."""
        plan = [a for a in self._plans.get((profile, batch_id), []) if a not in self._handed]
        with self.database.read() as connection:
            return reviewing.still_new(connection, plan)

    def _teach(self, tag_ids: Iterable[str | None]) -> None:
        with self.database.read() as connection:
            known = self.library.taxonomies.load(connection)
        self.library.settle([known.tag(tag_id).id for tag_id in tag_ids if tag_id])
        self.wake()

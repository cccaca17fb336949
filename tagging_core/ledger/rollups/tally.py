"""Daily counts from the events of one asset.

`tally` alone defines what is counted. Counts are stored under the tag ids that the events name; redirects are
applied when counts are read, so merging tags or undoing a merge moves no counts.

| subject | key | kinds |
| --- | --- | --- |
| all, actor, profile | "", name, profile | accept, reject, add, unseen, done, assisted, unchanged, outcomes |
| tag | tag id | accept, reject, add, unseen, agree, differ, outcomes |
| model | fingerprint | outcomes |
| bin | `shown.07`: source and probability in hundredths | right, wrong |
| pair | `suggested>given` | mistaken |
| all | "" | times: with.n, with.s, with.ss, blind.n, blind.s, blind.ss; upload |
| actor | name | busy, closed, given, changed, agree, differ |

An outcome is a source, `shown` or `blind` (suggestions hidden), and a result: `.right` or `.wrong` for suggestions
with a probability of at least SURE, `.right.unsure` or `.wrong.unsure` below it, `.missed` for tags not suggested.
Times are a count `.n`, a sum `.s` and a sum of squares `.ss`, in tenths of a second like `busy`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from tagging_core.ledger import events
from tagging_core.ledger.events import Event, Kind, Look

SURE = 0.5
"""Probability from which a suggestion counts as a positive prediction, for precision and recall."""

BINS = 100
"""Number of equal-width probability bins over [0, 1]."""

LONGEST = 300.0
"""Cap on the seconds counted for one review; longer ones are taken as absence from the desk."""

TENTHS = 10
"""Units of time a second: times are summed as integers."""

SHOWN, BLIND = "shown", "blind"

_NOT_SHOWN = frozenset({"blind", "unseen", "example", "radar", "recheck", "split"})
"""Payload keys of decisions that were not made on suggestions shown in a review."""

Key = tuple[str, str, str, str]
"""Day, subject, key and kind of a daily count."""


def tally(history: Sequence[Event], day_of: Callable[[datetime], str]) -> Counter[Key]:
    """Count one asset's events.

    Args:
        history: All events of the asset, by ascending id.
        day_of: Converts a UTC time to a local day, see `periods.day_in`.
    """
    undone = events.undone_ids(history)
    found = _Tally(day_of)
    for event in history:
        if event.id not in undone:
            found.add(event)
    found.add_outcomes()
    found.add_undone(history, undone)
    return found.counts


@dataclass(slots=True)
class _Tally:
    """Counts, and the asset's state so far.

    Attributes:
        verdicts: Latest deciding event and value by tag id.
        seen: Event and probability of each suggestion a person saw, by tag id.
        finished: Profiles whose review was finished.
        first: Who finished the latest ordinary review.
        corrected: Whether a person replaced a suggestion or added a missing tag.
        scopes: Cached results of `_scope` by event id.
    """

    day_of: Callable[[datetime], str]
    counts: Counter[Key] = field(default_factory=Counter)
    verdicts: dict[str, tuple[Event, int]] = field(default_factory=dict)
    seen: dict[str, tuple[Event, float]] = field(default_factory=dict)
    finished: set[str] = field(default_factory=set)
    first: str = ""
    corrected: bool = False
    scopes: dict[int, tuple[str, tuple[tuple[str, str], ...], str]] = field(default_factory=dict)

    def add(self, event: Event) -> None:
        if event.look:
            self._look(event)
        elif event.kind in events.NEEDS_TAG:
            self._decision(event)
        elif event.kind == Kind.DONE:
            self._done(event)
        if event.kind in events.CLOSING_STATES:
            self._time(event)

    def add_outcomes(self) -> None:
        """Compare the suggestions that were seen with the final decisions."""
        given = {tag_id: event for tag_id, (event, value) in self.verdicts.items() if value}
        for tag_id, (event, probability) in self.seen.items():
            self._outcome(event, SHOWN, tag_id, probability=probability, right=tag_id in given)
        for tag_id, event in given.items():
            if tag_id not in self.seen and not (event.payload or {}).keys() & _NOT_SHOWN:
                self._count(event, f"{SHOWN}.missed", tag_id, model=True)

    def add_undone(self, history: Sequence[Event], undone: set[int]) -> None:
        """Count decisions undone by somebody else as changed by others."""
        by_id = {event.id: event for event in history}
        for undo in history:
            if undo.kind != Kind.UNDO or undo.id in undone:
                continue
            event = by_id.get(undo.target_id or 0)
            if event and not event.look and undo.actor != event.actor and events.verdicts(event):
                self._of_actor(event, "given", len(events.verdicts(event)))
                self._of_actor(event, "changed", len(events.verdicts(event)))

    # ---- counts of each kind of event ---------------------------------------------------------------------

    def _decision(self, event: Event) -> None:
        payload, tag_id = event.payload or {}, event.tag_id or ""
        for tag, kind in _kinds(event):
            self._count(event, kind, tag)
        if not payload.keys() & _NOT_SHOWN:
            self._see(event, tag_id, payload)
        shown = "probability" in payload
        self.corrected |= event.kind == Kind.REPLACE or (event.kind == Kind.ADD and not shown)
        for tag, value in events.verdicts(event):
            before = self.verdicts.get(tag)
            if before and before[1] != value and before[0].actor != event.actor:
                self._of_actor(before[0], "changed")
            self.verdicts[tag] = event, value
            self._of_actor(event, "given")

    def _see(self, event: Event, tag_id: str, payload: dict[str, Any]) -> None:
        """Record which suggestions the person saw when deciding, and confusions of one tag with another."""
        rivals: dict[str, float] = payload.get("rivals", {})
        for tag, probability in rivals.items():
            self.seen[tag] = event, probability
        if "probability" in payload:
            self.seen[tag_id] = event, payload["probability"]
        if "instead" in payload:
            self.seen[event.other_tag_id or ""] = event, payload["instead"]
        if event.kind == Kind.REPLACE and "probability" in payload:
            self._pair(event, tag_id, event.other_tag_id or "")
        elif rivals:
            likeliest = max(rivals, key=lambda r: (rivals[r], r))
            if rivals[likeliest] > payload.get("probability", 0.0):
                self._pair(event, likeliest, tag_id)

    def _done(self, event: Event) -> None:
        payload, profile = event.payload or {}, event.profile or ""
        self.first = event.actor
        if profile in self.finished:
            return  # a repeated review counts once
        self.finished.add(profile)
        self._count(event, "done")
        if payload.get("blind"):
            self._blind(event, payload.get("hidden", {}))
            return
        for tag_id, probability in payload.get("left", {}).items():
            self.seen[tag_id] = event, probability
        if given := [value for _, value in self.verdicts.values() if value]:
            self._count(event, "assisted")
            self._count(event, "unchanged", n=int(bool(given) and not self.corrected))

    def _blind(self, event: Event, hidden: dict[str, float]) -> None:
        """Compare the hidden suggestions with the tags a person gave without seeing them."""
        given = {tag_id for tag_id, (_, value) in self.verdicts.items() if value}
        for tag_id, probability in hidden.items():
            self._outcome(event, BLIND, tag_id, probability=probability, right=tag_id in given)
        for tag_id in sorted(given - hidden.keys()):
            self._count(event, f"{BLIND}.missed", tag_id, model=True)

    def _look(self, event: Event) -> None:
        """Count the agreement of an independent review, for both reviewers."""
        payload = event.payload or {}
        for kind, tag_ids in (("agree", payload.get("agreed", ())), ("differ", payload.get("differs", ()))):
            for tag_id in tag_ids:
                self._add(event, "tag", tag_id, kind=kind)
            if tag_ids:
                self._add(event, "all", "", kind=kind, n=len(tag_ids))
                for actor in sorted({event.actor, self.first} - {""}):
                    self._add(event, "actor", actor, kind=kind, n=len(tag_ids))
        if event.look == Look.KNOWN and event.kind == Kind.DONE:
            self._add(event, "all", "", kind="known")

    def _time(self, event: Event) -> None:
        if not event.seconds or event.seconds < 0:
            return
        tenths = round(min(event.seconds, LONGEST) * TENTHS)
        self._of_actor(event, "busy", tenths)
        self._of_actor(event, "closed")
        if event.kind == Kind.DONE and not event.look:
            source = "blind" if (event.payload or {}).get("blind") else "with"
            for kind, n in ((f"{source}.n", 1), (f"{source}.s", tenths), (f"{source}.ss", tenths * tenths)):
                self._add(event, "all", "", kind=kind, n=n)

    # ---- counting -----------------------------------------------------------------------------------------

    def _outcome(self, event: Event, source: str, tag_id: str, *, probability: float, right: bool) -> None:
        verdict = "right" if right else "wrong"
        self._count(event, f"{source}.{verdict}" + ("" if probability >= SURE else ".unsure"), tag_id, model=True)
        self._add(event, "bin", f"{source}.{min(int(probability * BINS), BINS - 1):02d}", kind=verdict)

    def _pair(self, event: Event, suggested: str, given: str) -> None:
        self._add(event, "pair", f"{suggested}>{given}", kind="mistaken")

    def _count(self, event: Event, kind: str, tag_id: str = "", *, n: int = 1, model: bool = False) -> None:
        day, keys, fingerprint = self._scope(event)
        counts = self.counts
        if not n:
            return
        for subject, key in keys:
            counts[day, subject, key, kind] += n
        if tag_id:
            counts[day, "tag", tag_id, kind] += n
        if model and fingerprint:
            counts[day, "model", fingerprint, kind] += n

    def _of_actor(self, event: Event, kind: str, n: int = 1) -> None:
        self._add(event, "actor", event.actor, kind=kind, n=n)

    def _add(self, event: Event, subject: str, key: str, *, kind: str, n: int = 1) -> None:
        if n:
            self.counts[self._scope(event)[0], subject, key, kind] += n

    def _scope(self, event: Event) -> tuple[str, tuple[tuple[str, str], ...], str]:
        """The event's day, the (subject, key) pairs it counts towards, and the fingerprint of the model shown."""
        found = self.scopes.get(event.id)
        if found is None:
            keys = ("all", ""), ("actor", event.actor), ("profile", event.profile or "")
            found = self.day_of(event.at), keys, (event.payload or {}).get("fingerprint", "")
            self.scopes[event.id] = found
        return found


def _kinds(event: Event) -> Iterable[tuple[str, str]]:
    """The (tag id, kind) pairs that a decision counts as."""
    tag_id = event.tag_id or ""
    if event.kind == Kind.REPLACE:
        return [(tag_id, "reject"), (event.other_tag_id or "", "add")]
    payload: dict[str, Any] = event.payload or {}
    return [(tag_id, "unseen" if "unseen" in payload else str(event.kind))]

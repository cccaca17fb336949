"""Speaks to the review page as the surface in a browser does: over the component's own state and triggers."""

from __future__ import annotations

import json
import uuid
from typing import Any

from sqlalchemy import select
from streamlit.proto.WidgetStates_pb2 import WidgetState
from streamlit.testing.v1 import AppTest

from tagging_core import Tagloop
from tagging_core.review import decisions, queue
from tagging_core.storage.schema import events


class Surface:
    """The review surface of a page under test.

    Args:
        at: The page, in focus mode.
    """

    def __init__(self, at: AppTest) -> None:
        self.at = at
        self._query: str | None = None
        self._messages = 0

    @property
    def data(self) -> dict[str, Any]:
        """What the page handed to the surface."""
        found: dict[str, Any] = json.loads(self._proto.json or self._proto.mixed.json)
        return found

    @property
    def asset(self) -> int | None:
        """Id of the picture in focus."""
        found: int | None = self.data["focus"]["asset"]
        return found

    @property
    def chips(self) -> list[str]:
        """Ids of the suggested tags of the picture in focus, in the order of their digits."""
        return [chip["tag"] for chip in self.card()["chips"]]

    def card(self, asset: int | None = None) -> dict[str, Any]:
        """The card of a picture, by default of the one in focus."""
        wanted = self.asset if asset is None else asset
        return next(card for card in self.data["cards"] if card["id"] == wanted)

    def make(self, kind: str, asset: int | None = None, **fields: Any) -> dict[str, Any]:
        """An act as the browser sends it, on the picture in focus unless another one is named."""
        card = self.card(asset)
        return {"uid": uuid.uuid4().hex, "kind": kind, "asset": card["id"], "token": card["token"], **fields}

    def say(self, *acts: dict[str, Any], at: int | None = None) -> dict[str, str]:
        """Send acts in one message; returns the answers by uid."""
        self._messages += 1
        said = {"n": self._messages, "at": self.asset if at is None else at, "acts": list(acts)}
        self._run(WidgetState(id=self._proto.id, json_value=json.dumps({"said": said, "query": self._query})))
        answers: dict[str, str] = self.data["answers"]
        return answers

    def act(self, kind: str, **fields: Any) -> str:
        """Send one act on the picture in focus; returns why it was refused, or an empty string."""
        made = self.make(kind, **fields)
        return self.say(made)[made["uid"]]

    def finish(self, kind: str = "done") -> str:
        """Finish or pass the picture in focus, and go on to the next one of the deck."""
        made = self.make(kind)
        following = [asset for asset in self.data["deck"] if asset != made["asset"]]
        return self.say(made, at=following[0] if following else 0)[made["uid"]]

    def search(self, query: str) -> list[dict[str, Any]]:
        """Type into the tag search field; returns the hits."""
        self._query = query
        self._run(WidgetState(id=self._proto.id, json_value=json.dumps({"query": query})))
        hits: list[dict[str, Any]] = self.data["found"]["hits"]
        return hits

    def trigger(self, event: str, value: Any = True) -> None:
        """Send a trigger, such as `undo`, or `open` with a dialog."""
        payload = json.dumps([{"event": event, "value": value}])
        self._run(WidgetState(id=f"$$STREAMLIT_INTERNAL_KEY_{self._proto.id}__events", json_trigger_value=payload))

    def open(self, dialog: str, tag: str | None = None) -> None:
        """Ask for a dialog about the picture in focus."""
        self.trigger("open", {"dialog": dialog, "asset": self.asset, "tag": tag})

    @property
    def _proto(self) -> Any:
        return next(
            c.proto for c in self.at.get("bidi_component") if c.proto.component_name.endswith("tagloop_review")
        )

    def _run(self, state: WidgetState) -> None:
        states = self.at._tree.get_widget_states()
        states.widgets.append(state)
        self.at._run(states)
        assert not self.at.exception, self.at.exception


def kinds(console: Tagloop) -> list[tuple[str, str | None]]:
    """Return kind and tag of every decision, oldest first."""
    with console.database.read() as connection:
        query = select(events.c.kind, events.c.tag_id).where(events.c.asset_id.is_not(None)).order_by(events.c.id)
        return [(row.kind, row.tag_id) for row in connection.execute(query)]


def labels(console: Tagloop, asset: int | None) -> dict[str, int]:
    """Return a picture's labels, 1 or 0, by tag id."""
    with console.database.read() as connection:
        return {t: label.value for t, label in decisions.labels_of(connection, asset or 0).items()}


def waiting(console: Tagloop) -> int:
    """Count the pictures that wait for review."""
    with console.database.read() as connection:
        return queue.progress(connection).waiting

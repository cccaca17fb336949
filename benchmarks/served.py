"""A console that runs as `make run` runs it, and editors that use it over its own WebSocket, as a browser does."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from streamlit.proto.BackMsg_pb2 import BackMsg
from streamlit.proto.ForwardMsg_pb2 import ForwardMsg
from streamlit.proto.WidgetStates_pb2 import WidgetState
from websockets.sync.client import connect

ROOT = Path(__file__).parent.parent
CHROMIUM_FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update"),
]


class Console:
    """A console on its own data folder, as a process that can be killed and started again.

    Args:
        data: The data folder.
        encoder: Name of the encoder.
        settings: Further environment variables.
    """

    def __init__(self, data: Path, encoder: str, **settings: str) -> None:
        self._data = data
        self._environment = {**os.environ, "TAGLOOP_DATA_DIR": str(data), "TAGLOOP_ENCODER": encoder, **settings}
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Console:
        """Start it and wait until it answers."""
        command = [sys.executable, "-m", "streamlit", "run", "app.py", f"--server.port={self.port}"]
        with (self._data.parent / "console.log").open("a") as log:
            self._process = subprocess.Popen(
                [*command, "--server.headless=true"], cwd=ROOT, env=self._environment, stdout=log, stderr=log
            )
        _wait_for(f"{self.url}/_stcore/health")
        return self

    def __exit__(self, *_: object) -> None:
        """Stop it."""
        self._process.terminate()
        self._process.wait(30)

    def restart(self) -> None:
        """Kill it without warning, and start it again at the same address."""
        self._process.kill()
        self._process.wait(30)
        self.__enter__()


@contextlib.contextmanager
def serve(data: Path, encoder: str, **settings: str) -> Iterator[str]:
    """The address of a console on its own data folder."""
    with Console(data, encoder, **settings) as console:
        yield console.url


@dataclass(slots=True)
class ReviewSurface:
    """The review surface as it was last drawn; a browser would send its acts as `message` makes them."""

    id: str
    fragment: str
    data: dict[str, Any]
    asset: int

    @property
    def card(self) -> dict[str, Any] | None:
        """The card of the picture in focus."""
        return next((card for card in self.data["cards"] if card["id"] == self.asset), None)

    def has(self, key: str) -> bool:
        """Whether a key means something: `1`, the first suggestion, or `d`, done."""
        return self.card is not None and (key == "d" or (key == "1" and bool(self.card["chips"])))

    def message(self, key: str) -> WidgetState:
        """The component's state after a key."""
        card = self.card
        assert card is not None
        act = {"uid": uuid.uuid4().hex, "asset": card["id"], "token": card["token"], "seconds": 1.0}
        if key == "1":
            act |= {"kind": "accept", "tag": card["chips"][0]["tag"]}
        else:
            act |= {"kind": "done"}
            self.asset = next((a for a in self.data["deck"] if a != card["id"]), 0)
        said = {"n": act["uid"], "at": self.asset, "acts": [act]}
        return WidgetState(id=self.id, json_value=json.dumps({"said": said}))


@dataclass(frozen=True, slots=True)
class Button:
    """A button as it was last drawn."""

    id: str
    label: str
    shortcut: str
    fragment: str
    disabled: bool


class Editor:
    """One browser tab without a browser.

    Args:
        url: The console's address.
        name: Who edits.
        page: Where to go first, such as `review?mode=grid`.
    """

    def __init__(self, url: str, name: str, page: str = "review") -> None:
        self._page, _, self._query = page.partition("?")
        self._socket = connect(
            url.replace("http", "ws") + "/_stcore/stream",
            subprotocols=["streamlit"],
            max_size=None,  # type: ignore[list-item]
        )
        self._script = ""
        self.buttons: dict[str, Button] = {}
        self._surface: ReviewSurface | None = None
        self._values: dict[str, WidgetState] = {}  # what a browser would send with every run
        self._inputs: dict[str, str] = {}  # ids of text fields by label
        self.errors: list[str] = []
        self.texts: list[str] = []
        self.seconds_to_open = self._run()
        if not any(text.endswith(f" {name}") for text in self.texts):
            self._give_name(name)

    def close(self) -> None:
        """Leave as a closed tab does."""
        self._socket.close()

    def has(self, key: str) -> bool:
        """Whether a button with this shortcut or label can be pressed now, or the review surface knows the key."""
        if self._surface is not None and self._surface.has(key):
            return True
        return any(not b.disabled for b in self.buttons.values() if key in (b.shortcut, b.label))

    def press(self, key: str) -> float:
        """Press a key of the review surface, or the button with a shortcut or label.

        Returns:
            Seconds until everything is drawn.

        Raises:
            KeyError: There is no such button.
        """
        if self._surface is not None and self._surface.has(key):
            self._values[self._surface.id] = self._surface.message(key)
            return self._run(fragment=self._surface.fragment)
        found = next((b for b in self.buttons.values() if key in (b.shortcut, b.label) and not b.disabled), None)
        if found is None:
            raise KeyError(f"no button {key!r} among {sorted(b.label for b in self.buttons.values())}")
        return self._run([WidgetState(id=found.id, trigger_value=True)], found.fragment)

    def _give_name(self, name: str) -> None:
        if self.has("Change"):
            self.press("Change")
        field, start = self._inputs["Your name"], next(b for b in self.buttons.values() if b.label == "Start")
        self._run([WidgetState(id=field, string_value=name), WidgetState(id=start.id, trigger_value=True)])
        self._run()

    def _run(self, widgets: list[WidgetState] | None = None, fragment: str = "") -> float:
        message = BackMsg()
        state = message.rerun_script
        state.page_name, state.query_string, state.fragment_id = self._page, self._query, fragment
        state.page_script_hash = self._script if fragment else ""
        state.widget_states.widgets.extend([*self._values.values(), *(widgets or [])])
        started = time.perf_counter()
        self._socket.send(message.SerializeToString())
        self._receive(fragment)
        return time.perf_counter() - started

    def _receive(self, fragment: str) -> None:
        """Read until the script has finished, and keep the buttons it drew."""
        drawn: dict[str, Button] = {}
        self.texts = []
        while True:
            message = ForwardMsg.FromString(self._socket.recv(timeout=60))  # type: ignore[arg-type]
            kind = message.WhichOneof("type")
            if kind == "delta":
                self._see(message, drawn)
            elif kind == "new_session":
                self._script = message.new_session.page_script_hash
            elif kind == "script_finished":
                if message.script_finished != ForwardMsg.FINISHED_EARLY_FOR_RERUN:
                    break
                drawn.clear()
        kept = {i: b for i, b in self.buttons.items() if fragment and b.fragment != fragment}
        self.buttons = kept | drawn

    def _see(self, message: ForwardMsg, drawn: dict[str, Button]) -> None:
        element = message.delta.new_element
        match element.WhichOneof("type"):
            case "button":
                b = element.button
                drawn[b.id] = Button(b.id, b.label, b.shortcut.lower(), message.delta.fragment_id, b.disabled)
            case "bidi_component" if element.bidi_component.component_name.endswith("tagloop_review"):
                self._see_surface(element.bidi_component, message.delta.fragment_id)
            case "text_input":
                self._inputs[element.text_input.label] = element.text_input.id
            case "selectbox":
                box = element.selectbox
                value = box.raw_value if box.set_value else box.options[box.default]
                self._values[box.id] = WidgetState(id=box.id, string_value=value)
            case "button_group" if element.button_group.set_value:
                state = WidgetState(id=element.button_group.id)
                state.string_array_value.data.extend(element.button_group.raw_values)
                self._values[state.id] = state
            case "markdown":
                self.texts.append(element.markdown.body)
            case "alert":
                if element.alert.format == element.alert.ERROR:
                    self.errors.append(element.alert.body)
            case "exception":
                self.errors.append(element.exception.message)

    def _see_surface(self, component: Any, fragment: str) -> None:
        data = json.loads(component.json or component.mixed.json)
        self.errors += [refusal for refusal in data["answers"].values() if refusal]
        at = self._surface.asset if self._surface is not None else 0
        asset = at if any(card["id"] == at for card in data["cards"]) else data["focus"]["asset"] or 0
        self._surface = ReviewSurface(component.id, fragment, data, asset)


def _wait_for(url: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=1):
            return
        time.sleep(0.1)
    raise TimeoutError(f"{url} does not answer.")

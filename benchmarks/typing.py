"""Keys at random in a real Chromium, faster than anybody answers: the ledger must hold what the screen showed.

Before each key the screen is read, so that what the key has to do is known: accept or reject the tag that is shown
at that place on that picture. Afterwards the labels and review states in the database are compared with it. There
are scenarios with delay on the connection, with a reload and with a killed server in the middle.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import json
import random
import shutil
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select

from benchmarks.browser import prepare
from benchmarks.photos import read_photos
from benchmarks.served import CHROMIUM_FLAGS, Console
from tagging_core import Settings, Tagloop
from tagging_core.storage import Database
from tagging_core.storage.schema import assets, labels
from tagging_core.taxonomy import Taxonomy

_SCREEN = """() => {
  const root = document.querySelector('.tagloop-review')
  const note = root?.querySelector('.tl-finished')
  return {
    asset: Number(root?.dataset.asset) || 0,
    done: Boolean(note && note.textContent.startsWith('Done')),
    acts: Number(root?.dataset.acts),
    held: Boolean(root?.querySelector('.tl-held p')),
    chips: [...(root?.querySelectorAll('.tl-chip') ?? [])].map((chip) =>
      ({ tag: chip.dataset.tag, state: chip.dataset.state, marked: chip.dataset.marked === 'true' })),
  }
}"""
_WAITING = "() => Number(document.querySelector('.tagloop-review')?.dataset.waiting ?? 1)"


@dataclass
class Expected:
    """What the ledger has to hold after the keys pressed so far."""

    taxonomy: Taxonomy
    labels: dict[tuple[int, str], int] = field(default_factory=dict)
    done: dict[int, bool] = field(default_factory=dict)
    undos: list[tuple[dict[tuple[int, str], int | None], int, bool]] = field(default_factory=list)

    def decide(self, asset: int, changes: dict[str, int | None], done: bool | None = None) -> None:
        """Apply a decision, and keep how to undo it."""
        before = {(asset, tag): self.labels.get((asset, tag)) for tag in changes}
        self.undos.append((before, asset, self.done.get(asset, False)))
        self._put({(asset, tag): value for tag, value in changes.items()})
        if done is not None:
            self.done[asset] = done

    def undo(self) -> None:
        """Undo the latest decision."""
        if self.undos:
            before, asset, done = self.undos.pop()
            self._put(before)
            self.done[asset] = done

    def accept(self, asset: int, tag_id: str) -> None:
        """Accept a tag, which rules out an accepted one of the same exclusive category."""
        rivals = {tag.id for tag in self.taxonomy.siblings(self.taxonomy.tag(tag_id))}
        rival = next((t for (a, t), v in self.labels.items() if a == asset and v == 1 and t in rivals), None)
        self.decide(asset, ({rival: 0} if rival else {}) | {tag_id: 1})

    def has(self, asset: int, tag_id: str) -> bool:
        """Whether the picture has the tag."""
        return self.labels.get((asset, tag_id)) == 1

    def _put(self, changes: dict[tuple[int, str], int | None]) -> None:
        for key, value in changes.items():
            if value is None:
                self.labels.pop(key, None)
            else:
                self.labels[key] = value


class Typist:
    """Presses keys at random and keeps what they have to do."""

    def __init__(self, page: Page, taxonomy: Taxonomy, seed: int, profile: str) -> None:
        self.page, self.expected, self.keys = page, Expected(taxonomy), 0
        self._chance = random.Random(seed)
        self._names = {t.name("en"): t.id for t in taxonomy.active(taxonomy.profile(profile)) if t.name("en")}

    def run(self, keys: int) -> None:
        """Press so many keys, one every 40 to 120 milliseconds."""
        self.keys += keys
        for _ in range(keys):
            screen = self.page.evaluate(_SCREEN)
            while not screen["asset"] or screen["held"]:
                self.page.wait_for_timeout(100)
                screen = self.page.evaluate(_SCREEN)
            self._press(screen)
            self.page.wait_for_timeout(self._chance.uniform(40, 120))

    def settle(self) -> None:
        """Wait until every act was answered."""
        for _ in range(1200):
            if self.page.evaluate(_WAITING) == 0:
                return
            self.page.wait_for_timeout(100)

    def _press(self, screen: dict[str, Any]) -> None:
        kinds = ["accept", "reject", "undo", "replace", "add", "done", "back", "next"]
        kind = self._chance.choices(kinds, [6, 3, 2, 1, 2, 4, 1, 1])[0]
        asset, chips, expected = screen["asset"], screen["chips"], self.expected
        marked = next((chip for chip in chips if chip["marked"]), None)
        if kind == "accept" and chips:
            n = self._chance.randrange(min(9, len(chips)))
            self.page.keyboard.press(str(n + 1))
            if chips[n]["state"] == "yes":
                expected.decide(asset, {chips[n]["tag"]: None})
            else:
                expected.accept(asset, chips[n]["tag"])
        elif kind == "reject" and marked:
            self.page.keyboard.press("x")
            expected.decide(asset, {marked["tag"]: None if marked["state"] == "no" else 0})
        elif kind == "undo":
            self.page.keyboard.press("z")
            expected.undo()
        elif kind in ("add", "replace"):
            self._type(screen, marked["tag"] if kind == "replace" and marked else None)
        elif kind == "done":
            self.page.keyboard.press("d")
            expected.decide(asset, {}, not screen["done"])
        elif kind in ("back", "next"):
            self.page.keyboard.press("ArrowLeft" if kind == "back" else "ArrowRight")

    def _type(self, screen: dict[str, Any], instead: str | None) -> None:
        name = self._chance.choice(sorted(self._names))
        self.page.keyboard.press("e" if instead else "/")
        self.page.keyboard.type(name, delay=self._chance.uniform(5, 30))
        self.page.keyboard.press("Enter")
        asset, tag_id = screen["asset"], self._names[name]
        if instead and instead != tag_id:
            self.expected.decide(asset, {instead: 0, tag_id: 1})
        elif not self.expected.has(asset, tag_id):
            self.expected.accept(asset, tag_id)
        elif self.page.evaluate(_SCREEN)["acts"] > screen["acts"]:
            self.expected.decide(asset, {})  # sent before the page knew that the picture has the tag


def compare(folder: Path, expected: Expected) -> dict[str, int]:
    """Count decisions that the ledger has otherwise (`wrong`), and those it does not have at all (`lost`)."""
    database = Database(Settings(data_dir=folder).database)
    with database.read() as connection:
        found = {(row.asset_id, row.tag_id): row.value for row in connection.execute(select(labels))}
        done = set(connection.execute(select(assets.c.id).where(assets.c.review == "done")).scalars())
    database.close()
    wrong = {key for key, value in found.items() if expected.labels.get(key) != value}
    lost = expected.labels.keys() - found.keys()
    for asset, tag_id in sorted(wrong | lost):
        is_now, should_be = found.get((asset, tag_id)), expected.labels.get((asset, tag_id))
        print(f"picture {asset}, {tag_id}: {is_now} in the ledger, {should_be} on the screen", flush=True)
    meant = {asset for asset, is_done in expected.done.items() if is_done}
    return {"wrong": len(wrong) + len(done - meant), "lost": len(lost) + len(meant - done)}


@contextlib.contextmanager
def delayed(port: int, seconds: float) -> Iterator[int]:
    """The port of a proxy in front of a console that holds back every byte, in both directions."""
    loop = asyncio.new_event_loop()

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65536):
                loop.call_later(seconds, writer.write, data)
            loop.call_later(seconds, writer.close)

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(pump(reader, far_writer), pump(far_reader, writer))

    server = loop.run_until_complete(asyncio.start_server(accept, "127.0.0.1", 0))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)


def scenario(prepared: Path, name: str, keys: int, seed: int) -> dict[str, int]:
    """Type in a console on a copy of the prepared folder."""
    profile = "e-commerce"
    with tempfile.TemporaryDirectory() as parent, contextlib.ExitStack() as stack:
        folder = Path(parent) / "data"
        shutil.copytree(prepared, folder)
        console = stack.enter_context(Console(folder, "builtin", TAGLOOP_KNOWN_SHARE="0", TAGLOOP_BLIND_SHARE="0"))
        port = console.port
        if name.startswith("delay_"):
            port = stack.enter_context(delayed(port, int(name.removeprefix("delay_")) / 1000))
        playwright = stack.enter_context(sync_playwright())
        browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
        page = browser.new_page(viewport={"width": 1440, "height": 900})
        page.set_default_timeout(120_000)
        page.goto(f"http://127.0.0.1:{port}/review?profile={profile}")
        page.get_by_label("Your name").fill("Ann")
        page.get_by_role("button", name="Start").click()
        page.locator(".tl-chip").first.wait_for()
        page.evaluate("sessionStorage.setItem('tagloop.review.nothing', '1')")
        loop = Tagloop(Settings(data_dir=folder))
        typist = Typist(page, loop.taxonomy(), seed, profile)
        loop.close()
        typist.run(keys // 2)
        if name == "reload":
            page.reload()
        elif name == "restart":
            console.restart()
        typist.run(keys - keys // 2)
        typist.settle()
        page.wait_for_timeout(1000)
        browser.close()
        return {"keys": typist.keys, **compare(folder, typist.expected)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--keys", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    parser.add_argument(
        "--only", nargs="*", default=["plain", "delay_300", "delay_2000", "reload", "restart"], metavar="SCENARIO"
    )
    arguments = parser.parse_args()
    photos = [photo.path for photo in read_photos(arguments.folder)]
    found = {}
    with tempfile.TemporaryDirectory() as name:
        prepared = Path(name) / "data"
        prepare(prepared, photos, arguments.models)
        shutil.copytree(arguments.models, prepared / "models", dirs_exist_ok=True)
        for each in arguments.only:
            found[each] = scenario(prepared, each, arguments.keys, arguments.seed)
            print(each, found[each], flush=True)
    print(json.dumps({"scenarios": found}))


if __name__ == "__main__":
    main()

"""Take the README's screenshots: the console on the sample photos, with the built-in model.

python -m tests.browser.screenshots docs [--width 1440] [--dark]
"""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from playwright.sync_api import Page, sync_playwright
from sqlalchemy import select, update

from benchmarks.served import CHROMIUM_FLAGS, serve
from tagging_core import Decision, Kind, Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.ledger import replay
from tagging_core.storage.schema import assets, events
from tests.browser.conftest import chromium

_PROFILE = "e-commerce"
_GARMENTS = {
    "dress": "Dress",
    "hat": "Hat",
    "longsleeve": "Long-sleeved top",
    "outwear": "Outerwear",
    "pants": "Trousers",
    "shirt": "Shirt",
    "shoes": "Shoes",
    "shorts": "Shorts",
    "skirt": "Skirt",
    "t": "T-shirt",
}


def first_suggestion(page: Page) -> str:
    """Return the label of the first suggestion; empty if there is none."""
    found = page.locator(".tl-chip .tl-name")
    return found.first.inner_text() if found.count() else ""


def idle(page: Page) -> None:
    page.wait_for_timeout(300)
    page.locator("[data-testid='stApp'][data-test-script-state='notRunning']").wait_for()
    page.wait_for_timeout(300)


def review_some(page: Page) -> None:
    """Tag the garment on the first pictures, as an editor would, and finish each."""
    for _ in range(14):
        idle(page)
        shown = page.get_by_text("· JPEG").first.inner_text().split("-")[0]
        right = _GARMENTS.get(shown, shown)
        if right in first_suggestion(page):
            page.keyboard.press("a")
        elif shown in _GARMENTS:
            page.keyboard.press("/")
            page.wait_for_timeout(500)  # until the field has the focus
            page.keyboard.type(right)
            page.get_by_role("option", name=right).first.wait_for()
            page.keyboard.press("Enter")
        idle(page)
        page.keyboard.press("d")
    idle(page)


def take(page: Page, url: str, folder: Path, suffix: str) -> None:
    """Walk through upload and review, and save a screenshot of each page."""
    page.goto(url)
    page.get_by_label("Your name").fill("Ann")
    page.get_by_role("button", name="Start").click()
    page.get_by_role("button", name="Try it with sample photos").click()
    page.get_by_text("tagged in").wait_for(timeout=60_000)
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"upload{suffix}.png")
    page.goto(f"{url}/review?mode=groups&profile=e-commerce")
    page.locator("[role=checkbox]").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"groups{suffix}.png")
    page.goto(f"{url}/review?mode=focus&profile=e-commerce")
    page.get_by_text("0 done").wait_for()
    page.locator("html[data-tagloop=keys]").wait_for(state="attached")
    review_some(page)
    page.keyboard.press("1")
    idle(page)
    page.keyboard.press("w")
    idle(page)
    page.screenshot(path=folder / f"review{suffix}.png")
    page.goto(f"{url}/review?mode=grid&ask=garment&profile=e-commerce")
    page.locator("[role=checkbox]").first.wait_for()
    page.wait_for_timeout(1500)
    page.screenshot(path=folder / f"grid{suffix}.png")
    take_library(page, url, folder, suffix)


def work_for_weeks(data: Path, photos: Path | None) -> None:
    """Let four people finish all photos over eight weeks, the hats among the last."""
    loop = Tagloop(Settings(data_dir=data))
    loop.start()
    if photos is not None:
        batch_id = loop.ingest.ingest_paths(local_user("Ann"), [photos], _PROFILE)
        while loop.ingest.batch(batch_id).state != "done":
            time.sleep(1)
    rng = random.Random(1)
    now = datetime.now(UTC).replace(tzinfo=None, hour=15, minute=0)
    with loop.database.read() as connection:
        waiting = list(connection.execute(select(assets.c.id, assets.c.name)).all())
    rng.shuffle(waiting)
    names = {tag.name("en"): tag.id for tag in loop.taxonomy().active()}
    for n, (asset_id, name) in enumerate(waiting):
        if n % 25 == 0:
            loop.model.library.settle()
            loop.model.library.calibrate()
        person = local_user(rng.choice(["Ann", "Bob", "Chen", "Dora"]))
        right = names.get(_GARMENTS.get(name.split("-")[0], ""), "")
        loop.review.assigner.take(person, asset_id, force=True)
        shown = loop.review.card(person, asset_id, _PROFILE).suggestions
        for tag_id in {s.tag_id for s in shown if s.probability > rng.random()} | {right}:
            if tag_id and not (tag_id != right and tag_id.startswith("garment.")):
                known = tag_id in {s.tag_id for s in shown}
                loop.review.decide(
                    person, Decision(Kind.ACCEPT if known else Kind.ADD, asset_id, tag_id, profile=_PROFILE)
                )
        loop.review.decide(person, Decision(Kind.DONE, asset_id, profile=_PROFILE, seconds=rng.gammavariate(4, 3)))
        ago = rng.uniform(0, 14) if name.startswith("hat") else rng.uniform(0, 56)
        at = now - timedelta(days=round(ago))
        with loop.database.write() as connection:
            connection.execute(update(events).where(events.c.asset_id == asset_id).values(at=at))
            connection.execute(update(assets).where(assets.c.id == asset_id).values(created_at=at))
    with loop.database.write() as connection:
        replay.recount(connection, loop.settings.zone, loop.model.library.taxonomies.load(connection).redirects)
    loop.close()


def take_insights(page: Page, url: str, folder: Path, suffix: str) -> None:
    """Take screenshots of the managers' pages."""
    places = {
        "overview": "overview?days=30",
        "trends": "trends?days=30&tags=garment.hat,garment.dress",
        "accuracy": "accuracy?days=90",
        "pictures": "pictures?tag=garment.hat",
    }
    for name, address in places.items():
        page.goto(f"{url}/{address}")
        page.get_by_role("heading", name=name.capitalize(), exact=True).wait_for()
        page.wait_for_timeout(3500)
        page.screenshot(path=folder / f"{name}{suffix}.png")
    page.goto(f"{url}/search?q=dress")
    page.get_by_text("Tags in your words").wait_for()
    page.wait_for_timeout(3500)
    page.screenshot(path=folder / f"search{suffix}.png")


def take_library(page: Page, url: str, folder: Path, suffix: str) -> None:
    """Take screenshots of the owners' pages."""
    page.goto(f"{url}/tags")
    page.get_by_role("heading", name="Tags", exact=True).wait_for()
    page.get_by_text("Garment type").first.click()
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / f"tags{suffix}.png")
    page.goto(f"{url}/tags?tag=garment.dress")
    page.get_by_role("tab", name="Pictures").click()
    page.wait_for_timeout(2500)
    page.screenshot(path=folder / f"tag{suffix}.png")
    page.locator("button:visible", has_text="Merge").first.click()
    page.get_by_label("becomes").fill("Skirt")
    page.keyboard.press("Enter")
    page.get_by_text("A CMS that asks for").wait_for()
    page.wait_for_timeout(1000)
    page.screenshot(path=folder / f"merge{suffix}.png")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--width", type=int, default=1440)
    parser.add_argument("--photos", type=Path, help="more photos for the managers' pages, named like the samples")
    parser.add_argument("--dark", action="store_true")
    arguments = parser.parse_args()
    suffix = ("-dark" if arguments.dark else "") + (f"-{arguments.width}" if arguments.width != 1440 else "")
    arguments.folder.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as name, sync_playwright() as playwright:
        data = Path(name) / "data"
        browser = playwright.chromium.launch(executable_path=chromium(), args=CHROMIUM_FLAGS)
        size = {"width": arguments.width, "height": 900}
        page = browser.new_page(viewport=size, color_scheme="dark" if arguments.dark else "light")
        page.set_default_timeout(30_000)
        with serve(data, "builtin") as url:
            take(page, url, arguments.folder, suffix)
        work_for_weeks(data, arguments.photos)
        with serve(data, "builtin") as url:
            take_insights(page, url, arguments.folder, suffix)
        browser.close()


if __name__ == "__main__":
    main()

"""In a real Chromium: from a key press until the next picture is visible, on photos as they were uploaded."""

from __future__ import annotations

import argparse
import json
import shutil
import tempfile
import time
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

from benchmarks.console import figures
from benchmarks.ingest import wait_idle
from benchmarks.photos import read_photos
from benchmarks.served import CHROMIUM_FLAGS, serve
from tagging_core import Settings, Tagloop
from tagging_core.common.users import local_user
from tagging_core.embeddings.encoders import load_encoder

# The picture is visible once it is another one, whole, and the browser has drawn a frame with it.
_WATCH = """() => {
  window.times = []
  const picture = () => document.querySelector('a[href*="pictures/original"] img')
  let shown = picture()?.src // the page may answer a key before this script sees it
  const follow = () => { shown = picture()?.src ?? shown; requestAnimationFrame(follow) }
  follow()
  window.addEventListener('keydown', (event) => {
    if (event.key !== 'd') return
    const [before, started] = [shown, event.timeStamp]
    const look = () => {
      const now = picture()
      if (now && now.src !== before && now.complete && now.naturalWidth)
        requestAnimationFrame(() => window.times.push(performance.now() - started))
      else requestAnimationFrame(look)
    }
    look()
  }, true)
}"""


def prepare(folder: Path, photos: list[Path], models: Path) -> None:
    loop = Tagloop(Settings(data_dir=folder), encoder=load_encoder("builtin", models))
    loop.start()
    batch = loop.ingest.ingest_paths(local_user("Ann"), photos, "e-commerce")
    while loop.ingest.batch(batch).state == "running":
        time.sleep(0.2)
    wait_idle(loop)
    loop.close()


def hurry(page: Page, acts: int) -> list[float]:
    """Finish one picture a 100 milliseconds; the times of those keys alone."""
    known = page.evaluate("window.times.length")
    for _ in range(acts):
        page.keyboard.press("d")
        page.wait_for_timeout(100)
    page.wait_for_function(f"window.times.length >= {known + acts}")
    return [ms / 1000 for ms in page.evaluate("window.times")[known:]]


def measure(page: Page, acts: int) -> list[float]:
    """Accept and finish pictures at an editor's pace."""
    page.wait_for_timeout(8000)  # the model is loaded by then
    page.evaluate("sessionStorage.setItem('tagloop.review.nothing', '1')")
    page.evaluate(_WATCH)
    for n in range(acts):
        page.keyboard.press("1")
        page.wait_for_timeout(400)
        page.keyboard.press("d")
        page.wait_for_function(f"window.times.length > {n}")
        page.wait_for_timeout(300)
    return [ms / 1000 for ms in page.evaluate("window.times")]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--acts", type=int, default=100)
    parser.add_argument("--models", type=Path, default=Path("data/models"))
    arguments = parser.parse_args()
    photos = [photo.path for photo in read_photos(arguments.folder)]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name) / "data"
        prepare(folder, photos, arguments.models)
        shutil.copytree(arguments.models, folder / "models", dirs_exist_ok=True)
        with serve(folder, "builtin", TAGLOOP_KNOWN_SHARE="0") as url, sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=CHROMIUM_FLAGS)
            page = browser.new_page(viewport={"width": 1440, "height": 900})
            page.goto(f"{url}/review?profile=e-commerce")
            page.get_by_label("Your name").fill("Ann")
            page.get_by_role("button", name="Start").click()
            page.locator(".tl-chip").first.wait_for()
            times = measure(page, arguments.acts)
            quick = hurry(page, arguments.acts)
            browser.close()
    print(
        json.dumps({"photos": len(photos), "next_picture_visible": figures(times), "one_a_100_ms": figures(quick)})
    )


if __name__ == "__main__":
    main()

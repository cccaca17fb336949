from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from streamlit.testing.v1 import AppTest

from tagging_core import Tagloop
from tagging_core.ingest import batches
from tests.conftest import RED, photo, wait_for


def button(at: AppTest, label: str):  # type: ignore[no-untyped-def]
    return next(b for b in at.button if b.label == label)


def test_without_uploads_the_page_says_what_to_do(open_page: Callable[..., AppTest]) -> None:
    at = open_page()
    assert "try the sample photos" in at.info[0].value
    assert button(at, "Tag photos").disabled


def test_uploaded_photos_become_a_batch(open_page: Callable[..., AppTest], console: Tagloop) -> None:
    at = open_page()
    at.file_uploader[0].upload("a.jpg", photo(RED), "image/jpeg").run()
    button(at, "Tag 1 photo").click().run()
    wait_for(lambda: console.ingest.batch(1).state == "done")
    assert console.ingest.batch(1).ingested == 1
    assert not at.file_uploader[0].value
    at.run()
    assert any("1 new · tagged in" in p.text for p in at.get("progress"))


def test_the_sample_photos_are_one_click_away(open_page: Callable[..., AppTest], console: Tagloop) -> None:
    at = open_page()
    button(at, "Try it with sample photos").click().run()
    wait_for(lambda: console.ingest.batch(1).state == "done")
    assert (console.ingest.batch(1).ingested, console.ingest.batch(1).refused) == (40, 0)


def test_refused_files_are_listed_with_reasons(open_page: Callable[..., AppTest], console: Tagloop) -> None:
    at = open_page()
    at.file_uploader[0].upload("broken.jpg", b"nothing", "image/jpeg").run()
    button(at, "Tag 1 photo").click().run()
    wait_for(lambda: console.ingest.batch(1).state == "done")
    at.run()
    assert at.expander[0].label == "1 refused"
    assert "Not a picture" in at.dataframe[0].value["reason"][0]


def test_a_batch_is_stopped_and_resumed(open_page: Callable[..., AppTest], console: Tagloop, ann) -> None:  # type: ignore[no-untyped-def]
    assert console.worker is not None
    console.worker.stop()
    batch_id = console.ingest.upload(ann, [("a.jpg", photo(RED))], "general")
    at = open_page()
    button(at, "Stop").click().run()
    assert console.ingest.batch(batch_id).state == "stopped"
    assert any("Stopped by Ann" in p.text for p in at.get("progress"))
    button(at, "Resume").click().run()
    assert console.ingest.batch(batch_id).state == "running"


def test_a_server_path_is_offered_only_below_an_allowed_root(
    open_page: Callable[..., AppTest], console: Tagloop, tmp_path: Path
) -> None:
    assert not open_page().text_input
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "a.jpg").write_bytes(photo(RED))
    console.settings = console.settings.model_copy(update={"ingest_root": tmp_path / "root"})
    console.ingest._ingest_root = tmp_path / "root"
    at = open_page()
    at.text_input[0].set_value("../..").run()
    button(at, "Tag this folder").click().run()
    assert "outside" in at.error[0].value
    at.text_input[0].set_value(".").run()
    button(at, "Tag this folder").click().run()
    with console.database.read() as connection:
        assert len(batches.recent(connection)) == 1

"""The same bytes again, with a text that the first had not."""

from __future__ import annotations

import pytest

from tagging_core import Tagloop, User
from tagging_core.assets.repository import AssetText
from tagging_core.embeddings import vectors
from tagging_core.ledger.events import Kind
from tests.conftest import BLUE, RED, photo, wait_for

Files = list[tuple[str, bytes]]


def upload(loop: Tagloop, user: User, files: Files) -> None:
    batch_id = loop.ingest.upload(user, files, "e-commerce")
    wait_for(lambda: loop.ingest.batch(batch_id).state == "done")


def texts(loop: Tagloop) -> list[str]:
    return [asset.text.title for asset in loop.assets.find("", 10)]


def text_events(loop: Tagloop) -> list[str]:
    return [event.actor for event in loop.assets.events() if event.kind == Kind.TEXT]


WITHOUT: Files = [("a.jpg", photo(RED))]
WITH: Files = [("b.jpg", photo(RED)), ("b.txt", b"Red square")]


def test_a_text_that_comes_later_is_kept_searchable_and_evidence(working: Tagloop, ann: User) -> None:
    upload(working, ann, WITHOUT)
    upload(working, ann, WITH)
    assert [asset.text.title for asset in working.assets.find("square", 10)] == ["Red square"]
    assert text_events(working) == ["Ann"]
    with working.database.read() as connection:
        assert vectors.load(connection, working.model.preset.fingerprint, [1], kind="text")


def test_a_text_is_not_replaced_by_a_later_one(working: Tagloop, ann: User) -> None:
    upload(working, ann, WITH)
    upload(working, ann, [("c.jpg", photo(RED)), ("c.txt", b"Another")])
    assert (texts(working), text_events(working)) == (["Red square"], [])


@pytest.mark.parametrize("files", [WITH + WITHOUT, WITHOUT + WITH], ids=["text first", "text last"])
def test_of_copies_in_one_upload_the_text_is_kept(working: Tagloop, ann: User, files: Files) -> None:
    upload(working, ann, [*files, ("z.jpg", photo(BLUE))])
    assert sorted(texts(working)) == ["", "Red square"]


def test_copies_in_different_chunks_keep_the_text(working: Tagloop, ann: User) -> None:
    filler = [(f"{n}.jpg", photo(BLUE, (20 + n, 20))) for n in range(40)]
    upload(working, ann, [*WITHOUT, *filler, *WITH])
    assert len(working.assets.find("square", 10)) == 1


def test_a_picture_that_is_tagged_again_with_a_title_keeps_it(working: Tagloop, ann: User) -> None:
    working.tagger.tag(ann, photo(RED), "e-commerce")
    working.tagger.tag(ann, photo(RED), "e-commerce", text=AssetText("Red square"))
    working.tagger.tag(ann, photo(RED), "e-commerce", text=AssetText("Another"))
    assert (texts(working), text_events(working)) == (["Red square"], ["Ann"])


def test_a_picture_that_is_not_to_be_kept_changes_nothing(working: Tagloop, ann: User) -> None:
    working.tagger.tag(ann, photo(RED), "e-commerce")
    working.tagger.tag(ann, photo(RED), "e-commerce", text=AssetText("Red square"), keep=False)
    assert (texts(working), text_events(working)) == ([""], [])

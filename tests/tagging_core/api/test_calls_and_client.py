"""The same calls in process and over HTTP, with the same answers."""

from __future__ import annotations

import inspect
import io
import zipfile

import pytest

from tagging_core import TaggingError, Tagloop, User
from tagging_core.api import Client, Operations, ServiceError
from tagging_core.assets.files import Rendition
from tagging_core.publishing import schemas
from tagging_core.publishing.schemas import NewDecision, Text
from tests.conftest import BLUE, GREEN, RED, photo, wait_for


def test_client_and_calls_have_the_same_calls() -> None:
    ours = {name for name, _ in inspect.getmembers(Operations, inspect.isfunction) if not name.startswith("_")}
    theirs = {name for name, _ in inspect.getmembers(Client, inspect.isfunction) if not name.startswith("_")}
    only_here = {"get_assets", "shown_suggestions"}  # what exports read
    assert ours - only_here == theirs - {"close", "wait_for"}
    for name in ours - only_here:
        here = inspect.signature(getattr(Operations, name)).parameters
        there = inspect.signature(getattr(Client, name)).parameters
        assert {k: p.default for k, p in here.items()} == {
            k: p.default for k, p in there.items() if k != "idempotency_key"
        }, name


def test_a_picture_is_tagged_kept_decided_and_found(client: Client, working: Tagloop, ann: User) -> None:
    tagged = client.tag_picture(photo(RED), "red.jpg", "e-commerce", Text(title="A dress"), vector=True)
    assert tagged.asset is not None
    assert tagged.new
    assert tagged.suggestions == sorted(tagged.suggestions, key=lambda s: -s.probability)
    assert tagged.vector is not None
    assert abs(sum(x * x for x in tagged.vector) - 1) < 1e-3
    assert tagged.description.title == "A dress"
    again = client.tag_picture(photo(RED), "other.jpg", "e-commerce")
    assert (again.asset, again.new) == (tagged.asset, False)
    written = client.decide(
        [NewDecision(kind="add", asset=tagged.asset, tag="garment.dress", profile="e-commerce")]
    )
    asset = client.get_asset(tagged.asset)
    assert [t.tag for t in asset.tags] == ["garment.dress"]
    assert asset.tags[0].by == "program CMS"
    assert asset == Operations(working, ann).get_asset(tagged.sha256)
    wait_for(lambda: working.resources.index.pending() == 0)
    assert client.search("dress").hits[0].asset.id == tagged.asset
    assert client.search(picture=photo(RED, size=(80, 60))).hits[0].asset.id == tagged.asset
    client.undo(written.act)
    assert client.get_asset(tagged.asset).tags == []
    assert [d.kind for d in client.list_decisions(asset=tagged.asset).items] == ["add", "undo"]


def test_nothing_is_kept_where_that_was_asked(client: Client, working: Tagloop) -> None:
    tagged = client.tag_picture(photo(RED), profile="e-commerce", keep=False, top_k=2)
    assert (tagged.asset, tagged.new, len(tagged.suggestions)) == (None, True, 2)
    assert client.list_assets().items == []
    assert not working.resources.images.has(tagged.sha256)


def test_nothing_is_kept_for_a_profile_there_is_not(client: Client, working: Tagloop) -> None:
    with pytest.raises(ServiceError, match="lost"):
        client.tag_picture(photo(RED), profile="lost")
    assert not list((working.settings.data_dir / "archive").rglob("*"))


def test_many_at_once_get_the_tags_each_would_get_alone(client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [photo((20 * n, 255 - 20 * n, 100)) for n in range(12)]
    alone = [client.tag_picture(file, profile="e-commerce", keep=False) for file in files]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda file: client.tag_picture(file, profile="e-commerce"), files))
    for one, other in zip(alone, together, strict=True):
        assert one.sha256 == other.sha256
        assert [s.tag for s in one.suggestions] == [s.tag for s in other.suggestions]
    assert len({tagged.asset for tagged in together}) == 12
    (batch,) = client.list_batches().items
    assert (batch.name, batch.total, batch.ingested) == ("From program CMS", 12, 12)


def test_one_broken_picture_leaves_the_others_alone(client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [photo(RED), b"no picture", photo(BLUE)]

    def tag(file: bytes) -> str:
        try:
            return client.tag_picture(file).sha256[:4]
        except ServiceError as error:
            return error.kind

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(tag, files)).count("picture") == 1


def test_copies_for_the_console_follow_when_nobody_waits(client: Client, working: Tagloop) -> None:
    tagged = client.tag_picture(photo(RED))
    assert working.resources.images.read(Rendition.ORIGINAL, tagged.sha256)
    wait_for(lambda: working.resources.images.has(tagged.sha256))
    working.resources.blobs.remove(next(working.resources.blobs.older_than("archive/thumbnails", 0.0)))
    assert tagged.asset is not None
    assert client.get_picture(tagged.asset, "thumbnail")  # made anew on the spot


def test_a_wanted_precision_leaves_out_what_cannot_keep_it(client: Client) -> None:
    everything = client.tag_picture(photo(RED), profile="e-commerce", keep=False)
    strict = client.tag_picture(photo(RED), profile="e-commerce", keep=False, target=0.6)
    assert strict.suggestions == [s for s in everything.suggestions if s.probability >= 0.6]


def test_many_pictures_are_a_job(client: Client) -> None:
    files = [("a.jpg", photo(RED)), ("b.jpg", photo(GREEN)), ("c.jpg", b"no")]
    job = client.tag_pictures(files, "e-commerce", "New")
    done = client.wait_for(job.id, seconds=30, every=0.05)
    assert (done.state, done.total, done.finished) == ("done", 3, 3)
    assert [r.name for r in done.refused] == ["c.jpg"]
    assert client.get_batch(done.batch).name == "New"
    assert client.list_jobs().items[0].id == job.id


def test_pages_follow_one_another(client: Client) -> None:
    sent = [client.tag_picture(photo((n, n, n))).asset for n in (10, 90, 200)]
    first = client.list_assets(limit=2)
    assert [a.id for a in first.items] == [sent[2], sent[1]]
    last = client.list_assets(limit=2, cursor=first.next)
    assert [a.id for a in last.items] == [sent[0]]
    assert last.next is None
    tags = client.list_tags(limit=10)
    assert client.list_tags(limit=10, cursor=tags.next).items[0].id not in {t.id for t in tags.items}
    assert client.list_tags("连衣裙").items[0].id == "garment.dress"


def test_descriptions_and_texts_are_written(client: Client) -> None:
    asset = client.tag_picture(photo(RED)).asset
    assert asset is not None
    assert client.set_text(asset, Text(title="Hello")).text.title == "Hello"
    written = client.describe(asset, schemas.Description(language="zh", alt="红色"))
    assert (written.alt, written.written) == ("红色", ["alt"])
    assert client.get_asset(asset, language="zh").description.alt == "红色"


def test_exports_stream(client: Client) -> None:
    asset = client.tag_picture(photo(RED), "red.jpg").asset
    assert asset is not None
    client.decide([NewDecision(kind="add", asset=asset, tag="garment.dress")])
    rows = b"".join(client.export(columns=["id", "tag_ids"])).decode("utf-8-sig").splitlines()
    assert rows == ["id,tag_ids", f"{asset},garment.dress"]
    from tagging_core.publishing.exports.exporter import Format

    with zipfile.ZipFile(io.BytesIO(b"".join(client.export(Format.XMP)))) as file:
        assert file.namelist() == [f"{asset}-red.jpg.xmp"]
    with pytest.raises(ServiceError, match="no column"):
        list(client.export(columns=["secret"]))


def test_errors_say_the_same_on_both_sides(client: Client, working: Tagloop, ann: User) -> None:
    for ask in (
        lambda calls: calls.get_asset(99),
        lambda calls: calls.tag_picture(b"no picture"),
        lambda calls: calls.tag_picture(photo(RED), profile="lost"),
        lambda calls: calls.get_tag("lost"),
        lambda calls: calls.list_assets(cursor="lost"),
        lambda calls: calls.undo("lost"),
        lambda calls: calls.decide([NewDecision(kind="add", asset=99, tag="garment.dress")]),
    ):
        with pytest.raises(TaggingError) as here:
            ask(Operations(working, ann))
        with pytest.raises(ServiceError) as there:
            ask(client)
        assert str(here.value) == str(there.value)
        assert 400 <= there.value.status < 500
        assert there.value.kind

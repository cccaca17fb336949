"""`Operations` in process and `Client` over HTTP offer the same calls and return the same results."""

from __future__ import annotations

import inspect
import io
import zipfile
from collections.abc import Iterable, Sequence
from importlib import import_module
from typing import get_args, get_origin

import pytest
from fastapi.responses import Response, StreamingResponse
from fastapi.routing import APIRoute

from tagging_core import TaggingError, Tagloop, User
from tagging_core.api import Client, Operations, ServiceError
from tagging_core.assets.files import Rendition
from tagging_core.publishing import schemas
from tagging_core.publishing.schemas import EVERYTHING, NewDecision, Text
from tests.conftest import BLUE, GREEN, RED, photo, wait_for

RESOURCES = ("pictures", "batches", "jobs", "assets", "decisions", "tags", "search", "webhooks")
ROUTES = {
    "tag_picture": "tag",
    "tag_pictures": "create",
    "get_picture": "picture",
    "list_suggestions": "suggestions",
    "decide": "create",
    "list_profiles": "profiles",
    "search": "find",
    "search_by_picture": "find",
    "add_webhook": "add",
    "switch_webhook": "set_active",
    "list_deliveries": "deliveries",
    "replay_delivery": "replay",
}
"""Operation id to method name, where the method is not named like the id's verb (list, get, stop, ...)."""

IN_PROCESS = {"get_many", "recorded_suggestions"}  # used by exports
OVER_HTTP = {"wait_for"}


def methods(resource: object) -> dict[str, inspect.Signature]:
    found = inspect.getmembers(type(resource), inspect.isfunction)
    return {name: inspect.signature(method, eval_str=True) for name, method in found if not name.startswith("_")}


def method_of(route: APIRoute, names: Iterable[str]) -> str:
    verb = route.name.partition("_")[0]
    return ROUTES.get(route.name) or (route.name if route.name in names else verb)


def normalize(value: object) -> object:
    """A default or annotation in the form shared by operations, client and routes."""
    if isinstance(value, list):
        value = tuple(value)
    return list[get_args(value)[0]] if get_origin(value) is Sequence else value


@pytest.mark.parametrize("name", RESOURCES)
def test_operations_client_and_routes_have_the_same_signatures(loop: Tagloop, ann: User, name: str) -> None:
    here = methods(getattr(Operations(loop, ann), name))
    there = methods(getattr(Client("http://localhost"), name))
    assert here.keys() - IN_PROCESS == there.keys() - OVER_HTTP
    for method in here.keys() - IN_PROCESS:
        ours, theirs = here[method], there[method]
        defaults = {k: p.default for k, p in ours.parameters.items()}
        assert defaults == {k: p.default for k, p in theirs.parameters.items() if k != "idempotency_key"}, method
        assert ours.return_annotation == theirs.return_annotation, method
    routes = import_module(f"tagging_core.api.routes.{name}").router.routes
    assert {method_of(route, here) for route in routes} == here.keys() - IN_PROCESS
    for route in routes:
        ours = here[method_of(route, here)]
        signature = inspect.signature(route.endpoint, eval_str=True)
        for parameter, expected in ours.parameters.items():
            if parameter not in signature.parameters or expected.default in (inspect.Parameter.empty, EVERYTHING):
                continue
            if (route.name, parameter) != ("search_by_picture", "picture"):  # the route requires a picture
                assert normalize(signature.parameters[parameter].default) == normalize(expected.default), (
                    route.name,
                    parameter,
                )
        returned = route.response_model or signature.return_annotation
        if returned not in (Response, StreamingResponse):
            assert normalize(returned) == normalize(ours.return_annotation), route.name


def test_a_picture_is_tagged_stored_decided_on_and_found(client: Client, working: Tagloop, ann: User) -> None:
    tagged = client.pictures.tag(photo(RED), "red.jpg", "e-commerce", text=Text(title="A dress"), vector=True)
    assert tagged.asset is not None
    assert tagged.new
    assert tagged.suggestions == sorted(tagged.suggestions, key=lambda s: -s.probability)
    assert tagged.vector is not None
    assert abs(sum(x * x for x in tagged.vector) - 1) < 1e-3
    assert tagged.description.title == "A dress"
    again = client.pictures.tag(photo(RED), "other.jpg", "e-commerce")
    assert (again.asset, again.new) == (tagged.asset, False)
    written = client.decisions.create(
        [NewDecision(kind="add", asset=tagged.asset, tag="garment.dress", profile="e-commerce")]
    )
    asset = client.assets.get(tagged.asset)
    assert [t.tag for t in asset.tags] == ["garment.dress"]
    assert asset.tags[0].by == "program CMS"
    assert asset == Operations(working, ann).assets.get(tagged.sha256)
    wait_for(lambda: working.resources.index.feeder.pending() == 0)
    assert client.search.find("dress").hits[0].asset.id == tagged.asset
    assert client.search.find("dress").likely
    assert client.search.find(picture=photo(RED, size=(80, 60))).hits[0].asset.id == tagged.asset
    client.decisions.undo(written.act)
    assert client.assets.get(tagged.asset).tags == []
    assert [d.kind for d in client.decisions.list(asset=tagged.asset).items] == ["add", "undo"]


def test_nothing_is_stored_without_keep(client: Client, working: Tagloop) -> None:
    tagged = client.pictures.tag(photo(RED), profile="e-commerce", keep=False, top_k=2)
    assert (tagged.asset, tagged.new, len(tagged.suggestions)) == (None, True, 2)
    assert client.assets.list().items == []
    assert not working.resources.images.has(tagged.sha256)


def test_nothing_is_stored_for_an_unknown_profile(client: Client, working: Tagloop) -> None:
    with pytest.raises(ServiceError, match="lost"):
        client.pictures.tag(photo(RED), profile="lost")
    assert not list((working.settings.data_dir / "archive").rglob("*"))


def test_concurrent_requests_get_the_same_tags_as_single_ones(client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [photo((20 * n, 255 - 20 * n, 100)) for n in range(12)]
    alone = [client.pictures.tag(file, profile="e-commerce", keep=False) for file in files]
    with ThreadPoolExecutor(12) as pool:
        together = list(pool.map(lambda file: client.pictures.tag(file, profile="e-commerce"), files))
    for one, other in zip(alone, together, strict=True):
        assert one.sha256 == other.sha256
        assert [s.tag for s in one.suggestions] == [s.tag for s in other.suggestions]
    assert len({tagged.asset for tagged in together}) == 12
    (batch,) = client.batches.list().items
    assert (batch.name, batch.total, batch.ingested) == ("From program CMS", 12, 12)


def test_one_broken_picture_does_not_affect_the_others(client: Client) -> None:
    from concurrent.futures import ThreadPoolExecutor

    files = [photo(RED), b"no picture", photo(BLUE)]

    def tag(file: bytes) -> str:
        try:
            return client.pictures.tag(file).sha256[:4]
        except ServiceError as error:
            return error.kind

    with ThreadPoolExecutor(3) as pool:
        assert list(pool.map(tag, files)).count("picture") == 1


def test_renditions_are_made_in_the_background(client: Client, working: Tagloop) -> None:
    tagged = client.pictures.tag(photo(RED))
    assert working.resources.images.read(Rendition.ORIGINAL, tagged.sha256)
    wait_for(lambda: working.resources.images.has(tagged.sha256))
    working.resources.blobs.remove(next(working.resources.blobs.older_than("archive/thumbnails", 0.0)))
    assert tagged.asset is not None
    assert client.assets.picture(tagged.asset, "thumbnail")  # regenerated on demand


def test_a_target_precision_drops_less_probable_suggestions(client: Client) -> None:
    everything = client.pictures.tag(photo(RED), profile="e-commerce", keep=False)
    strict = client.pictures.tag(photo(RED), profile="e-commerce", keep=False, target=0.6)
    assert strict.suggestions == [s for s in everything.suggestions if s.probability >= 0.6]


def test_uploading_many_pictures_creates_a_job(client: Client) -> None:
    files = [("a.jpg", photo(RED)), ("b.jpg", photo(GREEN)), ("c.jpg", b"no")]
    job = client.batches.create(files, "e-commerce", "New")
    done = client.jobs.wait_for(job.id, seconds=30, every=0.05)
    assert (done.state, done.total, done.finished) == ("done", 3, 3)
    assert [r.name for r in done.refused] == ["c.jpg"]
    assert client.batches.get(done.batch).name == "New"
    assert client.jobs.list().items[0].id == job.id


def test_cursors_lead_to_the_next_page(client: Client) -> None:
    sent = [client.pictures.tag(photo((n, n, n))).asset for n in (10, 90, 200)]
    first = client.assets.list(limit=2)
    assert [a.id for a in first.items] == [sent[2], sent[1]]
    last = client.assets.list(limit=2, cursor=first.next)
    assert [a.id for a in last.items] == [sent[0]]
    assert last.next is None
    tags = client.tags.list(limit=10)
    assert client.tags.list(limit=10, cursor=tags.next).items[0].id not in {t.id for t in tags.items}
    assert client.tags.list("连衣裙").items[0].id == "garment.dress"


def test_descriptions_and_texts_can_be_written(client: Client) -> None:
    asset = client.pictures.tag(photo(RED)).asset
    assert asset is not None
    assert client.assets.set_text(asset, Text(title="Hello")).text.title == "Hello"
    written = client.assets.describe(asset, schemas.Description(language="zh", alt="红色"))
    assert (written.alt, written.written) == ("红色", ["alt"])
    assert client.assets.get(asset, language="zh").description.alt == "红色"


def test_exports_stream(client: Client) -> None:
    asset = client.pictures.tag(photo(RED), "red.jpg").asset
    assert asset is not None
    client.decisions.create([NewDecision(kind="add", asset=asset, tag="garment.dress")])
    rows = b"".join(client.assets.export(columns=["id", "tag_ids"])).decode("utf-8-sig").splitlines()
    assert rows == ["id,tag_ids", f"{asset},garment.dress"]
    from tagging_core.publishing.exports.exporter import Format

    with zipfile.ZipFile(io.BytesIO(b"".join(client.assets.export(Format.XMP)))) as file:
        assert file.namelist() == ["red.jpg.xmp"]
    with pytest.raises(ServiceError, match="no column"):
        list(client.assets.export(columns=["secret"]))


def test_operations_and_client_raise_the_same_errors(client: Client, working: Tagloop, ann: User) -> None:
    for call in (
        lambda api: api.assets.get(99),
        lambda api: api.pictures.tag(b"no picture"),
        lambda api: api.pictures.tag(photo(RED), profile="lost"),
        lambda api: api.tags.get("lost"),
        lambda api: api.assets.list(cursor="lost"),
        lambda api: api.decisions.undo("lost"),
        lambda api: api.decisions.create([NewDecision(kind="add", asset=99, tag="garment.dress")]),
    ):
        with pytest.raises(TaggingError) as here:
            call(Operations(working, ann))
        with pytest.raises(ServiceError) as there:
            call(client)
        assert str(here.value) == str(there.value)
        assert 400 <= there.value.status < 500
        assert there.value.kind

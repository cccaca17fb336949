"""The Django example, served on a real port, with Tagloop on another; Django is set up only once."""

from __future__ import annotations

import os
import re
import socketserver
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import httpx
import pytest

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.api import Client
from tagging_core.ledger.webhook_outbox import EventType
from tests.conftest import BLUE, RED, photo, wait_for

EXAMPLE = Path(__file__).parent.parent.parent / "examples" / "django_site"


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    def log_message(self, *_: object) -> None: ...


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The URL of the example, which is not connected to a Tagloop yet."""
    sys.path.insert(0, str(EXAMPLE))
    os.environ["DJANGO_SETTINGS_MODULE"] = "newsroom.settings"
    os.environ["NEWSROOM_DATA"] = str(tmp_path_factory.mktemp("newsroom"))
    from django.core.management import call_command
    from django.core.wsgi import get_wsgi_application

    application = get_wsgi_application()
    call_command("migrate", verbosity=0)
    server = make_server("127.0.0.1", 0, application, _Server, _Quiet)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()
    sys.path.remove(str(EXAMPLE))


@pytest.fixture
def browser(site: str, client: Client, monkeypatch: pytest.MonkeyPatch) -> Iterator[httpx.Client]:
    """A visitor of the site, which uses this test's Tagloop and receives its webhooks."""
    from django.conf import settings
    from pictures import models, views

    monkeypatch.setattr(views, "tagloop", client)
    hook = client.webhooks.add(f"{site}/hooks/tagloop", [EventType.ASSET_REVIEWED])
    monkeypatch.setattr(settings, "TAGLOOP_SECRET", hook.secret)
    with httpx.Client(base_url=site, follow_redirects=True) as visitor:
        yield visitor
    models.Picture.objects.all().delete()


def upload(browser: httpx.Client, name: str, data: bytes) -> httpx.Response:
    form = browser.get("/upload")
    token = re.search(r'name="csrfmiddlewaretoken" value="(\w+)"', form.text)
    assert token is not None
    fields = {"csrfmiddlewaretoken": token[1]}
    return browser.post("/upload", data=fields, files={"file": (name, data)})


def test_an_upload_is_tagged_and_found(browser: httpx.Client, working: Tagloop) -> None:
    assert upload(browser, "red.jpg", photo(RED)).status_code == 200
    assert upload(browser, "blue.jpg", photo(BLUE)).status_code == 200
    assert upload(browser, "again.jpg", photo(BLUE)).status_code == 200  # a duplicate is stored only once
    wait_for(lambda: not working.resources.index.feeder.pending())
    page = browser.get("/", params={"q": "blue"}).text
    shown = re.findall(r"/media/pictures/(\w+)\.jpg", page)
    assert shown[0] == "blue"
    assert shown.count("blue") == 1
    assert "(suggested)" in page
    image = browser.get("/media/pictures/blue.jpg")
    assert image.content == photo(BLUE)


def test_accepted_tags_replace_suggestions(browser: httpx.Client, working: Tagloop, ann: User) -> None:
    from pictures.models import Picture

    upload(browser, "red.jpg", photo(RED))
    asset = Picture.objects.get().asset
    working.review.decide(ann, Decision(Kind.ADD, asset, "garment.dress", profile="news"))
    working.review.decide(ann, Decision(Kind.DONE, asset, profile="news"))
    wait_for(lambda: Picture.objects.get().reviewed)
    assert [tag.name for tag in Picture.objects.get().tags.all()] == ["Dress"]
    assert "(suggested)" not in browser.get("/").text


def test_an_unsigned_webhook_is_rejected(browser: httpx.Client) -> None:
    assert browser.post("/hooks/tagloop", json={"type": "asset.reviewed"}).status_code == 403


def test_without_tagloop_a_picture_is_kept_and_the_error_is_shown(
    browser: httpx.Client, token: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pictures import models, views

    monkeypatch.setattr(views, "tagloop", Client("http://127.0.0.1:9/api/v1", token()))
    response = upload(browser, "red.jpg", photo(RED))
    assert response.status_code == 502
    assert "cannot be reached" in response.text
    assert models.Picture.objects.count() == 1
    assert browser.get("/", params={"q": "red"}).status_code == 502

"""Pictures over HTTP as caches, link checkers and download managers expect them."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import unquote

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.testclient import TestClient

from tagging_core import Tagloop
from tagging_core.api.picture_response import attachment
from tests.conftest import BLUE, RED, photo

PICTURE = "/api/v1/assets/1/picture"


@pytest.fixture
def http(service: TestClient, token: Callable[..., str]) -> TestClient:
    service.headers["authorization"] = f"Bearer {token()}"
    return service


def upload(http: TestClient, name: str = "red.jpg", data: bytes | None = None) -> None:
    answer = http.post("/api/v1/pictures", files={"picture": (name, data or photo(RED))})
    assert answer.status_code == 200, answer.text


def test_head_is_answered_wherever_get_is(http: TestClient, working: Tagloop) -> None:
    upload(http)
    paths = [path for path, methods in http.get("/api/v1/openapi.json").json()["paths"].items() if "get" in methods]
    queries = {"/search": "?text=red"}
    for path in [*paths, "/assets/1/picture?rendition=original", "/docs", "/assets/77", "/jobs/1?x=%00"]:
        url = f"/api/v1{re.sub('{.*?}', '1', path)}{queries.get(path, '')}"
        before, head, after = http.get(url), http.head(url), http.get(url)
        assert head.status_code in (before.status_code, after.status_code), url  # the index may open meanwhile
        assert head.headers["content-type"] in (before.headers["content-type"], after.headers["content-type"])
        lengths = [each.headers.get("content-length") for each in (before, after)]
        assert head.headers.get("content-length") in lengths
        assert head.content == b""
    for path in ("/healthz", "/readyz", "/metrics"):
        assert http.head(path).status_code == http.get(path).status_code


def test_head_needs_a_key_and_does_not_post(service: TestClient, http: TestClient) -> None:
    assert http.head("/api/v1/pictures").status_code == 405
    del http.headers["authorization"]
    assert http.head("/api/v1/assets/1").status_code == 401


@pytest.mark.parametrize("rendition", ["original", "screen", "thumbnail"])
def test_a_picture_that_the_client_has_is_not_sent_again(http: TestClient, rendition: str) -> None:
    upload(http)
    url = f"{PICTURE}?rendition={rendition}"
    first = http.get(url)
    tag = first.headers["etag"]
    assert re.fullmatch(r'"[0-9a-f]{64}.*"', tag)
    assert first.headers["cache-control"].startswith("private, max-age=")
    for known in (tag, f"W/{tag}", f'"other", {tag}', "*"):
        for method in ("GET", "HEAD"):
            again = http.request(method, url, headers={"if-none-match": known})
            assert (again.status_code, again.content) == (304, b"")
            assert again.headers["etag"] == tag
            assert again.headers["cache-control"] == first.headers["cache-control"]
    for unknown in ('"other"', tag.strip('"'), ""):
        again = http.get(url, headers={"if-none-match": unknown})
        assert (again.status_code, again.content) == (200, first.content)


def test_each_file_has_its_own_etag(http: TestClient) -> None:
    upload(http)
    upload(http, "blue.jpg", photo(BLUE))
    urls = [
        f"/api/v1/assets/{n}/picture?rendition={r}" for n in (1, 2) for r in ("original", "screen", "thumbnail")
    ]
    assert len({http.get(url).headers["etag"] for url in urls}) == 6


@pytest.mark.parametrize(
    ("form", "kind"),
    [
        ("JPEG", "image/jpeg"),
        ("PNG", "image/png"),
        ("WEBP", "image/webp"),
        ("GIF", "image/gif"),
        ("TIFF", "image/tiff"),
        ("BMP", "image/bmp"),
        ("AVIF", "image/avif"),
        ("HEIF", "image/heif"),
    ],
)
def test_an_original_comes_with_its_type_and_name(http: TestClient, form: str, kind: str) -> None:
    upload(http, "Sommer 夏.dat", photo(RED, kind=form))  # the type follows from the bytes, not from the name
    original, screen = http.get(f"{PICTURE}?rendition=original"), http.get(PICTURE)
    assert original.headers["content-type"] == kind
    assert original.headers["content-disposition"] == (
        "attachment; filename=\"Sommer _.dat\"; filename*=UTF-8''Sommer%20%E5%A4%8F.dat"
    )
    assert screen.headers["content-type"] == "image/jpeg"
    assert screen.headers["content-disposition"].startswith('attachment; filename="Sommer _.jpg"')
    assert {r.headers["x-content-type-options"] for r in (original, screen)} == {"nosniff"}


@given(st.text(max_size=300))
def test_any_name_gives_a_valid_header(name: str) -> None:
    header = attachment(name)
    header.encode("ascii")
    found = re.fullmatch(
        r"attachment; filename=\"([^\"\\%\x00-\x1f]+)\"(?:; filename\*=UTF-8''([\w.~%-]+))?", header
    )
    assert found
    assert "/" not in unquote(found[2] or found[1])


def test_the_401_names_a_page_and_a_command_that_exist(service: TestClient) -> None:
    detail = service.get("/api/v1/assets").json()["detail"]
    (page,) = re.findall(r"page (\w+)", detail)
    frame = Path(__file__).parents[3] / "console" / "frame.py"
    assert f'"{page}"' in frame.read_text("utf-8")
    (command,) = re.findall(r"`python -m ([^`]+) NAME`", detail)
    done = subprocess.run([sys.executable, "-m", *command.split(), "--help"], capture_output=True, check=False)
    assert done.returncode == 0


HUGE = 10**20


@pytest.mark.parametrize("number", [HUGE, -HUGE, 2**63, 2**64, -1, 0, "1.5", "NaN", "١", "x"])
def test_a_number_that_is_no_id_is_refused(http: TestClient, number: object) -> None:
    got = """
        /assets/{} /assets/{}/picture /assets/{}/suggestions /assets/{}/recommendations /batches/{} /jobs/{}
        /assets?batch={} /search?batch={} /search?like={} /search?unlike={} /export?batch={} /decisions?asset={}
        /deliveries?webhook={} /assets?limit={} /assets?cursor={} /batches?cursor={} /jobs?cursor={} /tags?cursor={}
        /decisions?cursor={} /deliveries?cursor={}
    """
    for path in got.split():
        answer = http.get(f"/api/v1{path.format(number)}")
        first_page = "cursor" in path and number == 0
        assert answer.status_code in ((200,) if first_page else (404, 422)), (path, answer.text)
    assert http.put(f"/api/v1/assets/{number}/text", json={}).status_code in (404, 422)
    assert http.post(f"/api/v1/jobs/{number}/stop").status_code in (404, 422)
    assert http.post(f"/api/v1/decisions/{number}/undo").status_code in (404, 409)  # or a group
    assert http.patch(f"/api/v1/webhooks/{number}?active=true").status_code in (404, 422)
    body = {"decisions": [{"asset": number, "kind": "add", "tag": "garment.dress", "profile": "e-commerce"}]}
    assert http.post("/api/v1/decisions", json=body).status_code in (404, 422)

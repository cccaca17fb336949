"""Files of multipart forms: none is dropped silently, whatever its part looks like."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from httpx2 import Response
from starlette.testclient import TestClient

from tagging_core import Tagloop
from tests.conftest import BLUE, RED, photo

Post = Callable[..., Response]


@pytest.fixture
def post(service: TestClient, token: Callable[..., str]) -> Post:
    def send(path: str, *parts: tuple[bytes, bytes]) -> Response:
        body = b"".join(
            b"--XbX\r\nContent-Disposition: form-data; "
            + head
            + b"\r\nContent-Type: image/jpeg\r\n\r\n"
            + data
            + b"\r\n"
            for head, data in parts
        )
        headers = {"authorization": f"Bearer {token()}", "content-type": "multipart/form-data; boundary=XbX"}
        return service.post(f"/api/v1{path}", headers=headers, content=body + b"--XbX--\r\n")

    return send


@pytest.mark.parametrize(
    ("head", "name"),
    [
        (b"name=picture; filename*=utf-8''%E5%A4%8F.jpg", "夏.jpg"),
        (b'name=picture; filename="=?utf-8?B?5aSPLmpwZw==?="', "夏.jpg"),
        (b'name="picture"; filename="5%22 heel.jpg"', '5" heel.jpg'),
        (rb'name="picture"; filename="C:\new\a.jpg"', "a.jpg"),
        (b'name="picture"; filename=""', "unnamed"),
    ],
)
def test_the_name_of_an_upload_is_stored(post: Post, working: Tagloop, head: bytes, name: str) -> None:
    assert post("/pictures", (head, photo(RED))).status_code == 200
    assert [asset.name for asset in working.assets.find("", 10)] == [name]


def test_a_large_file_named_by_rfc_5987_alone_is_read_whole(post: Post, working: Tagloop) -> None:
    data = photo(RED) + bytes(2_000_000)  # more than a text part may have
    assert post("/pictures", (b"name=picture; filename*=utf-8''%E5%A4%8F.jpg", data)).status_code == 200
    assert [asset.bytes for asset in working.assets.find("", 10)] == [len(data)]


@pytest.mark.parametrize(("path", "part"), [("/pictures", b"picture"), ("/batches", b"files")])
def test_a_part_without_a_file_name_is_refused_with_what_to_do(post: Post, path: str, part: bytes) -> None:
    response = post(path, (b"name=" + part, photo(RED)))
    assert response.status_code == 422
    assert "no file name" in response.json()["detail"]


def test_a_second_picture_is_refused_and_not_dropped(post: Post, working: Tagloop) -> None:
    response = post(
        "/pictures", (b"name=picture; filename=a", photo(RED)), (b"name=picture; filename=b", photo(BLUE))
    )
    assert response.status_code == 422
    assert response.json()["type"] == "urn:tagloop:problem:source"
    assert "2 files" in response.json()["detail"]
    assert working.assets.find("", 10) == []


@pytest.mark.parametrize(("path", "part"), [("/pictures", b"picture"), ("/batches", b"files")])
def test_a_file_under_another_part_name_is_refused_and_not_dropped(post: Post, path: str, part: bytes) -> None:
    good = (b"name=" + part + b"; filename=a", photo(RED))
    response = post(path, good, (b'name="files[]"; filename=b.jpg', photo(BLUE)))
    assert response.status_code == 422
    assert f"send files as part '{part.decode()}'" in response.json()["detail"]


def test_all_files_of_a_batch_are_taken(post: Post) -> None:
    files = [(f"name=files; filename*=utf-8''{name}".encode(), photo(RED)) for name in ("a.jpg", "a.jpg", "b.jpg")]
    assert post("/batches", *files).json()["total"] == 3

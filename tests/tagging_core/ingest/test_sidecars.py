from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tagging_core.ingest import sources
from tagging_core.ingest.entries import Entry
from tagging_core.ingest.sidecars import Sidecars, parse_text
from tagging_core.storage.blobs import LocalBlobStore
from tests.conftest import photo

PAIRS = [
    ("photo.jpg", "photo.txt"),
    ("photo.jpg", "photo.jpg.txt"),
    ("photo.jpg", "PHOTO.TXT"),
    ("PHOTO.JPG", "photo.jpg.txt"),
    ("IMG_1.JPG", "img_1.Txt"),
    ("Übergröße.jpg", "übergröße.txt"),
    ("a.b.jpg", "a.b.txt"),
]


@pytest.mark.parametrize(("picture", "text"), PAIRS)
@pytest.mark.parametrize("way", ["upload", "zip", "folder", "file"])
def test_a_text_belongs_to_its_picture_in_any_letter_case(
    tmp_path: Path, picture: str, text: str, way: str
) -> None:
    (entry,) = take(tmp_path, {picture: photo(), text: b"A title"}, way)
    assert (entry.name, entry.text.title) == (picture, "A title")


def take(folder: Path, files: dict[str, bytes], way: str) -> list[Entry]:
    blobs, share = LocalBlobStore(folder / "staged"), folder / "share"
    if way == "upload":
        return sources.stage_uploads(files.items(), blobs, "in")
    if way == "zip":
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            for name, data in files.items():
                archive.writestr(f"summer/{name}", data)
        return sources.stage_uploads([("a.zip", buffer.getvalue())], blobs, "in")
    share.mkdir()
    for name, data in files.items():
        (share / name).write_bytes(data)
    return sources.list_paths([share if way == "folder" else share / next(iter(files))], blobs, "in")


def test_the_nearest_name_wins() -> None:
    texts = Sidecars([("a.txt", 1), ("a.jpg.txt", 2), ("A.txt", 3), ("b.txt", 4)])
    found = {name: texts.of(name) for name in ("a.jpg", "a.png", "A.png", "b.jpg", "c.jpg")}
    assert found == {"a.jpg": 2, "a.png": 1, "A.png": 3, "b.jpg": 4, "c.jpg": None}


def test_a_text_of_another_folder_is_not_taken() -> None:
    assert Sidecars([("x/a.txt", 1)]).of("y/a.jpg") is None


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "cp1252"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_title_caption_and_body_are_read_in_any_encoding(encoding: str, end: str) -> None:
    text = parse_text(end.join(["Übergröße", "Für “Köln” – grün", "Käse", "Öl"]).encode(encoding))
    assert text.as_dict() == {"title": "Übergröße", "caption": "Für “Köln” – grün", "body": "Käse\nÖl"}


@pytest.mark.parametrize(
    ("encoding", "title"), [("gbk", "红色连衣裙夏季新款"), ("cp932", "赤いドレスの写真"), ("utf-16", "夏")]
)
def test_a_title_in_an_east_asian_encoding_is_read(encoding: str, title: str) -> None:
    assert parse_text(title.encode(encoding)).title == title

"""Metadata, read back by exiftool, an independent program."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tagging_core import Decision, Kind, Tagloop, User
from tagging_core.api import Operations
from tagging_core.assets.repository import AssetText
from tagging_core.publishing.exports import metadata
from tagging_core.publishing.exports.exporter import Format, by_ids, export
from tagging_core.publishing.schemas import Asset
from tests.conftest import BLUE, RED, photo, wait_for


@pytest.fixture
def asset(loop: Tagloop, ann: User) -> Asset:
    batch = loop.ingest.upload(ann, [("red.jpg", photo(RED))], "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    for tag in ("garment.dress", "colour.red"):
        loop.review.decide(ann, Decision(Kind.ADD, 1, tag, profile="e-commerce"))
    loop.review.set_text(ann, 1, AssetText(title="Sommer <&> Kleid 夏"))
    return Operations(loop, ann).assets.get(1)


def read(exiftool: str, path: Path) -> dict[str, object]:
    done = subprocess.run([exiftool, "-json", "-G1", str(path)], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)[0]


def check(found: dict[str, object]) -> None:
    assert set(found["XMP-dc:Subject"]) >= {"Dress", "Red"}  # type: ignore[arg-type]
    assert set(found["XMP-lr:HierarchicalSubject"]) >= {"Garment type|Dress", "Main colour|Red"}  # type: ignore[arg-type]
    assert set(found["XMP-digiKam:TagsList"]) >= {"Garment type/Dress", "Main colour/Red"}  # type: ignore[arg-type]
    assert found["XMP-dc:Title"] == "Sommer <&> Kleid 夏"
    assert found["XMP-dc:Description"] == "A red dress."
    assert found["XMP-iptcCore:AltTextAccessibility"] == "A red dress."


def test_exiftool_reads_a_sidecar(exiftool: str, loop: Tagloop, asset: Asset, tmp_path: Path) -> None:
    path = tmp_path / "red.jpg.xmp"
    path.write_bytes(metadata.sidecar(asset, metadata.paths(asset, loop.taxonomy())))
    check(read(exiftool, path))


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "TIFF"])
def test_exiftool_reads_embedded_tags_and_the_pixels_are_unchanged(
    exiftool: str, loop: Tagloop, asset: Asset, tmp_path: Path, form: str
) -> None:
    before = photo(BLUE, kind=form)
    asset = asset.model_copy(update={"format": form})
    after = metadata.embed(before, asset, metadata.paths(asset, loop.taxonomy()))
    pixels = [np.asarray(Image.open(io.BytesIO(data))) for data in (before, after)]
    assert np.array_equal(*pixels)
    path = tmp_path / f"picture.{form.lower()}"
    path.write_bytes(after)
    found = read(exiftool, path)
    check(found)
    if form in ("JPEG", "TIFF"):
        assert set(found["IPTC:Keywords"]) == {"Dress", "Red"}  # type: ignore[arg-type]


def test_existing_metadata_is_preserved(exiftool: str, loop: Tagloop, asset: Asset, tmp_path: Path) -> None:
    path = tmp_path / "old.jpg"
    path.write_bytes(photo(BLUE))
    existing = [
        "-XMP-dc:Subject=Beach",
        "-IPTC:Keywords=Strand",
        "-Artist=Ann",
        "-XMP-dc:Creator=Ann",
        "-XMP-xmp:Rating=4",
    ]
    subprocess.run([exiftool, "-overwrite_original", *existing, str(path)], check=True, capture_output=True)
    path.write_bytes(metadata.embed(path.read_bytes(), asset, metadata.paths(asset, loop.taxonomy())))
    found = read(exiftool, path)
    check(found)
    assert "Beach" in found["XMP-dc:Subject"]  # type: ignore[operator]
    assert "Strand" in found["IPTC:Keywords"]  # type: ignore[operator]
    assert (found["IFD0:Artist"], found["XMP-dc:Creator"], found["XMP-xmp:Rating"]) == ("Ann", "Ann", 4)


def test_a_format_without_metadata_support_gets_a_sidecar(loop: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [("a.gif", photo(RED, kind="GIF")), ("b.jpg", photo(BLUE))], "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    parts = export(Operations(loop, ann).assets, by_ids([1, 2]), Format.PICTURES)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as file:
        assert sorted(file.namelist()) == ["a.gif", "a.gif.xmp", "b.jpg", "problems.txt"]
        problems = file.read("problems.txt").decode()
    assert "GIF" in problems
    assert metadata.HOW_TO_EMBED not in problems


def test_without_pyexiv2_pictures_come_unmodified_with_xmp_files(
    loop: Tagloop, ann: User, asset: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyexiv2", None)
    assets = Operations(loop, ann).assets
    parts = export(assets, by_ids([asset.id]), Format.PICTURES)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as file:
        assert sorted(file.namelist()) == ["problems.txt", "red.jpg", "red.jpg.xmp"]
        assert file.read("red.jpg") == assets.picture(asset.id, "original")
        assert file.read("red.jpg.xmp") == metadata.sidecar(asset, metadata.paths(asset, loop.taxonomy()))
        assert file.read("problems.txt").decode() == metadata.HOW_TO_EMBED + "\n"
    assert "pip install -r requirements-embed.txt" in metadata.HOW_TO_EMBED


def test_xmp_files_do_not_need_pyexiv2(
    loop: Tagloop, ann: User, asset: Asset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "pyexiv2", None)
    parts = export(Operations(loop, ann).assets, by_ids([asset.id]), Format.XMP)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as file:
        assert file.namelist() == ["red.jpg.xmp"]

"""Names in an exported zip can be unpacked everywhere, and sidecars are called as programs look for them."""

from __future__ import annotations

import io
import re
import unicodedata
import zipfile
from pathlib import Path, PurePosixPath

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tagging_core import Tagloop, User
from tagging_core.api import Operations
from tagging_core.assets.files import Rendition
from tagging_core.publishing.exports.exporter import Format, by_ids, export
from tagging_core.publishing.exports.file_names import UniqueNames, portable
from tests.conftest import RED, photo, wait_for

ODD = st.text(st.sampled_from('aA.é夏 \\/:?"<>|*\x00\x1f\x7f\u2028\ud800'), max_size=300)
DEVICES = st.sampled_from(["con", "NUL.jpg", "aux .png", "COM1.tar.gz", "lpt9", "conin$", "com¹.jpg", "prn."])
NAMES = st.one_of(st.text(max_size=300), ODD, DEVICES, st.builds("{}.{}".format, ODD, ODD))


def assert_portable(name: str) -> None:
    assert 0 < len(name.encode()) <= 251
    assert not re.search(r'[<>:"/\\|?*\x00-\x1f\x7f]|[. ]$', name)
    assert not re.match(r"(?i)(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³]) *(\.|$)", name)


@given(NAMES)
def test_every_name_becomes_portable(name: str) -> None:
    assert_portable(portable(name))


@given(NAMES)
def test_a_portable_name_stays(name: str) -> None:
    assert portable(portable(name)) == portable(name)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("IMG_0001.jpg", "IMG_0001.jpg"),
        ("夏の café (1).jpg", "夏の café (1).jpg"),
        ('12:30 what? "x" <a>|*.jpg', "12_30 what_ _x_ _a___.jpg"),
        ("../../etc/passwd", ".._.._etc_passwd"),
        ("a\\b/c.jpg", "a_b_c.jpg"),
        ("dots. . .", "dots"),
        ("ol\udce9.jpg", "ol_.jpg"),
        ("...", "picture"),
        ("", "picture"),
        ("con.jpg", "_con.jpg"),
        ("confetti.jpg", "confetti.jpg"),
        ("夏" * 100 + ".jpeg", "夏" * 81 + ".jpeg"),
        ("a" * 300, "a" * 250),
        ("A sentence. " + "x" * 300, "A sentence. " + "x" * 238),
    ],
)
def test_names(name: str, expected: str) -> None:
    assert portable(name) == expected


@given(st.lists(NAMES, max_size=12))
def test_no_two_files_share_a_path_on_any_file_system(names: list[str]) -> None:
    taken = UniqueNames("problems.txt")
    paths = [taken.claim(name, str(n)) for n, name in enumerate(names)]
    files = [*paths, *(f"{path}.xmp" for path in paths), "problems.txt"]
    keys = [unicodedata.normalize("NFC", unicodedata.normalize("NFC", path).casefold()) for path in files]
    folders = {str(PurePosixPath(key).parent) for key in keys} - {"."}
    assert len(set(keys)) == len(keys)
    assert not folders & set(keys)
    for path in paths:
        assert_portable(PurePosixPath(path).name)


@pytest.mark.parametrize(
    ("names", "paths"),
    [
        (["a.jpg", "a.jpg", "b.jpg"], ["a.jpg", "1/a.jpg", "b.jpg"]),
        (["a.jpg", "A.JPG"], ["a.jpg", "1/A.JPG"]),
        (["café.jpg", unicodedata.normalize("NFD", "café.jpg")], ["café.jpg", "1/" + "cafe\u0301.jpg"]),
        (["1", "a.jpg", "a.jpg"], ["1", "a.jpg", "2/a.jpg"]),
        (["2", "a.jpg", "a.jpg"], ["2", "a.jpg", "2_/a.jpg"]),
        (["a.jpg.xmp", "a.jpg"], ["a.jpg.xmp", "1/a.jpg"]),
        (["Problems.txt"], ["0/Problems.txt"]),
    ],
)
def test_a_repeated_name_comes_in_a_folder(names: list[str], paths: list[str]) -> None:
    taken = UniqueNames("problems.txt")
    assert [taken.claim(name, str(n)) for n, name in enumerate(names)] == paths


@pytest.mark.parametrize("form", [Format.PICTURES, Format.XMP])
def test_an_exported_zip_can_be_unpacked(loop: Tagloop, ann: User, tmp_path: Path, form: Format) -> None:
    names = ["夏" * 83 + ".jpg", '12:30 what? "x" <a>|*.jpg', "IMG_0001.jpg", "img_0001.JPG"]
    batch = loop.ingest.upload(ann, [(name, photo((60 * n, 90, 90))) for n, name in enumerate(names)], "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    parts = export(Operations(loop, ann).assets, by_ids([1, 2, 3, 4]), form)
    with zipfile.ZipFile(io.BytesIO(b"".join(parts))) as file:
        file.extractall(tmp_path / "out")
        found = set(file.namelist())
    assert all(len(PurePosixPath(name).name.encode()) <= 255 for name in found)
    if form == Format.XMP:
        assert {"IMG_0001.jpg.xmp", "4/img_0001.JPG.xmp"} <= found
    else:
        assert {"IMG_0001.jpg", "4/img_0001.JPG"} <= found


def test_one_picture_that_is_gone_does_not_cost_the_others(loop: Tagloop, ann: User) -> None:
    batch = loop.ingest.upload(ann, [("a.jpg", photo(RED)), ("b.jpg", photo((1, 2, 3)))], "e-commerce")
    loop.start()
    wait_for(lambda: loop.ingest.batch(batch).state == "done")
    assets = Operations(loop, ann).assets
    path = loop.resources.images.path(Rendition.ORIGINAL, assets.get(1).sha256)
    assert path is not None
    path.unlink()
    with zipfile.ZipFile(io.BytesIO(b"".join(export(assets, by_ids([1, 2]), Format.XMP)))) as file:
        assert sorted(file.namelist()) == ["a.jpg.xmp", "b.jpg.xmp", "problems.txt"]

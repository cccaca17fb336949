from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tagging_core.assets.decoding import open_picture
from tagging_core.assets.raw_photos import raw_kind
from tagging_core.errors import PictureError
from tests.conftest import photo
from tests.tagging_core.assets.tiff_builder import Fields, page, tiff

REDUCED, COMPRESSION, MAKE, CFA_PATTERN, DNG_VERSION = 254, 259, 271, 33422, 50706
UNKNOWN = "of an unknown camera"
COLOUR_FILTER, LINEAR_RAW, RGB = 32803, 34892, 2

preview = page(bytes(160 * 120 * 3), (160, 120), bits=[8, 8, 8], photometric=RGB) | {REDUCED: 1}
sensor = page(bytes(1200 * 800 * 2), (1200, 800), bits=16, photometric=COLOUR_FILTER) | {REDUCED: 0}
large = page(bytes(300 * 200), (300, 200)) | {REDUCED: 0}


@pytest.mark.parametrize(
    ("directories", "nested", "kind"),
    [
        ([preview | {DNG_VERSION: b"\1\4\0\0"}, sensor], True, "DNG"),
        ([sensor | {DNG_VERSION: b"\1\4\0\0"}], False, "DNG"),
        ([preview | {DNG_VERSION: b"\1\4\0\0"}], False, "DNG"),
        ([preview | {MAKE: b"NIKON CORPORATION\0"}, large, sensor], True, "NIKON CORPORATION"),
        ([preview | {MAKE: b"SONY\0"}, sensor | {COMPRESSION: 32767}], True, "SONY"),
        ([preview, large | {COMPRESSION: 34713}], True, UNKNOWN),
        ([preview, sensor], False, UNKNOWN),
        ([sensor, preview], False, UNKNOWN),
        ([preview, large | {CFA_PATTERN: [0, 1, 1, 2]}], True, UNKNOWN),
        ([preview, sensor | {262: LINEAR_RAW}], True, UNKNOWN),
        ([preview, large], True, UNKNOWN),
    ],
    ids=[
        "dng with a preview first",
        "dng with the sensor's data first",
        "dng that was cut",
        "nef",
        "arw",
        "nef by its compression",
        "preview and sensor as pages",
        "pef",
        "colour filter by its pattern",
        "linear raw",
        "an unknown camera's",
    ],
)
def test_a_raw_photo_is_refused_with_what_to_send(directories: list[Fields], nested: bool, kind: str) -> None:
    data = tiff(*directories, nested=nested)
    assert raw_kind(data) == kind
    with pytest.raises(PictureError, match=r"RAW photo.*JPEG"):
        open_picture(data)


@pytest.mark.parametrize(
    ("beginning", "kind"),
    [
        (b"FUJIFILMCCD-RAW 0201FF", "RAF"),
        (b"\0\0\0\x18ftypcrx \0\0\0\1crx isom", "CR3"),
        (b"II*\0\x10\0\0\0CR\2\0", "CR2"),
        (b"IIRO\x08\0\0\0", "ORF"),
        (b"IIRS\x08\0\0\0", "ORF"),
        (b"MMOR\0\0\0\x08", "ORF"),
        (b"IIU\0\x18\0\0\0", "RW2"),
        (b"II\x1a\0\0\0HEAPCCDR", "CRW"),
        (b"FOVb\0\0\2\0", "X3F"),
        (b"\0MRM\0\1\2\3", "MRW"),
        (b"MM\0*\0\0\0\x10MMMMRaw", "IIQ"),
    ],
)
def test_a_raw_photo_is_known_by_how_it_begins(beginning: bytes, kind: str) -> None:
    with pytest.raises(PictureError, match=f"RAW photo \\({kind}\\)"):
        open_picture(beginning.ljust(2000, b"\0"))


@pytest.mark.parametrize(
    ("directories", "nested"),
    [
        ([large | {MAKE: b"NIKON CORPORATION\0"}], False),
        ([large | {REDUCED: 2}, large], False),
        ([large, preview, preview], True),
        ([large | {REDUCED: 1}], False),
        ([large, *[preview] * 20], False),
    ],
    ids=["by a camera", "pages", "a pyramid", "alone, though called reduced", "many pages"],
)
def test_a_tiff_is_not_taken_for_a_raw_photo(directories: list[Fields], nested: bool) -> None:
    picture = open_picture(tiff(*directories, nested=nested))
    assert (picture.width, picture.height) == (300, 200)


def test_of_a_tiff_that_begins_with_a_thumbnail_the_picture_is_taken() -> None:
    picture = open_picture(tiff(preview, large))
    assert (picture.width, picture.height) == (300, 200)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_no_ordinary_picture_is_a_raw_photo(kind: str) -> None:
    assert raw_kind(photo(kind=kind)) is None


def test_every_compression_that_pillow_writes_is_no_raw_photo() -> None:
    for compression in ("raw", "tiff_lzw", "tiff_adobe_deflate", "packbits", "jpeg", "zstd", "lzma"):
        for big in (False, True):
            buffer = io.BytesIO()
            Image.new("RGB", (32, 32)).save(buffer, "TIFF", compression=compression, big_tiff=big)
            assert raw_kind(buffer.getvalue()) is None


@given(
    st.binary(max_size=300), st.sampled_from([b"", b"II*\0", b"MM\0*", b"II+\0", b"MM\0+", b"II*\0\x08\0\0\0\2\0"])
)
def test_any_bytes_are_looked_at_without_an_error(body: bytes, header: bytes) -> None:
    raw_kind(header + body)

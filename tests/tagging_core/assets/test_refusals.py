from __future__ import annotations

import io
import struct
import zlib

import pytest
from PIL import Image

from tagging_core.assets.decoding import FORMATS, open_picture
from tagging_core.errors import PictureError
from tests.tagging_core.assets.tiff_builder import page, tiff

MODES = (
    "1",
    "L",
    "P",
    "RGB",
    "RGBA",
    "CMYK",
    "YCbCr",
    "LAB",
    "I",
    "F",
    "LA",
    "PA",
    "I;16",
    "I;16B",
    "RGBX",
    "RGBa",
)
COMPRESSION, SAMPLE_FORMAT, FLOAT, RGB = 259, 339, 3, 2


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def every_file_that_pillow_writes() -> dict[str, bytes]:
    Image.init()
    files = {}
    for kind in sorted(Image.SAVE):
        for mode in MODES:
            image = Image.new(mode, (40, 30))
            try:
                files[f"{kind} {mode}"] = saved(image, kind)
            except (OSError, ValueError, KeyError, TypeError):
                continue  # the format does not have this mode
    return files


FILES = every_file_that_pillow_writes()


@pytest.mark.parametrize("name", sorted(FILES))
def test_what_pillow_writes_is_taken_or_refused_with_what_to_do(name: str) -> None:
    kind = name.split()[0].replace("MPO", "JPEG")
    if kind in FORMATS:
        picture = open_picture(FILES[name])
        assert (picture.format, picture.width, picture.height) == (kind, 40, 30)
    else:
        with pytest.raises(PictureError, match=r"^Not a picture.* HEIF"):
            open_picture(FILES[name])


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (b"8BPS\0\1", "a Photoshop document"),
        (b"%PDF-1.7 not a picture", "a PDF document"),
        (b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n", "a PostScript drawing"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "an SVG drawing"),
        (b"<?xml version='1.0'?>\n<!-- by hand -->\n<svg/>", "an SVG drawing"),
        (b"\n<!DOCTYPE html><html>404", "a web page"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture"),
        (b"\0\0\0\x18ftypmp42\0\0\0\0", "a video"),
        (b"\0\0\0\x14ftypqt  \0\0\0\0", "a video"),
        (b"PK\3\4\x14\0", "a zip archive"),
        (saved(Image.new("RGB", (9, 9)), "JPEG2000"), "a JPEG 2000 picture"),
        (saved(Image.new("RGB", (9, 9)), "ICO"), "an icon"),
        (saved(Image.new("RGB", (9, 9)), "TGA"), "a Targa picture"),
        (saved(Image.new("RGB", (9, 9)), "PCX"), "a PCX picture"),
        (saved(Image.new("RGB", (9, 9)), "PPM"), "a portable anymap"),
        (saved(Image.new("RGB", (9, 9)), "SGI"), "an SGI picture"),
    ],
)
def test_a_file_of_another_kind_is_named(data: bytes, named: str) -> None:
    with pytest.raises(PictureError, match=f"^Not a picture .*but {named}.*JPEG, PNG, TIFF or HEIC"):
        open_picture(data)


def test_what_is_unusual_about_a_tiff_is_named() -> None:
    float_rgb = page(bytes(8 * 8 * 12), (8, 8), bits=[32, 32, 32], photometric=RGB) | {SAMPLE_FORMAT: FLOAT}
    with pytest.raises(PictureError, match=r"32 \+ 32 \+ 32 bits \(floating point\)"):
        open_picture(tiff(float_rgb))
    with pytest.raises(PictureError, match="compression 34887"):
        open_picture(tiff(page(bytes(64), (8, 8)) | {COMPRESSION: 34887}))


def test_an_unusual_kind_of_a_format_is_not_called_damaged() -> None:
    bitmap = bytearray(saved(Image.new("RGB", (8, 8)), "BMP"))
    bitmap[30] = 4  # the compression: a JPEG in a bitmap
    with pytest.raises(PictureError, match=r"^The file cannot be read: Unsupported BMP compression"):
        open_picture(bytes(bitmap))


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def test_a_picture_without_pixels_is_named() -> None:
    header = struct.pack(">IIBBBBB", 0, 0, 8, 2, 0, 0, 0)
    parts = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"")) + chunk(b"IEND", b"")
    with pytest.raises(PictureError, match="it has no pixels"):
        open_picture(b"\x89PNG\r\n\x1a\n" + parts)


@pytest.mark.parametrize("size", [(1, 1), (1, 5000), (5000, 1), (40_000, 2)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_extreme_shapes_are_taken(kind: str, size: tuple[int, int]) -> None:
    picture = open_picture(saved(Image.new("RGB", size), kind))
    assert (picture.width, picture.height) == size

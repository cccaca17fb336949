from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from tagging_core.assets.decoding import encode_jpeg, open_picture
from tagging_core.embeddings.encoders import find_preset
from tagging_core.embeddings.encoders.tiny import TinyEncoder
from tagging_core.errors import PictureError
from tests.conftest import RED, photo


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "BMP", "AVIF", "HEIF"])
def test_every_format_keeps_size_and_colour(kind: str) -> None:
    picture = open_picture(photo(RED, (80, 50), kind))
    assert picture.format == kind
    assert (picture.width, picture.height, picture.image.mode) == (80, 50, "RGB")
    assert np.allclose(picture.image.getpixel((40, 25)), RED, atol=12)


def test_an_animation_decodes_to_its_first_frame() -> None:
    frames = [Image.new("RGB", (20, 20), colour) for colour in ("red", "blue", "green")]
    picture = open_picture(saved(frames[0], "GIF", save_all=True, append_images=frames[1:]))
    assert picture.frames == 3
    assert picture.image.getpixel((5, 5)) == (255, 0, 0)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("orientation", range(1, 9))
def test_orientation_is_baked_in(orientation: int, kind: str) -> None:
    upright = Image.new("RGB", (64, 32), "white")
    upright.paste((200, 0, 0), (0, 0, 16, 8))
    turned = upright
    inverse = {
        2: "FLIP_LEFT_RIGHT",
        3: "ROTATE_180",
        4: "FLIP_TOP_BOTTOM",
        5: "TRANSPOSE",
        6: "ROTATE_90",
        7: "TRANSVERSE",
        8: "ROTATE_270",
    }
    if orientation > 1:
        turned = upright.transpose(Image.Transpose[inverse[orientation]])
    exif = Image.Exif()
    exif[0x0112] = orientation
    picture = open_picture(saved(turned, kind, exif=exif))
    assert (picture.width, picture.height) == (64, 32)
    encoder = TinyEncoder(find_preset("tiny"))
    vectors = encoder.encode_images([upright, picture.image])
    assert vectors[0] @ vectors[1] > 0.999
    assert not Image.open(io.BytesIO(encode_jpeg(picture.image, 320))).getexif()


def test_a_large_jpeg_is_shrunk_while_decoding_but_reports_its_size() -> None:
    picture = open_picture(photo(RED, (3000, 2000)), side=700)
    assert (picture.width, picture.height) == (3000, 2000)
    assert 700 <= picture.image.width < 3000


def bomb(side: int) -> bytes:
    def chunk(kind: bytes, body: bytes) -> bytes:
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
        + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "empty"),
        (b"%PDF-1.7 not a picture", "Not a picture"),
        (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "Not a picture"),
        (photo(size=(400, 300))[:900], "damaged"),
        (photo(kind="PNG", size=(400, 300))[:200], "damaged"),
        (bomb(30_000), "too large"),
        (bomb(9_000), "the limit is 50 megapixels"),
    ],
    ids=["zero bytes", "pdf", "svg", "cut jpeg", "cut png", "30,000 x 30,000", "81 megapixels"],
)
def test_an_unreadable_file_is_reported_with_a_reason(data: bytes, message: str) -> None:
    with pytest.raises(PictureError, match=message):
        open_picture(data)


def test_the_type_is_decided_by_decoding() -> None:
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\n"
    with pytest.raises(PictureError, match="Not a picture"):
        open_picture(eps)

"""No picture, and no number of them at once, takes more memory than an ordinary one with the most pixels."""

from __future__ import annotations

import struct
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from tagging_core.assets.decoding import open_picture
from tagging_core.errors import PictureError
from tests.costs import cost
from tests.tagging_core.assets.test_srgb import saved
from tests.tagging_core.assets.tiff_builder import page, tiff

MOST_MB, MOST_SECONDS = 400, 5
WIDE, HIGH = 7_000, 7_000


def png(
    size: tuple[int, int], *, bits: int = 8, colour: int = 6, cut: float = 1.0, rows: int | None = None
) -> bytes:
    """A blank PNG, made row by row."""
    row = bytes(1 + size[0] * {0: 1, 2: 3, 4: 2, 6: 4}[colour] * bits // 8)
    packer = zlib.compressobj(1)
    body = b"".join([packer.compress(row) for _ in range(size[1] if rows is None else rows)]) + packer.flush()
    header = chunk(b"IHDR", struct.pack(">LLBBBBB", *size, bits, colour, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + header + chunk(b"IDAT", body) + chunk(b"IEND", b"")
    return data[: int(len(data) * cut)]


def chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">L", len(data)) + kind + data + struct.pack(">L", zlib.crc32(kind + data))


def blank_webp(width: int, height: int) -> bytes:
    """A lossless WebP of a few bytes, whose pixels all come from one code."""
    body = b"\x2f" + struct.pack("<L", (width - 1) | (height - 1) << 14) + b"\x88\x88\x08" + bytes(2)
    form = b"WEBPVP8L" + struct.pack("<L", len(body)) + body + bytes(len(body) % 2)
    return b"RIFF" + struct.pack("<L", len(form)) + form


def deep_tiff(kind: str) -> bytes:
    return saved(Image.fromarray(np.zeros((HIGH, WIDE), kind)), "TIFF", compression="tiff_adobe_deflate")


def gif(frames: int) -> bytes:
    data = saved(Image.new("P", (1, 1)), "GIF")
    start = data.index(b"\x2c")
    return data[:start] + data[start:-1] * frames + b";"


def large(mode: str, kind: str, size: tuple[int, int] = (WIDE, HIGH), **options: object) -> bytes:
    return saved(Image.new(mode, size), kind, **options)


LARGE: dict[str, Callable[[], bytes]] = {
    "blank WebP": lambda: blank_webp(WIDE, HIGH),
    "WebP within its limit": lambda: blank_webp(4_400, 4_400),
    "deep PNG": lambda: png((WIDE, HIGH), bits=16, colour=0),
    "deep PNG with alpha": lambda: png((WIDE, HIGH), bits=16),
    "grey PNG with alpha": lambda: png((WIDE, HIGH), colour=4),
    "cut PNG": lambda: png((WIDE, HIGH), cut=0.7),
    "cut deep PNG": lambda: png((WIDE, HIGH), bits=16, colour=0, cut=0.7),
    "float TIFF": lambda: deep_tiff("f4"),
    "GIF with a transparent colour": lambda: large("P", "GIF", transparency=0),
    "progressive JPEG": lambda: large("RGB", "JPEG", progressive=True, subsampling=0),
    "narrow PNG": lambda: png((500, 98_000)),
    "row": lambda: png((49_000_000, 1)),
    "column": lambda: png((1, 49_000_000), colour=0, rows=0),
    "TIFF of millions of strips": lambda: tiff(
        page(bytes(64), (8, 8)) | {273: [8] * 1_000_000, 279: [8] * 1_000_000}
    ),
    "TIFF of thousands of thumbnails": lambda: tiff(*[{254: 1} | page(bytes(64), (8, 8))] * 3_000),
    "GIF of many frames": lambda: gif(500_000),
}


def decode(data: bytes) -> str:
    try:
        return str(open_picture(data).image.size)
    except PictureError as error:
        return str(error)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("kind", LARGE)
def test_a_hostile_picture_costs_little(kind: str) -> None:
    data = LARGE[kind]()
    took = cost(lambda: decode(data))
    assert took.megabytes < MOST_MB
    assert took.seconds < MOST_SECONDS


def test_pictures_that_are_decoded_at_once_share_the_memory() -> None:
    data = [png((5_000, 5_000)), blank_webp(4_400, 4_400), png((5_000, 5_000), bits=16, colour=0)] * 2

    def decode_all() -> None:
        with ThreadPoolExecutor(len(data)) as pool:
            assert {*pool.map(decode, data)} == {"(1667, 1667)", "(1467, 1467)"}

    assert cost(decode_all).megabytes < MOST_MB


def test_a_refusal_says_what_to_send() -> None:
    with pytest.raises(PictureError, match=r"limit for this kind of WEBP is 20 megapixels. Send it smaller, or as"):
        open_picture(blank_webp(WIDE, HIGH))


def test_what_is_kept_of_a_picture_is_small() -> None:
    picture = open_picture(png((1_500, 30_000), colour=0))
    assert (picture.width, picture.height) == (1_500, 30_000)
    assert picture.image.width * picture.image.height <= 16_000_000


@pytest.mark.parametrize("mode", ["RGB", "L", "RGBA", "LA", "P", "1"])
def test_parts_join_to_the_whole(mode: str) -> None:
    rng = np.random.default_rng(0)
    image = Image.fromarray(rng.integers(0, 255, (1_200, 2_100), "u1")).convert(mode)
    once = open_picture(saved(image, "PNG"), side=10**6).image
    white = Image.new("RGBA", image.size, "white")
    assert once == Image.alpha_composite(white, image.convert("RGBA")).convert("RGB")
    assert open_picture(saved(image, "PNG"), side=400).image == once.reduce(3)

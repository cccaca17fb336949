from __future__ import annotations

import io
import struct
import zlib
from contextlib import suppress
from datetime import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tagging_core.assets.decoding import Picture, open_picture
from tagging_core.errors import PictureError

WITH_EXIF = ("JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF")
ORIENTATION, TURNED, DATE = 0x0112, 6, 0x0132


def scene(size: tuple[int, int] = (160, 120)) -> Image.Image:
    small = np.random.default_rng(3).integers(0, 255, (6, 8, 3)).astype(np.uint8)
    return Image.fromarray(small).resize(size, Image.Resampling.BICUBIC)


def saved(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    buffer = io.BytesIO()
    (image or scene()).save(buffer, kind, **options)
    return buffer.getvalue()


def difference(picture: Picture) -> float:
    """Mean difference of the picture from the scene, in grey levels."""
    expected = np.asarray(scene((picture.width, picture.height)), dtype=float)
    return float(np.abs(np.asarray(picture.image, dtype=float) - expected).mean())


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_with(*chunks: bytes, at: int = 33, **options: object) -> bytes:
    data = saved("PNG", **options)
    return data[:at] + b"".join(chunks) + data[at:]


def jpeg_with(marker: int, body: bytes, **options: object) -> bytes:
    data = saved("JPEG", **options)
    return data[:2] + bytes([0xFF, marker]) + struct.pack(">H", len(body) + 2) + body + data[2:]


def exif() -> bytes:
    values = Image.Exif()
    values[ORIENTATION], values[DATE] = TURNED, "2019:05:06 07:08:09"
    return values.tobytes()


BOMB = zlib.compress(b"A" * 2_000_000)
LARGE = zlib.compress(np.random.default_rng(0).bytes(1_200_000))


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("junk", [b"XX*\0", b"MM\xff\xff", b"\0\0\0\0"])
def test_unreadable_exif_costs_only_itself(kind: str, junk: bytes) -> None:
    data = saved(kind, exif=exif())
    if kind != "TIFF":  # whose header is that of its EXIF
        at = data.index(b"MM\0*") if b"MM\0*" in data else data.index(b"II*\0")
        data = data[:at] + junk + data[at + 4 :]
    picture = open_picture(data)
    assert max(picture.width, picture.height) == 160


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "HEIF"])
def test_what_is_no_exif_at_all_costs_nothing(kind: str) -> None:
    for junk in (b"no exif at all", b"Exif\0\0no exif at all", b"Exif\0\0", b"Exif\0\0II*\0\x05\0\0\0"):
        picture = open_picture(saved(kind, exif=junk))
        assert difference(picture) < 12
        assert picture.taken_at is None


@settings(max_examples=40, deadline=None)
@given(st.sampled_from(["JPEG", "PNG", "WEBP", "HEIF"]), st.binary(max_size=120), st.booleans())
def test_any_exif_leaves_the_picture(kind: str, body: bytes, framed: bool) -> None:
    data = b"Exif\0\0II*\0\x08\0\0\0" + body if framed else body
    picture = open_picture(saved(kind, exif=data or b"\0"))
    assert sorted((picture.width, picture.height)) == [120, 160]


@settings(max_examples=60, deadline=None)
@given(
    st.integers(0xE0, 0xFE), st.binary(max_size=60), st.sampled_from([b"", b"MPF\0", b"ICC_PROFILE\0", b"JFIF\0"])
)
def test_any_segment_of_a_jpeg_leaves_the_picture(marker: int, body: bytes, start: bytes) -> None:
    if 0xEF < marker < 0xFE:
        marker = 0xED
    assert open_picture(jpeg_with(marker, start + body)).width in (120, 160)


@pytest.mark.parametrize(
    "data",
    [
        png_with(chunk(b"zTXt", b"note\0\0" + BOMB)),
        png_with(chunk(b"iTXt", b"note\0\1\0\0\0" + BOMB)),
        png_with(chunk(b"zTXt", b"note\0\0" + BOMB), at=-12),
        png_with(chunk(b"zTXt", b"note\0\7?")),
        png_with(chunk(b"iCCP", b"large\0\0" + LARGE)),
        png_with(chunk(b"iCCP", b"large\0\5")),
        png_with(chunk(b"iCCP", b"")),
        png_with(chunk(b"tEXt", b"note\0text")[:-1] + b"?"),
        png_with(chunk(b"gAMA", b"")),
        png_with(chunk(b"pHYs", b"\0")),
        png_with(chunk(b"tRNS", b"")),
        png_with(chunk(b"eXIf", b"")),
        png_with(chunk(b"acTL", b"\0")),
        png_with(chunk(b"tEXt", b"Raw profile type exif\0\nexif\n  5\nno digits")),
    ],
    ids=[
        "large compressed text",
        "large international text",
        "large text at the end",
        "unknown compression",
        "large profile",
        "unknown compression of a profile",
        "empty profile",
        "wrong checksum of a text",
        "empty gamma",
        "short resolution",
        "empty transparency",
        "empty exif",
        "short animation header",
        "exif as text, but none",
    ],
)
def test_what_is_wrong_beside_the_pixels_of_a_png_costs_nothing(data: bytes) -> None:
    assert difference(open_picture(data)) == 0


def test_broken_metadata_does_not_cost_the_metadata_that_can_be_read() -> None:
    picture = open_picture(png_with(chunk(b"zTXt", b"note\0\0" + BOMB), exif=exif()))
    assert (picture.width, picture.height, picture.taken_at) == (120, 160, datetime(2019, 5, 6, 7, 8, 9))
    picture = open_picture(saved("JPEG", exif=exif())[:-2])
    assert (picture.width, picture.height, picture.taken_at) == (120, 160, datetime(2019, 5, 6, 7, 8, 9))


@pytest.mark.parametrize("kind", WITH_EXIF)
@pytest.mark.parametrize("body", [b"<x:xmpmeta", b"\xff\xfe\0\x80", b'<a tiff:Orientation="9"/>', b""])
def test_broken_xmp_costs_nothing(kind: str, body: bytes) -> None:
    assert difference(open_picture(saved(kind, xmp=body))) < 12


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"optimize": True}, {"subsampling": 0}])
@pytest.mark.parametrize("size", [(160, 120), (640, 480), (17, 9), (8, 8)])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_without_its_end_marker_is_whole(
    options: dict[str, object], size: tuple[int, int], mode: str
) -> None:
    whole = saved("JPEG", scene(size).convert(mode), **options)
    expected = np.asarray(open_picture(whole).image)
    for cut in (1, 2):
        assert np.array_equal(np.asarray(open_picture(whole[:-cut]).image), expected)
    assert np.array_equal(np.asarray(open_picture(whole[:-2] + bytes(5000)).image), expected)


@pytest.mark.parametrize("colour", [(128, 128, 128), (0, 0, 0), (255, 255, 255), (200, 20, 20)])
def test_a_plain_picture_without_its_end_marker_is_not_taken_for_missing(colour: tuple[int, int, int]) -> None:
    for options in ({}, {"progressive": True}, {"optimize": True}):
        data = saved("JPEG", Image.new("RGB", (64, 64), colour), **options)
        assert np.allclose(open_picture(data[:-2]).image.getpixel((60, 60)), colour, atol=4)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_a_cut_file_is_taken_if_most_of_it_can_be_shown(kind: str) -> None:
    whole = saved(kind, scene((640, 480)))
    for part in (0.95, 0.8, 0.65):
        picture = open_picture(whole[: int(len(whole) * part)])
        assert (picture.width, picture.height) == (640, 480)
        assert (np.asarray(picture.image) == np.asarray(open_picture(whole).image)).all(axis=2).mean() > 0.5
    for part in (0.4, 0.2):
        with pytest.raises(PictureError, match=r"truncated: \d+% of the picture can be read\. Send it again"):
            open_picture(whole[: int(len(whole) * part)])


def test_the_scans_of_a_progressive_jpeg_refine_what_the_first_one_holds() -> None:
    whole = saved("JPEG", scene((640, 480)), progressive=True)
    assert difference(open_picture(whole[: int(len(whole) * 0.6)])) < 12


def test_an_interlaced_png_is_taken_only_if_nearly_whole() -> None:
    rows = zlib.compress(np.random.default_rng(1).bytes(15 * 64 * 3))
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", 64, 64, 8, 2, 0, 0, 1))
    body = header + chunk(b"IDAT", rows)
    with pytest.raises(PictureError, match="truncated"):
        open_picture(b"\x89PNG\r\n\x1a\n" + body)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "HEIF"])
def test_a_file_of_which_nothing_can_be_shown_is_refused_with_a_reason(kind: str) -> None:
    whole = saved(kind, scene((640, 480)))
    for part in (12, 30, 60):
        with pytest.raises(PictureError, match=r"Send it again|send that|Not a picture"):
            open_picture(whole[:part])


def test_a_jpeg_that_ends_before_its_pixels_is_refused() -> None:
    for size in [(8, 8), (160, 120)]:
        data = saved("JPEG", scene(size))
        with pytest.raises(PictureError, match="damaged or truncated"):
            open_picture(data[: data.index(b"\xff\xda") + 14])


def test_half_a_jpeg_followed_by_zeros_counts_as_half() -> None:
    data = saved("JPEG", scene((640, 480)))
    with pytest.raises(PictureError, match="of the picture can be read"):
        open_picture(data[: len(data) // 3].ljust(len(data), b"\0"))


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "AVIF"])
def test_an_animation_is_counted_and_its_first_frame_taken(kind: str) -> None:
    frames = [scene(), scene().rotate(90), scene().rotate(180)]
    picture = open_picture(saved(kind, frames[0], save_all=True, append_images=frames[1:]))
    assert picture.frames == 3
    assert difference(picture) < 25


def test_a_damaged_later_frame_costs_nothing() -> None:
    for kind in ("GIF", "PNG", "TIFF", "MPO"):
        data = saved(kind, scene(), save_all=True, append_images=[scene().rotate(90), scene().rotate(180)])
        assert difference(open_picture(data[: int(len(data) * 0.7)])) < 25


@settings(max_examples=80, deadline=None)
@given(st.data(), st.sampled_from(["JPEG", "PNG", "GIF", "TIFF", "BMP", "WEBP", "AVIF", "HEIF"]))
def test_any_damage_ends_in_a_picture_or_a_reason(data: st.DataObject, kind: str) -> None:
    damaged = bytearray(saved(kind, scene((40, 30)), **({"exif": exif()} if kind in WITH_EXIF else {})))
    for _ in range(data.draw(st.integers(1, 6))):
        damaged[data.draw(st.integers(0, len(damaged) - 1))] = data.draw(st.integers(0, 255))
    if data.draw(st.booleans()):
        del damaged[data.draw(st.integers(1, len(damaged))) :]
    with suppress(PictureError):
        assert open_picture(bytes(damaged)).image.mode == "RGB"


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "GIF", "TIFF", "BMP"])
def test_a_file_cut_anywhere_ends_in_a_picture_or_a_reason(kind: str) -> None:
    whole = saved(kind, scene((16, 12)))
    for length in range(1, len(whole), 5):
        with suppress(PictureError):
            assert open_picture(whole[:length]).image.size == (16, 12)
    with suppress(PictureError):
        open_picture(whole[:3] + b"\xff")

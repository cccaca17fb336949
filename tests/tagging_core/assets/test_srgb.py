from __future__ import annotations

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from tagging_core.assets.decoding import encode_jpeg, open_picture
from tests.conftest import RED, photo
from tests.tagging_core.assets.tiff_builder import page, tiff

SAMPLE_FORMAT, WHITE_IS_ZERO = 339, 0
UNSIGNED, SIGNED, FLOAT = 1, 2, 3
GREY = 128


def saved(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


def filled(value: float, kind: str) -> np.ndarray:
    return np.full((8, 8), value, kind)


def float_tiff(values: np.ndarray) -> bytes:
    return saved(Image.fromarray(values.astype("f4")), "TIFF")


def levels(data: bytes) -> np.ndarray:
    """Grey levels of a decoded file, 0 to 255."""
    return np.asarray(open_picture(data).image.convert("L"), dtype=float)


@settings(max_examples=25)
@given(st.integers(0, 65535))
def test_sixteen_bits_are_scaled_by_their_range_however_dark_the_picture_is(value: int) -> None:
    little = Image.fromarray(filled(value, "<u2"))
    big = Image.frombytes("I;16B", (8, 8), filled(value, ">u2").tobytes())
    for data in (saved(little, "PNG"), saved(little, "TIFF"), saved(big, "TIFF")):
        assert (levels(data) == value // 256).all()


@pytest.mark.parametrize(
    ("values", "bits", "sample_format", "expected"),
    [
        (np.full((8, 12), [0x80, 0x08, 0x00] * 4, "u1"), 12, UNSIGNED, GREY),
        (filled(16384, "<i2"), 16, SIGNED, GREY),
        (filled(-16384, "<i2"), 16, SIGNED, 0),
        (filled(2**31, "<u4"), 32, UNSIGNED, GREY),
        (filled(2**30, "<i4"), 32, SIGNED, GREY),
        (filled(32768, "<i4"), 32, SIGNED, GREY),
        (filled(128, "<i4"), 32, SIGNED, GREY),
    ],
    ids=["12 bits", "signed 16", "below zero", "32", "signed 32", "16 bits in 32", "8 bits in 32"],
)
def test_other_integers_are_scaled_by_the_range_of_their_type(
    values: np.ndarray, bits: int, sample_format: int, expected: int
) -> None:
    data = tiff(page(values.tobytes(), (8, 8), bits=bits) | {SAMPLE_FORMAT: sample_format})
    assert levels(data) == pytest.approx(expected, abs=1)


def test_a_picture_whose_white_is_zero_is_not_shown_as_its_negative() -> None:
    for values, bits, sample_format in [(filled(16384, "<u2"), 16, UNSIGNED), (filled(0.25, "<f4"), 32, FLOAT)]:
        fields = page(values.tobytes(), (8, 8), bits=bits, photometric=WHITE_IS_ZERO)
        assert levels(tiff(fields | {SAMPLE_FORMAT: sample_format})) == pytest.approx(191, abs=1)


@settings(max_examples=25)
@given(st.floats(0, 1), st.sampled_from([1, 255, 65535]))
def test_floating_point_keeps_its_brightness_in_each_usual_range(value: float, top: int) -> None:
    ramp = np.concatenate([np.linspace(0, 1, 63), [value]]).reshape(8, 8)
    assert levels(float_tiff(ramp * top)) == pytest.approx(ramp * 255, abs=1)


def test_a_dark_floating_point_picture_stays_dark() -> None:
    assert levels(float_tiff(filled(0.02, "f4"))) == pytest.approx(5, abs=1)
    assert levels(float_tiff(filled(0.5, "f4"))) == pytest.approx(GREY, abs=1)


def test_values_outside_the_range_are_black_or_white() -> None:
    values = filled(0.5, "f4")
    values[0, :6] = [np.nan, -np.inf, -3, np.inf, 7, 1e30]
    found = levels(float_tiff(values))
    assert list(found[0, :6]) == [0, 0, 0, 255, 255, 255]
    assert found[1:] == pytest.approx(GREY, abs=1)
    assert (levels(float_tiff(filled(np.nan, "f4"))) == 0).all()


def test_a_transparent_grey_of_sixteen_bits_is_white() -> None:
    values = filled(300, "<u2")
    values[0] = 301
    found = levels(saved(Image.fromarray(values), "PNG", transparency=301))
    assert (found[0] == 255).all()
    assert (found[1:] == 1).all()


@pytest.mark.parametrize(
    ("mode", "fill", "kind", "expected"),
    [
        ("CMYK", (0, 255, 255, 0), "JPEG", (255, 0, 0)),
        ("CMYK", (0, 255, 255, 0), "TIFF", (255, 0, 0)),
        ("YCbCr", (76, 85, 255), "TIFF", (255, 0, 0)),
        ("LAB", (138, 209, 198), "TIFF", (255, 0, 0)),
        ("P", 0, "PNG", (0, 0, 0)),
        ("L", 128, "PNG", (128, 128, 128)),
        ("LA", (0, 0), "PNG", (255, 255, 255)),
        ("LA", (128, 255), "TIFF", (128, 128, 128)),
        ("RGBA", (255, 0, 0, 0), "PNG", (255, 255, 255)),
        ("RGBA", (255, 0, 0, 255), "WEBP", (255, 0, 0)),
        ("RGBA", (255, 0, 0, 0), "HEIF", (255, 255, 255)),
        ("RGBA", (255, 0, 0, 0), "AVIF", (255, 255, 255)),
        ("RGBX", (255, 0, 0, 0), "TIFF", (255, 0, 0)),
        ("PA", (0, 0), "TIFF", (255, 255, 255)),
        ("1", 1, "TIFF", (255, 255, 255)),
        ("1", 0, "PNG", (0, 0, 0)),
        ("1", 1, "BMP", (255, 255, 255)),
    ],
)
def test_every_mode_becomes_srgb_on_white(mode: str, fill: object, kind: str, expected: tuple[int, ...]) -> None:
    colour = open_picture(saved(Image.new(mode, (16, 16), fill), kind)).image.resize((1, 1)).getpixel((0, 0))
    assert np.allclose(colour, expected, atol=20)


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_transparent_palette_entries_are_white(kind: str) -> None:
    image = Image.new("P", (16, 16), 1)
    image.putpalette([0, 0, 0, 255, 0, 0])
    image.paste(0, (0, 0, 16, 8))
    data = saved(image, kind, transparency=0)
    found = np.asarray(open_picture(data).image)
    assert (found[0] == 255).all()
    assert (found[-1] == (255, 0, 0)).all()


def test_a_premultiplied_grey_is_shown() -> None:
    fields = page(bytes([64, 128] * 64), (8, 8), bits=[8, 8])
    assert levels(tiff(fields | {338: 1})) == pytest.approx(191, abs=2)  # half of 128, half of white


def test_a_colour_profile_is_applied_and_a_broken_one_ignored() -> None:
    srgb = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    for kind in ("JPEG", "PNG", "WEBP", "TIFF"):
        for profile in (srgb, b"no profile", srgb[:300]):
            found = open_picture(photo(RED, kind=kind, icc_profile=profile)).image.getpixel((5, 5))
            assert np.allclose(found, RED, atol=6)


def test_renditions_carry_no_comment() -> None:
    picture = open_picture(photo(RED, comment="taken at home"))
    assert "comment" not in Image.open(io.BytesIO(encode_jpeg(picture.image, 320))).info

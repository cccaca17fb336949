from __future__ import annotations

import io
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from tagging_core.assets.capture_time import parse
from tagging_core.assets.decoding import open_picture

ORIGINAL, DIGITIZED, CHANGED = 0x9003, 0x9004, 0x0132
RIGHT, LATER = "2019:05:06 07:08:09", "2024:01:01 00:00:00"
MOMENT = datetime(2019, 5, 6, 7, 8, 9)

moments = st.datetimes(datetime(1826, 1, 1), datetime(2026, 1, 1)).map(lambda moment: moment.replace(microsecond=0))
separators = st.sampled_from("-:/.")


def dated(values: dict[int, object], kind: str = "JPEG") -> bytes:
    exif = Image.Exif()
    for tag, value in values.items():
        (exif if tag == CHANGED else exif.get_ifd(0x8769))[tag] = value
    buffer = io.BytesIO()
    Image.new("RGB", (16, 16)).save(buffer, kind, exif=exif.tobytes())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ({ORIGINAL: RIGHT, DIGITIZED: LATER, CHANGED: LATER}, MOMENT),
        ({DIGITIZED: RIGHT}, MOMENT),
        ({DIGITIZED: RIGHT, CHANGED: LATER}, MOMENT),
        ({CHANGED: RIGHT}, MOMENT),
        ({ORIGINAL: "0000:00:00 00:00:00", DIGITIZED: RIGHT}, MOMENT),
        ({ORIGINAL: "    :  :     :  :  ", DIGITIZED: RIGHT}, MOMENT),
        ({ORIGINAL: "", DIGITIZED: "unknown", CHANGED: RIGHT}, MOMENT),
        ({ORIGINAL: "0001:01:01 00:00:00", DIGITIZED: RIGHT}, MOMENT),
        ({ORIGINAL: RIGHT, 0x9011: "+02:00", 0x9291: "120"}, MOMENT),
        ({ORIGINAL: "0000:00:00 00:00:00"}, None),
        ({}, None),
    ],
    ids=[
        "all three",
        "a scan",
        "a scan, edited later",
        "only the last change",
        "original of zeros",
        "original of blanks",
        "neither original nor digitized is a date",
        "a clock that was never set",
        "with offset and fraction beside it",
        "nothing else than zeros",
        "no date",
    ],
)
def test_the_original_date_comes_before_the_digitized_one_and_that_before_the_last_change(
    values: dict[int, object], expected: datetime | None
) -> None:
    assert open_picture(dated(values)).taken_at == expected


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF", "HEIF"])
def test_every_format_with_exif_has_a_capture_time(kind: str) -> None:
    assert open_picture(dated({DIGITIZED: RIGHT, CHANGED: LATER}, kind)).taken_at == MOMENT


@given(
    moments,
    separators,
    st.sampled_from([" ", "T", "  "]),
    st.sampled_from(["", ".1", ".120", ",123456789"]),
    st.sampled_from(["", "Z", "+02:00", "-0330", " +14", " UTC"]),
    st.sampled_from(["", "\0", "  ", "\0garbage"]),
)
def test_a_date_is_read_however_it_is_written(
    moment: datetime, dash: str, between: str, fraction: str, zone: str, end: str
) -> None:
    date = f"{moment.year:04}{dash}{moment.month:02}{dash}{moment.day:02}"
    text = f"{date}{between}{moment:%H:%M:%S}{fraction}{zone}{end}"
    assert parse(text) == parse(text.encode()) == moment


@given(moments, separators)
def test_a_date_is_read_without_zeros_before_the_numbers(moment: datetime, dash: str) -> None:
    text = f"{moment.year}{dash}{moment.month}{dash}{moment.day} {moment.hour}:{moment.minute}:{moment.second}"
    assert parse(text) == moment


@given(moments)
def test_every_form_of_iso_8601_is_read(moment: datetime) -> None:
    assert parse(moment.isoformat()) == moment
    assert parse(moment.replace(tzinfo=UTC).isoformat()) == moment
    assert parse(moment.strftime("%Y%m%dT%H%M%SZ")) == moment


@given(moments, st.sampled_from(["", "   :  :  ", " "]))
def test_a_date_without_a_time_is_midnight(moment: datetime, end: str) -> None:
    assert parse(f"{moment:%Y:%m:%d}{end}") == datetime(moment.year, moment.month, moment.day)


@pytest.mark.parametrize(
    "text",
    [
        "0000:00:00 00:00:00",
        "0001:01:01 00:00:00",
        "2019:02:30 07:08:09",
        "2019:13:01 07:08:09",
        "2019:05:06 25:00:00",
        "2019:05:06 07:61:00",
        "2019:05",
        "06/05/2019 07:08:09",
        "2019:05:06 07:08:09 PM",
        "1557126489",
        "    :  :     :  :  ",
        "",
    ],
)
def test_what_is_no_date_is_not_believed(text: str) -> None:
    assert parse(text) is None


def test_the_future_is_not_believed() -> None:
    now = datetime.now(UTC).replace(tzinfo=None, microsecond=0)
    assert parse(str(now)) == now
    assert parse(str(now + timedelta(hours=14))) is not None  # a camera in the zone that is furthest ahead
    assert parse(str(now + timedelta(days=2))) is None


@given(st.one_of(st.text(), st.binary(), st.integers(), st.none(), st.tuples(st.text(), st.text())))
def test_any_value_is_read_without_an_error(value: object) -> None:
    parse(value)

"""When a picture was taken, from the dates that cameras, scanners and editors write into EXIF."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta

from PIL.ExifTags import Base

_ORDER = (Base.DateTimeOriginal, Base.DateTimeDigitized, Base.DateTime)
"""A scan may have no original date; `DateTime` is the last change, which counts only where nothing else does."""

_FIRST_PHOTOGRAPH = 1826
_NUMBER = r"\s?(\d\d|(?<!\d)\d)"  # 7, padded or not; without a separator before it, both digits are needed
_DATE = rf"(\d{{4}})(?P<dash>[:/.\- ]?){_NUMBER}(?P=dash){_NUMBER}"
_TIME = rf"{_NUMBER}(?P<colon>[:.\-]?){_NUMBER}(?:(?P=colon){_NUMBER}(?:[.,]\d*)?)?"
_ZONE = r"\s*(?:Z|UTC|GMT)?\s*(?:[+-]\d\d?(?::?\d\d)?)?"
_WRITTEN = re.compile(rf"{_DATE}(?:[T\s]*{_TIME}{_ZONE})?[\s:]*", re.ASCII | re.IGNORECASE)


def capture_time(*directories: Mapping[int, object]) -> datetime | None:
    """Find when a picture was taken: the original date, else the digitized one, else that of the last change.

    Args:
        directories: EXIF values by tag, the most trusted directory first.

    Returns:
        Local time of the camera in whole seconds, without a zone; None if no date can be believed.
    """
    found = (parse(directory.get(tag)) for tag in _ORDER for directory in directories)
    return next((moment for moment in found if moment is not None), None)


def parse(value: object) -> datetime | None:
    """Read a date as programs write it, with colons, dashes, slashes or as ISO 8601.

    Args:
        value: An EXIF value. A fraction of a second and a zone are read over; blank or missing times are midnight.

    Returns:
        What the clock of the camera showed; None for anything else than a date, for dates that do not exist (zeros,
        the 30th of February), lie in the future, or are older than photography.
    """
    text = value.decode("latin-1") if isinstance(value, bytes) else str(value)
    written = _WRITTEN.fullmatch(text.partition("\x00")[0].strip())
    if written is None:
        return None
    year, _, month, day, hour, _, minute, second = written.groups(default="0")
    try:
        moment = datetime(int(year), int(month), int(day), int(hour), int(minute), int(second))
    except ValueError:
        return None
    # A day of grace: the camera may be in a zone ahead of ours.
    latest = datetime.now(UTC).replace(tzinfo=None) + timedelta(days=1)
    return moment if moment.year >= _FIRST_PHOTOGRAPH and moment <= latest else None

"""What an image file says about itself: its XMP packet, and its IPTC title, caption and keywords."""

from __future__ import annotations

import io
import struct
from dataclasses import dataclass

from PIL import Image, IptcImagePlugin

from tagging_core.assets.decoding import FORMATS

_TITLE, _KEYWORDS, _CAPTION = (2, 5), (2, 25), (2, 120)


@dataclass(frozen=True, slots=True)
class ExistingMetadata:
    """Metadata of a file.

    Attributes:
        xmp: The XMP packet; empty if there is none.
        title: IPTC title (object name); empty if there is none.
        caption: IPTC caption; empty if there is none.
        keywords: IPTC keywords.
    """

    xmp: bytes = b""
    title: str = ""
    caption: str = ""
    keywords: tuple[str, ...] = ()


def read(data: bytes) -> ExistingMetadata:
    """Read the metadata of an image file; what cannot be read is absent."""
    try:
        with Image.open(io.BytesIO(data), formats=FORMATS) as image:
            xmp = image.info.get("xmp") or b""
            iptc = IptcImagePlugin.getiptcinfo(image) or {}
    except (
        OSError,
        ValueError,
        SyntaxError,
        EOFError,
        LookupError,
        TypeError,
        struct.error,
        Image.DecompressionBombError,
    ):
        return ExistingMetadata()
    return ExistingMetadata(
        xmp if isinstance(xmp, bytes) else str(xmp).encode(),
        "".join(_texts(iptc.get(_TITLE))[:1]),
        "".join(_texts(iptc.get(_CAPTION))[:1]),
        tuple(_texts(iptc.get(_KEYWORDS))),
    )


def decode(raw: bytes) -> str:
    """Decode an IPTC text; many programs write Windows-1252 and name no character set, or a wrong one."""
    for encoding in ("utf-8", "cp1252"):
        try:
            return raw.decode(encoding)
        except UnicodeDecodeError:
            continue
    return raw.decode("latin-1")


def _texts(value: bytes | list[bytes] | None) -> list[str]:
    values = value if isinstance(value, list) else [value or b""]
    return [text for raw in values if (text := decode(raw).strip("\x00 \r\n\t"))]

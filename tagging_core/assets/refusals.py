"""Say why a file is refused, so that whoever sent it learns what is wrong and what to send instead."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from contextlib import suppress

from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import COMPRESSION_INFO

from tagging_core.assets.raw_photos import directories

REMEDY = "Export it as JPEG, PNG, TIFF or HEIC and send that."

_KINDS = (
    (rb"8BPS", "a Photoshop document"),
    (rb"gimp xcf", "a GIMP document"),
    (rb"%PDF", "a PDF document"),
    (rb"%!PS|\xc5\xd0\xd3\xc6", "a PostScript drawing"),
    (rb"\xd7\xcd\xc6\x9a|.{40} EMF", "a Windows metafile"),
    (rb"\x00\x00\x00\x0cjP  |\xff\x4f\xff\x51", "a JPEG 2000 picture"),
    (rb"\x00\x00\x00\x0cJXL |\xff\x0a", "a JPEG XL picture"),
    (rb"II\xbc", "a JPEG XR picture"),
    (rb"v/1\x01", "an OpenEXR picture"),
    (rb"#\?R", "a Radiance picture"),
    (rb"P[1-7]\s", "a portable anymap"),
    (rb"\x00\x00[\x01\x02]\x00|icns", "an icon"),
    (rb"DDS ", "a DirectDraw texture"),
    (rb"qoif", "a QOI picture"),
    (rb"\x0a\x05\x01", "a PCX picture"),
    (rb"\x01\xda[\x00\x01][\x01\x02]", "an SGI picture"),
    (rb".{4}ftyp(?:qt|mp4|iso|avc|M4V|3g)|.{4}(?:moov|mdat)|RIFF.{4}AVI |\x1a\x45\xdf\xa3", "a video"),
    (rb"PK\x03\x04", "a zip archive or an office document"),
    (rb"\xd0\xcf\x11\xe0", "an office document"),
    (rb"Rar!|7z\xbc\xaf|\x1f\x8b", "an archive"),
    (rb"(?i:\s*<(?:!doctype html|html))", "a web page"),
    (rb"(?i:\s*<(?:svg|[?!].{0,2000}<svg))", "an SVG drawing"),
)
_SIGNATURES = [(re.compile(pattern, re.DOTALL), kind) for pattern, kind in _KINDS]
_PLAIN = tuple(
    (re.compile(pattern), words)
    for pattern, words in (
        (r"unpack|buffer|index out of range|[Tt]runcated|end of file|Missing dimensions", "it ends too early"),
        (r"decoder error|broken data stream|next frame", "its pixels cannot be decoded"),
        (r"decoder object|BMFF|No 'meta' box", "it ends too early, or its structure is broken"),
        (
            r"unknown (?:pixel mode|data organization)",
            "it ends too early, or its pixels are laid out in an unusual way",
        ),
        (r"^\d+$|invalid literal", "its structure is broken"),
        (r"not identified by this driver", "it has no pixels"),
    )
)
_BITS, _COMPRESSION, _PHOTOMETRIC, _STRIPS, _TILES, _SAMPLE_FORMAT = 258, 259, 262, 273, 324, 339  # TIFF tags
_SAMPLE_KINDS = {1: "integer", 2: "signed integer", 3: "floating point"}
_TARGA_END = b"TRUEVISION-XFILE.\0"


def explain(data: bytes, error: Exception, formats: Sequence[str]) -> str:
    """Say why a file could not be decoded.

    Args:
        data: The whole file; of one in another format, only its first and last bytes are looked at.
        error: What decoding it raised.
        formats: Pillow's names of the formats that are decoded.

    Returns:
        One or two sentences that name what is wrong and what to do.
    """
    if not isinstance(error, UnidentifiedImageError):
        if "supported" in str(error).lower():
            return f"The file cannot be read: {error}. {REMEDY}"
        return f"The file is damaged or truncated: {_plainly(error)}. Send it again."
    for name in formats:
        factory, accepts = Image.OPEN[name]
        if accepts and accepts(data[:16]) is True:
            try:
                factory(io.BytesIO(data), "")
            except Exception as reason:  # which Pillow passed over, to try other formats
                detail = _tiff_layout(data) if name == "TIFF" else None
                return f"The {name} file cannot be read: {detail or _plainly(reason)}. {REMEDY}"
    if kind := _recognize(data):
        return f"Not a picture in one of the formats {', '.join(formats)}, but {kind}. {REMEDY}"
    return f"Not a picture, or not one of {', '.join(formats)}."


def _recognize(data: bytes) -> str | None:
    if data.endswith(_TARGA_END):
        return "a Targa picture"
    return next((kind for signature, kind in _SIGNATURES if signature.match(data[:4000])), None)


def _plainly(error: Exception) -> str:
    """Return what a decoder reports in words that mean something to others than its programmers."""
    text = str(error) or type(error).__name__
    return next((words for pattern, words in _PLAIN if pattern.search(text)), text)


def _tiff_layout(data: bytes) -> str | None:
    """Name the layout of a TIFF that Pillow does not know; None if the file does not even state one."""
    with suppress(Exception):  # damaged directories
        found = next(directories(data))
        if not (_STRIPS in found or _TILES in found):
            return None
        bits = " + ".join(str(n) for n in found[_BITS])
        kind = _SAMPLE_KINDS.get(found.get(_SAMPLE_FORMAT, (1,))[0], "unknown")
        compression = COMPRESSION_INFO.get(found.get(_COMPRESSION, 1), found.get(_COMPRESSION))
        layout = f"compression {compression} and colour model {found.get(_PHOTOMETRIC)}"
        return f"samples of {bits} bits ({kind}) with {layout} are not supported"
    return None

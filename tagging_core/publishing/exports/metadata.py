"""Tags and descriptions as XMP and IPTC, in a sidecar file or embedded in a copy of the picture.

Readable by exiftool, digiKam and Lightroom. A file's own keywords, title and caption stay. Exiv2 (through pyexiv2)
changes the metadata only, not the pixels.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Any

from tagging_core.errors import PictureError
from tagging_core.publishing.exports import existing_metadata
from tagging_core.publishing.exports.existing_metadata import ExistingMetadata
from tagging_core.publishing.exports.xmp import Packet
from tagging_core.publishing.schemas import Asset
from tagging_core.taxonomy.model import Taxonomy

EMBEDDABLE = ("JPEG", "MPO", "PNG", "WEBP", "TIFF")
"""Formats with embedded metadata; others get a sidecar."""

HOW_TO_EMBED = (
    "The tags are in an XMP file beside each picture; to embed them in the image files, install pyexiv2: "
    "`pip install -r requirements-embed.txt`."
)
"""Shown if metadata cannot be embedded, see `can_embed`."""

_EXIV2_LOCK = threading.Lock()  # Exiv2 is not thread-safe
_WITH_IPTC = ("JPEG", "MPO", "TIFF")
_UTF8 = "\x1b%G"  # IPTC character set: UTF-8
_CAPTION, _KEYWORDS = "Iptc.Application2.Caption", "Iptc.Application2.Keywords"


def paths(asset: Asset, taxonomy: Taxonomy, language: str = "en") -> list[tuple[str, ...]]:
    """Return the path of each tag in the taxonomy: category, ancestors, tag."""
    found = []
    for given in asset.tags:
        tag = taxonomy.tags.get(given.tag)
        steps: list[str] = []
        while tag is not None and len(steps) < 20:
            steps.insert(0, tag.name(language))
            last, tag = tag, taxonomy.tags.get(tag.parent_id or "")
        if steps:
            found.append((taxonomy.categories[last.category_id].name(language), *steps))
    return found


def sidecar(asset: Asset, ways: Sequence[tuple[str, ...]], original: bytes = b"") -> bytes:
    """Return the XMP sidecar of an asset.

    Args:
        asset: The asset.
        ways: Paths of its tags, see `paths`.
        original: The image file, whose metadata the sidecar repeats, as many programs read only one of the two;
            empty for none.

    Raises:
        PictureError: The XMP metadata of the file is damaged.
    """
    existing = existing_metadata.read(original)
    packet = Packet(existing.xmp)
    _describe(packet, asset, ways, existing=existing)
    return packet.to_bytes()


def can_embed() -> bool:
    """Whether the optional pyexiv2 is installed."""
    return find_spec("pyexiv2") is not None


def embed(data: bytes, asset: Asset, ways: Sequence[tuple[str, ...]]) -> bytes:
    """Return a copy of an image file with embedded metadata; what the file says stays. Requires pyexiv2.

    Raises:
        PictureError: The format does not support metadata, or the file's metadata is damaged.
    """
    if asset.format not in EMBEDDABLE:
        raise PictureError(f"Metadata cannot be embedded in {asset.format} files; use the XMP sidecar.")
    import pyexiv2

    existing = existing_metadata.read(data)
    packet = Packet(existing.xmp)
    keywords = _describe(packet, asset, ways, existing=existing)
    with _EXIV2_LOCK:
        try:
            pyexiv2.set_log_level(4)
            with pyexiv2.ImageData(data) as image:
                if asset.format in _WITH_IPTC:
                    image.modify_iptc(_iptc(image, keywords, packet.text("dc:description")))
                image.modify_raw_xmp(packet.to_bytes().decode())
                return bytes(image.get_bytes())
        except (RuntimeError, ValueError) as error:
            raise PictureError(f"The metadata of {asset.name} cannot be written: {error}.") from error


def _describe(
    packet: Packet, asset: Asset, ways: Sequence[tuple[str, ...]], *, existing: ExistingMetadata
) -> list[str]:
    """Add the file's IPTC metadata and the asset's tags and texts to a packet, and return all keywords."""
    keywords = packet.add_items("dc:subject", [*existing.keywords, *(way[-1] for way in ways)])
    packet.add_items("lr:hierarchicalSubject", ["|".join(_without(way, "|")) for way in ways])
    packet.add_items("digiKam:TagsList", ["/".join(_without(way, "/")) for way in ways], kind="Seq")
    packet.add_text("dc:title", existing.title)
    packet.add_text("dc:description", existing.caption)
    words = asset.description
    packet.add_text("dc:title", words.title, words.language)
    packet.add_text("dc:description", words.caption, words.language)
    packet.add_text("Iptc4xmpCore:AltTextAccessibility", words.alt, words.language)
    return keywords


def _iptc(image: Any, keywords: Sequence[str], caption: str) -> dict[str, object]:
    """Return the IPTC texts to write: the file's in UTF-8, with the keywords, and the caption if it has none."""
    texts: dict[str, list[str]] = {}
    for key, detail in image.read_iptc_detail(encoding="latin-1").items():  # Latin-1 keeps every byte
        if key.startswith("Iptc.Application2.") and detail["typeName"] == "String":
            values = detail["value"] if isinstance(detail["value"], list) else [detail["value"]]
            texts[key] = [existing_metadata.decode(value.encode("latin-1")) for value in values]
    if caption and not "".join(texts.get(_CAPTION, ())).strip():
        texts[_CAPTION] = [_cut(caption, 2_000)]
    cut = [_cut(word, 64) for word in keywords]
    texts[_KEYWORDS] = list(dict.fromkeys([*texts.get(_KEYWORDS, ()), *cut]))
    return {"Iptc.Envelope.CharacterSet": _UTF8, **texts}


def _cut(text: str, most: int) -> str:
    """Truncate to a number of UTF-8 bytes, the unit of IPTC's limits."""
    return text.encode()[:most].decode("utf-8", "ignore")


def _without(way: Sequence[str], mark: str) -> list[str]:
    """Replace the separator in names."""
    return [step.replace(mark, " ") for step in way]

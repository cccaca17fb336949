"""Tags and descriptions as XMP and IPTC, in a sidecar file or embedded in a copy of the picture.

Readable by exiftool, digiKam and Lightroom. Exiv2 (through pyexiv2) changes the metadata only: pixels and existing
keywords are kept.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from importlib.util import find_spec
from xml.etree import ElementTree as ET

from tagging_core.errors import PictureError
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
_UTF8 = "\x1b%G"  # IPTC character set: UTF-8
_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
}
for _prefix, _uri in _NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)


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


def sidecar(asset: Asset, ways: Sequence[tuple[str, ...]]) -> bytes:
    """Return the XMP sidecar of an asset.

    Args:
        asset: The asset.
        ways: Paths of its tags, see `paths`.
    """
    meta = ET.Element(_name("x", "xmpmeta"))
    rdf = ET.SubElement(meta, _name("rdf", "RDF"))
    about = ET.SubElement(rdf, _name("rdf", "Description"), {_name("rdf", "about"): ""})
    _add_list(about, _name("dc", "subject"), "Bag", texts=[way[-1] for way in ways])
    _add_list(
        about, _name("lr", "hierarchicalSubject"), "Bag", texts=["|".join(_without(way, "|")) for way in ways]
    )
    _add_list(about, _name("digiKam", "TagsList"), "Seq", texts=["/".join(_without(way, "/")) for way in ways])
    words = asset.description
    for name, text in (("title", words.title), ("description", words.caption)):
        _add_text(about, _name("dc", name), text, language=words.language)
    _add_text(about, _name("Iptc4xmpCore", "AltTextAccessibility"), words.alt, language=words.language)
    ET.indent(meta)
    body = ET.tostring(meta, encoding="unicode")
    head, end = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
    return f"{head}\n{body}\n{end}\n".encode()


def can_embed() -> bool:
    """Whether the optional pyexiv2 is installed."""
    return find_spec("pyexiv2") is not None


def embed(data: bytes, asset: Asset, ways: Sequence[tuple[str, ...]]) -> bytes:
    """Return a copy of an image file with embedded metadata; existing keywords are kept. Requires pyexiv2.

    Raises:
        PictureError: The format does not support metadata, or the file's metadata is damaged.
    """
    if asset.format not in EMBEDDABLE:
        raise PictureError(f"Metadata cannot be embedded in {asset.format} files; use the XMP sidecar.")
    import pyexiv2

    words, language = asset.description, asset.description.language
    with _EXIV2_LOCK:
        try:
            pyexiv2.set_log_level(4)
            with pyexiv2.ImageData(data) as image:
                old = image.read_xmp()
                keywords = _joined(old.get("Xmp.dc.subject"), [way[-1] for way in ways])
                image.modify_xmp(
                    {
                        "Xmp.dc.subject": keywords,
                        "Xmp.lr.hierarchicalSubject": _joined(
                            old.get("Xmp.lr.hierarchicalSubject"), ["|".join(_without(way, "|")) for way in ways]
                        ),
                        "Xmp.digiKam.TagsList": _joined(
                            old.get("Xmp.digiKam.TagsList"), ["/".join(_without(way, "/")) for way in ways]
                        ),
                        **_texts("Xmp.dc.title", words.title, language, old=old),
                        **_texts("Xmp.dc.description", words.caption, language, old=old),
                        **_texts("Xmp.iptc.AltTextAccessibility", words.alt, language, old=old),
                    }
                )
                if asset.format in ("JPEG", "MPO", "TIFF"):
                    known = image.read_iptc()
                    kept = _joined(known.get("Iptc.Application2.Keywords"), keywords)
                    caption = {"Iptc.Application2.Caption": _cut(words.caption, 2_000)} if words.caption else {}
                    image.modify_iptc(
                        {
                            "Iptc.Envelope.CharacterSet": _UTF8,
                            "Iptc.Application2.Keywords": [_cut(word, 64) for word in kept],
                            **caption,
                        }
                    )
                return bytes(image.get_bytes())
        except (RuntimeError, ValueError, UnicodeError) as error:
            raise PictureError(f"The metadata of {asset.name} cannot be written: {error}.") from error


def _texts(key: str, text: str, language: str, *, old: dict[str, object]) -> dict[str, dict[str, str]]:
    """Return a text in its language and, unless the file has one, as the default."""
    if not text:
        return {}
    known = old.get(key)
    kept = dict(known) if isinstance(known, dict) else {}
    return {key: {'lang="x-default"': text, **kept, f'lang="{language}"': text}}


def _joined(old: object, new: Sequence[str]) -> list[str]:
    kept = [str(each) for each in old] if isinstance(old, list) else [str(old)] if old else []
    return list(dict.fromkeys([*kept, *new]))


def _cut(text: str, most: int) -> str:
    """Truncate to a number of UTF-8 bytes, the unit of IPTC's limits."""
    return text.encode()[:most].decode("utf-8", "ignore")


def _without(way: Sequence[str], mark: str) -> list[str]:
    """Replace the separator in names."""
    return [step.replace(mark, " ") for step in way]


def _name(prefix: str, name: str) -> str:
    return f"{{{_NAMESPACES[prefix]}}}{name}"


def _add_list(parent: ET.Element, name: str, kind: str, *, texts: Sequence[str]) -> None:
    if texts:
        group = ET.SubElement(ET.SubElement(parent, name), _name("rdf", kind))
        for text in texts:
            ET.SubElement(group, _name("rdf", "li")).text = _printable(text)


def _add_text(parent: ET.Element, name: str, text: str, *, language: str) -> None:
    if text:
        group = ET.SubElement(ET.SubElement(parent, name), _name("rdf", "Alt"))
        for code in ("x-default", language):
            marked = {"{http://www.w3.org/XML/1998/namespace}lang": code}
            ET.SubElement(group, _name("rdf", "li"), marked).text = _printable(text)


def _printable(text: str) -> str:
    """Remove control characters, which XML does not allow."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")

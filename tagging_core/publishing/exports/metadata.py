"""Tags and descriptions as XMP and IPTC: in a file of its own, or inside a copy of the picture.

Written so that exiftool, digiKam and Lightroom read them. Pixels are never touched, and what a file says already is
kept: Exiv2 (by pyexiv2) changes the metadata and copies the rest.
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
"""Formats that Exiv2 writes into; others get a file beside them."""

HOW_TO_EMBED = (
    "The tags are in an XMP file beside each picture; to get them inside the files, install pyexiv2: "
    "`pip install -r requirements-embed.txt`."
)
"""Shown where metadata cannot be written into files, see `can_embed`."""

_ONE_AT_A_TIME = threading.Lock()  # Exiv2 is not safe between threads
_UTF8 = "\x1b%G"  # says in IPTC that its texts are UTF-8
_NAMES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
}
for _prefix, _uri in _NAMES.items():
    ET.register_namespace(_prefix, _uri)


def paths(asset: Asset, taxonomy: Taxonomy, language: str = "en") -> list[tuple[str, ...]]:
    """For each tag its way down the tree: category, tags above, itself."""
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
    """An XMP file for one picture.

    Args:
        ways: Its tags, see `paths`.
    """
    meta = ET.Element(_name("x", "xmpmeta"))
    rdf = ET.SubElement(meta, _name("rdf", "RDF"))
    about = ET.SubElement(rdf, _name("rdf", "Description"), {_name("rdf", "about"): ""})
    _add_list(about, _name("dc", "subject"), "Bag", [way[-1] for way in ways])
    _add_list(about, _name("lr", "hierarchicalSubject"), "Bag", ["|".join(_without(way, "|")) for way in ways])
    _add_list(about, _name("digiKam", "TagsList"), "Seq", ["/".join(_without(way, "/")) for way in ways])
    words = asset.description
    for name, text in (("title", words.title), ("description", words.caption)):
        _add_text(about, _name("dc", name), text, words.language)
    _add_text(about, _name("Iptc4xmpCore", "AltTextAccessibility"), words.alt, words.language)
    ET.indent(meta)
    body = ET.tostring(meta, encoding="unicode")
    head, end = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
    return f"{head}\n{body}\n{end}\n".encode()


def can_embed() -> bool:
    """Whether pyexiv2, which is optional, is installed."""
    return find_spec("pyexiv2") is not None


def embed(data: bytes, asset: Asset, ways: Sequence[tuple[str, ...]]) -> bytes:
    """A copy of a picture's file with its tags inside; keywords that it has already stay. Needs pyexiv2.

    Raises:
        PictureError: The format takes no metadata, or the file's own is damaged.
    """
    if asset.format not in EMBEDDABLE:
        raise PictureError(f"Nothing can be written into {asset.format}; take the XMP file beside it.")
    import pyexiv2

    words, language = asset.description, asset.description.language
    with _ONE_AT_A_TIME:
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
                        **_texts("Xmp.dc.title", words.title, language, old),
                        **_texts("Xmp.dc.description", words.caption, language, old),
                        **_texts("Xmp.iptc.AltTextAccessibility", words.alt, language, old),
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


def _texts(key: str, text: str, language: str, old: dict[str, object]) -> dict[str, dict[str, str]]:
    """A text in its language and, unless the file has one, as the one for all."""
    if not text:
        return {}
    known = old.get(key)
    kept = dict(known) if isinstance(known, dict) else {}
    return {key: {'lang="x-default"': text, **kept, f'lang="{language}"': text}}


def _joined(old: object, new: Sequence[str]) -> list[str]:
    kept = [str(each) for each in old] if isinstance(old, list) else [str(old)] if old else []
    return list(dict.fromkeys([*kept, *new]))


def _cut(text: str, most: int) -> str:
    """At most so many bytes in UTF-8, as IPTC has it."""
    return text.encode()[:most].decode("utf-8", "ignore")


def _without(way: Sequence[str], mark: str) -> list[str]:
    """Names that do not contain what divides them."""
    return [step.replace(mark, " ") for step in way]


def _name(prefix: str, name: str) -> str:
    return f"{{{_NAMES[prefix]}}}{name}"


def _add_list(parent: ET.Element, name: str, kind: str, texts: Sequence[str]) -> None:
    if texts:
        group = ET.SubElement(ET.SubElement(parent, name), _name("rdf", kind))
        for text in texts:
            ET.SubElement(group, _name("rdf", "li")).text = _printable(text)


def _add_text(parent: ET.Element, name: str, text: str, language: str) -> None:
    if text:
        group = ET.SubElement(ET.SubElement(parent, name), _name("rdf", "Alt"))
        for code in ("x-default", language):
            marked = {"{http://www.w3.org/XML/1998/namespace}lang": code}
            ET.SubElement(group, _name("rdf", "li"), marked).text = _printable(text)


def _printable(text: str) -> str:
    """XML knows no control characters."""
    return "".join(c for c in text if c.isprintable() or c in "\n\t")

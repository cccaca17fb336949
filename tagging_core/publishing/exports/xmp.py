"""An XMP packet: what it says is kept, and more is added to it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree as ET

from tagging_core.errors import PictureError

_NAMESPACES = {
    "x": "adobe:ns:meta/",
    "rdf": "http://www.w3.org/1999/02/22-rdf-syntax-ns#",
    "dc": "http://purl.org/dc/elements/1.1/",
    "xmp": "http://ns.adobe.com/xap/1.0/",
    "lr": "http://ns.adobe.com/lightroom/1.0/",
    "digiKam": "http://www.digikam.org/ns/1.0/",
    "Iptc4xmpCore": "http://iptc.org/std/Iptc4xmpCore/1.0/xmlns/",
}
for _prefix, _uri in _NAMESPACES.items():
    ET.register_namespace(_prefix, _uri)

_LANG = "{http://www.w3.org/XML/1998/namespace}lang"
_NOT_IN_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Packet:
    """An XMP packet.

    Args:
        data: An existing packet; empty for a new one.

    Raises:
        PictureError: The packet is damaged, or declares entities.
    """

    def __init__(self, data: bytes = b"") -> None:
        data = data.strip(b"\x00 \r\n\t")
        self._root = _parsed(data) if data else ET.Element(_name("x:xmpmeta"))
        rdf = _rdf(self._root)
        self._descriptions = rdf.findall(_name("rdf:Description"))
        if not self._descriptions:
            self._descriptions = [ET.SubElement(rdf, _name("rdf:Description"), {_name("rdf:about"): ""})]

    def text(self, name: str) -> str:
        """Return the text of a property: its default language or else the first; empty if there is none."""
        found = self._values(name)
        return next((text for language, text in found if language == "x-default"), found[0][1] if found else "")

    def add_text(self, name: str, text: str, language: str = "x-default") -> None:
        """Set a property as the default and in its language, unless it has a text."""
        if not text or self.text(name):
            return
        self._remove(name)
        group = ET.SubElement(ET.SubElement(self._descriptions[0], _name(name)), _name("rdf:Alt"))
        for code in dict.fromkeys(("x-default", language)):
            ET.SubElement(group, _name("rdf:li"), {_LANG: code}).text = _valid(text)

    def add_items(self, name: str, texts: Sequence[str], *, kind: str = "Bag") -> list[str]:
        """Add texts to a list property and return all its texts.

        Args:
            name: Property, such as `dc:subject`.
            texts: What the list lacks of them is appended.
            kind: RDF container: `Bag`, or `Seq` where the order counts.
        """
        merged = list(dict.fromkeys([*(text for _, text in self._values(name)), *map(_valid, texts)]))
        if merged:
            self._remove(name)
            group = ET.SubElement(ET.SubElement(self._descriptions[0], _name(name)), _name(f"rdf:{kind}"))
            for text in merged:
                ET.SubElement(group, _name("rdf:li")).text = text
        return merged

    def to_bytes(self) -> bytes:
        """Return the packet in UTF-8, as it stands in a sidecar."""
        ET.indent(self._root)
        body = ET.tostring(self._root, encoding="unicode")
        head, end = '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>', '<?xpacket end="w"?>'
        return f"{head}\n{body}\n{end}\n".encode()

    def _values(self, name: str) -> list[tuple[str, str]]:
        """Return the texts of a property with their languages, written as a list, an element or an attribute."""
        found: list[tuple[str, str]] = []
        for about in self._descriptions:
            found.append(("", about.get(_name(name), "")))
            for element in about.findall(_name(name)):
                for item in element.findall(f"*/{_name('rdf:li')}") or [element]:
                    found.append((item.get(_LANG, "").lower(), item.text or ""))
        return [(language, text) for language, text in found if text.strip()]

    def _remove(self, name: str) -> None:
        for about in self._descriptions:
            about.attrib.pop(_name(name), None)
            for element in about.findall(_name(name)):
                about.remove(element)


def _parsed(data: bytes) -> ET.Element:
    if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
        raise PictureError("The XMP metadata declares entities, which XMP does not allow.")
    try:
        return ET.fromstring(data)
    except (ET.ParseError, ValueError, LookupError) as error:
        raise PictureError(f"The XMP metadata is damaged: {error}.") from error


def _rdf(root: ET.Element) -> ET.Element:
    if root.tag == _name("rdf:RDF"):
        return root
    found = root.find(f".//{_name('rdf:RDF')}")
    return found if found is not None else ET.SubElement(root, _name("rdf:RDF"))


def _name(name: str) -> str:
    prefix, _, local = name.partition(":")
    return f"{{{_NAMESPACES[prefix]}}}{local}"


def _valid(text: str) -> str:
    """Remove what XML does not allow: control characters and lone surrogates."""
    return _NOT_IN_XML.sub("", text)

"""File formats of the tag library: CSV for spreadsheets, JSON for programs, SKOS for other thesauri.

All three are parsed into the same rows, which `importer` turns into a plan.
"""

from __future__ import annotations

import codecs
import re
from types import ModuleType

from tagging_core.common.text_decoding import decode_unicode
from tagging_core.curation.formats import csv_file, json_file
from tagging_core.curation.formats.rows import File, Row
from tagging_core.errors import ImportRefusedError, TextError
from tagging_core.taxonomy.model import Taxonomy

__all__ = ["File", "Row", "read", "write"]

_XML_ENCODING = re.compile(rb"""\s*<\?xml\s[^>]*?\bencoding\s*=\s*["']([A-Za-z][\w.-]*)["']""")
_NOT_IN_ASCII = ("utf-16", "utf-32")
_NOT_FOR_FILES = ("idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7")  # some take quadratic time


def read(data: bytes, form: str) -> File:
    """Parse an import file.

    Args:
        data: The whole file, in UTF-8, in UTF-16 with a byte order mark, or, if XML, in the encoding it declares;
            CSV in any encoding and dialect of `read_table`.
        form: `csv`, `json` or `skos` (Turtle, RDF/XML or JSON-LD).

    Returns:
        The rows in the order of the file; concepts of a SKOS file in the order of their URIs.

    Raises:
        ImportRefusedError: The file is unreadable or has invalid lines; lists each of them.
    """
    if form == "csv":
        return csv_file.read(data)
    if form == "json":
        return json_file.read(_decode(data))
    found: File = _skos().read(_decode_xml(data) or _decode(data))
    return found


def write(taxonomy: Taxonomy, form: str) -> bytes:
    """Export the taxonomy, including merged tags, so that readers can resolve old ids.

    Args:
        taxonomy: The taxonomy.
        form: `csv`, `json` or `skos` (Turtle).

    Returns:
        The file, in UTF-8; CSV with a byte order mark.
    """
    writers = {"csv": csv_file.write, "json": json_file.write}
    text = _skos().write(taxonomy) if form == "skos" else writers[form](taxonomy)
    return text.encode("utf-8-sig" if form == "csv" else "utf-8")  # without a BOM, Excel reads CSV as Latin-1


def _skos() -> ModuleType:
    from tagging_core.curation.formats import skos_file  # rdflib takes 0.3 s to import

    return skos_file


def _decode_xml(data: bytes) -> str:
    """Decode XML in the encoding that its first line declares; empty if it declares none or begins with a BOM."""
    declared = _XML_ENCODING.match(data)
    if declared is None:
        return ""
    name = declared.group(1).decode()
    try:
        codec = codecs.lookup(name).name
        if codec.startswith(_NOT_IN_ASCII):  # but the declaration is; .NET writes such files
            return ""
        if codec in _NOT_FOR_FILES:
            raise LookupError(name)
        return data.decode(codec)
    except LookupError as error:
        raise ImportRefusedError({1: f"unknown encoding {name!r}. Save the file as UTF-8"}) from error
    except UnicodeDecodeError as error:
        problem = f"byte {data[error.start]:#04x} is not {name}. Save the file as UTF-8"
        raise ImportRefusedError({data[: error.start].count(b"\n") + 1: problem}) from error


def _decode(data: bytes) -> str:
    try:
        return decode_unicode(data)
    except TextError as error:
        raise ImportRefusedError({error.line: error.problem}) from error

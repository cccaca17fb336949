"""RDF is recognized and decoded however it begins."""

from __future__ import annotations

import pytest

from tagging_core.errors import ImportRefusedError
from tests.tagging_core.curation.test_thesauri import read, tags

RDF_XML = """<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" 
xmlns:skos="http://www.w3.org/2004/02/skos/core#"><skos:ConceptScheme rdf:about="http://ex.org/s">
<skos:prefLabel xml:lang="en">Things</skos:prefLabel></skos:ConceptScheme>
<skos:Concept rdf:about="http://ex.org/a"><skos:inScheme rdf:resource="http://ex.org/s"/>
<skos:prefLabel xml:lang="en">{}</skos:prefLabel></skos:Concept></rdf:RDF>"""


def xml(label: str, before: str = "", encoding: str = "utf-8") -> bytes:
    return (before + RDF_XML.format(label)).encode(encoding)


def declared(encoding: str) -> str:
    return f'<?xml version="1.0" encoding="{encoding}"?>\n'


@pytest.mark.parametrize(
    ("data", "label"),
    [
        pytest.param(xml("Café", declared("ISO-8859-1"), "latin-1"), "Café", id="ISO-8859-1"),
        pytest.param(xml("Café – €", declared("windows-1252"), "cp1252"), "Café – €", id="windows-1252"),
        pytest.param(xml("猫 cat", declared("GB18030"), "gb18030"), "猫 cat", id="GB18030"),
        pytest.param(xml("猫 cat", declared("Shift_JIS"), "shift-jis"), "猫 cat", id="Shift_JIS"),
        pytest.param(xml("Café", declared("utf-8").replace('"', "'")), "Café", id="UTF-8"),
        pytest.param(xml("Café", declared("utf-8"), "utf-8-sig"), "Café", id="UTF-8 with BOM"),
        pytest.param(xml("Café", declared("utf-16"), "utf-16"), "Café", id="UTF-16"),
        pytest.param(xml("Café", declared("utf-16")), "Café", id="UTF-8 that claims to be UTF-16"),
        pytest.param(xml("Café"), "Café", id="no declaration"),
        pytest.param(xml("Café", "<!-- made by X -->\n"), "Café", id="a comment"),
        pytest.param(xml("Café", declared("utf-8") + "<!-- <a> -->"), "Café", id="a comment after the declaration"),
        pytest.param(xml("Café", "<!DOCTYPE rdf:RDF>"), "Café", id="a DOCTYPE"),
        pytest.param(xml("Café", "<?xml-stylesheet href='x.xsl'?>"), "Café", id="a style sheet"),
        pytest.param(xml("Café", "\n  "), "Café", id="white space"),
        pytest.param(xml("Café").replace(b"rdf:", b"r:").replace(b":rdf=", b":r="), "Café", id="another prefix"),
        pytest.param(
            xml("Café").replace(b"<rdf:RDF xmlns:rdf=", b"<RDF xmlns:rdf=").replace(
                b"xmlns:skos", b'xmlns="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos'
            ).replace(b"</rdf:RDF>", b"</RDF>"),
            "Café",
            id="no prefix",
        ),
        pytest.param(
            b'<urn:a> a <http://www.w3.org/2004/02/skos/core#Concept> ; <http://www.w3.org/2004/02/skos/core#inScheme>'
            b' <urn:s> ; <http://www.w3.org/2004/02/skos/core#prefLabel> "Tea"@en .',
            "Tea",
            id="Turtle that begins with a URI",
        ),
    ],
)  # fmt: skip
def test_every_way_to_begin_and_encode_a_file_is_read(data: bytes, label: str) -> None:
    assert list(tags(read(data))) == [label]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (xml("Café", declared("ascii")), "byte 0xc3 is not ascii"),
        (xml("x", declared("klingon")), "unknown encoding 'klingon'. Save the file as UTF-8"),
        (xml("x", declared("punycode")), "unknown encoding 'punycode'"),
        (xml("x", declared("base64")), "unknown encoding 'base64'"),
        (xml("Café", "", "latin-1"), "line 5: byte 0xe9 is not UTF-8"),
    ],
)
def test_an_encoding_that_cannot_be_read_is_named(data: bytes, message: str) -> None:
    with pytest.raises(ImportRefusedError, match=message):
        read(data)

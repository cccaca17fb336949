"""A thesaurus comes from strangers: reading it opens no address and no other file, and soon ends."""

from __future__ import annotations

import http.server
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tagging_core.curation import formats
from tagging_core.errors import ImportRefusedError

CONTEXT = {
    "skos": "http://www.w3.org/2004/02/skos/core#",
    "prefLabel": {"@id": "skos:prefLabel", "@language": "en"},
    "Concept": "skos:Concept",
}
RDF = 'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#" xmlns:skos="http://www.w3.org/2004/02/skos/core#"'


class _Server(http.server.BaseHTTPRequestHandler):
    requests: list[str]

    def do_GET(self) -> None:
        self.requests.append(self.path)
        self.send_response(200)
        self.send_header("Content-Type", "application/ld+json")
        self.end_headers()
        self.wfile.write(json.dumps({"@context": CONTEXT}).encode())

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[tuple[str, list[str]]]:
    """A web server on this machine; its address, and the paths that were requested."""
    requests: list[str] = []
    handler = type("Handler", (_Server,), {"requests": requests})
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as running:
        threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        yield f"http://127.0.0.1:{running.server_port}/", requests
        running.shutdown()


def concept(context: Any) -> dict[str, Any]:
    return {"@context": context, "@id": "http://ex.org/a", "@type": "Concept", "prefLabel": "Dog"}


PLACES = {
    "as the context": concept,
    "in a list": lambda address: concept([CONTEXT, address]),
    "in a list of lists": lambda address: concept([CONTEXT, [[address]]]),
    "as an import": lambda address: concept({**CONTEXT, "@import": address}),
    "for the values of a term": lambda address: concept({**CONTEXT, "x": {"@id": "urn:x", "@context": address}}),
    "in a node of a graph": lambda address: {"@context": CONTEXT, "@graph": [concept(address)]},
    "in a list of nodes": lambda address: [concept(CONTEXT), concept(address)],
    "in a value": lambda address: {**concept(CONTEXT), "skos:related": concept(address)},
}


@pytest.mark.parametrize("place", PLACES)
def test_the_address_of_a_json_ld_context_is_not_opened(server: tuple[str, list[str]], place: str) -> None:
    address, requests = server
    with pytest.raises(ImportRefusedError, match=f"context '{address}' is outside the file.*Turtle"):
        formats.read(json.dumps(PLACES[place](address)).encode(), "skos")
    assert requests == []


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("form", ["file://{}", "{}", "context.jsonld"])
def test_a_json_ld_context_in_a_file_of_the_server_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, place: str, form: str
) -> None:
    file = tmp_path / "context.jsonld"
    file.write_text(json.dumps({"@context": CONTEXT}))
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ImportRefusedError, match="is outside the file"):
        formats.read(json.dumps(PLACES[place](form.format(file))).encode(), "skos")


@pytest.mark.parametrize("place", sorted(set(PLACES) - {"as an import"}))
def test_a_json_ld_context_in_the_file_itself_is_read(place: str) -> None:
    read = formats.read(json.dumps(PLACES[place](CONTEXT)).encode(), "skos")
    assert [row.names for row in read.rows] == [{"en": "Dog"}]


def xml(label: str, doctype: str = "", *, name: str = "skos:Concept") -> bytes:
    about = '<rdf:Description rdf:about="http://ex.org/a">'
    kind = f'<rdf:type rdf:resource="{name.replace("skos:", "http://www.w3.org/2004/02/skos/core#")}"/>'
    body = f'{about}{kind}<skos:prefLabel xml:lang="en">{label}</skos:prefLabel></rdf:Description>'
    return f'<?xml version="1.0"?>\n{doctype}<rdf:RDF {RDF}>{body}</rdf:RDF>'.encode()


def nested(levels: int, text: str = "lol") -> str:
    inner = [f'<!ENTITY l{n} "{f"&l{n - 1};" * 10}">' for n in range(1, levels + 1)]
    return f'<!DOCTYPE rdf:RDF [<!ENTITY l0 "{text}">{"".join(inner)}]>'


DTD = "<!DOCTYPE rdf:RDF [{}]>"
BOMBS = {
    "5 levels": (xml("&l5;", nested(5)), "expand to [0-9,]{7,} characters"),
    "7 levels": (xml("&l7;", nested(7)), "nests others more than 5 deep"),
    "30 levels of nothing": (xml("&l30;", nested(30, "")), "nests others more than 5 deep"),
    "itself": (xml("&a;", DTD.format('<!ENTITY a "&b;"><!ENTITY b "&a;">')), "contains itself"),
    "a long one, often": (xml("&a;" * 2000, DTD.format(f'<!ENTITY a "{"x" * 2000}">')), "expand to 4,000,000"),
    "written as a character": (
        xml("&l5;", nested(5).replace("&", "&#38;")),
        "expand to [0-9,]{7,} characters",
    ),
    "an attribute": (xml("x", nested(7), name="&l7;"), "nests others more than 5 deep"),
    "unused": (xml("x", nested(7)), "nests others more than 5 deep"),
    "a parameter": (
        xml("&a;", DTD.format("<!ENTITY % p \"<!ENTITY a 'x'>\"> %p;")),
        "parameter entity %p; is not allowed",
    ),
    "a default": (xml("x", DTD.format('<!ATTLIST rdf:RDF a CDATA "x">')), "default of the attribute 'a'"),
    "a file": (xml("&a;", DTD.format('<!ENTITY a SYSTEM "file:///etc/hostname">')), "&a; is in another file"),
    "the web": (xml("&a;", DTD.format('<!ENTITY a SYSTEM "http://127.0.0.1:9/">')), "&a; is in another file"),
    "a DTD": (xml("&a;", '<!DOCTYPE rdf:RDF SYSTEM "http://127.0.0.1:9/">'), "&a; is not declared in the file"),
    "unknown": (xml("&a;"), "undefined entity"),
}


@pytest.mark.parametrize("bomb", BOMBS)
def test_an_entity_that_cannot_be_read_in_time_or_at_all_is_refused(bomb: str) -> None:
    data, message = BOMBS[bomb]
    with pytest.raises(ImportRefusedError, match=message):
        formats.read(data, "skos")


@pytest.mark.parametrize(
    ("data", "label"),
    [
        (xml("Cats &amp; dogs &#x732B;"), "Cats & dogs 猫"),
        (xml("&eacute;t&eacute;", DTD.format('<!ENTITY eacute "&#233;">')), "été"),
        (xml("x", DTD.format('<!ENTITY s "http://www.w3.org/2004/02/skos/core#">'), name="&s;Concept"), "x"),
        (
            xml(
                "x",
                DTD.format('<!ENTITY w "http://www.w3.org/"><!ENTITY s "&w;2004/02/skos/core#">'),
                name="&s;Concept",
            ),
            "x",
        ),
        (xml("&l2;", nested(2)), "lol" * 100),
        (xml("x", '<!DOCTYPE rdf:RDF SYSTEM "http://127.0.0.1:9/">'), "x"),
        (xml("x", DTD.format('<!ENTITY unused SYSTEM "file:///etc/hostname">')), "x"),
        (xml("<![CDATA[R&D]]>"), "R&D"),
    ],
)
def test_a_harmless_doctype_is_read(data: bytes, label: str) -> None:
    assert [row.names for row in formats.read(data, "skos").rows] == [{"en": label}]


def test_a_namespace_entity_in_every_line_is_read() -> None:
    doctype = DTD.format('<!ENTITY s "http://www.w3.org/2004/02/skos/core#">')
    one = '<rdf:Description rdf:about="urn:{}"><rdf:type rdf:resource="&s;Concept"/></rdf:Description>'
    body = "".join(one.format(n) for n in range(2000))
    data = f"<?xml version='1.0'?>{doctype}<rdf:RDF {RDF}>{body}</rdf:RDF>"
    assert len(formats.read(data.encode(), "skos").rows) == 2000


@pytest.mark.parametrize(
    ("piece", "text"), [("a\n", "a\n"), ("&amp;", "&"), ("a<!---->", "a"), ("<![CDATA[a]]>", "a"), ("&e;", "a")]
)
def test_a_text_in_many_pieces_is_read_whole(piece: str, text: str) -> None:
    data = xml(piece * 300, DTD.format('<!ENTITY e "a">'))
    assert [row.names["en"] for row in formats.read(data, "skos").rows] == [text * 300]


def test_a_number_is_not_written_out_in_full() -> None:
    decimal = "<http://www.w3.org/2001/XMLSchema#decimal>"
    data = f"""@prefix skos: <http://www.w3.org/2004/02/skos/core#> .
    <urn:a> a skos:Concept ; skos:prefLabel "A"@en ; skos:definition "1e99999"^^{decimal} ."""
    (row,) = formats.read(data.encode(), "skos").rows
    assert row.definition == "1e99999"

"""Parse RDF from untrusted files: nothing is fetched, no other file is read, and the time is linear in the size."""

from __future__ import annotations

import json
import re
from contextlib import suppress
from typing import Any
from xml.parsers import expat
from xml.sax import SAXParseException

import rdflib
from rdflib.plugins.parsers.rdfxml import RDFXMLHandler, create_parser

from tagging_core.curation.formats.json_text import parse_json
from tagging_core.errors import ImportRefusedError

# Otherwise rdflib writes out numbers in full: 1e999999999 as an xsd:decimal would take a gigabyte.
rdflib.NORMALIZE_LITERALS = False

_XML = re.compile(r"<([?!]|[\w.:-]+\s)")  # a URI at the beginning of Turtle contains no space
_BAD_SYNTAX = re.compile(r"(?<=Bad syntax \().*?(?=\) at )")
_ENTITY = re.compile(r"&([^\s&#;]+);")
_MAX_NESTING = 5  # entities within entities; namespaces composed of others need two
_MAX_GROWTH = 4  # what entities expand to, as a multiple of the file's size
_MIN_EXPANSION = 100_000  # characters; allowed in files of any size


def parse(text: str) -> rdflib.Graph:
    """Parse Turtle, RDF/XML or JSON-LD, whichever the text is.

    Args:
        text: The whole file.

    Returns:
        All statements of the file.

    Raises:
        ImportRefusedError: The text is none of these, refers to a JSON-LD context or XML entity outside the file,
            or has entities that expand to much more than the file.
    """
    text = text.lstrip()
    form = "xml" if _XML.match(text) else "json-ld" if text[:1] in ("[", "{") else "turtle"
    # The simpler store is a third faster; only JSON-LD needs named graphs.
    graph = rdflib.Graph(store="default" if form == "json-ld" else "SimpleMemory")
    try:
        if form == "xml":
            _parse_xml(graph, text)
        elif form == "json-ld":
            _parse_json(graph, text)
        else:
            graph.parse(data=text, format="turtle")
    except (ImportRefusedError, MemoryError):
        raise
    except Exception as error:  # rdflib's parsers have no common error class
        raise ImportRefusedError({_line(error): f"invalid {form}: {_message(error)}"}) from error
    return graph


def _line(error: Any) -> int:
    if isinstance(error, SAXParseException):
        return error.getLineNumber() or 1
    line = getattr(error, "lines", None)  # Turtle
    return line if isinstance(line, int) else 1


def _message(error: Exception) -> str:
    text = str(error.getMessage() if isinstance(error, SAXParseException) else error)
    why = _BAD_SYNTAX.search(text)  # Turtle; the first line of the text only repeats the line number
    return (why.group() if why else text.strip().partition("\n")[0] or type(error).__name__)[:200]


def _parse_json(graph: rdflib.Graph, text: str) -> None:
    data = parse_json(text)
    _refuse_remote_contexts(data)
    # What was checked is what is parsed, even if the file repeats a key.
    graph.parse(data=json.dumps(data), format="json-ld")


def _refuse_remote_contexts(data: Any) -> None:
    """Refuse contexts given by address, which rdflib would open, `file:` and relative paths included."""
    todo = [data]
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, dict):
            todo.extend(value.values())
            for address in (*_addresses(value.get("@context")), *_addresses(value.get("@import"))):
                problem = (
                    f"the JSON-LD context {address[:200]!r} is outside the file, and an import opens no addresses. "
                    "Replace the address by the context itself, or save the thesaurus as Turtle or RDF/XML"
                )
                raise ImportRefusedError({1: problem})


def _addresses(context: Any) -> list[str]:
    todo, found = [context], []
    while todo:
        value = todo.pop()
        if isinstance(value, list):
            todo.extend(value)
        elif isinstance(value, str):
            found.append(value)
    return found


def _parse_xml(graph: rdflib.Graph, text: str) -> None:
    _check_entities(text)
    handler = _Handler(graph)
    parser: Any = create_parser(None, graph)  # type: ignore[arg-type]
    parser.setContentHandler(handler)
    handler.setDocumentLocator(parser)
    parser.feed(text)  # at once: in parts, expat rescans long tokens
    parser.close()


class _Handler(RDFXMLHandler):
    """Joins the parts of a text once; rdflib appends one to another, which takes quadratic time."""

    def __init__(self, graph: rdflib.Graph) -> None:
        super().__init__(graph)
        self._parts: list[str] = []

    def characters(self, content: str) -> None:
        self._parts.append(content)

    def startElementNS(self, name: Any, qname: Any, attrs: Any) -> None:
        self._end_text()
        super().startElementNS(name, qname, attrs)

    def endElementNS(self, name: Any, qname: Any) -> None:
        self._end_text()
        super().endElementNS(name, qname)

    def skippedEntity(self, name: str) -> None:
        """Refuse a text that would be lost: the entity is declared in another file, which is not read."""
        problem = f"the entity &{name}; is not declared in the file, and an import reads no other. Write the text"
        raise ImportRefusedError({self.locator.getLineNumber() or 1: problem})

    def _end_text(self) -> None:
        if self._parts:
            super().characters("".join(self._parts))
            self._parts.clear()


def _check_entities(text: str) -> None:
    """Refuse entities that expand to far more than the file, before anything is expanded.

    Raises:
        ImportRefusedError: They are nested too deeply, contain themselves, expand to too much in total, or are in
            another file.
    """
    values, used = _declared_entities(text), _ENTITY.findall(text)
    if outside := [name for name in dict.fromkeys(used) if name in values and values[name] is None]:
        problem = f"the entity &{outside[0]}; is in another file, and an import reads no other"
        raise ImportRefusedError({1: f"{problem}. Write the text instead of the entity"})
    inner = {name: _ENTITY.findall(value or "") for name, value in values.items()}
    sizes: dict[str, int] = {}
    for _ in range(_MAX_NESTING + 2):
        before = sizes
        sizes = {name: len(v or "") + sum(before.get(i, 0) for i in inner[name]) for name, v in values.items()}
    if unfinished := [name for name in values if sizes[name] != before[name]]:
        problem = f"the entity &{unfinished[0]}; nests others more than {_MAX_NESTING} deep, or contains itself"
        raise ImportRefusedError({1: f"{problem}. Write the text instead of the entity"})
    total = sum(sizes.get(name, 0) for name in used)
    if total > max(_MIN_EXPANSION, _MAX_GROWTH * len(text)):
        problem = f"its entities expand to {total:,} characters, but the file has only {len(text):,}"
        raise ImportRefusedError({1: f"{problem}. Write the text instead of the entities"})


def _declared_entities(text: str) -> dict[str, str | None]:
    """Return the text by name of each entity that the file declares; None if the text is in another file.

    Raises:
        ImportRefusedError: The file declares what cannot be measured: parameter entities, which declare others, or
            default attributes, which every element repeats.
    """
    found: dict[str, str | None] = {}
    parser = expat.ParserCreate()

    def refuse(what: str) -> None:
        raise ImportRefusedError({parser.CurrentLineNumber: f"{what}. Write the text instead of the declaration"})

    def declare(name: str, is_parameter: bool, value: str | None, *_: object) -> None:
        if is_parameter:
            refuse(f"the parameter entity %{name}; is not allowed")
        found.setdefault(name, value)

    def declare_attribute(element: str, name: str, kind: str, default: str | None, *_: object) -> None:
        if default is not None:
            refuse(f"the default of the attribute {name!r} of {element!r} is not allowed")

    def stop(*_: object) -> None:
        raise StopIteration

    parser.EntityDeclHandler, parser.AttlistDeclHandler = declare, declare_attribute
    parser.StartElementHandler = stop
    with suppress(StopIteration, expat.ExpatError):  # the root begins, or a mistake that parsing will report
        parser.Parse(text, True)
    return found

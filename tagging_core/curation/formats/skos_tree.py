"""The tree of a SKOS thesaurus: the one category and the one parent that each concept gets as a tag.

SKOS allows several broader concepts and several schemes for a concept. What the tree cannot hold is reported.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from graphlib import CycleError, TopologicalSorter

from rdflib import RDF, SKOS, Graph
from rdflib.term import Node, URIRef

from tagging_core.curation.formats.skos_labels import english
from tagging_core.errors import ImportRefusedError

_NAMED = 8  # concepts named in an error message


@dataclass(frozen=True, slots=True)
class Place:
    """Where a concept goes.

    Attributes:
        scheme: The concept scheme that becomes its category; None if it belongs to none.
        parent: The broader concept that becomes its parent; None for a top concept.
        notes: What is left out.
    """

    scheme: Node | None
    parent: Node | None
    notes: tuple[str, ...] = ()


@dataclass(slots=True)
class _Links:
    broader: dict[Node, set[Node]] = field(default_factory=dict)
    schemes: dict[Node, set[Node]] = field(default_factory=dict)
    all_schemes: set[Node] = field(default_factory=set)


def find_concepts(graph: Graph) -> list[Node]:
    """Return the concepts of a file: those declared as such, and those in a hierarchy that have a name."""
    found = set(graph.subjects(RDF.type, SKOS.Concept))
    related = set(graph.subjects(SKOS.topConceptOf)) | set(graph.objects(None, SKOS.hasTopConcept))
    for link in (SKOS.broader, SKOS.narrower):
        related |= {*graph.subjects(link), *graph.objects(None, link)}
    found |= {node for node in related if (node, SKOS.prefLabel, None) in graph}
    return sorted(found, key=_order)


def find_places(graph: Graph, concepts: Sequence[Node]) -> dict[Node, Place]:
    """Find a place in the tree for each concept.

    A concept belongs to the scheme it names, to that of its broader concept, or to the only one of the file. Its
    parent is the first broader concept of the same scheme, in the order of their URIs.

    Args:
        graph: All statements of the file.
        concepts: The concepts, in the order in which error messages number them.

    Returns:
        The place of each concept.

    Raises:
        ImportRefusedError: A concept is broader than itself.
    """
    links = _read_links(graph)
    known = set(concepts)
    inside = {concept: sorted(links.broader.get(concept, set()) & known, key=_order) for concept in concepts}
    try:
        top_down = list(TopologicalSorter(inside).static_order())
    except CycleError as error:
        cycle = error.args[1]
        path = " is broader than ".join(repr(english(graph, node)) for node in cycle[:_NAMED])
        more = " ..." if len(cycle) > _NAMED else ""
        line = min(concepts.index(node) for node in cycle) + 1
        raise ImportRefusedError({line: f"a concept is broader than itself: {path}{more}"}, "concept") from error
    only = next(iter(links.all_schemes)) if len(links.all_schemes) == 1 else None
    places: dict[Node, Place] = {}
    for concept in top_down:
        schemes = sorted(links.schemes.get(concept, ()), key=_order)
        scheme, parent = _choose(schemes, inside[concept], places)
        outside = sorted(links.broader.get(concept, set()) - known, key=_order)
        if parent is None and outside:
            parent = outside[0]  # part of a thesaurus refers to concepts that only the library may have
        lost = [node for node in (*inside[concept], *outside) if node != parent]
        above = set(_ancestors(parent, places)) if lost else set()
        notes = (
            *_note(graph, concept, [node for node in lost if node not in above], kept=parent),
            *_note(graph, concept, [n for n in schemes if n != scheme], kept=scheme, kind="scheme"),
        )
        places[concept] = Place(scheme or only, parent, notes)
    return places


def _read_links(graph: Graph) -> _Links:
    links = _Links()
    pairs = (
        (links.broader, graph.subject_objects(SKOS.broader)),
        (links.broader, ((o, s) for s, o in graph.subject_objects(SKOS.narrower))),
        (links.schemes, graph.subject_objects(SKOS.inScheme)),
        (links.schemes, graph.subject_objects(SKOS.topConceptOf)),
        (links.schemes, ((o, s) for s, o in graph.subject_objects(SKOS.hasTopConcept))),
    )
    for found, statements in pairs:
        for node, target in statements:
            found.setdefault(node, set()).add(target)
    links.all_schemes = {*graph.subjects(RDF.type, SKOS.ConceptScheme)}.union(*links.schemes.values())
    return links


def _choose(
    schemes: Sequence[Node], broader: Sequence[Node], places: dict[Node, Place]
) -> tuple[Node | None, Node | None]:
    """Return a concept's scheme and its parent: the first broader concept that is not above another one."""
    fitting = [node for node in broader if not schemes or places[node].scheme in schemes]
    above = {node for each in fitting for node in _ancestors(each, places)} if len(fitting) > 1 else set()
    parent = next((node for node in fitting if node not in above), None)
    if parent is not None:
        return places[parent].scheme, parent
    return schemes[0] if schemes else None, None


def _ancestors(node: Node | None, places: dict[Node, Place]) -> Iterator[Node]:
    while node in places and (node := places[node].parent) is not None:
        yield node


def _note(
    graph: Graph, concept: Node, lost: Sequence[Node], *, kept: Node | None, kind: str = "broader concept"
) -> Iterator[str]:
    if lost:
        names = ", ".join(repr(english(graph, node)) for node in lost)
        place = f"is kept in {english(graph, kept)!r}" if kept is not None else "gets no parent"
        yield f"{english(graph, concept)!r} {place}; left out: {kind}{'s' * (len(lost) > 1)} {names}"


def _order(node: Node) -> tuple[bool, str]:
    return not isinstance(node, URIRef), str(node)

"""SKOS import and export (W3C standard for multilingual thesauri)."""

from __future__ import annotations

from rdflib import RDF, SKOS, Graph, Literal, URIRef
from rdflib.namespace import DCTERMS, OWL
from rdflib.term import Node

from tagging_core.common.gc_pause import without_gc
from tagging_core.curation.formats import rdf_graph, skos_labels, skos_tree
from tagging_core.curation.formats.rows import File, Row
from tagging_core.curation.formats.skos_tree import Place
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Category, Taxonomy

_BASE = "urn:tagloop:"


def write(taxonomy: Taxonomy) -> str:
    """Return Turtle; tags become concepts and categories become concept schemes."""
    graph = Graph()
    graph.bind("skos", SKOS)
    graph.bind("dcterms", DCTERMS)

    def uri(kind: str, item_id: str) -> URIRef:
        return URIRef(f"{_BASE}{kind}:{item_id}")

    for category in taxonomy.categories.values():
        scheme = uri("category", category.id)
        graph.add((scheme, RDF.type, SKOS.ConceptScheme))
        if category.uri:
            graph.add((scheme, SKOS.exactMatch, URIRef(category.uri)))
        for code, name in category.names.items():
            graph.add((scheme, SKOS.prefLabel, Literal(name, lang=code)))
    for tag in taxonomy.tags.values():
        concept = uri("tag", tag.id)
        graph.add((concept, RDF.type, SKOS.Concept))
        graph.add((concept, SKOS.inScheme, uri("category", tag.category_id)))
        graph.add((concept, SKOS.notation, Literal(tag.id)))
        if tag.uri:
            graph.add((concept, SKOS.exactMatch, URIRef(tag.uri)))
        for code, name in tag.names.items():
            graph.add((concept, SKOS.prefLabel, Literal(name, lang=code)))
        for code, words in tag.aliases.items():
            for word in words:
                graph.add((concept, SKOS.altLabel, Literal(word, lang=code)))
        if tag.definition:
            graph.add((concept, SKOS.definition, Literal(tag.definition, lang="en")))
        if tag.parent_id:
            graph.add((concept, SKOS.broader, uri("tag", tag.parent_id)))
        if tag.state in ("deprecated", "merged"):
            graph.add((concept, OWL.deprecated, Literal(True)))
        if tag.merged_into:
            graph.add((concept, DCTERMS.isReplacedBy, uri("tag", tag.merged_into)))
    return str(graph.serialize(format="turtle"))


@without_gc()
def read(text: str) -> File:
    """Parse Turtle, RDF/XML or JSON-LD.

    Raises:
        ImportRefusedError: The text is none of these, has no concepts, or a concept is broader than itself; see
            `rdf_graph.parse`.
    """
    graph = rdf_graph.parse(text)
    concepts = skos_tree.find_concepts(graph)
    if not concepts:
        raise ImportRefusedError({1: "the file contains no skos:Concept"})
    places = skos_tree.find_places(graph, concepts)
    rows = [_row(graph, concept, places[concept], line=n) for n, concept in enumerate(concepts, start=1)]
    schemes = {place.scheme for place in places.values() if place.scheme is not None}
    return File(rows, schemes=[_scheme(graph, node) for node in sorted(schemes, key=str)], unit="concept")


def _row(graph: Graph, concept: Node, place: Place, *, line: int) -> Row:
    tag_id = _id(concept)
    names, aliases = skos_labels.names_and_aliases(graph, concept, variants=bool(tag_id))
    replaced = graph.value(concept, DCTERMS.isReplacedBy)
    deprecated = str(graph.value(concept, OWL.deprecated) or "").lower() in ("true", "1")
    return Row(
        line=line,
        id=tag_id,
        uri=_uri(graph.value(concept, SKOS.exactMatch) if tag_id else concept),
        category=_reference(graph, place.scheme),
        names=names,
        aliases=aliases,
        definition=skos_labels.preferred_text(graph.objects(concept, SKOS.definition)),
        parent=_reference(graph, place.parent),
        state="merged" if replaced is not None else "deprecated" if deprecated else None,
        merged_into=_reference(graph, replaced) if replaced is not None else None,
        notes=place.notes,
    )


def _scheme(graph: Graph, node: Node) -> Category:
    category_id = _id(node)
    names, _ = skos_labels.names_and_aliases(graph, node, variants=bool(category_id))
    return Category(category_id, names, uri=_uri(graph.value(node, SKOS.exactMatch) if category_id else node))


def _reference(graph: Graph, node: Node | None) -> str:
    """Return the id or URI of a node, or the name if it has neither; empty for None."""
    return "" if node is None else _id(node) or _uri(node) or skos_labels.english(graph, node)


def _id(node: Node) -> str:
    """Return the id from a URI that Tagloop exported, or an empty string."""
    return str(node).removeprefix(_BASE).partition(":")[2] if str(node).startswith(_BASE) else ""


def _uri(node: Node | None) -> str:
    return str(node) if isinstance(node, URIRef) else ""

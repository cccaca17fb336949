"""SKOS import and export (W3C standard for multilingual thesauri)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tagging_core.curation.formats.rows import File, Row
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Taxonomy

_BASE = "urn:tagloop:"


def write(taxonomy: Taxonomy) -> str:
    """Return Turtle; tags become concepts and categories become concept schemes."""
    from rdflib import RDF, SKOS, Graph, Literal, URIRef
    from rdflib.namespace import DCTERMS, OWL

    graph = Graph()
    graph.bind("skos", SKOS)
    graph.bind("dcterms", DCTERMS)

    def uri(kind: str, item_id: str) -> URIRef:
        return URIRef(f"{_BASE}{kind}:{item_id}")

    for category in taxonomy.categories.values():
        scheme = uri("category", category.id)
        graph.add((scheme, RDF.type, SKOS.ConceptScheme))
        for code, name in category.names.items():
            graph.add((scheme, SKOS.prefLabel, Literal(name, lang=code)))
    for tag in taxonomy.tags.values():
        concept = uri("tag", tag.id)
        graph.add((concept, RDF.type, SKOS.Concept))
        graph.add((concept, SKOS.inScheme, uri("category", tag.category_id)))
        graph.add((concept, SKOS.notation, Literal(tag.id)))
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


def read(text: str) -> File:
    """Parse Turtle, RDF/XML or JSON-LD.

    Raises:
        ImportRefusedError: The text is none of these, or has no concepts; see `rdf_graph.parse`.
    """
    from rdflib import RDF, SKOS

    from tagging_core.curation.formats import rdf_graph

    graph = rdf_graph.parse(text)
    concepts = sorted(set(graph.subjects(RDF.type, SKOS.Concept)), key=str)
    if not concepts:
        raise ImportRefusedError({1: "the file contains no skos:Concept"})
    return File([_skos_row(graph, number, concept) for number, concept in enumerate(concepts, start=1)])


def _skos_row(graph: Any, number: int, concept: Any) -> Row:
    from rdflib import SKOS
    from rdflib.namespace import DCTERMS, OWL

    aliases: dict[str, list[str]] = {}
    for word in sorted(graph.objects(concept, SKOS.altLabel)):
        aliases.setdefault(word.language or "en", []).append(str(word))
    # Concepts without skos:inScheme may name their scheme in skos:topConceptOf.
    scheme = graph.value(concept, SKOS.inScheme) or graph.value(concept, SKOS.topConceptOf)
    replaced, broader = graph.value(concept, DCTERMS.isReplacedBy), graph.value(concept, SKOS.broader)
    deprecated = str(graph.value(concept, OWL.deprecated) or "").lower() == "true"
    definition = graph.value(concept, SKOS.definition)
    return Row(
        line=number,
        id=_id_of(graph, concept),
        category=_id_of(graph, scheme) if scheme is not None else "",
        names=dict(_labels(graph, concept)),
        aliases=aliases,
        definition=None if definition is None else str(definition),
        parent=_id_of(graph, broader) or dict(_labels(graph, broader)).get("en", "") if broader is not None else "",
        state="merged" if replaced is not None else "deprecated" if deprecated else None,
        merged_into=_id_of(graph, replaced) if replaced is not None else None,
    )


def _labels(graph: Any, node: Any) -> Iterator[tuple[str, str]]:
    from rdflib import RDFS, SKOS

    for found in sorted([*graph.objects(node, SKOS.prefLabel), *graph.objects(node, RDFS.label)], reverse=True):
        yield (found.language or "en").split("-")[0], str(found)


def _id_of(graph: Any, node: Any) -> str:
    """Return the id from a URI that Tagloop exported, the name of a foreign concept scheme, or an empty string."""
    uri = str(node)
    if uri.startswith(_BASE):
        return uri.removeprefix(_BASE).partition(":")[2]
    from rdflib import RDF, SKOS

    if (node, RDF.type, SKOS.ConceptScheme) in graph:
        return dict(_labels(graph, node)).get("en", uri.rstrip("/#").rpartition("/")[2])
    return ""

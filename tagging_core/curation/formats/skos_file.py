"""SKOS: the W3C's form for thesauri, with several languages."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tagging_core.curation.formats.rows import File, Row
from tagging_core.errors import ImportRefusedError
from tagging_core.taxonomy.model import Taxonomy

_BASE = "urn:tagloop:"


def write(taxonomy: Taxonomy) -> str:
    """Turtle: a concept a tag, a scheme a category."""
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
    """Read Turtle, RDF/XML or JSON-LD.

    Raises:
        ImportRefusedError: It is none of these, or has no concepts.
    """
    import rdflib
    from rdflib import RDF, SKOS

    start = text.lstrip()
    form = "xml" if start.startswith(("<?xml", "<rdf")) else "json-ld" if start[:1] in ("[", "{") else "turtle"
    graph = rdflib.Graph()
    try:
        graph.parse(data=text, format=form)
    except Exception as error:  # each of rdflib's parsers has errors of its own
        place: Any = getattr(error, "lines", None)
        said = str(error).splitlines()[0][:200]
        problem = {place if isinstance(place, int) else 1: f"no {form} from here on: {said}"}
        raise ImportRefusedError(problem) from error
    concepts = sorted(set(graph.subjects(RDF.type, SKOS.Concept)), key=str)
    if not concepts:
        raise ImportRefusedError({1: "there is no skos:Concept in it"})
    return File([_skos_row(graph, number, concept) for number, concept in enumerate(concepts, start=1)])


def _skos_row(graph: Any, number: int, concept: Any) -> Row:
    from rdflib import SKOS
    from rdflib.namespace import DCTERMS, OWL

    aliases: dict[str, list[str]] = {}
    for word in sorted(graph.objects(concept, SKOS.altLabel)):
        aliases.setdefault(word.language or "en", []).append(str(word))
    # Schemes may be missing; a concept's collection then has the name.
    scheme = graph.value(concept, SKOS.inScheme) or graph.value(concept, SKOS.topConceptOf)
    replaced, broader = graph.value(concept, DCTERMS.isReplacedBy), graph.value(concept, SKOS.broader)
    out_of_use = str(graph.value(concept, OWL.deprecated) or "").lower() == "true"
    definition = graph.value(concept, SKOS.definition)
    return Row(
        line=number,
        id=_own(graph, concept),
        category=_own(graph, scheme) if scheme is not None else "",
        names=dict(_labels(graph, concept)),
        aliases=aliases,
        definition=None if definition is None else str(definition),
        parent=_own(graph, broader) or dict(_labels(graph, broader)).get("en", "") if broader is not None else "",
        state="merged" if replaced is not None else "deprecated" if out_of_use else None,
        merged_into=_own(graph, replaced) if replaced is not None else None,
    )


def _labels(graph: Any, thing: Any) -> Iterator[tuple[str, str]]:
    from rdflib import RDFS, SKOS

    for found in sorted([*graph.objects(thing, SKOS.prefLabel), *graph.objects(thing, RDFS.label)], reverse=True):
        yield (found.language or "en").split("-")[0], str(found)


def _own(graph: Any, thing: Any) -> str:
    """Our id in an address we wrote; of a category from elsewhere its name; of another concept none."""
    address = str(thing)
    if address.startswith(_BASE):
        return address.removeprefix(_BASE).partition(":")[2]
    from rdflib import RDF, SKOS

    if (thing, RDF.type, SKOS.ConceptScheme) in graph:
        return dict(_labels(graph, thing)).get("en", address.rstrip("/#").rpartition("/")[2])
    return ""

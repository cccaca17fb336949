"""Thesauri with any combination of hierarchy, schemes and languages."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from rdflib import RDF, SKOS, Graph, Literal, URIRef

from tests.tagging_core.curation.test_thesauri import after, read


@st.composite
def thesauri(draw: st.DrawFn) -> tuple[Graph, list[set[int]], list[set[int]]]:
    """A random thesaurus without cycles: its statements, and each concept's broader ones and own schemes."""
    graph, count = Graph(), draw(st.integers(1, 7))
    schemes = [URIRef(f"http://ex.org/scheme{n}") for n in range(draw(st.integers(1, 3)))]
    for n, scheme in enumerate(schemes):
        graph.add((scheme, RDF.type, SKOS.ConceptScheme))
        graph.add((scheme, SKOS.prefLabel, Literal(f"Scheme {n}", lang="en")))
    broader: list[set[int]] = []
    members: list[set[int]] = []
    order = draw(st.permutations(range(count)))  # so that the order of the URIs says nothing
    nodes = [URIRef(f"http://ex.org/c{n}") for n in order]
    for n, node in enumerate(nodes):
        graph.add((node, RDF.type, SKOS.Concept))
        graph.add((node, SKOS.prefLabel, Literal(f"Concept {n}", lang=draw(st.sampled_from(["en", "en-GB"])))))
        for language in draw(st.sets(st.sampled_from(["en-US", "zh", "zh-Hans", "zh-Hant", "fr", "pt-BR"]))):
            kind = draw(st.sampled_from([SKOS.prefLabel, SKOS.altLabel]))
            graph.add((node, kind, Literal(f"{language} {n}", lang=language)))
        broader.append(draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set())
        for above in broader[n]:
            how = draw(st.sampled_from(["broader", "narrower", "both"]))
            if how != "narrower":
                graph.add((node, SKOS.broader, nodes[above]))
            if how != "broader":
                graph.add((nodes[above], SKOS.narrower, node))
        fewest = 0 if broader[n] or len(schemes) == 1 else 1
        members.append(draw(st.sets(st.integers(0, len(schemes) - 1), min_size=fewest)))
        for scheme in members[n]:
            how = draw(st.sampled_from(["inScheme", "topConceptOf", "hasTopConcept"]))
            if how == "hasTopConcept":
                graph.add((schemes[scheme], SKOS.hasTopConcept, node))
            else:
                graph.add((node, SKOS[how], schemes[scheme]))
    return graph, broader, members


@settings(max_examples=60, deadline=None)
@given(thesauri())
def test_nothing_of_any_thesaurus_is_lost_silently(thesaurus: tuple[Graph, list[set[int]], list[set[int]]]) -> None:
    graph, broader, members = thesaurus
    found = [read(graph.serialize(format=form).encode()) for form in ("turtle", "xml", "json-ld")]
    assert found[0] == found[1] == found[2]
    by_uri = {tag.uri: tag for tag in found[0].plan.tags}
    assert len(by_uri) == len(broader)
    for predicate in (SKOS.prefLabel, SKOS.altLabel):
        for node, label in graph.subject_objects(predicate):
            assert isinstance(label, Literal)
            code = str(label.language).partition("-")[0]
            if tag := by_uri.get(str(node)):
                assert str(label) in [tag.names.get(code), *tag.aliases.get(code, [])]
    tags_of = {int(tag.name().split()[-1]): tag for tag in by_uri.values()}
    by_id = {tag.id: number for number, tag in tags_of.items()}
    lines = {uri: number for number, uri in enumerate(sorted(by_uri), start=1)}
    for number, tag in tags_of.items():
        above, parent = set(), tag.parent_id
        if parent is not None:
            assert by_id[parent] in broader[number]
        while parent is not None:
            above.add(by_id[parent])
            parent = tags_of[by_id[parent]].parent_id
        note = found[0].notes.get(lines[tag.uri], "")
        for lost in broader[number] - above:
            assert tags_of[lost].name() in note
        category = int(tag.category_id.removeprefix("scheme-"))
        assert category in (members[number] or {category})
        for lost in members[number] - {category}:
            assert f"Scheme {lost}" in note


@settings(max_examples=20, deadline=None)
@given(thesauri())
def test_importing_any_thesaurus_twice_changes_nothing(thesaurus: tuple[Graph, object, object]) -> None:
    data = thesaurus[0].serialize(format="turtle").encode()
    library = after(data)
    again = read(data, library).plan
    assert all(library.tags[tag.id] == tag for tag in again.tags)
    assert (again.categories, again.profiles) == ([], [])

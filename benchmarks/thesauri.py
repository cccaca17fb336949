"""Reading a thesaurus, the first time and when its concepts are in the library, by number of concepts.

The thesaurus is made here: a tree of ten branches a concept, names in two languages and a synonym, in Turtle and in
RDF/XML. Reading means parsing the file and making the plan, which the console does once for each upload. If it is
linear, ten times as many concepts take ten times as long. Times are of the processor, as others may use it, too.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from statistics import median

from rdflib import RDF, SKOS, Graph, Literal, URIRef

from tagging_core.curation import formats
from tagging_core.curation.importer import ImportPlan, plan_import
from tagging_core.taxonomy.model import Taxonomy
from tagging_core.taxonomy.starter_file import read_taxonomy


def thesaurus(concepts: int, form: str) -> bytes:
    graph, scheme = Graph(), URIRef("http://example.org/things")
    graph.add((scheme, RDF.type, SKOS.ConceptScheme))
    graph.add((scheme, SKOS.prefLabel, Literal("Things", lang="en")))
    nodes = [URIRef(f"http://example.org/things/{n}") for n in range(concepts)]
    for n, node in enumerate(nodes):
        graph.add((node, RDF.type, SKOS.Concept))
        graph.add((node, SKOS.inScheme, scheme))
        graph.add((node, SKOS.prefLabel, Literal(f"Thing {n}", lang="en")))
        graph.add((node, SKOS.prefLabel, Literal(f"事物{n}", lang="zh")))
        graph.add((node, SKOS.altLabel, Literal(f"Object {n}", lang="en")))
        if n:
            graph.add((node, SKOS.broader, nodes[n // 10]))
    return graph.serialize(format=form, encoding="utf-8")


def measure(library: Taxonomy, data: bytes, readings: int) -> tuple[float, ImportPlan]:
    """The mean time of a reading, in seconds, and the plan."""
    start = time.process_time()
    for _ in range(readings):
        found = plan_import(library, formats.read(data, "skos"))
    return (time.process_time() - start) / readings, found


def run(sizes: list[int], form: str, rounds: int) -> dict[str, float]:
    """Medians over the rounds; a round takes equally long for every size, so that other load meets all alike."""
    library, files = read_taxonomy(), {size: thesaurus(size, form) for size in sizes}
    times: dict[str, list[float]] = defaultdict(list)
    for _ in range(rounds):
        for size, data in files.items():
            first, found = measure(library, data, sizes[-1] // size)
            assert len(found.plan.tags) == size
            again, _ = measure(found.plan.after(library), data, sizes[-1] // size)
            times[f"first_{size}_s"].append(first)
            times[f"again_{size}_s"].append(again)
    figures = {name: median(values) for name, values in times.items()}
    for name in ("first", "again"):
        figures[f"{name}_ratio"] = figures[f"{name}_{sizes[-1]}_s"] / figures[f"{name}_{sizes[0]}_s"]
    return {name: round(value, 2) for name, value in figures.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1_000, 10_000])
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    run([100], "turtle", 1)  # imports and caches
    print(json.dumps({form: run(arguments.sizes, form, arguments.rounds) for form in ("turtle", "xml")}))


if __name__ == "__main__":
    main()

"""Names and synonyms of SKOS concepts by language."""

from __future__ import annotations

from collections.abc import Iterable

from rdflib import RDFS, SKOS, Graph, Literal
from rdflib.term import Node

Labels = dict[str, list[str]]
"""Labels by language code."""


def names_and_aliases(graph: Graph, node: Node, *, variants: bool = False) -> tuple[dict[str, str], Labels]:
    """Read the labels of a concept or concept scheme.

    A tag has one name per language. Of the names in several variants of a language, that without a region or script
    is preferred, then the first in alphabetical order of the variants (`en-GB` before `en-US`, `zh-Hans` before
    `zh-Hant`); the others become synonyms.

    Args:
        graph: All statements of the file.
        node: The concept or concept scheme.
        variants: Keep the variants apart, as they are in an export of Tagloop.

    Returns:
        Names and synonyms by language code, such as `en` or `zh`. Labels without a language count as English.
    """
    names: dict[str, str] = {}
    aliases: Labels = {}
    preferred = _by_language(graph.objects(node, SKOS.prefLabel), variants=variants)
    # rdfs:label includes all kinds of labels, so it only fills in for a missing name.
    general = _by_language(graph.objects(node, RDFS.label), variants=variants)
    for code, labels in (general | preferred).items():
        names[code], *others = labels
        aliases[code] = others
    for code, labels in _by_language(graph.objects(node, SKOS.altLabel), variants=variants).items():
        aliases[code] = list(dict.fromkeys([*aliases.get(code, []), *labels]))
    return names, {code: labels for code, labels in aliases.items() if labels}


def english(graph: Graph, node: Node) -> str:
    """Return the English name, or else the URI."""
    return names_and_aliases(graph, node)[0].get("en", str(node))


def preferred_text(texts: Iterable[Node]) -> str | None:
    """Return the English one of several texts, or else that of the first language; None if there are none."""
    by_language = _by_language(texts)
    return by_language.get("en", next(iter(by_language.values()), [None]))[0]


def _by_language(labels: Iterable[Node], *, variants: bool = False) -> Labels:
    literals = [label for label in labels if isinstance(label, Literal) and label.strip()]
    found: Labels = {}
    for label in sorted(literals, key=lambda x: ((x.language or "en").lower(), x.language is None, str(x))):
        code = label.language or "en"
        words = found.setdefault(code if variants else code.lower().partition("-")[0], [])
        if str(label) not in words:
            words.append(str(label))
    return found

"""Display names of tags, categories and profiles in the user's language."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

import pandas as pd

from console import session
from tagging_core.taxonomy import Taxonomy

MOST = 7
"""Categories shown separately: one colour each, and one for all others."""

_OTHERS = "All others"


def tags(taxonomy: Taxonomy, tag_ids: Iterable[str], language: str = "") -> dict[str, str]:
    """Return names of tags by id, with the category where two have the same name.

    Args:
        language: The session's if empty. Downloads pass it, because they run without a session.
    """
    known = [taxonomy.tags[tag_id] for tag_id in dict.fromkeys(tag_ids) if tag_id in taxonomy.tags]
    language = language or session.language()
    names = {tag.id: tag.name(language) for tag in known}
    alike = Counter(names.values())
    for tag in known:
        if alike[tag.name(language)] > 1:
            names[tag.id] += f" ({category(taxonomy, tag.category_id, language)})"
    return names


def category(taxonomy: Taxonomy, category_id: str, language: str = "") -> str:
    return taxonomy.categories[category_id].name(language or session.language())


def profile(taxonomy: Taxonomy, profile_id: str) -> str:
    found = taxonomy.profiles.get(profile_id)
    return found.name(session.language()) if found else profile_id or "none"


def largest_categories(taxonomy: Taxonomy, table: pd.DataFrame, language: str = "") -> pd.DataFrame:
    """Return the shares of the largest categories by name, with the rest summed up.

    Args:
        table: Result of `trends.by_category`.

    Returns:
        Columns `bucket`, `group`, `n`, `of` and `share`; groups by size, the rest last.
    """
    sizes = table.groupby("category_id")["n"].sum().sort_values(ascending=False)
    names = {
        c: category(taxonomy, c, language) for c in (sizes.index if len(sizes) <= MOST + 1 else sizes.index[:MOST])
    }
    named = table.assign(group=table["category_id"].map(names).fillna(_OTHERS))
    folded = named.groupby(["group", "bucket", "of"])["n"].sum().reset_index()
    order = {name: place for place, name in enumerate([*names.values(), _OTHERS])}
    folded = folded.sort_values("bucket").sort_values("group", key=lambda group: group.map(order), kind="stable")
    return folded.assign(share=folded["n"] / folded["of"])[["bucket", "group", "n", "of", "share"]]

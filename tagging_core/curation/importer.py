"""Turn the rows of an import file into a plan; one invalid row rejects the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tagging_core.curation import plans, validation
from tagging_core.curation.formats import File, Row
from tagging_core.curation.plans import Plan
from tagging_core.errors import ImportRefusedError
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Category, Profile, Tag, Taxonomy

_ID = re.compile(r"[\w.-]{1,120}")


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Result of reading an import file.

    Attributes:
        plan: The change to apply.
        notes: Reason by line number for each row that was skipped.
    """

    plan: Plan
    notes: dict[int, str]


def plan_import(taxonomy: Taxonomy, file: File, name: str = "a file") -> ImportPlan:
    """Return the plan that imports a file; tags that are not in the file stay unchanged.

    Args:
        name: File name, for the plan's title.

    Raises:
        ImportRefusedError: Lists every invalid row.
    """
    importer = _Importer(taxonomy, file)
    importer.read()
    if importer.problems:
        raise ImportRefusedError(importer.problems)
    items: tuple[Item, ...] = (*importer.categories, *importer.profiles(), *importer.tags.values())
    return ImportPlan(Plan(f"Import {name}", items, (), taxonomy.revision), importer.notes)


class _Importer:
    def __init__(self, taxonomy: Taxonomy, file: File) -> None:
        self.taxonomy, self.file = taxonomy, file
        self.categories: list[Category] = []
        self.tags: dict[str, Tag] = {}
        self.lines: dict[str, int] = {}
        self.notes: dict[int, str] = {}
        self.problems: dict[int, str] = {}
        self._by_name = {same_word(c.name()): c.id for c in taxonomy.categories.values()}
        self._owners = {
            (tag.category_id, same_word(word)): tag for tag in taxonomy.assignable() for word in tag.words()
        }
        self._position = plans.next_position(taxonomy)
        self._parents: list[tuple[str, Row]] = []

    def read(self) -> None:
        for category in self.file.categories:
            self._add_category(category)
        for row in self.file.rows:
            try:
                self._add_row(row)
            except ValueError as error:
                self.problems[row.line] = str(error)
        for tag_id, row in self._parents:
            self._set_parent(tag_id, row)
        plan = Plan("", (*self.categories, *self.tags.values()))
        for tag_id, problem in validation.problems(plan.after(self.taxonomy), list(self.tags)).items():
            self.problems.setdefault(self.lines[tag_id], problem.rstrip("."))

    def profiles(self) -> list[Profile]:
        """Return the first profile with the new categories added, without which their tags are never suggested."""
        new = [c.id for c in self.categories if c.id not in self.taxonomy.categories]
        first = next(iter(self.taxonomy.profiles.values()), None)
        return [replace(first, categories=[*first.categories, *new])] if new and first else []

    def _add_row(self, row: Row) -> None:
        known = self._find_tag(row)
        if known is None and row.line in self.notes:
            return
        if known is None:
            tag = self._new_tag(row)
        else:
            tag = known
            if known.id in self.lines:
                raise ValueError(f"the tag {known.id!r} is already in line {self.lines[known.id]}")
        if row.category:
            tag = replace(tag, category_id=self._category(row.category))
        given = {code: " ".join(name.split()) for code, name in row.names.items()}
        names = {code: name for code, name in (tag.names | given).items() if name}
        aliases = dict(tag.aliases)
        for code, found in (row.aliases or {}).items():
            words = plans.tidy(found)
            if sorted(words) != sorted(aliases.get(code, [])):  # SKOS does not preserve order
                aliases[code] = words
        aliases = {code: words for code, words in aliases.items() if words}
        tag = replace(
            tag,
            names=names,
            aliases=aliases,
            definition=tag.definition if row.definition is None else row.definition.strip(),
            prompts=tag.prompts if row.prompts is None else plans.tidy(row.prompts),
            own_prompts=tag.own_prompts if row.own_prompts is None else row.own_prompts,
            state=row.state or tag.state,
            merged_into=row.merged_into if row.state == "merged" else None,
            sensitive=tag.sensitive if row.sensitive is None else bool(row.sensitive),
            target=row.target if row.target is not None else tag.target,
        )
        self.tags[tag.id], self.lines[tag.id] = tag, row.line
        if row.parent is not None:
            self._parents.append((tag.id, row))

    def _find_tag(self, row: Row) -> Tag | None:
        """Return the existing tag of a row; None for a new tag or, with a note, for a row to skip."""
        found = self.taxonomy.redirects.resolve(row.id) if row.id else None
        if row.id and found in self.taxonomy.tags and found != row.id and row.state != "merged":
            into = self.taxonomy.tags[found].name()
            self.notes[row.line] = f"{row.id} was merged into {into}; it stays merged"
            return None
        if row.id in self.taxonomy.tags:
            return self.taxonomy.tags[row.id]
        if row.id in self.taxonomy.redirects.gone:
            raise ValueError(f"the tag {row.id!r} was deleted; undo the deletion in the history, or use another id")
        category = self._find_category(row.category)
        owner = self._owners.get((category, same_word(row.names.get("en", "")))) if category else None
        if owner is None or row.id in self.tags:
            return None
        if same_word(owner.name()) == same_word(row.names["en"]) and not row.id:
            return owner
        self.notes[row.line] = f"{row.names['en']!r} is already a name of the tag {owner.name()} ({owner.id})"
        return None

    def _new_tag(self, row: Row) -> Tag:
        if not row.names.get("en", "").strip():
            raise ValueError("a new tag needs an English name")
        if not row.category:
            raise ValueError(f"the new tag {row.names['en']!r} needs a category")
        if row.id and (not _ID.fullmatch(row.id) or row.id in self.tags):
            why = "is used twice" if row.id in self.tags else "must be 1 to 120 letters, digits, '.', '_' or '-'"
            raise ValueError(f"the id {row.id!r} {why}")
        tag = Tag(row.id, self._category(row.category), row.names, position=self._position)
        self._position += 1
        return tag if tag.id else replace(tag, id=plans.new_id(tag, self.taxonomy, self.tags))

    def _set_parent(self, tag_id: str, row: Row) -> None:
        tag = self.tags[tag_id]
        if not row.parent:
            self.tags[tag_id] = replace(tag, parent_id=None)
            return
        all_tags = self.taxonomy.tags | self.tags
        found = self.taxonomy.redirects.resolve(row.parent)
        if found not in all_tags:
            wanted = same_word(row.parent)
            candidates = [t for t in all_tags.values() if t.category_id == tag.category_id and t.state != "merged"]
            found = next((t.id for t in candidates if same_word(t.name()) == wanted), None)
        if found is None:
            self.problems.setdefault(row.line, f"the parent tag {row.parent!r} does not exist")
            return
        self.tags[tag_id] = replace(tag, parent_id=found)

    def _find_category(self, name: str) -> str:
        if name in self.taxonomy.categories or any(c.id == name for c in self.categories):
            return name
        return self._by_name.get(same_word(name), "")

    def _category(self, name: str) -> str:
        if found := self._find_category(name):
            return found
        created = plans.save_category(self.taxonomy, Category("", {"en": name})).categories[0]
        self._add_category(created)
        return created.id

    def _add_category(self, category: Category) -> None:
        known = self.taxonomy.categories.get(category.id)
        position = max([-1, *(c.position for c in self.taxonomy.categories.values())]) + 1 + len(self.categories)
        category = replace(category, position=known.position if known else position)
        if category != known:
            self.categories.append(category)
        self._by_name[same_word(category.name())] = category.id

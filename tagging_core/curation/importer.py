"""From a file's rows to a plan: what is new, what differs, what is left alone; all or nothing."""

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
    """What a file would do.

    Attributes:
        plan: To be applied if wanted.
        notes: By line, why a row changes nothing where one might expect it to.
    """

    plan: Plan
    notes: dict[int, str]


def plan_import(taxonomy: Taxonomy, file: File, name: str = "a file") -> ImportPlan:
    """Make a plan of a file; tags that the file does not name stay as they are.

    Args:
        name: The file's, for the plan's title.

    Raises:
        ImportRefusedError: Names every bad row.
    """
    work = _Importer(taxonomy, file)
    work.read()
    if work.problems:
        raise ImportRefusedError(work.problems)
    items: tuple[Item, ...] = (*work.categories, *work.profiles(), *work.tags.values())
    return ImportPlan(Plan(f"Import {name}", items, (), taxonomy.revision), work.notes)


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
                self._take(row)
            except ValueError as error:
                self.problems[row.line] = str(error)
        for tag_id, row in self._parents:
            self._place(tag_id, row)
        plan = Plan("", (*self.categories, *self.tags.values()))
        for tag_id, problem in validation.problems(plan.after(self.taxonomy), list(self.tags)).items():
            self.problems.setdefault(self.lines[tag_id], problem.rstrip("."))

    def profiles(self) -> list[Profile]:
        """New categories are in play in the first profile, so that their tags can be suggested at all."""
        new = [c.id for c in self.categories if c.id not in self.taxonomy.categories]
        first = next(iter(self.taxonomy.profiles.values()), None)
        return [replace(first, categories=[*first.categories, *new])] if new and first else []

    def _take(self, row: Row) -> None:
        known = self._known(row)
        if known is None and row.line in self.notes:
            return
        if known is None:
            tag = self._new(row)
        else:
            tag = known
            if known.id in self.lines:
                raise ValueError(f"the tag {known.id!r} stands in line {self.lines[known.id]} as well")
        if row.category:
            tag = replace(tag, category_id=self._category(row.category))
        given = {code: " ".join(name.split()) for code, name in row.names.items()}
        names = {code: name for code, name in (tag.names | given).items() if name}
        aliases = dict(tag.aliases)
        for code, found in (row.aliases or {}).items():
            words = plans.tidy(found)
            if sorted(words) != sorted(aliases.get(code, [])):  # SKOS keeps no order
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

    def _known(self, row: Row) -> Tag | None:
        """The tag a row is about; None with a note if the row shall change nothing, None without if it is new."""
        found = self.taxonomy.redirects.resolve(row.id) if row.id else None
        if row.id and found in self.taxonomy.tags and found != row.id and row.state != "merged":
            into = self.taxonomy.tags[found].name()
            self.notes[row.line] = f"{row.id} was merged into {into}; it stays merged"
            return None
        if row.id in self.taxonomy.tags:
            return self.taxonomy.tags[row.id]
        if row.id in self.taxonomy.redirects.gone:
            raise ValueError(f"the tag {row.id!r} was deleted; undo that in the history, or give it another id")
        category = self._find_category(row.category)
        owner = self._owners.get((category, same_word(row.names.get("en", "")))) if category else None
        if owner is None or row.id in self.tags:
            return None
        if same_word(owner.name()) == same_word(row.names["en"]) and not row.id:
            return owner
        self.notes[row.line] = f"{row.names['en']!r} is a word of the tag {owner.name()} ({owner.id}) already"
        return None

    def _new(self, row: Row) -> Tag:
        if not row.names.get("en", "").strip():
            raise ValueError("a new tag needs an English name")
        if not row.category:
            raise ValueError(f"the new tag {row.names['en']!r} needs a category")
        if row.id and (not _ID.fullmatch(row.id) or row.id in self.tags):
            why = "stands twice" if row.id in self.tags else "may have letters, digits, dots and dashes only"
            raise ValueError(f"the id {row.id!r} {why}")
        tag = Tag(row.id, self._category(row.category), row.names, position=self._position)
        self._position += 1
        return tag if tag.id else replace(tag, id=plans.new_id(tag, self.taxonomy, self.tags))

    def _place(self, tag_id: str, row: Row) -> None:
        tag = self.tags[tag_id]
        if not row.parent:
            self.tags[tag_id] = replace(tag, parent_id=None)
            return
        everyone = self.taxonomy.tags | self.tags
        found = self.taxonomy.redirects.resolve(row.parent)
        if found not in everyone:
            wanted = same_word(row.parent)
            within = [t for t in everyone.values() if t.category_id == tag.category_id and t.state != "merged"]
            found = next((t.id for t in within if same_word(t.name()) == wanted), None)
        if found is None:
            self.problems.setdefault(row.line, f"there is no tag {row.parent!r} to stand below")
            return
        self.tags[tag_id] = replace(tag, parent_id=found)

    def _find_category(self, named: str) -> str:
        if named in self.taxonomy.categories or any(c.id == named for c in self.categories):
            return named
        return self._by_name.get(same_word(named), "")

    def _category(self, named: str) -> str:
        if found := self._find_category(named):
            return found
        made = plans.save_category(self.taxonomy, Category("", {"en": named})).categories[0]
        self._add_category(made)
        return made.id

    def _add_category(self, category: Category) -> None:
        known = self.taxonomy.categories.get(category.id)
        place = max([-1, *(c.position for c in self.taxonomy.categories.values())]) + 1 + len(self.categories)
        category = replace(category, position=known.position if known else place)
        if category != known:
            self.categories.append(category)
        self._by_name[same_word(category.name())] = category.id

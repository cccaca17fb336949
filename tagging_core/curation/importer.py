"""Turn the rows of an import file into a plan; one invalid row rejects the whole file."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from tagging_core.common.gc_pause import without_gc
from tagging_core.curation import plans, validation
from tagging_core.curation.formats import File, Row
from tagging_core.curation.imported_categories import ImportedCategories
from tagging_core.curation.plans import Plan
from tagging_core.curation.unused_ids import UnusedIds
from tagging_core.errors import ImportRefusedError
from tagging_core.ledger.taxonomy_store import Item
from tagging_core.taxonomy.matching import same_word
from tagging_core.taxonomy.model import Profile, Tag, Taxonomy

_ID = re.compile(r"[\w.-]{1,120}")


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """Result of reading an import file.

    Attributes:
        plan: The change to apply.
        notes: By row number, why a row was skipped, or what of it was left out.
    """

    plan: Plan
    notes: dict[int, str]


@without_gc()
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
        raise ImportRefusedError(importer.problems, file.unit)
    items: tuple[Item, ...] = (*importer.categories.changed, *importer.profiles(), *importer.tags.values())
    return ImportPlan(Plan(f"Import {name}", items, (), taxonomy.revision), importer.notes)


class _Importer:
    def __init__(self, taxonomy: Taxonomy, file: File) -> None:
        self.taxonomy, self.file = taxonomy, file
        self.categories = ImportedCategories(taxonomy)
        self.tags: dict[str, Tag] = {}
        self.lines: dict[str, int] = {}
        self.notes: dict[int, str] = {}
        self.problems: dict[int, str] = {}
        self._owners = {
            (tag.category_id, same_word(word)): tag for tag in taxonomy.assignable() for word in tag.words()
        }
        self._by_uri = {tag.uri: tag.id for tag in taxonomy.tags.values() if tag.uri}
        self._uris = {row.uri for row in file.rows}
        self._references: dict[str, str] = {}
        self._linked: list[tuple[str, Row]] = []
        self._ids = UnusedIds([*taxonomy.tags, *taxonomy.redirects.gone])
        self._position = plans.next_position(taxonomy)

    def read(self) -> None:
        for category in self.file.categories:
            self.categories.add(category)
        for scheme in self.file.schemes:
            self.categories.add_scheme(scheme)
        for row in self.file.rows:
            try:
                self._add_row(row)
            except ValueError as error:
                self._report(row, str(error))
        self._link_tags()
        plan = Plan("", (*self.categories.changed, *self.tags.values()))
        rows = {row.line: row for row in self.file.rows}
        for tag_id, problem in validation.problems(plan.after(self.taxonomy), list(self.tags)).items():
            self._report(rows[self.lines[tag_id]], problem.rstrip("."))

    def profiles(self) -> list[Profile]:
        """Return the first profile with the new categories added, without which their tags are never suggested."""
        new = [c.id for c in self.categories.changed if c.id not in self.taxonomy.categories]
        first = next(iter(self.taxonomy.profiles.values()), None)
        return [replace(first, categories=[*first.categories, *new])] if new and first else []

    def _report(self, row: Row, problem: str) -> None:
        # Concepts are numbered in the order of their URIs, so the number alone identifies none.
        self.problems.setdefault(row.line, f"{row.uri}: {problem}" if row.uri else problem)

    def _add_row(self, row: Row) -> None:
        known = self._find_tag(row)
        if known is None and row.line in self.notes:
            return
        if row.notes:
            self.notes[row.line] = "; ".join(row.notes)
        if known is None:
            tag = self._new_tag(row)
        else:
            tag = known
            if known.id in self.lines:
                raise ValueError(f"the tag {known.id!r} is already in {self.file.unit} {self.lines[known.id]}")
        if row.category:
            tag = replace(tag, category_id=self.categories.find_or_add(row.category))
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
            uri=row.uri or tag.uri,
        )
        self.tags[tag.id], self.lines[tag.id] = tag, row.line
        self._refer(row, tag.id)
        if row.parent is not None or row.state == "merged":
            self._linked.append((tag.id, row))

    def _find_tag(self, row: Row) -> Tag | None:
        """Return the existing tag of a row; None for a new tag or, with a note, for a row to skip."""
        tag_id = row.id if row.id in self.taxonomy.tags else self._by_uri.get(row.uri, row.id)
        found = self.taxonomy.redirects.resolve(tag_id) if tag_id else None
        if tag_id and found in self.taxonomy.tags and found != tag_id and row.state != "merged":
            into = self.taxonomy.tags[found]
            self._skip(row, into, f"{row.id or row.uri} was merged into {into.name()}; it stays merged")
            return None
        if tag_id in self.taxonomy.tags:
            return self.taxonomy.tags[tag_id]
        if tag_id in self.taxonomy.redirects.gone:
            raise ValueError(f"the tag {tag_id!r} was deleted; undo the deletion in the history, or use another id")
        category = self.categories.find(row.category)
        owner = self._owners.get((category, same_word(row.names.get("en", "")))) if category else None
        if owner is None or row.id in self.tags or (owner.uri and owner.uri in self._uris):
            return None  # a name may pass from one concept to another
        if same_word(owner.name()) == same_word(row.names["en"]) and not row.id:
            return owner
        self._skip(row, owner, f"{row.names['en']!r} is already a name of the tag {owner.name()} ({owner.id})")
        return None

    def _skip(self, row: Row, instead: Tag, why: str) -> None:
        self.notes[row.line] = why
        self._refer(row, instead.id)

    def _refer(self, row: Row, tag_id: str) -> None:
        self._references |= {name: tag_id for name in (row.id, row.uri) if name}

    def _new_tag(self, row: Row) -> Tag:
        if not row.names.get("en", "").strip():
            raise ValueError("a new tag needs an English name")
        if not row.category:
            raise ValueError(f"the new tag {row.names['en']!r} needs a category")
        if row.id and (not _ID.fullmatch(row.id) or row.id in self.tags):
            why = "is used twice" if row.id in self.tags else "must be 1 to 120 letters, digits, '.', '_' or '-'"
            raise ValueError(f"the id {row.id!r} {why}")
        tag = Tag(row.id, self.categories.find_or_add(row.category), row.names, position=self._position)
        self._position += 1
        return tag if tag.id else replace(tag, id=self._ids.new_tag_id(tag))

    def _link_tags(self) -> None:
        """Set parents and merge targets, which may follow in the file."""
        all_tags = self.taxonomy.tags | self.tags
        by_name: dict[tuple[str, str], str] = {}
        for tag in all_tags.values():
            if tag.state != "merged":
                by_name.setdefault((tag.category_id, same_word(tag.name())), tag.id)
        for tag_id, row in self._linked:
            tag = self.tags[tag_id]
            if row.merged_into and row.state == "merged":
                tag = self._merge(row, tag, self._find_reference(row.merged_into))
            if row.parent is not None:
                found = self._find_reference(row.parent)
                if row.parent and found not in all_tags:
                    found = by_name.get((tag.category_id, same_word(row.parent)))
                tag = self._place(row, tag, all_tags.get(found or ""))
            self.tags[tag_id] = tag

    def _find_reference(self, reference: str) -> str | None:
        """Return the id of the tag with an id or URI, in the file or the library."""
        tag_id = self._references.get(reference) or self._by_uri.get(reference, reference)
        return self.taxonomy.redirects.resolve(tag_id)

    def _place(self, row: Row, tag: Tag, parent: Tag | None) -> Tag:
        if row.parent and row.uri and (parent is None or parent.category_id != tag.category_id):
            # Part of a thesaurus is a valid thesaurus.
            self._note(row, f"{row.parent} is not in the file, nor a tag of this category; the tag gets no parent")
            parent = None
        elif row.parent and parent is None:
            self._report(row, f"the parent tag {row.parent!r} does not exist")
        return replace(tag, parent_id=parent.id if parent else None)

    def _merge(self, row: Row, tag: Tag, target_id: str | None) -> Tag:
        if target_id in self.tags or target_id in self.taxonomy.tags or not row.uri:
            return replace(tag, merged_into=target_id or row.merged_into)
        self._note(row, f"its replacement {row.merged_into} is not in the file; the tag is deprecated")
        return replace(tag, state="deprecated", merged_into=None)

    def _note(self, row: Row, note: str) -> None:
        self.notes[row.line] = "; ".join(filter(None, [self.notes.get(row.line), note]))

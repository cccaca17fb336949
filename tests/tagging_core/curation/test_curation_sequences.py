"""After any sequence of changes, ledger, SQL and Chroma agree, and the last change can be undone completely."""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test
from sqlalchemy import select

from tagging_core import Decision, Kind, Settings, TaggingError, Tagloop, ledger
from tagging_core.common.users import local_user
from tagging_core.curation import plans
from tagging_core.ledger import dirty_tags, label_queries, taxonomy_store
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets, content, counters, events, labels, learned
from tagging_core.taxonomy.model import Category, Tag, Taxonomy
from tests.conftest import BLUE, GREEN, RED, YELLOW, Installations, examples, ingest

ANN = local_user("Ann")
COLOURS = (RED, GREEN, BLUE, YELLOW)
Snapshot = tuple[object, ...]


class Library(RuleBasedStateMachine):
    """A small library with an exclusive category and a free one."""

    template: Path
    installations: Installations

    @initialize()
    def open(self) -> None:
        self.folder = Path(tempfile.mkdtemp())
        url = self.installations.copy(self.template, self.folder / "data")
        opened = Settings(data_dir=self.folder / "data", encoder="tiny", blind_share=0, known_share=0)
        self.loop = Tagloop(opened.model_copy(update={"database_url": url}))
        with self.loop.database.read() as connection:
            self.pictures = list(connection.execute(select(assets.c.id).order_by(assets.c.id)).scalars())
        self.created = 0
        self.change_ids: list[str] = []

    def teardown(self) -> None:
        if hasattr(self, "loop"):
            self.loop.close()
            self.installations.drop(self.folder / "data")
            shutil.rmtree(self.folder)

    # ---- actions -----------------------------------------------------------------------------------------

    @rule(category=st.sampled_from(["shape", "hue"]), below=st.booleans(), pick=st.integers(0, 50))
    def create(self, category: str, below: bool, pick: int) -> None:
        self.created += 1
        parent = self.pick_tag(pick) if below else None
        name = {"en": f"Word {self.created}"}
        tag = Tag("", category, name, prompts=["red" if pick % 2 else "blue"], parent_id=parent)
        self.change(lambda taxonomy: plans.save(taxonomy, tag))

    @rule(pick=st.integers(0, 50), text=st.sampled_from(["red", "green", "blue dress"]))
    def rename(self, pick: int, text: str) -> None:
        self.created += 1
        self.change(
            lambda taxonomy: plans.save(
                taxonomy,
                replace(taxonomy.tags[self.pick_tag(pick)], names={"en": f"Name {self.created}"}, prompts=[text]),
            )
        )

    @rule(pick=st.integers(0, 50), other=st.integers(0, 50), category=st.sampled_from(["shape", "hue"]))
    def move(self, pick: int, other: int, category: str) -> None:
        below = self.pick_tag(other) if other % 2 else None
        self.change(lambda taxonomy: plans.move(taxonomy, self.pick_tag(pick), category, parent_id=below))

    @rule(pick=st.integers(0, 50), other=st.integers(0, 50))
    def merge(self, pick: int, other: int) -> None:
        self.change(lambda taxonomy: plans.merge(taxonomy, self.pick_tag(pick), self.pick_tag(other)))

    @rule(pick=st.integers(0, 50), chosen=st.sets(st.integers(0, 3), min_size=1))
    def split(self, pick: int, chosen: set[int]) -> None:
        self.created += 1
        new = Tag("", "", {"en": f"Part {self.created}"})
        pictures = [self.pictures[n] for n in sorted(chosen)]
        self.change(lambda taxonomy: plans.split(taxonomy, self.pick_tag(pick), new, asset_ids=pictures))

    @rule(pick=st.integers(0, 50), state=st.sampled_from(["active", "deprecated"]))
    def set_state(self, pick: int, state: str) -> None:
        self.change(lambda taxonomy: plans.set_state(taxonomy, self.pick_tag(pick), state))

    @rule(pick=st.integers(0, 50))
    def delete(self, pick: int) -> None:
        self.change(lambda taxonomy: plans.delete(taxonomy, self.pick_tag(pick)))

    @rule(exclusive=st.booleans())
    def set_exclusive(self, exclusive: bool) -> None:
        self.change(
            lambda taxonomy: plans.save_category(taxonomy, replace(taxonomy.categories["hue"], exclusive=exclusive))
        )

    @rule(
        pick=st.integers(0, 50),
        other=st.integers(0, 50),
        picture=st.integers(0, 3),
        kind=st.sampled_from([Kind.ACCEPT, Kind.REJECT, Kind.ADD, Kind.REPLACE, Kind.DONE]),
    )
    def decide(self, pick: int, other: int, picture: int, kind: Kind) -> None:
        named = self.pick_tag(pick) if kind != Kind.DONE else None
        instead = self.pick_tag(other) if kind == Kind.REPLACE else None
        try:
            self.loop.review.decide(ANN, Decision(kind, self.pictures[picture], named, instead, "general"))
        except TaggingError:
            return
        self.change_ids.clear()  # earlier changes need not be completely undoable any more

    @rule(redo=st.booleans())
    def undo(self, redo: bool) -> None:
        """Undoing the last change restores the state before it; undoing the undo, the state after it."""
        if not self.change_ids:
            return
        after, before = self.snapshot(), self.before
        undo_id = self.loop.curation.undo(ANN, self.change_ids.pop())
        assert self.snapshot() == before
        if redo:
            self.loop.curation.undo(ANN, undo_id)
            assert self.snapshot() == after
        self.change_ids.clear()

    # ---- invariants ---------------------------------------------------------------------------------------

    @invariant()
    def tables_match_the_ledger(self) -> None:
        if not hasattr(self, "loop"):
            return
        with self.loop.database.read() as connection:
            redirects = taxonomy_store.load(connection).redirects
            for asset_id in self.pictures:
                expected = ledger.fold(ledger.history_of(connection, asset_id), redirects).labels
                assert label_queries.labels_of(connection, [asset_id]).get(asset_id, {}) == expected

    @invariant()
    def chroma_matches_sql(self) -> None:
        if not hasattr(self, "loop") or len(self.change_ids) != 1:
            return
        self.loop.model.library.settle()
        self.loop.resources.index.connect()
        while self.loop.resources.index.feeder.feed():
            pass
        with self.loop.database.read() as connection:
            unmerged = {tag.id: tag for tag in taxonomy_store.load(connection).unmerged()}
            rows = connection.execute(select(learned.c.tag_id, learned.c.revision)).all()
        assert {row.tag_id for row in rows} == set(unmerged)
        assert self.loop.resources.index.counts()["tags"] == len(unmerged)
        for row in rows:
            record = self.loop.resources.index.tag_record(row.tag_id)
            assert record is not None
            assert (record["revision"], record["name_en"]) == (row.revision, unmerged[row.tag_id].name())
        self.loop.resources.index.close()

    @invariant()
    def a_replay_changes_nothing(self) -> None:
        if not hasattr(self, "loop") or len(self.change_ids) != 1:
            return
        before = self.snapshot()
        self.loop.rebuild(ANN)
        assert self.snapshot() == before

    # ---- helpers ------------------------------------------------------------------------------------------

    def pick_tag(self, pick: int) -> str:
        ids = sorted(tag.id for tag in self.loop.taxonomy().unmerged())
        return ids[pick % len(ids)] if ids else "hue.none"

    def change(self, make: object) -> None:
        before = self.snapshot()
        try:
            change_id = self.loop.curation.apply(ANN, make(self.loop.taxonomy()))  # type: ignore[operator]
        except (TaggingError, KeyError):
            assert self.snapshot() == before
            return
        self.before = before
        self.change_ids = [change_id]

    def snapshot(self) -> Snapshot:
        """All derived state, learned weights included."""
        self.loop.model.library.settle()
        with self.loop.database.read() as connection:
            known = taxonomy_store.load(connection)
            parts = [
                connection.execute(query).all()
                for query in (
                    select(labels).order_by(labels.c.asset_id, labels.c.tag_id),
                    select(counters).where(counters.c.n != 0).order_by(counters.c.name),
                    select(content).where(content.c.n != 0).order_by(*content.primary_key),
                    select(learned.c.tag_id, learned.c.weights, learned.c.bias, learned.c.left_out).order_by(
                        learned.c.tag_id
                    ),
                )
            ]
        return comparable(known), *parts


def comparable(taxonomy: Taxonomy) -> tuple[object, ...]:
    return taxonomy.categories, taxonomy.tags, taxonomy.profiles, taxonomy.redirects.merged


@pytest.fixture(scope="module")
def small(template: Path, tmp_path_factory: pytest.TempPathFactory, installations: Installations) -> Path:
    """A library of a few tags and four pictures."""
    folder = tmp_path_factory.mktemp("small") / "data"
    url = installations.copy(template, folder)
    loop = Tagloop(Settings(data_dir=folder, database_url=url, encoder="tiny", ingest_threads=1))
    ingest(loop, ANN, *COLOURS)
    with loop.database.write() as connection:
        for table in (learned, taxonomy_store.tags, taxonomy_store.categories, taxonomy_store.profiles):
            connection.execute(table.delete())
        connection.execute(events.delete().where(events.c.kind.in_(["tag", "category", "profile"])))
        general = replace(loop.taxonomy().profiles["general"], categories=["shape", "hue"])
        made = [
            Tag(f"hue.{n}", "hue", {"en": f"Hue {n}"}, prompts=[n], position=i)
            for i, n in enumerate(["red", "blue"])
        ]
        box = Tag("shape.box", "shape", {"en": "Box"}, position=2)
        hue = Category("hue", {"en": "Hue"}, exclusive=True)
        taxonomy_store.write(
            connection, ANN, [hue, Category("shape", {"en": "Shape"}, position=1), *made, box, general]
        )
        dirty_tags.mark_dirty(connection, [tag.id for tag in [*made, box]])
        key_values.put(connection, "pack", "")
    loop.model.library.settle()
    loop.close()
    shutil.rmtree(folder / "chroma", ignore_errors=True)
    return folder


def test_any_sequence_of_changes_keeps_the_stores_consistent(small: Path, installations: Installations) -> None:
    Library.template, Library.installations = small, installations
    checks = [HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large]
    run_state_machine_as_test(
        Library,
        settings=settings(
            max_examples=examples(8), stateful_step_count=10, deadline=None, suppress_health_check=checks
        ),
    )

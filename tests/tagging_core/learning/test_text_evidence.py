from __future__ import annotations

import pytest

from tagging_core import Tagloop, User
from tagging_core.assets import repository
from tagging_core.assets.repository import AssetText
from tagging_core.errors import DecisionError
from tagging_core.learning import suggestions
from tests.conftest import BLUE, ingest


def probability(loop: Tagloop, asset_id: int, tag_id: str) -> float:
    return next((s.probability for s in loop.review.suggest(asset_id, "e-commerce") if s.tag_id == tag_id), 0.0)


@pytest.fixture(autouse=True)
def show_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(suggestions, "MIN_PROBABILITY", 0.0)
    monkeypatch.setattr(suggestions, "MAX_SUGGESTIONS", 500)


def test_text_is_searchable_and_raises_matching_tags(loop: Tagloop, ann: User) -> None:
    asset_id, _ = ingest(loop, ann, BLUE, BLUE)
    before = probability(loop, asset_id, "material.denim")
    loop.review.set_text(ann, asset_id, AssetText("Denim in lemon", "jeans fabric", ""))
    assert probability(loop, asset_id, "material.denim") > before
    with loop.database.read() as connection:
        assert [a.id for a in repository.search_text(connection, "LEMON den")] == [asset_id]
    loop.review.set_text(ann, asset_id, AssetText())
    assert probability(loop, asset_id, "material.denim") == pytest.approx(before)
    with loop.database.read() as connection:
        assert repository.search_text(connection, "lemon") == []


def test_undoing_a_text_is_refused_with_the_earlier_text(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, BLUE)
    loop.review.set_text(ann, asset_id, AssetText("First"))
    loop.review.set_text(ann, asset_id, AssetText("Second"))
    with pytest.raises(DecisionError, match="it read"):
        loop.review.undo(ann, latest_text_event(loop))


def latest_text_event(loop: Tagloop) -> int:
    with loop.database.read() as connection:
        return connection.exec_driver_sql("select max(id) from events where kind = 'text'").scalar_one()


def test_chinese_text_is_searchable(loop: Tagloop, ann: User) -> None:
    (asset_id,) = ingest(loop, ann, BLUE)
    kept = loop.review.set_text(ann, asset_id, AssetText("北京故宫的雪景\x00", "", ""))
    assert kept.text.title == "北京故宫的雪景"
    with loop.database.read() as connection:
        assert [a.id for a in repository.search_text(connection, "故宫")] == [asset_id]
        assert repository.search_text(connection, "上海") == []


@pytest.mark.parametrize(("name", "shown"), [("../../a.jpg", "a.jpg"), ("C:\\x\\b.png", "b.png"), ("", "unnamed")])
def test_a_client_file_name_is_sanitised(name: str, shown: str) -> None:
    assert repository.safe_name(name) == shown


def test_a_chinese_tag_name_in_the_text_raises_that_tag(loop: Tagloop, ann: User) -> None:
    asset_id, _ = ingest(loop, ann, BLUE, BLUE)
    before = probability(loop, asset_id, "garment.dress")
    loop.review.set_text(ann, asset_id, AssetText("新款连衣裙上市"))
    assert probability(loop, asset_id, "garment.dress") > before

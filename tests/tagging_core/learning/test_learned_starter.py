"""A learned starter: classifiers of starter tags that were fitted to labelled photos before delivery."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tagging_core import Decision, Kind, Settings, Tagloop, User
from tagging_core.app import doctor
from tagging_core.errors import NotAllowedError, TagError
from tagging_core.learning import learned_starter
from tagging_core.learning.labelled_photos import embed_photos, read_labels
from tagging_core.learning.learned_starter import LearnedStarter, parse_starter
from tagging_core.learning.starter_training import build_starter
from tagging_core.taxonomy import read_taxonomy
from tests.conftest import BLUE, RED, Installations, ingest, photo

TAG = "garment.dress"


@pytest.fixture
def labels(tmp_path: Path) -> Path:
    """Forty photos: the red ones show a dress, which nothing in the tag's text says."""
    lines = ["path,categories,yes,maybe"]
    for n in range(40):
        red = n % 2 == 0
        (tmp_path / f"{n}.jpg").write_bytes(photo((200 + n, 0, 0) if red else (0, 0, 200 + n)))
        lines.append(f"{n}.jpg,garment|colour,{f'{TAG}|colour.red' if red else 'colour.blue'},colour.purple")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    return tmp_path


@pytest.fixture
def starter(loop: Tagloop, labels: Path) -> LearnedStarter:
    """What these photos teach the model of the tests."""
    photos = read_labels(labels, read_taxonomy())
    encoder = loop.resources.encoders.get(loop.model.preset)
    pictures = embed_photos(photos, encoder, 1_000_000)
    return build_starter(encoder, photos, read_taxonomy(), pictures=pictures)


@pytest.fixture
def adopted(loop: Tagloop, ann: User, starter: LearnedStarter) -> Tagloop:
    loop.models.starter.adopt(ann, starter.to_bytes())
    loop.model.library.settle()
    return loop


def probability(loop: Tagloop, asset: int, tag_id: str = TAG) -> float:
    with loop.database.read() as connection:
        found = loop.model.suggester.score(connection, [asset], "e-commerce")
    return float(found.probabilities[0, found.matrix.rows[tag_id]])


def test_a_starter_survives_its_file(starter: LearnedStarter) -> None:
    read = parse_starter(starter.to_bytes())
    assert (read.fingerprint, read.photos) == (starter.fingerprint, 40)
    assert (
        read.priors.keys()
        == starter.priors.keys()
        == {t for t in starter.priors if t.split(".")[0] in ("garment", "colour")}
    )
    assert read.nothing == starter.nothing
    assert np.allclose(read.priors[TAG].model.weights, starter.priors[TAG].model.weights, rtol=2e-3, atol=1e-4)


def test_many_photos_with_a_tag_make_it_firmer(starter: LearnedStarter) -> None:
    assert starter.priors[TAG].variance < starter.priors["garment.hat"].variance == 1


def test_first_suggestions_say_what_the_photos_taught(adopted: Tagloop, ann: User) -> None:
    red, blue = ingest(adopted, ann, RED, BLUE)
    assert probability(adopted, red) > 0.8 > 0.2 > probability(adopted, blue)
    assert adopted.review.suggest(red, "e-commerce")[0].tag_id in (TAG, "colour.red")


def test_decisions_count_on_top_and_undo_is_exact(adopted: Tagloop, ann: User) -> None:
    red, other = ingest(adopted, ann, RED, (230, 10, 10))
    before = probability(adopted, other)
    event = adopted.review.decide(ann, Decision(Kind.REJECT, red, TAG, profile="e-commerce"))
    assert probability(adopted, other) < before - 0.05
    explanation = adopted.review.explain(other, TAG)
    assert (explanation.photos, explanation.evidence[0].asset_id) == (40, red)
    adopted.review.undo(ann, event)
    adopted.model.library.settle()
    assert probability(adopted, other) == pytest.approx(before, abs=1e-9)


def test_a_rebuild_changes_nothing(adopted: Tagloop, ann: User) -> None:
    red, blue = ingest(adopted, ann, RED, BLUE)
    adopted.review.decide(ann, Decision(Kind.ADD, blue, TAG, profile="e-commerce"))
    adopted.model.library.settle()
    before = [probability(adopted, asset) for asset in (red, blue)]
    adopted.rebuild(ann)
    assert [probability(adopted, asset) for asset in (red, blue)] == pytest.approx(before, abs=1e-9)
    assert [finding.what for finding in doctor.examine(adopted) if not finding.ok] == []


def test_dropping_it_brings_the_texts_back(loop: Tagloop, ann: User, starter: LearnedStarter) -> None:
    (red,) = ingest(loop, ann, RED)
    loop.model.library.settle()
    before = probability(loop, red)
    loop.models.starter.adopt(ann, starter.to_bytes())
    loop.model.library.settle()
    assert probability(loop, red) > before + 0.1
    loop.models.starter.drop(ann)
    loop.model.library.settle()
    assert probability(loop, red) == pytest.approx(before, abs=1e-9)
    with pytest.raises(TagError, match="No learned starter is in force"):
        loop.models.starter.drop(ann)


def test_dropping_it_brings_back_what_was_measured_on_the_archive(
    loop: Tagloop, ann: User, starter: LearnedStarter
) -> None:
    red = ingest(loop, ann, *((n, 255 - n, n // 2) for n in range(0, 250, 3)))[0]
    loop.model.library.refresh_pack()
    loop.model.library.settle()
    with loop.database.read() as connection:
        measured = loop.model.library.pack(connection)
    before = probability(loop, red)
    assert measured.version >= 1
    loop.models.starter.adopt(ann, starter.to_bytes())
    loop.models.starter.drop(ann)
    loop.model.library.settle()
    assert probability(loop, red) == pytest.approx(before, abs=1e-9)
    assert not loop.model.library.refresh_pack()  # it is still the measurement of this archive


def test_a_starter_brings_the_mean_that_it_was_fitted_with(
    loop: Tagloop, ann: User, starter: LearnedStarter
) -> None:
    other = np.linspace(0, 0.1, len(starter.mean), dtype=np.float32)
    loop.models.starter.adopt(ann, replace(starter, mean=other).to_bytes())
    with loop.database.read() as connection:
        assert np.allclose(loop.model.library.pack(connection).mean, other)


def test_measuring_the_gallery_leaves_a_starter_alone(adopted: Tagloop, ann: User) -> None:
    ingest(adopted, ann, *((n, 255 - n, n // 2) for n in range(0, 250, 3)))
    assert not adopted.model.library.refresh_pack()


def test_a_new_installation_begins_with_what_ships_and_an_old_one_is_offered_it(
    loop: Tagloop,
    starter: LearnedStarter,
    tmp_path: Path,
    installations: Installations,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert loop.models.starter.status().shipped is None
    monkeypatch.setattr(learned_starter, "FOLDER", tmp_path)
    (tmp_path / f"{starter.fingerprint}.npz").write_bytes(starter.to_bytes())
    with_pictures = loop.models.starter.status()
    assert with_pictures.shipped is not None
    assert with_pictures.photos == 0
    settings = Settings(data_dir=tmp_path / "new", database_url=installations.new(tmp_path / "new"), encoder="tiny")
    new, again = Tagloop(settings), Tagloop(settings)
    assert new.models.starter.status().photos == 40
    with new.database.read() as connection:
        assert again.model.library.pack(connection).version == 1
    for opened in (new, again):
        opened.close()


def test_a_starter_of_another_model_or_a_damaged_one_is_refused(
    loop: Tagloop, ann: User, manager: User, starter: LearnedStarter
) -> None:
    data = starter.to_bytes()
    with pytest.raises(TagError, match="made for other, not for"):
        loop.models.starter.adopt(ann, replace(starter, fingerprint="other").to_bytes())
    with pytest.raises(TagError, match="is damaged"):
        loop.models.starter.adopt(ann, data[: len(data) // 2])
    with pytest.raises(NotAllowedError):
        loop.models.starter.adopt(manager, data)
    with pytest.raises(TagError, match="No learned starter ships"):
        loop.models.starter.adopt(ann)
    assert loop.models.starter.status().photos == 0


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("lost.jpg,garment,,", "line 2: there is no file"),
        ("0.jpg,garments,,", "line 2: there is no category 'garments'"),
        ("0.jpg,garment,garment.toga,", "line 2: there is no tag 'garment.toga'"),
    ],
)
def test_bad_labels_are_reported_by_line(labels: Path, line: str, message: str) -> None:
    (labels / "labels.csv").write_text(f"path,categories,yes,maybe\n{line}\n")
    with pytest.raises(TagError, match=message):
        read_labels(labels, read_taxonomy())


def test_a_missing_column_is_reported(labels: Path) -> None:
    (labels / "labels.csv").write_text("path,yes\n0.jpg,\n")
    with pytest.raises(TagError, match="lacks the column 'categories'"):
        read_labels(labels, read_taxonomy())


def test_the_file_that_ships_fits_the_builtin_model_and_the_starter_library() -> None:
    from tagging_core.embeddings.encoders import find_preset
    from tagging_core.learning.learned_starter import find_starter

    path = find_starter(find_preset("builtin").fingerprint)
    assert path is not None
    assert parse_starter(path.read_bytes()).priors.keys() <= read_taxonomy().tags.keys()

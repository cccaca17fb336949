"""What another instruction would change, tried on some pictures before anything is written.

Both sides are judged by text alone, as if nothing had been decided yet: what editors taught under the instruction
in use is worth nothing under another one until the pictures it was taught with are embedded anew.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from PIL import Image
from sqlalchemy import Connection, exists, select

from tagging_core.assets.files import ImageFiles, open_prepared
from tagging_core.assets.repository import AssetText
from tagging_core.embeddings.encoders import default_mean
from tagging_core.embeddings.vectors import encode_sentences
from tagging_core.errors import PictureError
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.calibration import Calibration
from tagging_core.learning.classifier import Floats, initial_pack, measure_pack, text_anchor
from tagging_core.learning.comparison import average_precision
from tagging_core.learning.suggestions import Suggestion, SuggestionSelector
from tagging_core.learning.tag_matrix import TagMatrix, make_matrix
from tagging_core.storage import Database
from tagging_core.storage.schema import assets, batches, items, labels, reviews
from tagging_core.taxonomy.model import Profile, Taxonomy

T = TypeVar("T")

PICTURES = 50
_AT_ONCE = 10  # pictures, or tags, until progress is told


@dataclass(frozen=True, slots=True)
class TrialPicture:
    """A picture, and what would be suggested for it under each instruction, best first."""

    asset_id: int
    before: list[Suggestion]
    after: list[Suggestion]

    @property
    def gained(self) -> set[str]:
        """Tags that only the new instruction suggests."""
        return {s.tag_id for s in self.after} - {s.tag_id for s in self.before}

    @property
    def lost(self) -> set[str]:
        """Tags that only the instruction in use suggests."""
        return {s.tag_id for s in self.before} - {s.tag_id for s in self.after}


@dataclass(frozen=True, slots=True)
class InstructionPreview:
    """What an instruction would change.

    Attributes:
        pictures: Those that change most first.
        judged: How many of them people finished.
        before: Mean average precision of the finished ones' tags under the instruction in use, in [0, 1]; None
            where nothing was finished.
        after: The same under the new one.
    """

    instruction: str
    pictures: list[TrialPicture]
    judged: int
    before: float | None
    after: float | None

    @property
    def changed(self) -> int:
        """Pictures that would have other tags suggested."""
        return sum(bool(tried.gained or tried.lost) for tried in self.pictures)


@dataclass(frozen=True, slots=True)
class _Picture:
    id: int
    sha256: str
    text: str


class InstructionTrial:
    """Tries instructions.

    Args:
        database: Where everything is kept.
        images: Where the files are.
        model: The active model.
        max_pixels: Larger pictures are refused.
    """

    def __init__(
        self,
        database: Database,
        images: ImageFiles,
        model: ActiveModel,
        max_pixels: int,
    ) -> None:
        self._database, self._images, self._library = database, images, model.library
        self._encoder, self._max_pixels = model.encoder, max_pixels

    def preview(self, profile_id: str, instruction: str, progress: Callable[[float], None]) -> InstructionPreview:
        """Suggest tags for pictures of a profile under the instruction in use and under another one.

        Args:
            profile_id: The profile.
            instruction: What the model would be told; empty for its usual instruction.
            progress: Is told the share that is done, in [0, 1]; may raise to stop.

        Raises:
            NotFoundError: There is no such profile.
            EncoderError: The model cannot be loaded.
        """
        taxonomy = self._library.matrix().taxonomy
        profile = taxonomy.profile(profile_id)
        with self._database.read() as connection:
            chosen = _choose(connection, profile)
        steps = _Steps(3 * len(chosen) + 2 * len(taxonomy.active(profile)), progress)
        pictures = self._open(chosen, steps)
        if not pictures:
            return InstructionPreview(instruction, [], 0, None, None)
        told = profile.instruction if profile.followed else ""
        (old, before), (new, after) = (
            self._judge(taxonomy, profile, pictures, each, steps) for each in (told, instruction)
        )
        tried = [
            TrialPicture(
                p.id,
                SuggestionSelector(old, profile, "")(before[n], set()),
                SuggestionSelector(new, profile, "")(after[n], set()),
            )
            for n, p in enumerate(pictures)
        ]
        with self._database.read() as connection:
            done, truth = _truth(connection, profile, [p.id for p in pictures], old.tag_ids)
        scores = [_mean_average_precision(p[done], truth[done]) for p in (before, after)]
        most = sorted(tried, key=lambda each: -len(each.gained | each.lost))
        return InstructionPreview(instruction, most, int(done.sum()), scores[0], scores[1])

    def _open(self, chosen: Sequence[_Picture], steps: _Steps) -> dict[_Picture, Image.Image]:
        """Those that can be read; one that cannot any more is no loss for a preview."""
        found = {}
        for picture in chosen:
            with contextlib.suppress(OSError, PictureError):
                found[picture] = open_prepared(self._images, self._encoder(), picture.sha256, self._max_pixels)
            steps.take(1)
        return found

    def _judge(
        self,
        taxonomy: Taxonomy,
        profile: Profile,
        pictures: dict[_Picture, Image.Image],
        instruction: str,
        steps: _Steps,
    ) -> tuple[TagMatrix, Floats]:
        """Classifiers of the profile's tags by text alone, and what they say of the pictures, `(n, t)`."""
        encoder, tags = self._encoder(), taxonomy.active(profile)
        preset, seen, texts = encoder.preset, [], []
        for part in _portions(list(pictures.items())):
            spoken = [picture.text for picture, _ in part] if instruction else ()
            seen.append(encoder.encode_images([image for _, image in part], instruction, spoken))
            steps.take(len(part))
        for some in _portions(tags):
            groups = [taxonomy.sentences(tag, preset.templates, preset.name) for tag in some]
            texts += encode_sentences(encoder, groups, instruction)
            steps.take(len(some))
        stacked = np.vstack(seen)
        pack = initial_pack(default_mean(preset, encoder.dimension), preset.learner)
        if len(stacked) > 1 and texts:
            pack = measure_pack(stacked, np.stack(texts), pack)
        models = {t.id: text_anchor(text, pack, preset.learner) for t, text in zip(tags, texts, strict=True)}
        matrix = make_matrix(0, models, Calibration(), pack, taxonomy, self._library.none_logits(taxonomy))
        return matrix, matrix.probabilities(stacked)


class _Steps:
    """Counts what is done of what is to do."""

    def __init__(self, total: int, tell: Callable[[float], None]) -> None:
        self._total, self._tell, self._done = total, tell, 0

    def take(self, steps: int) -> None:
        """Some more is done."""
        self._done += steps
        self._tell(min(1.0, self._done / self._total))


def _portions(things: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(things), _AT_ONCE):
        yield things[start : start + _AT_ONCE]


def _choose(connection: Connection, profile: Profile) -> list[_Picture]:
    """Pictures of a profile, finished ones first, otherwise at random but always the same."""
    came = exists().where(
        items.c.asset_id == assets.c.id, batches.c.id == items.c.batch_id, batches.c.profile == profile.id
    )
    finished = exists().where(reviews.c.asset_id == assets.c.id, reviews.c.profile == profile.id)
    texts = assets.c.title, assets.c.caption, assets.c.body
    found: dict[int, _Picture] = {}
    for condition in (finished, came):
        query = select(assets.c.id, assets.c.sha256, *texts).where(condition)
        for row in connection.execute(query.order_by(assets.c.sample).limit(PICTURES)):
            text = AssetText(row.title, row.caption, row.body).sentence()
            found.setdefault(row.id, _Picture(row.id, row.sha256, text))
    return list(found.values())[:PICTURES]


def _truth(
    connection: Connection, profile: Profile, asset_ids: list[int], tag_ids: list[str]
) -> tuple[np.ndarray, Floats]:
    """Which pictures were finished, `(n,)`, and `(n, t)` 1 where a person says that the tag applies."""
    mine = reviews.c.asset_id.in_(asset_ids), reviews.c.profile == profile.id
    finished = set(connection.execute(select(reviews.c.asset_id).where(*mine)).scalars())
    said = select(labels.c.asset_id, labels.c.tag_id).where(labels.c.asset_id.in_(asset_ids), labels.c.value == 1)
    given = {(row.asset_id, row.tag_id) for row in connection.execute(said)}
    truth = np.array([[float((a, t) in given) for t in tag_ids] for a in asset_ids])
    return np.array([a in finished for a in asset_ids]), truth


def _mean_average_precision(probabilities: Floats, truth: Floats) -> float | None:
    found = [average_precision(probabilities[:, n], truth[:, n]) for n in range(truth.shape[1])]
    known = [each for each in found if each is not None]
    return float(np.mean(known)) if known else None

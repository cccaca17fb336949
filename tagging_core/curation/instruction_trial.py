"""Preview of a new instruction on a sample of pictures, before it is saved.

Both instructions are compared zero-shot, because classifiers fitted under the current instruction can only be used
under another one after their training pictures have been embedded again.
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
from tagging_core.embeddings.encoders import default_mean, unit
from tagging_core.embeddings.vectors import encode_sentences
from tagging_core.errors import PictureError
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.calibration import Calibration
from tagging_core.learning.classifier import Floats, initial_pack, measure_pack, text_anchor
from tagging_core.learning.comparison import average_precision
from tagging_core.learning.suggestions import Suggestion, SuggestionSelector
from tagging_core.learning.tag_matrix import TagMatrix, make_matrix
from tagging_core.learning.tag_texts import common_text
from tagging_core.storage import Database
from tagging_core.storage.schema import assets, batches, items, labels, reviews
from tagging_core.taxonomy.model import Profile, Taxonomy

T = TypeVar("T")

PICTURES = 50
_CHUNK_SIZE = 10  # pictures or tags per progress report


@dataclass(frozen=True, slots=True)
class TrialPicture:
    """Suggestions for a picture under the current and the new instruction, most probable first."""

    asset_id: int
    before: list[Suggestion]
    after: list[Suggestion]

    @property
    def gained(self) -> set[str]:
        """Tags that only the new instruction suggests."""
        return {s.tag_id for s in self.after} - {s.tag_id for s in self.before}

    @property
    def lost(self) -> set[str]:
        """Tags that only the current instruction suggests."""
        return {s.tag_id for s in self.before} - {s.tag_id for s in self.after}


@dataclass(frozen=True, slots=True)
class InstructionPreview:
    """Effect of a new instruction.

    Attributes:
        pictures: Most changed first.
        judged: Number of pictures with a finished review.
        before: Mean average precision over tags, on reviewed pictures, under the current instruction, in [0, 1];
            None without such pictures.
        after: The same under the new instruction.
    """

    instruction: str
    pictures: list[TrialPicture]
    judged: int
    before: float | None
    after: float | None

    @property
    def changed(self) -> int:
        """Number of pictures whose suggested tags would change."""
        return sum(bool(tried.gained or tried.lost) for tried in self.pictures)


@dataclass(frozen=True, slots=True)
class _Picture:
    id: int
    sha256: str
    text: str


class InstructionTrial:
    """Previews instructions.

    Args:
        max_pixels: Larger pictures are skipped.
    """

    def __init__(
        self,
        database: Database,
        images: ImageFiles,
        model: ActiveModel,
        *,
        max_pixels: int,
    ) -> None:
        self._database, self._images, self._library = database, images, model.library
        self._encoder, self._max_pixels = model.encoder, max_pixels

    def preview(self, profile_id: str, instruction: str, progress: Callable[[float], None]) -> InstructionPreview:
        """Suggest tags for up to 50 pictures of a profile under the current and a new instruction.

        Args:
            instruction: The new instruction; empty for the model's default.
            progress: Called with the completed fraction, in [0, 1]; may raise to cancel.

        Raises:
            NotFoundError: There is no such profile.
            EncoderError: The model cannot be loaded.
        """
        taxonomy = self._library.matrix().taxonomy
        profile = taxonomy.profile(profile_id)
        with self._database.read() as connection:
            chosen = _choose(connection, profile)
        steps = _Progress(3 * len(chosen) + 2 * len(taxonomy.active(profile)), progress)
        pictures = self._open(chosen, steps)
        if not pictures:
            return InstructionPreview(instruction, [], 0, None, None)
        current = profile.instruction if profile.followed else ""
        (old, before), (new, after) = (
            self._score(taxonomy, profile, pictures, instruction=each, steps=steps)
            for each in (current, instruction)
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
            done, truth = _truth(connection, profile, [p.id for p in pictures], tag_ids=old.tag_ids)
        scores = [_mean_average_precision(p[done], truth[done]) for p in (before, after)]
        most_changed = sorted(tried, key=lambda each: -len(each.gained | each.lost))
        return InstructionPreview(instruction, most_changed, int(done.sum()), scores[0], scores[1])

    def _open(self, chosen: Sequence[_Picture], steps: _Progress) -> dict[_Picture, Image.Image]:
        """Open pictures, skipping those that cannot be read."""
        found = {}
        for picture in chosen:
            with contextlib.suppress(OSError, PictureError):
                found[picture] = open_prepared(
                    self._images, self._encoder(), picture.sha256, max_pixels=self._max_pixels
                )
            steps.advance(1)
        return found

    def _score(
        self,
        taxonomy: Taxonomy,
        profile: Profile,
        pictures: dict[_Picture, Image.Image],
        *,
        instruction: str,
        steps: _Progress,
    ) -> tuple[TagMatrix, Floats]:
        """Return zero-shot classifiers of the profile's tags and their probabilities `(n, t)` on the pictures."""
        encoder, tags = self._encoder(), taxonomy.active(profile)
        preset, embedded, texts = encoder.preset, [], []
        for chunk in _chunks(list(pictures.items())):
            captions = [picture.text for picture, _ in chunk] if instruction else ()
            embedded.append(encoder.encode_images([image for _, image in chunk], instruction, captions))
            steps.advance(len(chunk))
        common = common_text(encoder, instruction)
        for tag_chunk in _chunks(tags):
            groups = [taxonomy.sentences(tag, preset.templates, preset.name) for tag in tag_chunk]
            texts += [unit(text - common) for text in encode_sentences(encoder, groups, instruction)]
            steps.advance(len(tag_chunk))
        stacked = np.vstack(embedded)
        pack = initial_pack(default_mean(preset, encoder.dimension), preset.learner)
        if len(stacked) > 1 and texts:
            pack = measure_pack(stacked, np.stack(texts), pack)
        models = {t.id: text_anchor(text, pack, preset.learner) for t, text in zip(tags, texts, strict=True)}
        matrix = make_matrix(
            0,
            models,
            Calibration(),
            pack=pack,
            taxonomy=taxonomy,
            nothing=self._library.calibration.none_logits(taxonomy, pack),
        )
        return matrix, matrix.probabilities(stacked)


class _Progress:
    """Progress counter."""

    def __init__(self, total: int, report: Callable[[float], None]) -> None:
        self._total, self._report, self._done = total, report, 0

    def advance(self, steps: int) -> None:
        """Advance and report progress."""
        self._done += steps
        self._report(min(1.0, self._done / self._total))


def _chunks(sequence: Sequence[T]) -> Iterator[Sequence[T]]:
    for start in range(0, len(sequence), _CHUNK_SIZE):
        yield sequence[start : start + _CHUNK_SIZE]


def _choose(connection: Connection, profile: Profile) -> list[_Picture]:
    """Return up to PICTURES pictures of a profile, reviewed ones first, in the fixed random order of `sample`."""
    uploaded = exists().where(
        items.c.asset_id == assets.c.id, batches.c.id == items.c.batch_id, batches.c.profile == profile.id
    )
    finished = exists().where(reviews.c.asset_id == assets.c.id, reviews.c.profile == profile.id)
    texts = assets.c.title, assets.c.caption, assets.c.body
    found: dict[int, _Picture] = {}
    for condition in (finished, uploaded):
        query = select(assets.c.id, assets.c.sha256, *texts).where(condition)
        for row in connection.execute(query.order_by(assets.c.sample).limit(PICTURES)):
            text = AssetText(row.title, row.caption, row.body).sentence()
            found.setdefault(row.id, _Picture(row.id, row.sha256, text))
    return list(found.values())[:PICTURES]


def _truth(
    connection: Connection, profile: Profile, asset_ids: list[int], *, tag_ids: list[str]
) -> tuple[np.ndarray, Floats]:
    """Return which pictures were reviewed, bool `(n,)`, and the accepted tags, 0/1 `(n, t)`."""
    matching = reviews.c.asset_id.in_(asset_ids), reviews.c.profile == profile.id
    finished = set(connection.execute(select(reviews.c.asset_id).where(*matching)).scalars())
    query = select(labels.c.asset_id, labels.c.tag_id).where(labels.c.asset_id.in_(asset_ids), labels.c.value == 1)
    accepted = {(row.asset_id, row.tag_id) for row in connection.execute(query)}
    truth = np.array([[float((a, t) in accepted) for t in tag_ids] for a in asset_ids])
    return np.array([a in finished for a in asset_ids]), truth


def _mean_average_precision(probabilities: Floats, truth: Floats) -> float | None:
    found = [average_precision(probabilities[:, n], truth[:, n]) for n in range(truth.shape[1])]
    known = [each for each in found if each is not None]
    return float(np.mean(known)) if known else None

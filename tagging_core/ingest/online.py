"""Tagging one picture while its caller waits: what a CMS's upload hook asks for.

Each caller's own thread decodes; embedding, suggesting and writing are done for all who wait at once, in one batch
and one transaction. Smaller copies for the console are made when nobody waits.
"""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from PIL import Image
from sqlalchemy import Connection, select

from tagging_core.assets import repository as asset_module
from tagging_core.assets.decoding import Picture, open_picture
from tagging_core.assets.files import ImageFiles, sha256_of
from tagging_core.assets.repository import NO_TEXT, AssetText, NewAsset
from tagging_core.common.users import Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.embeddings.encoders import Vectors
from tagging_core.errors import PictureError, TaggingError
from tagging_core.ingest import batches
from tagging_core.ingest.micro_batching import MicroBatcher
from tagging_core.ingest.pipeline import keep_embedded
from tagging_core.learning import suggestions
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.suggestions import Suggestion
from tagging_core.learning.text_evidence import Passage
from tagging_core.storage import Database
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Profile

_QUIET = 0.5  # seconds without a request, until smaller copies are made


@dataclass(frozen=True, slots=True)
class Tagged:
    """What was found about one picture.

    Attributes:
        asset_id: None if it was not to be kept.
        new: Whether its bytes were not here before.
        suggestions: Best first; decided tags are left out of a known picture's.
        vector: `(d,)` unit vector, under the instruction if one was given.
    """

    asset_id: int | None
    new: bool
    sha256: str
    suggestions: list[Suggestion]
    vector: Vectors


@dataclass(frozen=True, slots=True)
class _Request:
    """A decoded picture, ready for the model."""

    sha256: str
    size: int
    name: str
    picture: Picture
    prepared: Image.Image
    text: AssetText


@dataclass(frozen=True, slots=True)
class _Kind:
    """What requests share that are worked on together."""

    user: User
    profile: Profile
    instruction: str
    keep: bool


class OnlineTagger:
    """Tags single pictures, many callers at a time.

    Args:
        database: Where assets are kept.
        images: Where the files are kept.
        model: Embeds the pictures and suggests their tags.
        threads: Batches that the model may work on at once, unless it takes one at a time.
        max_pixels: Larger pictures are refused.
    """

    def __init__(
        self,
        database: Database,
        images: ImageFiles,
        model: ActiveModel,
        threads: int,
        max_pixels: int,
    ) -> None:
        self._database, self._images = database, images
        self._encoder, self._suggester = model.encoder, model.suggester
        self._threads, self._max_pixels = threads, max_pixels
        self._opening, self._writing = threading.Lock(), threading.Lock()
        self._gatherer: MicroBatcher[tuple[_Request, _Kind], Tagged] | None = None
        self._copies = _RenditionWriter(images, max_pixels)

    def tag(
        self,
        user: User,
        data: bytes,
        profile: str,
        name: str = "",
        text: AssetText = NO_TEXT,
        instruction: str = "",
        keep: bool = True,
    ) -> Tagged:
        """Tag one picture.

        Args:
            data: The whole file.
            name: What the caller calls it.
            instruction: What the model should look for, if not the usual; models that take none ignore it.
            keep: Whether the picture joins the archive, so that it can be decided about, searched and exported.

        Raises:
            NotAllowedError: The user may not upload.
            PictureError: It is no picture that Tagloop can read.
            NotFoundError: There is no such profile.
            BusyError: Too many pictures wait.
            StorageError: The disk is full.
        """
        require(user, Action.UPLOAD)
        wanted = self._suggester.taxonomy().profile(profile)  # before anything is written for one there is not
        self._copies.give_way()
        picture = open_picture(data, max_pixels=self._max_pixels)
        prepared = self._encoder().prepare(picture.image)
        request = _Request(sha256_of(data), len(data), name, picture, prepared, text.clean())
        if keep:
            self._images.store_original(request.sha256, data)
        kind = _Kind(user, wanted, instruction, keep)
        tagged = self._gather().do((request, kind), kind)
        if keep:
            self._copies.want(request.sha256)
        return tagged

    def busy(self) -> bool:
        """Whether somebody waits, or did a moment ago."""
        return self._copies.disturbs

    def close(self) -> None:
        """Let the threads end."""
        self._copies.close()
        if self._gatherer is not None:
            self._gatherer.close()

    def _gather(self) -> MicroBatcher[tuple[_Request, _Kind], Tagged]:
        with self._opening:
            if self._gatherer is None:
                alone = getattr(self._encoder(), "one_at_a_time", True)
                self._gatherer = MicroBatcher(self._work, 1 if alone else self._threads)
            return self._gatherer

    def _work(self, batch: Sequence[tuple[_Request, _Kind]]) -> list[Tagged | Exception]:
        """Tag pictures that came at the same time, of one kind."""
        requests, kind = [request for request, _ in batch], batch[0][1]
        passages = self._passages(requests)
        with self._database.read() as connection:
            library = self._suggester.library(connection, kind.profile.id)
        if not kind.instruction and library.instruction:
            kind = replace(kind, instruction=library.instruction)
        own = library if kind.instruction and kind.instruction == library.instruction else None
        usual, instructed, failed = self._embed(requests, kind, passages)
        shown = instructed or usual
        kept: dict[str, tuple[int, bool]] = {}
        found: dict[str, list[Suggestion]] = {}
        here: set[str] = set()
        if kind.keep:
            with self._writing, self._database.write() as connection:  # SQLite would have them wait far longer
                kept, found = self._write(connection, requests, kind, usual, passages, instructed if own else {})
        else:
            here = self._known([request.sha256 for request in requests])
        if instructed or not kind.keep:
            spoken = {} if own and self._suggester.fuses else passages  # it is in the vectors already
            found, _ = self._suggester.predict(shown, kind.profile.id, spoken, library=own)
        results: list[Tagged | Exception] = []
        for name in [request.sha256 for request in requests]:
            if name in shown:
                asset_id, new = kept.get(name, (None, name not in here))
                results.append(Tagged(asset_id, new, name, found[name], shown[name]))
            else:
                results.append(PictureError(failed[name]))
        return results

    def _embed(
        self, requests: Sequence[_Request], kind: _Kind, passages: dict[str, Passage]
    ) -> tuple[dict[str, Vectors], dict[str, Vectors], dict[str, str]]:
        """Vectors under the usual instruction, where they are needed, and under the one asked for; what failed."""
        images = {request.sha256: request.prepared for request in requests}
        usual: dict[str, Vectors] = {}
        instructed: dict[str, Vectors] = {}
        failed: dict[str, str] = {}
        if kind.keep or not kind.instruction:
            usual, failed = encode_with_bisection(self._encoder(), images)
        if kind.instruction:
            images = {key: image for key, image in images.items() if key not in failed}
            texts = {key: passage.text for key, passage in passages.items()}
            instructed, lost = encode_with_bisection(self._encoder(), images, kind.instruction, texts)
            failed = failed | lost
        return usual, instructed, failed

    def _passages(self, requests: Sequence[_Request]) -> dict[str, Passage]:
        texts = {r.sha256: sentence for r in requests if (sentence := r.text.sentence())}
        if not texts:
            return {}
        found = self._encoder().encode_passages(list(texts.values()))
        return {key: Passage(text, vector) for (key, text), vector in zip(texts.items(), found, strict=True)}

    def _known(self, names: list[str]) -> set[str]:
        with self._database.read() as connection:
            return set(connection.execute(select(assets.c.sha256).where(assets.c.sha256.in_(names))).scalars())

    def _write(
        self,
        connection: Connection,
        requests: Sequence[_Request],
        kind: _Kind,
        found: dict[str, Vectors],
        passages: dict[str, Passage],
        instructed: dict[str, Vectors],
    ) -> tuple[dict[str, tuple[int, bool]], dict[str, list[Suggestion]]]:
        """Keep pictures, and suggest; a known one keeps the text it has, and only what it lacks is written.

        Returns:
            Id and whether it is new, and suggestions, by SHA-256.
        """
        arrivals = [NewAsset(r.sha256, r.name, r.size, r.picture, r.text) for r in requests if r.sha256 in found]
        kept = asset_module.insert(connection, arrivals)
        names = {r.sha256: asset_module.safe_name(r.name) for r in requests}
        joined = [(asset_id, names[key], new) for key, (asset_id, new) in kept.items()]
        batches.join(connection, kind.user, f"From {kind.user.name}", kind.profile, joined)
        old = [asset_id for asset_id, new in kept.values() if not new]
        have = vectors.load(connection, self._suggester.fingerprint, old) if old else {}
        fresh = {i: found[key] for key, (i, _) in kept.items() if i not in have}
        spoken = {i: passages[key] for key, (i, new) in kept.items() if new and key in passages}
        new = {asset_id for asset_id, is_new in kept.values() if is_new}
        told = {i: instructed[key] for key, (i, _) in kept.items() if i in fresh and key in instructed}
        said: dict[int, list[Suggestion]] = {}
        if fresh:
            said = keep_embedded(connection, self._suggester, kind.profile.id, fresh, spoken, new, told)
        if have:
            again, margins = self._suggester.predict_assets(connection, list(have), kind.profile.id)
            suggestions.record(connection, kind.profile.id, again, margins)
            said |= again
        return kept, {key: said[i] for key, (i, _) in kept.items()}


class _RenditionWriter:
    """Makes screen-size copies and thumbnails of what was kept, when nobody waits for anything.

    Whoever looks at a picture before that has them made at once, so nothing is lost if it never comes to it.
    """

    def __init__(self, images: ImageFiles, max_pixels: int) -> None:
        self._images, self._max_pixels = images, max_pixels
        self._wanted: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._last = 0.0
        self._thread: threading.Thread | None = None

    def give_way(self) -> None:
        """Somebody waits."""
        self._last = time.monotonic()

    @property
    def disturbs(self) -> bool:
        """Whether anything else would be in somebody's way."""
        return time.monotonic() - self._last < _QUIET

    def want(self, sha256: str) -> None:
        """Make a picture's copies later."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="copies", daemon=True)
            self._thread.start()
        self._wanted.put(sha256)

    def close(self) -> None:
        """End after the picture in work."""
        if self._thread is not None:
            self._last = 0.0
            self._wanted.put(None)

    def _run(self) -> None:
        while (sha256 := self._wanted.get()) is not None:
            while self.disturbs:
                time.sleep(_QUIET / 5)
            with contextlib.suppress(TaggingError):
                self._images.repair(sha256, self._max_pixels)

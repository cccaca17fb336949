"""Online tagging: one picture per request, answered at once, as an upload hook of a CMS needs it.

The caller's thread decodes the picture; concurrent requests are embedded, tagged and written as a micro-batch, in
one transaction. Renditions for the console are made when no request is waiting.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass, replace

from sqlalchemy import Connection, select

from tagging_core.assets import repository as asset_module
from tagging_core.assets.decoding import Picture, open_picture
from tagging_core.assets.files import ImageFiles, sha256_of
from tagging_core.assets.repository import NO_TEXT, AssetText, NewAsset
from tagging_core.common.users import Action, User, require
from tagging_core.embeddings import vectors
from tagging_core.embeddings.batching import encode_with_bisection
from tagging_core.embeddings.encoders import Vectors
from tagging_core.errors import PictureError
from tagging_core.ingest import batches, late_texts
from tagging_core.ingest.micro_batching import MicroBatcher
from tagging_core.ingest.pipeline import keep_embedded
from tagging_core.ingest.rendition_writer import RenditionWriter
from tagging_core.learning import recorded_suggestions
from tagging_core.learning.active_model import ActiveModel
from tagging_core.learning.suggestions import Suggestion
from tagging_core.learning.text_evidence import Passage
from tagging_core.storage import Database
from tagging_core.storage.schema import assets
from tagging_core.taxonomy.model import Profile


@dataclass(frozen=True, slots=True)
class TaggedPicture:
    """The result of tagging one picture.

    Attributes:
        asset_id: None if the picture was not stored.
        new: Whether the picture was not in the archive before.
        suggestions: Best first; without the tags already decided on, for a known picture.
        vector: `(d,)` unit vector, under the instruction if there is one.
    """

    asset_id: int | None
    new: bool
    sha256: str
    suggestions: list[Suggestion]
    vector: Vectors


@dataclass(frozen=True, slots=True)
class _Request:
    """A decoded picture, whose image is prepared for the encoder."""

    sha256: str
    size: int
    name: str
    picture: Picture
    text: AssetText


@dataclass(frozen=True, slots=True)
class _Kind:
    """What the requests of a batch have in common."""

    user: User
    profile: Profile
    instruction: str
    keep: bool


class OnlineTagger:
    """Tags single pictures for many concurrent callers.

    Args:
        database: The store of record.
        images: Stores the image files.
        model: Embeds the pictures and suggests their tags.
        threads: Batches processed at once, unless the encoder serializes calls.
        max_pixels: Larger pictures are refused.
    """

    def __init__(
        self,
        database: Database,
        images: ImageFiles,
        model: ActiveModel,
        *,
        threads: int,
        max_pixels: int,
    ) -> None:
        self._database, self._images = database, images
        self._encoder, self._suggester = model.encoder, model.suggester
        self._load_taxonomy = model.load_taxonomy
        self._threads, self._max_pixels = threads, max_pixels
        self._opening, self._writing = threading.Lock(), threading.Lock()
        self._batcher: MicroBatcher[tuple[_Request, _Kind], TaggedPicture] | None = None
        self._renditions = RenditionWriter(images, max_pixels)

    def tag(
        self,
        user: User,
        data: bytes,
        profile: str,
        *,
        name: str = "",
        text: AssetText = NO_TEXT,
        instruction: str = "",
        keep: bool = True,
    ) -> TaggedPicture:
        """Tag one picture.

        Args:
            user: Needs the right to upload.
            data: The whole file.
            profile: Id of the profile.
            name: File name, for display.
            text: Text that came with the picture; evidence for its tags.
            instruction: Replaces the profile's or the model's default instruction, if the model supports one.
            keep: Whether to store the picture, so that it can be reviewed, searched and exported.

        Returns:
            The suggestions and the vector; a picture that is in the archive already keeps its text if it has one.

        Raises:
            NotAllowedError: The user may not upload.
            PictureError: The file is not a readable picture, or the encoder failed on it.
            NotFoundError: The profile does not exist.
            BusyError: Too many requests are queued.
            EncoderError: The encoder cannot be loaded or run.
            StorageError: The disk is full, or the store is unreachable or not writable.
        """
        require(user, Action.UPLOAD)
        found = self._suggester.taxonomy().profile(profile)  # raises before anything is written
        self._renditions.touch()
        picture = open_picture(data, max_pixels=self._max_pixels)
        picture = replace(picture, image=self._encoder().prepare(picture.image))  # what waits in the queue is small
        request = _Request(sha256_of(data), len(data), name, picture, text.clean())
        if keep:
            self._images.store_original(request.sha256, data)
        kind = _Kind(user, found, instruction, keep)
        tagged = self._open_batcher().do((request, kind), kind)
        if keep:
            self._renditions.put(request.sha256)
        return tagged

    def busy(self) -> bool:
        """Check for recent requests, so that background work can yield to them.

        Returns:
            Whether there was a request in the last half second.
        """
        return self._renditions.is_busy

    def close(self) -> None:
        """Release the threads."""
        self._renditions.close()
        if self._batcher is not None:
            self._batcher.close()

    def _open_batcher(self) -> MicroBatcher[tuple[_Request, _Kind], TaggedPicture]:
        with self._opening:
            if self._batcher is None:
                serialized = getattr(self._encoder(), "one_at_a_time", True)
                self._batcher = MicroBatcher(self._work, 1 if serialized else self._threads)
            return self._batcher

    def _work(self, batch: Sequence[tuple[_Request, _Kind]]) -> list[TaggedPicture | Exception]:
        """Tag the requests of a batch, which are of one kind."""
        requests, kind = [request for request, _ in batch], batch[0][1]
        passages = self._passages(requests)
        with self._database.read() as connection:
            library = self._suggester.library(connection, kind.profile.id)
        if not kind.instruction and library.instruction:
            kind = replace(kind, instruction=library.instruction)
        instructed_library = library if kind.instruction and kind.instruction == library.instruction else None
        default, instructed, failed = self._embed(requests, kind, passages)
        used = instructed or default
        kept: dict[str, tuple[int, bool]] = {}
        found: dict[str, list[Suggestion]] = {}
        known: set[str] = set()
        if kind.keep:
            own = instructed if instructed_library else {}
            with self._writing, self._database.write() as connection:  # a lock is faster than SQLite's busy wait
                kept, found = self._write(
                    connection, requests, kind, found=default, passages=passages, instructed=own
                )
        else:
            known = self._known([request.sha256 for request in requests])
        if instructed or not kind.keep:
            # Texts that are fused into the vectors must not count twice.
            unfused = {} if instructed_library and self._suggester.fuses else passages
            found, _ = self._suggester.predict(used, kind.profile.id, unfused, library=instructed_library)
        results: list[TaggedPicture | Exception] = []
        for name in [request.sha256 for request in requests]:
            if name in used:
                asset_id, new = kept.get(name, (None, name not in known))
                results.append(TaggedPicture(asset_id, new, name, found[name], used[name]))
            else:
                results.append(PictureError(failed[name]))
        return results

    def _embed(
        self, requests: Sequence[_Request], kind: _Kind, passages: dict[str, Passage]
    ) -> tuple[dict[str, Vectors], dict[str, Vectors], dict[str, str]]:
        """Return vectors under the default instruction, if needed, and under the given one, and error messages."""
        images = {request.sha256: request.picture.image for request in requests}
        default: dict[str, Vectors] = {}
        instructed: dict[str, Vectors] = {}
        failed: dict[str, str] = {}
        if kind.keep or not kind.instruction:
            default, failed = encode_with_bisection(self._encoder(), images)
        if kind.instruction:
            images = {key: image for key, image in images.items() if key not in failed}
            texts = {key: passage.text for key, passage in passages.items()}
            instructed, more = encode_with_bisection(self._encoder(), images, kind.instruction, texts=texts)
            failed = failed | more
        return default, instructed, failed

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
        *,
        found: dict[str, Vectors],
        passages: dict[str, Passage],
        instructed: dict[str, Vectors],
    ) -> tuple[dict[str, tuple[int, bool]], dict[str, list[Suggestion]]]:
        """Store the embedded pictures and their suggestions; known assets keep vectors and text, if they have them.

        Returns:
            Asset id and whether it is new, and suggestions, by SHA-256.
        """
        arrivals = [NewAsset(r.sha256, r.name, r.size, r.picture, r.text) for r in requests if r.sha256 in found]
        kept = asset_module.insert(connection, arrivals)
        names = {r.sha256: asset_module.safe_name(r.name) for r in requests}
        joined = [(asset_id, names[key], new) for key, (asset_id, new) in kept.items()]
        batches.join(connection, kind.user, f"From {kind.user.name}", profile=kind.profile, pictures=joined)
        old = [asset_id for asset_id, new in kept.values() if not new]
        late_texts.keep(
            connection,
            self._load_taxonomy(connection),
            self._suggester.fingerprint,
            actor=kind.user.name,
            arrivals=[(kept[r.sha256][0], r.text, passages.get(r.sha256)) for r in requests if r.sha256 in kept],
        )
        embedded = vectors.load(connection, self._suggester.fingerprint, old) if old else {}
        missing = {i: found[key] for key, (i, _) in kept.items() if i not in embedded}
        texts = {i: passages[key] for key, (i, new) in kept.items() if new and key in passages}
        new = {asset_id for asset_id, is_new in kept.values() if is_new}
        own = {i: instructed[key] for key, (i, _) in kept.items() if i in missing and key in instructed}
        suggested: dict[int, list[Suggestion]] = {}
        if missing:
            suggested = keep_embedded(
                connection,
                self._suggester,
                kind.profile.id,
                pictures=missing,
                passages=texts,
                new=new,
                instructed=own,
            )
        if embedded:
            updated, margins = self._suggester.predict_assets(connection, list(embedded), kind.profile.id)
            recorded_suggestions.record(connection, kind.profile.id, updated, margins=margins)
            suggested |= updated
        return kept, {key: suggested[i] for key, (i, _) in kept.items()}

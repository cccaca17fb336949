"""Tagging one picture while its caller waits: what a CMS's upload hook asks for."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from sqlalchemy import Connection, select

from tagging_core import assets as asset_module
from tagging_core import batches, vectors
from tagging_core.archive import Archive, sha256_of
from tagging_core.assets import NO_TEXT, Accompanying
from tagging_core.encoders import Encoder, Vectors
from tagging_core.gathering import Gatherer
from tagging_core.ingest import keep_embedded
from tagging_core.people import Action, User, require
from tagging_core.pictures import open_picture
from tagging_core.store import Database
from tagging_core.store.tables import assets
from tagging_core.suggesting import Suggester, Suggestion
from tagging_core.text_evidence import Passage


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
    sha256: str
    new: bool
    suggestions: list[Suggestion]
    vector: Vectors


class Tagger:
    """Tags single pictures, many callers at a time.

    Args:
        database: Where assets are kept.
        archive: Where the files are kept.
        encoder: Gives the loaded encoder.
        suggester: Suggests tags.
        threads: Batches that the model may work on at once, unless it takes one at a time.
        max_pixels: Larger pictures are refused.
    """

    def __init__(
        self,
        database: Database,
        archive: Archive,
        encoder: Callable[[], Encoder],
        suggester: Suggester,
        threads: int,
        max_pixels: int,
    ) -> None:
        self._database, self._archive = database, archive
        self._encoder, self._suggester = encoder, suggester
        self._threads, self._max_pixels = threads, max_pixels
        self._gatherer: Gatherer | None = None
        self._later = ThreadPoolExecutor(1, thread_name_prefix="renditions")

    def tag(
        self,
        user: User,
        data: bytes,
        profile: str,
        name: str = "",
        text: Accompanying = NO_TEXT,
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
        chosen = self._suggester.taxonomy().profile(profile)
        picture = open_picture(data, max_pixels=self._max_pixels)
        sha256 = sha256_of(data)
        gatherer = self._gather()
        prepared = self._encoder().prepare(picture.image)
        usual = gatherer.embed(prepared) if keep or not instruction else None
        vector = gatherer.embed(prepared, instruction) if instruction else usual
        assert vector is not None
        passage = self._passage(text)
        if not keep or usual is None:
            found, _ = self._suggester.think({0: vector}, profile, {0: passage} if passage else None)
            return Tagged(None, sha256, self._is_new(sha256), found[0], vector)
        self._archive.keep_original(sha256, data)
        with self._database.write() as connection:
            asset_id, new = asset_module.insert(connection, sha256, name, len(data), picture, text)
            batches.join(
                connection, user, f"From {user.name}", chosen, [(asset_id, asset_module.safe_name(name), new)]
            )
            suggestions = self._write(connection, asset_id, new, profile, usual, passage)
        if instruction:
            suggestions = self._suggester.think({0: vector}, profile, {0: passage} if passage else None)[0][0]
        self._later.submit(self._archive.keep, sha256, data, picture)
        return Tagged(asset_id, sha256, new, suggestions, vector)

    def close(self) -> None:
        """Finish what is still to be written."""
        if self._gatherer is not None:
            self._gatherer.close()
        self._later.shutdown(wait=True)

    def _gather(self) -> Gatherer:
        if self._gatherer is None:
            alone = getattr(self._encoder(), "one_at_a_time", True)
            self._gatherer = Gatherer(self._encoder, 1 if alone else self._threads)
        return self._gatherer

    def _passage(self, text: Accompanying) -> Passage | None:
        sentence = text.clean().sentence()
        return Passage(sentence, self._encoder().encode_passages([sentence])[0]) if sentence else None

    def _is_new(self, sha256: str) -> bool:
        with self._database.read() as connection:
            return connection.execute(select(assets.c.id).where(assets.c.sha256 == sha256)).first() is None

    def _write(
        self,
        connection: Connection,
        asset_id: int,
        new: bool,
        profile: str,
        vector: Vectors,
        passage: Passage | None,
    ) -> list[Suggestion]:
        """A known picture keeps the text it has; only what it lacks is written."""
        if new or asset_id not in vectors.load(connection, self._suggester.fingerprint, [asset_id]):
            passages = {asset_id: passage} if passage else {}
            return keep_embedded(connection, self._suggester, profile, {asset_id: vector}, passages)[asset_id]
        return self._suggester.suggest(connection, [asset_id], profile)[asset_id]

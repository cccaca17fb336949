"""The ingest service: queue pictures as batches, follow their progress, stop and resume them."""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from tagging_core.assets import repository
from tagging_core.common.users import Action, User, require
from tagging_core.errors import SourceError, UnreachableError
from tagging_core.ingest import batches, sources
from tagging_core.ingest.batches import Batch
from tagging_core.ingest.entries import Entry, shown, title
from tagging_core.ingest.queue_status import QueueStatus
from tagging_core.learning.active_model import ActiveModel
from tagging_core.storage import Database
from tagging_core.storage.blobs import BlobStore

SAMPLES = Path(__file__).parents[2] / "data" / "demo"


class IngestService:
    """Queues pictures as batches.

    Args:
        database: The store of record.
        blobs: Where uploads are staged.
        model: Provides the taxonomy with its profiles.
        ingest_root: The only folder that editors may ingest from; None if they may not.
        wake: Called after a batch was queued, to wake the background worker.

    Attributes:
        queue: Load, active workers and dead-lettered chunks.
    """

    def __init__(
        self,
        database: Database,
        blobs: BlobStore,
        model: ActiveModel,
        *,
        ingest_root: Path | None,
        wake: Callable[[], None],
    ) -> None:
        self._database, self._blobs, self._model = database, blobs, model
        self._ingest_root, self._wake = ingest_root, wake
        self.queue = QueueStatus(database)

    def upload(self, user: User, files: Iterable[tuple[str, bytes]], profile: str, *, name: str = "") -> int:
        """Queue uploaded files, zips among them, as a batch.

        Args:
            user: Needs the right to upload.
            files: Name and bytes of each.
            profile: Id of the batch's profile.
            name: The batch's name; derived from the files if empty.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: The profile does not exist.
            SourceError: There are no pictures; a zip that cannot be read is refused within the batch.
            StorageError: The disk is full, or the store is unreachable or not writable; nothing was queued.
        """
        return self._submit(
            user, lambda prefix: sources.stage_uploads(files, self._blobs, prefix), profile, name=name
        )

    def ingest_paths(self, user: User, paths: Sequence[Path], profile: str, *, name: str = "") -> int:
        """Queue local files, folders and zips; for callers who may read any file of this machine.

        Args:
            user: Needs the right to upload.
            paths: Files are read when their turn comes, so they must stay in place; zips are unpacked at once, also
                those in folders.
            profile: Id of the batch's profile.
            name: The batch's name; the paths' names if empty.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: The profile does not exist.
            SourceError: None of the paths exists, or there are no files; what cannot be read is refused within
                the batch.
            StorageError: The disk is full, or the store is unreachable or not writable; nothing was queued.
        """

        return self._submit(
            user,
            lambda prefix: sources.list_paths(paths, self._blobs, prefix),
            profile,
            name=name or ", ".join(shown(p.name or str(p)) for p in paths),
        )

    def ingest_server_path(self, user: User, path: str, profile: str) -> int:
        """Queue a path below TAGLOOP_INGEST_ROOT.

        Args:
            user: Needs the right to upload.
            path: A file, folder or zip, relative to TAGLOOP_INGEST_ROOT.
            profile: Id of the batch's profile.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: The profile does not exist.
            SourceError: The setting is empty, the path is outside that folder or does not exist, or has no files.
            StorageError: The disk is full, or the store is unreachable or not writable; nothing was queued.
        """
        return self.ingest_paths(user, [sources.within_root(path, self._ingest_root)], profile)

    def ingest_samples(self, user: User) -> int:
        """Queue the sample photos that ship with Tagloop.

        Args:
            user: Needs the right to upload.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            SourceError: This installation has no sample photos.
        """
        if not SAMPLES.is_dir():
            raise SourceError("The sample photos are missing: this installation has no folder data/demo.")
        return self.ingest_paths(user, [SAMPLES], "e-commerce", name="Sample photos")

    def collect(self, user: User, asset_ids: Sequence[int], profile: str, *, name: str) -> int:
        """Create a finished batch from assets of the archive, for joint review.

        Args:
            user: Needs the right to upload.
            asset_ids: Duplicates and unknown ids are ignored.
            profile: Id of the batch's profile.
            name: The batch's name; `Found pictures` if blank.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: The profile does not exist.
            SourceError: None of the assets exists.
        """
        with self._database.write(durable=True) as connection:
            chosen = self._model.load_taxonomy(connection).profile(profile)
            found = repository.get_many(connection, list(dict.fromkeys(asset_ids)))
            if not found:
                raise SourceError("A batch needs at least one picture of the archive.")
            pictures = [(asset.id, asset.name, False) for asset in found]
            return batches.join(
                connection, user, name.strip() or "Found pictures", profile=chosen, pictures=pictures, fresh=True
            )

    def batch(self, batch_id: int) -> Batch:
        """Return a batch and its progress.

        Args:
            batch_id: The batch.

        Returns:
            The batch, with counts as of now.

        Raises:
            NotFoundError: There is no such batch.
        """
        with self._database.read() as connection:
            return batches.get(connection, batch_id)

    def recent(self, limit: int = 20, before: int = 0) -> list[Batch]:
        """Return a page of batches and their progress.

        Args:
            limit: Maximum number of batches.
            before: Only batches with a lower id, for paging; 0 for all.

        Returns:
            Batches in any state, latest first.
        """
        with self._database.read() as connection:
            return batches.recent(connection, limit, before)

    def refused(self, batch_id: int) -> list[tuple[str, str]]:
        """List the files of a batch that were refused.

        Args:
            batch_id: The batch; an unknown one has no files.

        Returns:
            (file name, reason) of the first 200 of them, in upload order.
        """
        with self._database.read() as connection:
            return batches.refused(connection, batch_id)

    def batch_names(self) -> dict[int, tuple[str, str]]:
        """List the latest batches, for choosing one.

        Returns:
            (name, profile id) by batch id of the latest 200 batches, latest first.
        """
        with self._database.read() as connection:
            return batches.names(connection)

    def stop(self, user: User, batch_id: int) -> None:
        """Stop a batch after the chunks in progress; finished pictures are kept.

        Args:
            user: Needs the right to upload.
            batch_id: The batch; a no-op unless it is running.

        Raises:
            NotAllowedError: The user may not upload.
        """
        require(user, Action.UPLOAD)
        with self._database.write() as connection:
            batches.stop(connection, batch_id, f"Stopped by {user.name}.")

    def resume(self, user: User, batch_id: int) -> None:
        """Resume a stopped batch; dead-lettered chunks are retried.

        Args:
            user: Needs the right to upload.
            batch_id: The batch; its state changes only if it is stopped.

        Raises:
            NotAllowedError: The user may not upload.
        """
        require(user, Action.UPLOAD)
        with self._database.write() as connection:
            batches.resume(connection, batch_id)
        self._wake()

    def _submit(self, user: User, stage: Callable[[str], list[Entry]], profile: str, *, name: str) -> int:
        require(user, Action.UPLOAD)
        prefix = f"{sources.INCOMING}/{uuid.uuid4().hex}"
        try:
            entries = stage(prefix)
            with self._database.write(durable=True) as connection:
                chosen = self._model.load_taxonomy(connection).profile(profile)
                batch_id = batches.submit(connection, user, name or title(entries), profile=chosen, entries=entries)
        except BaseException:
            with contextlib.suppress(UnreachableError):  # then the next start removes them
                for staged in self._blobs.older_than(prefix, 0.0):
                    self._blobs.remove(staged)
            raise
        self._wake()
        return batch_id

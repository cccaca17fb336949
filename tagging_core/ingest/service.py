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
from tagging_core.ingest.queue_status import QueueStatus
from tagging_core.ingest.sources import Entry
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
            files: Name and bytes of each.
            profile: Id of the batch's profile.
            name: The batch's name; derived from the files if empty.

        Returns:
            The batch's id.

        Raises:
            NotAllowedError: The user may not upload.
            NotFoundError: The profile does not exist.
            SourceError: There are no files, or a zip cannot be read.
            StorageError: The disk is full; nothing was queued.
        """
        return self._submit(
            user, lambda prefix: sources.stage_uploads(files, self._blobs, prefix), profile, name=name
        )

    def ingest_paths(self, user: User, paths: Sequence[Path], profile: str, *, name: str = "") -> int:
        """Queue local files, folders and zips; for callers who may read any file of this machine."""

        def entries(prefix: str) -> list[Entry]:
            found: list[Entry] = []
            for path in paths:
                if path.is_file() and path.suffix.lower() == ".zip":
                    found += sources.stage_zip(path, path.name, self._blobs, prefix=f"{prefix}/{len(found)}")
                else:
                    found += sources.list_path(path)
            return found

        return self._submit(user, entries, profile, name=name or ", ".join(p.name or str(p) for p in paths))

    def ingest_server_path(self, user: User, path: str, profile: str) -> int:
        """Queue a path below TAGLOOP_INGEST_ROOT.

        Raises:
            SourceError: The path is outside of it or does not exist, or the setting is empty.
        """
        return self.ingest_paths(user, [sources.within_root(path, self._ingest_root)], profile)

    def ingest_samples(self, user: User) -> int:
        """Queue the sample photos that ship with Tagloop."""
        if not SAMPLES.is_dir():
            raise SourceError("The sample photos are missing: this installation has no folder data/demo.")
        return self.ingest_paths(user, [SAMPLES], "e-commerce", name="Sample photos")

    def collect(self, user: User, asset_ids: Sequence[int], profile: str, *, name: str) -> int:
        """Create a finished batch from assets of the archive, for joint review; return its id."""
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

        Raises:
            NotFoundError: There is no such batch.
        """
        with self._database.read() as connection:
            return batches.get(connection, batch_id)

    def recent(self, limit: int = 20, before: int = 0) -> list[Batch]:
        """Return the latest batches, latest first.

        Args:
            before: Only batches with a lower id, for paging; 0 for all.
        """
        with self._database.read() as connection:
            return batches.recent(connection, limit, before)

    def refused(self, batch_id: int) -> list[tuple[str, str]]:
        """Return name and reason of the first 200 files of a batch that were refused."""
        with self._database.read() as connection:
            return batches.refused(connection, batch_id)

    def batch_names(self) -> dict[int, tuple[str, str]]:
        """Return name and profile of the latest batches by id."""
        with self._database.read() as connection:
            return batches.names(connection)

    def stop(self, user: User, batch_id: int) -> None:
        """Stop a batch after the chunks in progress; finished pictures are kept."""
        require(user, Action.UPLOAD)
        with self._database.write() as connection:
            batches.stop(connection, batch_id, f"Stopped by {user.name}.")

    def resume(self, user: User, batch_id: int) -> None:
        """Resume a stopped batch; dead-lettered chunks are retried."""
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
                batch_id = batches.submit(
                    connection, user, name or sources.title(entries), profile=chosen, entries=entries
                )
        except BaseException:
            with contextlib.suppress(UnreachableError):  # then the next start removes them
                for staged in self._blobs.older_than(prefix, 0.0):
                    self._blobs.remove(staged)
            raise
        self._wake()
        return batch_id

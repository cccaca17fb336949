"""Rebuilds everything that is derived from the ledger."""

from __future__ import annotations

from collections.abc import Callable

from sqlalchemy import Connection

from tagging_core.assets import protected
from tagging_core.common.users import Action, User, require
from tagging_core.curation.proposals import store as proposals
from tagging_core.learning.library import TagLibrary
from tagging_core.ledger import replay as asset_replay
from tagging_core.ledger import taxonomy_store
from tagging_core.publishing import captions
from tagging_core.search import chroma_feeder
from tagging_core.storage import Database, key_values


def _replay_labels(connection: Connection) -> None:
    asset_replay.replay(connection, taxonomy_store.load(connection))


REPLAYS: tuple[tuple[str, Callable[[Connection], object]], ...] = (
    ("taxonomy", taxonomy_store.replay),
    ("protected pictures", protected.replay),
    ("dismissed proposals", proposals.replay),
    ("captions", captions.replay),
    ("labels, reviews and figures", _replay_labels),
)
"""What rebuilds each table that is derived from events, in the order of their dependencies."""


def rebuild(database: Database, library: TagLibrary, user: User, *, progress: Callable[[str], None]) -> int:
    """Rebuild all derived tables from the ledger, fit every tag and schedule a rebuild of the Chroma index.

    Args:
        database: The store of record; derived tables are replaced in one transaction.
        library: The active model's tag library.
        user: An administrator.
        progress: Called with the name of each step.

    Returns:
        The number of asset events replayed.

    Raises:
        NotAllowedError: The user is not an administrator.
        EncoderError: A tag's text has to be embedded and the encoder cannot be loaded.
        StorageError: The database cannot be read or written.
    """
    require(user, Action.OPERATE)
    with database.write(durable=True) as connection:
        for name, replay in REPLAYS:
            progress(f"replaying {name}")
            replay(connection)
        replayed = asset_replay.count_events(connection)
    progress("fitting the tags")
    library.settle()
    with database.write() as connection:
        key_values.put(connection, chroma_feeder.REBUILD, "yes")
    return replayed

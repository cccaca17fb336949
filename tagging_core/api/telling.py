"""What webhooks tell: the same models as the interface, as things are when they are first sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sqlalchemy import Connection

from tagging_core import assets, batches, tags
from tagging_core.api import shaping
from tagging_core.delivering import Tell
from tagging_core.webhooks import Happening

if TYPE_CHECKING:
    from tagging_core.tagloop import Tagloop


def teller(loop: Tagloop) -> Tell:
    """Tells of one installation's assets, batches and tags."""

    def tell(connection: Connection, kind: Happening, subject: dict[str, Any]) -> dict[str, Any]:
        taxonomy = loop.library.taxonomies.load(connection)
        if "asset" in subject:
            found = [assets.get(connection, subject["asset"])]
            return {"asset": shaping.assets(connection, taxonomy, found, "en")[0].model_dump(mode="json")}
        if "batch" in subject:
            return {"batch": shaping.batch(batches.get(connection, subject["batch"])).model_dump(mode="json")}
        tag = taxonomy.tags.get(subject["tag"])
        if tag is None:
            return {"tag": {"id": subject["tag"], "state": "deleted"}}
        counts = tags.counts(connection, [tag.id])
        return {"tag": shaping.tag(tag, counts.get(tag.id, (0, 0)), "en").model_dump(mode="json")}

    return tell

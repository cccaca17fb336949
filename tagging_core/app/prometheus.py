"""Metrics as Prometheus reads them: what this process counted, and what the database and the devices say then."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from sqlalchemy import Connection, func, select

from tagging_core.analytics import drift
from tagging_core.common.metrics import COUNTED
from tagging_core.common.users import SYSTEM
from tagging_core.embeddings.encoders.devices import describe
from tagging_core.errors import StorageError
from tagging_core.ingest import queue_status
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets, deliveries, events, outbox

if TYPE_CHECKING:
    from tagging_core.app.tagloop import Tagloop


def expose(loop: Tagloop) -> bytes:
    """Everything, in Prometheus' text format; what the database would say is left out while it is away."""
    return generate_latest(registry(loop))


def registry(loop: Tagloop) -> CollectorRegistry:
    """What an HTTP server of Prometheus' client library can serve."""
    found = CollectorRegistry()
    found.register(COUNTED)  # it collects like any other collector
    found.register(_Installation(loop))
    return found


class _Installation(Collector):
    """Gauges that are read from the database and the devices at each scrape."""

    def __init__(self, loop: Tagloop) -> None:
        self._loop = loop

    def describe(self) -> list[Metric]:
        """Nothing beforehand: to say it would take the database at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read them."""
        worker = self._loop.worker
        yield _gauge(
            "tagloop_up", "1 unless something keeps this process from its work", not (worker and worker.trouble)
        )
        yield from self._devices()
        try:
            with self._loop.database.read() as connection:
                found = [*_work(connection), *_library(connection), _drift(connection)]
            yield _gauge("tagloop_database_up", "Whether the database answers", 1)
            yield from found
        except StorageError:
            yield _gauge("tagloop_database_up", "Whether the database answers", 0)

    def _devices(self) -> Iterator[Metric]:
        used = GaugeMetricFamily(
            "tagloop_device_memory_used_bytes", "Memory in use, by all that runs there", labels=["device"]
        )
        whole = GaugeMetricFamily(
            "tagloop_device_memory_bytes", "Memory of the devices that models run on", labels=["device"]
        )
        encoders = self._loop.resources.encoders.loaded()
        for name in dict.fromkeys(name for e in encoders for name in getattr(e, "devices", ["cpu"])):
            device = describe(name)
            used.add_metric([name], device.memory - device.free)
            whole.add_metric([name], device.memory)
        yield used
        yield whole


def _work(connection: Connection) -> Iterator[Metric]:
    load = queue_status.load(connection)
    yield _gauge("tagloop_queue_pictures", "Pictures that nobody has begun", load.waiting)
    yield _gauge("tagloop_queue_age_seconds", "How long the oldest of them has waited", load.oldest_seconds)
    yield _gauge("tagloop_pictures_in_work", "Pictures that workers hold", load.in_work)
    yield _gauge("tagloop_pictures_put_aside", "Pictures that failed again and again", load.dead_lettered)
    given_up = select(func.count()).select_from(deliveries).where(deliveries.c.state == "dead")
    yield _gauge(
        "tagloop_webhooks_given_up", "Deliveries that were given up", connection.execute(given_up).scalar_one()
    )
    waiting = select(func.count()).select_from(outbox)
    yield _gauge(
        "tagloop_index_pending", "Changes on their way to Chroma", connection.execute(waiting).scalar_one()
    )


def _library(connection: Connection) -> Iterator[Metric]:
    yield _gauge(
        "tagloop_library_revision", "The tag library's revision", key_values.get_int(connection, key_values.LIBRARY)
    )
    for name, told, table in (
        ("tagloop_ledger_events", "The latest event's number: what people decided", events),
        ("tagloop_assets", "The latest picture's number", assets),
    ):
        yield _gauge(name, told, connection.execute(select(func.max(table.c.id))).scalar() or 0)


def _drift(connection: Connection) -> Metric:
    told = "Change of a tag's share in what comes in, where the latest daily check found one"
    family = GaugeMetricFamily("tagloop_tag_share_change", told, labels=["tag"])
    for check in drift.latest(connection, SYSTEM, limit=1).values():
        for tag in check.tags:
            family.add_metric([tag.tag_id], tag.now - tag.before)
    return family


def _gauge(name: str, told: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, told)
    family.add_metric([], value)
    return family

"""Prometheus metrics: counters of this process, and gauges read from database and devices at each scrape."""

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
    """Return all metrics in Prometheus' text format, without those of the database while it cannot be reached."""
    return generate_latest(registry(loop))


def registry(loop: Tagloop) -> CollectorRegistry:
    """Return a registry for the HTTP server of `prometheus_client`."""
    metrics = CollectorRegistry()
    metrics.register(COUNTED)  # a registry can be collected like any collector
    metrics.register(_Installation(loop))
    return metrics


class _Installation(Collector):
    """Gauges read from the database and the devices at each scrape."""

    def __init__(self, loop: Tagloop) -> None:
        self._loop = loop

    def describe(self) -> list[Metric]:
        """Return nothing, as describing the metrics would read the database at registration."""
        return []

    def collect(self) -> Iterator[Metric]:
        """Read the gauges."""
        worker = self._loop.worker
        yield _gauge(
            "tagloop_up", "0 if the worker of this process reports an error", not (worker and worker.trouble)
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
            "tagloop_device_memory_used_bytes", "Device memory in use by all processes", labels=["device"]
        )
        whole = GaugeMetricFamily(
            "tagloop_device_memory_bytes", "Total memory of the devices that models run on", labels=["device"]
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
    yield _gauge("tagloop_queue_pictures", "Pictures waiting in the queue", load.waiting)
    yield _gauge("tagloop_queue_age_seconds", "Age of the oldest waiting picture", load.oldest_seconds)
    yield _gauge("tagloop_pictures_in_work", "Pictures leased by workers", load.in_work)
    yield _gauge("tagloop_pictures_put_aside", "Dead-lettered pictures", load.dead_lettered)
    given_up = select(func.count()).select_from(deliveries).where(deliveries.c.state == "dead")
    yield _gauge(
        "tagloop_webhooks_given_up", "Dead-lettered webhook deliveries", connection.execute(given_up).scalar_one()
    )
    waiting = select(func.count()).select_from(outbox)
    yield _gauge(
        "tagloop_index_pending", "Changes not yet written to Chroma", connection.execute(waiting).scalar_one()
    )


def _library(connection: Connection) -> Iterator[Metric]:
    revision = key_values.get_int(connection, key_values.LIBRARY)
    yield _gauge("tagloop_library_revision", "Revision of the tag library", revision)
    for name, text, table in (
        ("tagloop_ledger_events", "Id of the latest event", events),
        ("tagloop_assets", "Id of the latest picture", assets),
    ):
        yield _gauge(name, text, connection.execute(select(func.max(table.c.id))).scalar() or 0)


def _drift(connection: Connection) -> Metric:
    text = "Change of a tag's share of new pictures, where the latest daily check found drift"
    family = GaugeMetricFamily("tagloop_tag_share_change", text, labels=["tag"])
    for check in drift.latest(connection, SYSTEM, limit=1).values():
        for tag in check.tags:
            family.add_metric([tag.tag_id], tag.now - tag.before)
    return family


def _gauge(name: str, text: str, value: float) -> Metric:
    family = GaugeMetricFamily(name, text)
    family.add_metric([], value)
    return family

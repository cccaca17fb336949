"""The message queue: Dramatiq on RabbitMQ, on Redis, or within the process.

A message carries only a chunk's ids; the state of the work is in the database, from which lost messages are sent
again (see `dispatcher`). A duplicate message finds its chunk done. Retries, dead letters and time limits also live
in the database, so Dramatiq runs without its middleware.
"""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from urllib.parse import urlsplit

import dramatiq
import pika.exceptions
import redis.exceptions
from dramatiq import Actor, Worker
from dramatiq.brokers.rabbitmq import RabbitmqBroker
from dramatiq.brokers.redis import RedisBroker
from dramatiq.brokers.stub import StubBroker
from dramatiq.errors import BrokerConnectionError

from tagging_core.errors import SettingsError, UnreachableError
from tagging_core.ingest.chunks import Due

_URGENT, _BULK = "tagloop-urgent", "tagloop-bulk"
_POLL_MILLISECONDS = 50  # poll interval of idle threads; bounds the delay of shutdown and of messages on Redis
_REDIS = {  # messages of a worker without heartbeat are requeued after 10 s, checked at 1 in 100 commands
    "heartbeat_timeout": 10_000,
    "maintenance_chance": 10_000,
}

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs a traceback per attempt; callers report errors


class Broker:
    """Sends chunk messages, and receives them once `consume` was called. Thread-safe.

    Args:
        url: `amqp://` or `redis://`; empty for an in-memory queue of this process.
        work: Processes a chunk, given its job id and number.

    Raises:
        SettingsError: The URL has an unknown scheme.
    """

    def __init__(self, url: str, work: Callable[[int, int], None]) -> None:
        self._broker = _broker(url)
        self._where = urlsplit(url).hostname or "this process"
        self.durable = bool(url)
        self._actors = [
            _actor(self._broker, work, _URGENT, priority=0),
            _actor(self._broker, work, _BULK, priority=1),
        ]
        self._worker: Worker | None = None
        self._lifecycle, self._closed = threading.Lock(), False

    def send(self, chunks: Sequence[Due]) -> None:
        """Send messages for chunks; those that are not bulk have priority.

        Args:
            chunks: One message is sent for each.

        Raises:
            UnreachableError: The broker does not respond; some messages may have been sent.
        """
        with self._translate_errors():
            for chunk in chunks:
                self._actors[chunk.bulk].send(*chunk.ref)

    def waiting(self) -> int:
        """Count the queued messages of both priorities.

        Returns:
            The number of messages; RabbitMQ does not count those delivered to a worker.

        Raises:
            UnreachableError: The broker does not respond.
        """
        with self._translate_errors():
            return sum(_queue_length(self._broker, name) for name in (_URGENT, _BULK))

    def consume(self, threads: int) -> None:
        """Start processing messages; a no-op if started or closed.

        Args:
            threads: Number of chunks processed at once, each in a thread of its own.
        """
        with self._lifecycle:
            if self._worker is not None or self._closed:
                return
            self._worker = Worker(self._broker, worker_timeout=_POLL_MILLISECONDS, worker_threads=threads)
            self._worker.queue_prefetch = threads + 1  # one in reserve; the rest stays available to other workers
            self._worker.start()

    def close(self, seconds: float = 30.0) -> None:
        """Shut down after the chunks in progress, and requeue prefetched messages.

        Args:
            seconds: Maximum wait for the chunks; the lease of an unfinished one expires and it is retried.
        """
        with self._lifecycle:
            self._closed = True
        if self._worker is not None:
            self._worker.stop(int(seconds * 1000))
        self._broker.close()

    @contextmanager
    def _translate_errors(self) -> Iterator[None]:
        try:
            yield
        except (BrokerConnectionError, pika.exceptions.AMQPError, redis.exceptions.RedisError, OSError) as error:
            raise UnreachableError(
                f"The queue at {self._where} does not answer ({type(error).__name__}). Ingest pauses and resumes "
                "by itself when the queue is back; check TAGLOOP_QUEUE_URL."
            ) from error


def _broker(url: str) -> dramatiq.Broker:
    scheme = urlsplit(url).scheme
    if not url:
        return StubBroker(middleware=[])
    if scheme in ("amqp", "amqps"):
        return RabbitmqBroker(url=url, middleware=[], confirm_delivery=True)
    if scheme in ("redis", "rediss"):
        return RedisBroker(url=url, middleware=[], namespace="tagloop", **_REDIS)  # type: ignore[no-untyped-call]
    raise SettingsError(
        f"TAGLOOP_QUEUE_URL={scheme or url}... is not supported: expected amqp://USER:PASSWORD@HOST for RabbitMQ, "
        "redis://HOST for Redis, or an empty value for a queue within the process."
    )


def _actor(
    broker: dramatiq.Broker, work: Callable[[int, int], None], queue: str, *, priority: int
) -> Actor[[int, int], None]:
    return Actor(work, broker=broker, actor_name=queue, queue_name=queue, priority=priority, options={})


def _queue_length(broker: dramatiq.Broker, name: str) -> int:
    if isinstance(broker, RabbitmqBroker):
        try:
            return int(broker.get_queue_message_counts(name)[0])
        except pika.exceptions.AMQPError:
            del broker.connection  # it stays broken; the next call reconnects
            raise
    if isinstance(broker, RedisBroker):
        return int(broker.do_qsize(name))
    return int(broker.queues[name].qsize())

"""Messages that tell workers which chunks to do, by Dramatiq: through RabbitMQ, Redis, or within this process.

A message carries the ids of a chunk and nothing else. What is to be done is in the database, which says so again
when a message was lost, see `dispatching`; a message that comes twice finds its chunk done. So retries, dead
letters and time limits are the database's concern too, and Dramatiq is used without its middleware.
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
_IDLE_MILLISECONDS = 50  # between two looks of an idle thread: as long an end, or a message by Redis, may wait
_REDIS = {  # of a worker that vanished, what it had taken goes back after as long; looked for at 1 in 100 commands
    "heartbeat_timeout": 10_000,
    "maintenance_chance": 10_000,
}

logging.getLogger("pika").setLevel(logging.CRITICAL)  # it logs each failed attempt with a traceback, and we tell


class Broker:
    """Sends them, and takes them where `consume` was called; safe to use from any thread.

    Args:
        url: `amqp://` or `redis://`; empty for a queue within this process, which ends with it.
        work: Does the chunk of a job's id and a number.

    Raises:
        SettingsError: The URL names no broker.
    """

    def __init__(self, url: str, work: Callable[[int, int], None]) -> None:
        self._broker = _broker(url)
        self._where = urlsplit(url).hostname or "this process"
        self.lasting = bool(url)
        self._actors = [_actor(self._broker, work, _URGENT, 0), _actor(self._broker, work, _BULK, 1)]
        self._worker: Worker | None = None
        self._starting, self._closed = threading.Lock(), False

    def send(self, chunks: Sequence[Due]) -> None:
        """Tell workers of chunks; those that people wait for overtake the others.

        Raises:
            UnreachableError: The broker does not answer; some may have been sent.
        """
        with self._translate_errors():
            for chunk in chunks:
                self._actors[chunk.bulk].send(*chunk.ref)

    def waiting(self) -> int:
        """How many messages the broker holds; RabbitMQ leaves out those that a worker has taken.

        Raises:
            UnreachableError: The broker does not answer.
        """
        with self._translate_errors():
            return sum(_held(self._broker, name) for name in (_URGENT, _BULK))

    def consume(self, threads: int) -> None:
        """Work on what comes, so many chunks at once; nothing happens if that goes on already."""
        with self._starting:
            if self._worker is not None or self._closed:
                return
            self._worker = Worker(self._broker, worker_timeout=_IDLE_MILLISECONDS, worker_threads=threads)
            self._worker.queue_prefetch = threads + 1  # one at hand; the others are free for other workers
            self._worker.start()

    def close(self, seconds: float = 30.0) -> None:
        """End after the chunks in work; what was taken and not begun goes back."""
        with self._starting:
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
                f"The queue at {self._where} does not answer ({type(error).__name__}). Pictures wait, and go on "
                "by themselves when it is back; see TAGLOOP_QUEUE_URL."
            ) from error


def _broker(url: str) -> dramatiq.Broker:
    scheme = urlsplit(url).scheme
    if not url:
        return StubBroker(middleware=[])
    if scheme in ("amqp", "amqps"):
        return RabbitmqBroker(url=url, middleware=[], confirm_delivery=True)
    if scheme in ("redis", "rediss"):
        return RedisBroker(url=url, middleware=[], namespace="tagloop", **_REDIS)
    raise SettingsError(
        f"TAGLOOP_QUEUE_URL={scheme or url}... names no queue that can be used: expected amqp://USER:PASSWORD@HOST "
        "for RabbitMQ, redis://HOST for Redis, or nothing for a queue within the process."
    )


def _actor(
    broker: dramatiq.Broker, work: Callable[[int, int], None], queue: str, priority: int
) -> Actor[[int, int], None]:
    return Actor(work, broker=broker, actor_name=queue, queue_name=queue, priority=priority, options={})


def _held(broker: dramatiq.Broker, name: str) -> int:
    if isinstance(broker, RabbitmqBroker):
        try:
            return int(broker.get_queue_message_counts(name)[0])
        except pika.exceptions.AMQPError:
            del broker.connection  # it stays broken otherwise
            raise
    if isinstance(broker, RedisBroker):
        return int(broker.do_qsize(name))
    return int(broker.queues[name].qsize())

"""Real servers on loopback for tests, each in a folder of its own and gone with the test run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import uuid
from collections.abc import Callable
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Any

import httpx
import pika
import pytest
import redis
import sqlalchemy as sa

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the script in PATH insists on a user and a folder of its own
_GIVEN: set[int] = set()
_REQUIRED = os.environ.get("TAGLOOP_REQUIRE_SERVICES") == "1"


def missing(name: str) -> None:
    """Leave a test out for want of a server, or fail where none may be left out."""
    told = f"{name} is not installed; `make services` installs it on Debian"
    if _REQUIRED:
        pytest.fail(told)
    pytest.skip(told)


def free_port() -> int:
    """A port that nothing listens on, and that was not given out before."""
    while True:
        with closing(socket.socket()) as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        if port not in _GIVEN:
            _GIVEN.add(port)
            return port


class Server:
    """A server process that can be stopped, killed and started again on the same port and folder."""

    ending = signal.SIGTERM

    def __init__(self, command: list[str], folder: Path, ready: Callable[[], Any], **options: Any) -> None:
        self._command, self._folder, self._ready, self._options = command, folder, ready, options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60) -> None:
        """Start, and wait until it answers."""
        log = (self._folder / "log").open("ab")
        self.process = subprocess.Popen(
            self._command, stdout=log, stderr=log, start_new_session=True, **self._options
        )
        end = time.monotonic() + seconds
        while True:
            try:
                self._ready()
                return
            except Exception as error:  # whatever a client says while its server starts
                if self.process.poll() is not None or time.monotonic() > end:
                    tail = (self._folder / "log").read_text("utf-8", "replace")[-2000:]
                    raise AssertionError(f"{self._command[0]} does not answer: {error}\n{tail}") from error
                time.sleep(0.1)

    def stop(self) -> None:
        """End it in order."""
        if self.process is not None:
            self.process.send_signal(self.ending)
            self.process.wait(30)
            self.process = None

    def kill(self) -> None:
        """End it at once, as a crash would."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # what a script started as well
            self.process.wait(30)
            self.process = None


class Postgres(Server):
    """A PostgreSQL cluster; databases are made and copied by name."""

    ending = signal.SIGINT  # it waits for its clients otherwise

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port, user = free_port(), None
        if os.geteuid() == 0:  # which PostgreSQL refuses to run as
            user = "postgres"
            shutil.chown(folder, user)
            for parent in folder.parents:
                if parent.owner() == "root" and parent != Path("/tmp") and str(parent).startswith("/tmp"):
                    parent.chmod(0o755)
        programs = _POSTGRES[-1]
        data = folder / "data"
        options = ["-U", "tagloop", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"]
        made = [str(programs / "initdb"), "-D", str(data), *options]
        subprocess.run(made, check=True, capture_output=True, user=user, cwd=folder)
        options = ["-c", "fsync=off", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=400"]
        command = [str(programs / "postgres"), "-D", str(data), "-p", str(self.port), "-k", str(folder), *options]
        self._engine = sa.create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
        super().__init__(command, folder, lambda: self._run("SELECT 1"), user=user, cwd=folder)

    def url(self, database: str) -> str:
        """Where a database is, for SQLAlchemy."""
        return f"postgresql+psycopg://tagloop@127.0.0.1:{self.port}/{database}"

    def create(self, name: str, template: str = "template0") -> str:
        """Make a database, as a copy of another one; its URL."""
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Remove a database with all connections to it."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def cut(self, name: str) -> None:
        """Break every connection to a database."""
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)


def start_postgres(folder: Path) -> Postgres:
    """A running PostgreSQL; leaves the test out where it is not installed."""
    if not _POSTGRES:
        missing("PostgreSQL")
    server = Postgres(folder)
    server.start()
    return server


class Chroma(Server):
    """Chroma's server, as `chroma run` starts it; each installation has a database there."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port, self.data = free_port(), folder / "data"
        program = str(Path(sys.executable).with_name("chroma"))
        command = [program, "run", "--path", str(self.data), "--host", "127.0.0.1", "--port", str(self.port)]
        super().__init__(command, folder, self._answer)

    def url(self, database: str) -> str:
        """Where a database is, for TAGLOOP_CHROMA_URL."""
        return f"http://127.0.0.1:{self.port}/{database}"

    def _answer(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/api/v2/heartbeat").raise_for_status()


def start_chroma(folder: Path) -> Chroma:
    """A running Chroma server; it comes with chromadb."""
    server = Chroma(folder)
    server.start()
    return server


class Redis(Server):
    """A Redis that keeps what it has when it ends, and nothing when it is killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        super().__init__([*command, "--save", "3600 1", "--databases", "5000"], folder, self._answer)
        self._databases = count(1)

    @property
    def url(self) -> str:
        """Where it is, for TAGLOOP_QUEUE_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def next_url(self) -> str:
        """The same with a database that no test had before."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def _answer(self) -> None:
        with closing(redis.Redis(port=self.port)) as client:
            client.ping()


class RabbitMQ(Server):
    """A RabbitMQ node."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        config = folder / "rabbitmq.conf"
        config.write_text(f"listeners.tcp.1 = 127.0.0.1:{self.port}\nloopback_users.guest = false\n")
        options = {
            "RABBITMQ_CONFIG_FILE": str(config),
            "RABBITMQ_NODENAME": f"test-{uuid.uuid4().hex[:8]}@localhost",
            "RABBITMQ_DIST_PORT": str(free_port()),
            "RABBITMQ_MNESIA_BASE": str(folder / "data"),
            "RABBITMQ_LOG_BASE": str(folder),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(folder / "plugins"),
            "ERL_EPMD_ADDRESS": "127.0.0.1",
            "HOME": str(folder),
        }
        super().__init__([_RABBITMQ], folder, self._answer, env=os.environ | options)

    @property
    def url(self) -> str:
        """Where it is, for TAGLOOP_QUEUE_URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def _answer(self) -> None:
        pika.BlockingConnection(pika.URLParameters(self.url)).close()


class ObjectStore(Server):
    """An S3-compatible object store: moto's server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        program = str(Path(sys.executable).with_name("moto_server"))
        super().__init__([program, "-H", "127.0.0.1", "-p", str(self.port)], folder, self._answer)

    def environment(self) -> dict[str, str]:
        """The usual variables."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> str:
        """Make a bucket; its URL, for TAGLOOP_ASSETS_URL."""
        httpx.put(f"http://127.0.0.1:{self.port}/{name}").raise_for_status()
        return f"s3://{name}/pictures"

    def _answer(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/moto-api/data.json").raise_for_status()


def start_redis(folder: Path) -> Redis:
    """A running Redis; leaves the test out where it is not installed."""
    if shutil.which("redis-server") is None:
        missing("Redis")
    server = Redis(folder)
    server.start()
    return server


def start_rabbitmq(folder: Path) -> RabbitMQ:
    """A running RabbitMQ; leaves the test out where it is not installed."""
    if not Path(_RABBITMQ).exists():
        missing("RabbitMQ")
    server = RabbitMQ(folder)
    server.start()
    return server


def start_object_store(folder: Path) -> ObjectStore:
    """A running object store; it is one of the packages for development."""
    server = ObjectStore(folder)
    server.start()
    return server

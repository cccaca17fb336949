"""Real servers on loopback for tests, each with its own folder, stopped after the test run."""

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
_RABBITMQ = "/usr/lib/rabbitmq/bin/rabbitmq-server"  # the script in PATH requires its own user and folder
_USED_PORTS: set[int] = set()
_REQUIRED = os.environ.get("TAGLOOP_REQUIRE_SERVICES") == "1"


def missing(name: str) -> None:
    """Skip a test whose server is not installed; fail if TAGLOOP_REQUIRE_SERVICES is 1."""
    reason = f"{name} is not installed; `make services` installs it on Debian"
    if _REQUIRED:
        pytest.fail(reason)
    pytest.skip(reason)


def free_port() -> int:
    """Return a free port that was not returned before."""
    while True:
        with closing(socket.socket()) as found:
            found.bind(("127.0.0.1", 0))
            port = int(found.getsockname()[1])
        if port not in _USED_PORTS:
            _USED_PORTS.add(port)
            return port


class Server:
    """A server process that can be stopped, killed and started again on the same port and folder."""

    stop_signal = signal.SIGTERM

    def __init__(self, command: list[str], folder: Path, ready: Callable[[], Any], **options: Any) -> None:
        self._command, self._folder, self._ready, self._options = command, folder, ready, options
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, seconds: float = 60) -> None:
        """Start the server and wait until it responds."""
        log = (self._folder / "log").open("ab")
        self.process = subprocess.Popen(
            self._command, stdout=log, stderr=log, start_new_session=True, **self._options
        )
        end = time.monotonic() + seconds
        while True:
            try:
                self._ready()
                return
            except Exception as error:  # clients raise various errors while a server starts
                if self.process.poll() is not None or time.monotonic() > end:
                    tail = (self._folder / "log").read_text("utf-8", "replace")[-2000:]
                    raise AssertionError(f"{self._command[0]} does not answer: {error}\n{tail}") from error
                time.sleep(0.1)

    def stop(self) -> None:
        """Shut down gracefully."""
        if self.process is not None:
            self.process.send_signal(self.stop_signal)
            self.process.wait(30)
            self.process = None

    def kill(self) -> None:
        """Kill the server, like a crash."""
        if self.process is not None:
            os.killpg(self.process.pid, signal.SIGKILL)  # including the children of a start script
            self.process.wait(30)
            self.process = None


class Postgres(Server):
    """A PostgreSQL cluster; databases are created and copied by name."""

    stop_signal = signal.SIGINT  # SIGTERM waits for clients to disconnect

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port, user = free_port(), None
        if os.geteuid() == 0:  # PostgreSQL refuses to run as root
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
        """Return the SQLAlchemy URL of a database."""
        return f"postgresql+psycopg://tagloop@127.0.0.1:{self.port}/{database}"

    def create(self, name: str, template: str = "template0") -> str:
        """Create a database as a copy of another one and return its URL."""
        self._run(f'CREATE DATABASE "{name}" TEMPLATE "{template}"')
        return self.url(name)

    def drop(self, name: str) -> None:
        """Drop a database and all connections to it."""
        self._run(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')

    def terminate_connections(self, name: str) -> None:
        """Terminate every connection to a database."""
        self._run(f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")

    def _run(self, statement: str) -> None:
        with self._engine.connect() as connection:
            connection.exec_driver_sql(statement)


def start_postgres(folder: Path) -> Postgres:
    """Start PostgreSQL; skip the test if it is not installed."""
    if not _POSTGRES:
        missing("PostgreSQL")
    server = Postgres(folder)
    server.start()
    return server


class Chroma(Server):
    """Chroma's server, as started by `chroma run`; each installation has its own database."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port, self.data = free_port(), folder / "data"
        program = str(Path(sys.executable).with_name("chroma"))
        command = [program, "run", "--path", str(self.data), "--host", "127.0.0.1", "--port", str(self.port)]
        super().__init__(command, folder, self._ping)

    def url(self, database: str) -> str:
        """Return the URL of a database for TAGLOOP_CHROMA_URL."""
        return f"http://127.0.0.1:{self.port}/{database}"

    def _ping(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/api/v2/heartbeat").raise_for_status()


def start_chroma(folder: Path) -> Chroma:
    """Start a Chroma server; the program comes with chromadb."""
    server = Chroma(folder)
    server.start()
    return server


class Redis(Server):
    """A Redis that saves its data on shutdown and loses it when killed."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        command = ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--dir", str(folder)]
        super().__init__([*command, "--save", "3600 1", "--databases", "5000"], folder, self._ping)
        self._databases = count(1)

    @property
    def url(self) -> str:
        """The URL for TAGLOOP_QUEUE_URL."""
        return f"redis://127.0.0.1:{self.port}/0"

    def next_url(self) -> str:
        """Return the URL of a database that no other test uses."""
        return f"redis://127.0.0.1:{self.port}/{next(self._databases)}"

    def _ping(self) -> None:
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
        super().__init__([_RABBITMQ], folder, self._ping, env=os.environ | options)

    @property
    def url(self) -> str:
        """The URL for TAGLOOP_QUEUE_URL."""
        return f"amqp://guest:guest@127.0.0.1:{self.port}/%2F"

    def _ping(self) -> None:
        pika.BlockingConnection(pika.URLParameters(self.url)).close()


class ObjectStore(Server):
    """An S3-compatible object store: moto's server."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True)
        self.port = free_port()
        program = str(Path(sys.executable).with_name("moto_server"))
        super().__init__([program, "-H", "127.0.0.1", "-p", str(self.port)], folder, self._ping)

    def environment(self) -> dict[str, str]:
        """Return the environment variables that S3 clients read."""
        return {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test",
            "AWS_DEFAULT_REGION": "us-east-1",
        }

    def bucket(self, name: str) -> str:
        """Create a bucket and return its URL for TAGLOOP_ASSETS_URL."""
        httpx.put(f"http://127.0.0.1:{self.port}/{name}").raise_for_status()
        return f"s3://{name}/pictures"

    def _ping(self) -> None:
        httpx.get(f"http://127.0.0.1:{self.port}/moto-api/data.json").raise_for_status()


def start_redis(folder: Path) -> Redis:
    """Start Redis; skip the test if it is not installed."""
    if shutil.which("redis-server") is None:
        missing("Redis")
    server = Redis(folder)
    server.start()
    return server


def start_rabbitmq(folder: Path) -> RabbitMQ:
    """Start RabbitMQ; skip the test if it is not installed."""
    if not Path(_RABBITMQ).exists():
        missing("RabbitMQ")
    server = RabbitMQ(folder)
    server.start()
    return server


def start_object_store(folder: Path) -> ObjectStore:
    """Start an object store; its package is a development dependency."""
    server = ObjectStore(folder)
    server.start()
    return server

"""Real servers on loopback for tests, each in a folder of its own and gone with the test run."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import httpx
import pytest
import sqlalchemy as sa

_POSTGRES = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
_REQUIRED = os.environ.get("TAGLOOP_REQUIRE_SERVICES") == "1"


def missing(name: str) -> None:
    """Leave a test out for want of a server, or fail where none may be left out."""
    told = f"{name} is not installed; `make services` installs it on Debian"
    if _REQUIRED:
        pytest.fail(told)
    pytest.skip(told)


def free_port() -> int:
    """A port that nothing listens on."""
    with closing(socket.socket()) as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


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
            self.process.kill()
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

"""Fixtures: the REST service of a Tagloop with a running worker, and API keys for it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.testclient import TestClient

from tagging_core import Tagloop, User
from tagging_core.api import Client, keys, network, server
from tagging_core.api.keys import Scope
from tests.conftest import wait_for


def application(loop: Tagloop) -> Starlette:
    """The service of an installation that others start and close."""
    return Starlette(routes=server.routes(lambda: loop), middleware=network.middleware(loop.settings))


@pytest.fixture
def service(working: Tagloop) -> Iterator[TestClient]:
    """A test client of the whole service, with a running worker."""
    working.model.library.settle()
    wait_for(lambda: working.worker is not None and working.worker.chroma != "opening")
    with TestClient(application(working), base_url="http://127.0.0.1") as client:
        yield client


@pytest.fixture
def token(working: Tagloop, ann: User) -> Callable[..., str]:
    """Return a function that creates an API key with the given scopes, or with all of them."""

    def make(*scopes: Scope) -> str:
        with working.database.write() as connection:
            return keys.create(connection, ann, "CMS", scopes=scopes or tuple(Scope))[1]

    return make


@pytest.fixture
def address(working: Tagloop, service: TestClient) -> Iterator[str]:
    """The URL of the service, listening on a real port."""
    config = uvicorn.Config(application(working), port=0, log_level="error")
    real = uvicorn.Server(config)
    thread = threading.Thread(target=real.run, daemon=True)
    thread.start()
    wait_for(lambda: real.started)
    yield f"http://127.0.0.1:{real.servers[0].sockets[0].getsockname()[1]}/api/v1"
    real.should_exit = True
    thread.join(10)


@pytest.fixture
def client(address: str, token: Callable[..., str]) -> Iterator[Client]:
    """The package's own client, with every scope."""
    with Client(address, token()) as connected:
        yield connected

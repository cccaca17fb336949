"""The connection to a Tagloop service: sends requests, retries, turns refusals into errors."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from tagging_core.errors import TaggingError
from tagging_core.publishing import schemas

T = TypeVar("T")
_PATIENCE = (429, 503)
_TRIES = 5


class ServiceError(TaggingError):
    """The service refused a request.

    Attributes:
        status: HTTP status.
        problem: What it said, as RFC 9457 has it.
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        super().__init__(str(problem.get("detail") or problem.get("title") or f"The service answered {status}."))

    @property
    def kind(self) -> str:
        """What to branch on, such as `not-found`; empty if the answer came from something else."""
        return str(self.problem.get("type", "")).removeprefix("urn:tagloop:problem:")


class Connection:
    """Sends requests to one service.

    Args:
        http: Holds the service's address and the key.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def send(self, method: str, path: str, model: type[T], idempotency_key: str = "", **options: Any) -> T:
        """Send a request and return its answer as a model; `options` are httpx's."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        answer = self.ask(method, path, headers=headers, **options)
        if isinstance(model, type) and issubclass(model, BaseModel):
            return model.model_validate_json(answer.content)
        return TypeAdapter(model).validate_json(answer.content)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; what was refused for the moment is sent again.

        Raises:
            ServiceError: It was refused, or there is no service.
        """
        for left in reversed(range(_TRIES)):
            try:
                answer = self.http.request(method, path.lstrip("/"), **options)
            except httpx.HTTPError as error:
                where = self.http.base_url
                raise ServiceError(0, {"detail": f"The service at {where} cannot be reached: {error}."}) from error
            if answer.status_code not in _PATIENCE or not left:
                break
            time.sleep(min(10.0, float(answer.headers.get("retry-after", "1"))))
        if answer.is_success:
            return answer
        raise refused(answer)


class Resource:
    """Base of the client's resources.

    Args:
        connection: To the service.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def refused(answer: httpx.Response) -> ServiceError:
    """Return the error that an answer stands for."""
    told = answer.headers.get("content-type", "").startswith("application/problem+json")
    return ServiceError(answer.status_code, answer.json() if told else {})


def plain(asked: dict[str, Any]) -> dict[str, Any]:
    """Without what is left out, and as a query or form has it."""
    return {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items() if v is not None}


def filters_of(filters: schemas.Filters) -> dict[str, Any]:
    """Return filters as query parameters."""
    return filters.model_dump(mode="json", exclude_defaults=True)

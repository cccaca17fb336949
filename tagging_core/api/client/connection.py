"""The client's connection: sends requests, retries, and raises errors."""

from __future__ import annotations

import time
from typing import Any, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from tagging_core.common import retry_after
from tagging_core.errors import TaggingError
from tagging_core.publishing import schemas

T = TypeVar("T")
_RETRIED = (429, 503)
_ATTEMPTS = 5
_LONGEST_WAIT = 10.0  # seconds


class ServiceError(TaggingError):
    """The service refused a request.

    Attributes:
        status: HTTP status; 0 if the service could not be reached.
        problem: The problem details (RFC 9457).
    """

    def __init__(self, status: int, problem: dict[str, Any]) -> None:
        self.status, self.problem = status, problem
        detail = problem.get("detail") or problem.get("title")
        super().__init__(str(detail or f"The service answered with status {status}."))

    @property
    def kind(self) -> str:
        """Problem type, such as `not-found`; empty if the response is not a problem of Tagloop's."""
        return str(self.problem.get("type", "")).removeprefix("urn:tagloop:problem:")


class Connection:
    """Sends requests to one service.

    Args:
        http: Has the base URL and the credentials.
    """

    def __init__(self, http: httpx.Client) -> None:
        self.http = http

    def send(self, method: str, path: str, model: type[T], *, idempotency_key: str = "", **options: Any) -> T:
        """Send a request and parse the response into a model; `options` go to httpx."""
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        answer = self.ask(method, path, headers=headers, **options)
        if isinstance(model, type) and issubclass(model, BaseModel):
            return model.model_validate_json(answer.content)
        return TypeAdapter(model).validate_json(answer.content)

    def ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; retry as `Retry-After` says if the service is busy.

        Raises:
            ServiceError: The request failed, or the service cannot be reached.
        """
        for left in reversed(range(_ATTEMPTS)):
            try:
                answer = self.http.request(method, path.lstrip("/"), **options)
            except httpx.HTTPError as error:
                where = self.http.base_url
                raise ServiceError(0, {"detail": f"The service at {where} cannot be reached: {error}."}) from error
            if answer.status_code not in _RETRIED or not left:
                break
            time.sleep(retry_after.seconds(answer.headers.get("retry-after"), _LONGEST_WAIT) or 1.0)
        if answer.is_success:
            return answer
        raise refused(answer)


class Resource:
    """Base class of the client's resources."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection


def refused(answer: httpx.Response) -> ServiceError:
    """Return the error of an unsuccessful response."""
    is_problem = answer.headers.get("content-type", "").startswith("application/problem+json")
    return ServiceError(answer.status_code, answer.json() if is_problem else {})


def plain(asked: dict[str, Any]) -> dict[str, Any]:
    """Drop None and write booleans as queries and forms expect them."""
    return {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items() if v is not None}


def filters_of(filters: schemas.Filters) -> dict[str, Any]:
    """Return filters as query parameters."""
    return filters.model_dump(mode="json", exclude_defaults=True)

"""The interface over HTTP: the same calls, answers and errors as `Operations` has in process."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any, Literal, TypeVar

import httpx
from pydantic import BaseModel, TypeAdapter

from tagging_core.errors import TaggingError
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing import schemas
from tagging_core.publishing.exports.exporter import Format
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import EVERYTHING, Rendition

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


class Client:
    """Operations a Tagloop service.

    When it is told to wait, it waits and asks again; writing calls are safe to repeat under an idempotency key.

    Args:
        url: Of the service, such as `https://tagloop.example.com/api/v1`.
        key: An API key; empty where the service serves this machine without one.
        timeout: Seconds to wait for an answer.
        transport: How requests are sent, if not over the network.
    """

    def __init__(
        self, url: str, key: str = "", timeout: float = 60.0, transport: httpx.BaseTransport | None = None
    ) -> None:
        headers = {"authorization": f"Bearer {key}"} if key else {}
        self._http = httpx.Client(base_url=url, headers=headers, timeout=timeout, transport=transport)

    def __enter__(self) -> Client:
        """For `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Let the connection go."""
        self.close()

    def close(self) -> None:
        """Let the connection go."""
        self._http.close()

    # ---- pictures in --------------------------------------------------------------------------------------

    def tag_picture(
        self,
        picture: bytes,
        name: str = "",
        profile: str = "general",
        text: schemas.Text | None = None,
        instruction: str = "",
        top_k: int = MAX_SUGGESTIONS,
        target: float | None = None,
        language: schemas.Language = "en",
        keep: bool = True,
        vector: bool = False,
        idempotency_key: str = "",
    ) -> schemas.Tagged:
        """See `Operations.tag_picture`."""
        came = text.model_dump() if text else {}
        form = came | {"profile": profile, "instruction": instruction, "top_k": top_k, "language": language}
        form |= {"keep": keep, "vector": vector} | ({"target": target} if target is not None else {})
        files = [("picture", (name or "unnamed", picture))]
        return self._send("POST", "/pictures", schemas.Tagged, idempotency_key, data=_plain(form), files=files)

    def tag_pictures(
        self,
        files: Sequence[tuple[str, bytes]],
        profile: str = "general",
        name: str = "",
        idempotency_key: str = "",
    ) -> schemas.Job:
        """See `Operations.tag_pictures`."""
        form = {"profile": profile, "name": name}
        sent = [("files", (file or "unnamed", data)) for file, data in files]
        return self._send("POST", "/batches", schemas.Job, idempotency_key, data=form, files=sent)

    def get_job(self, job: int) -> schemas.Job:
        """See `Operations.get_job`."""
        return self._send("GET", f"/jobs/{job}", schemas.Job)

    def wait_for(self, job: int, seconds: float = 3_600.0, every: float = 0.5) -> schemas.Job:
        """Wait until a job is done or stopped.

        Raises:
            TimeoutError: It still runs after so many seconds.
        """
        end = time.monotonic() + seconds
        while (found := self.get_job(job)).state == "running":
            if time.monotonic() > end:
                raise TimeoutError(f"Job {job} still runs: {found.finished} of {found.total}.")
            time.sleep(every)
        return found

    def list_jobs(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Job]:
        """See `Operations.list_jobs`."""
        return self._send(
            "GET", "/jobs", schemas.Page[schemas.Job], params=_plain({"cursor": cursor, "limit": limit})
        )

    def stop_job(self, job: int) -> schemas.Job:
        """See `Operations.stop_job`."""
        return self._send("POST", f"/jobs/{job}/stop", schemas.Job)

    def resume_job(self, job: int) -> schemas.Job:
        """See `Operations.resume_job`."""
        return self._send("POST", f"/jobs/{job}/resume", schemas.Job)

    def get_batch(self, batch: int) -> schemas.Batch:
        """See `Operations.get_batch`."""
        return self._send("GET", f"/batches/{batch}", schemas.Batch)

    def list_batches(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Batch]:
        """See `Operations.list_batches`."""
        asked = _plain({"cursor": cursor, "limit": limit})
        return self._send("GET", "/batches", schemas.Page[schemas.Batch], params=asked)

    # ---- pictures out -------------------------------------------------------------------------------------

    def get_asset(self, asset: int | str, language: schemas.Language = "en") -> schemas.Asset:
        """See `Operations.get_asset`."""
        return self._send("GET", f"/assets/{asset}", schemas.Asset, params={"language": language})

    def list_assets(
        self,
        filters: schemas.Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = 50,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Asset]:
        """See `Operations.list_assets`."""
        asked = _filters(filters) | _plain({"cursor": cursor, "limit": limit, "language": language})
        return self._send("GET", "/assets", schemas.Page[schemas.Asset], params=asked)

    def get_picture(self, asset: int, rendition: Rendition = "screen") -> bytes:
        """See `Operations.get_picture`."""
        return self._ask("GET", f"/assets/{asset}/picture", params={"rendition": rendition}).content

    def list_suggestions(
        self, asset: int, profile: str = "general", top_k: int = MAX_SUGGESTIONS, language: schemas.Language = "en"
    ) -> list[schemas.Suggestion]:
        """See `Operations.list_suggestions`."""
        asked = _plain({"profile": profile, "top_k": top_k, "language": language})
        return self._send("GET", f"/assets/{asset}/suggestions", list[schemas.Suggestion], params=asked)

    def set_text(self, asset: int, text: schemas.Text) -> schemas.Asset:
        """See `Operations.set_text`."""
        return self._send("PUT", f"/assets/{asset}/text", schemas.Asset, json=text.model_dump())

    def describe(self, asset: int, description: schemas.Description) -> schemas.Description:
        """See `Operations.describe`."""
        body = description.model_dump()
        return self._send("PUT", f"/assets/{asset}/description", schemas.Description, json=body)

    def draft_description(self, asset: int, language: schemas.Language = "en") -> schemas.Description:
        """See `Operations.draft_description`."""
        asked = {"language": language}
        return self._send("POST", f"/assets/{asset}/description/draft", schemas.Description, params=asked)

    def export(
        self,
        form: Format = Format.CSV,
        filters: schemas.Filters = EVERYTHING,
        columns: Sequence[str] = USUAL,
        language: schemas.Language = "en",
        image: str = "{name}",
    ) -> Iterator[bytes]:
        """See `Operations.export`."""
        asked = {"format": form, "columns": list(columns), "language": language, "image": image}
        with self._http.stream("GET", "export", params=_filters(filters) | asked) as answer:
            if not answer.is_success:
                answer.read()
                raise _refused(answer)
            yield from answer.iter_bytes()

    # ---- decisions ----------------------------------------------------------------------------------------

    def decide(self, decisions: Sequence[schemas.NewDecision], idempotency_key: str = "") -> schemas.Written:
        """See `Operations.decide`."""
        body = [each.model_dump() for each in decisions]
        return self._send("POST", "/decisions", schemas.Written, idempotency_key, json=body)

    def undo(self, what: int | str) -> schemas.Written:
        """See `Operations.undo`."""
        return self._send("POST", f"/decisions/{what}/undo", schemas.Written)

    def list_decisions(
        self, asset: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> schemas.Page[schemas.Decision]:
        """See `Operations.list_decisions`."""
        asked = _plain({"asset": asset, "cursor": cursor, "limit": limit})
        return self._send("GET", "/decisions", schemas.Page[schemas.Decision], params=asked)

    # ---- the tag library ----------------------------------------------------------------------------------

    def list_tags(
        self,
        query: str = "",
        category: str = "",
        cursor: str | None = None,
        limit: int = 200,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Tag]:
        """See `Operations.list_tags`."""
        asked = {"query": query, "category": category, "cursor": cursor, "limit": limit, "language": language}
        return self._send("GET", "/tags", schemas.Page[schemas.Tag], params=_plain(asked))

    def get_tag(self, tag: str, language: schemas.Language = "en") -> schemas.Tag:
        """See `Operations.get_tag`."""
        return self._send("GET", f"/tags/{tag}", schemas.Tag, params={"language": language})

    def list_profiles(self, language: schemas.Language = "en") -> list[schemas.Profile]:
        """See `Operations.list_profiles`."""
        return self._send("GET", "/profiles", list[schemas.Profile], params={"language": language})

    # ---- search -------------------------------------------------------------------------------------------

    def search(
        self,
        text: str = "",
        like: Sequence[int] = (),
        unlike: Sequence[int] = (),
        picture: bytes | None = None,
        filters: schemas.Filters = EVERYTHING,
        limit: int = 30,
        language: schemas.Language = "en",
    ) -> schemas.SearchResult:
        """See `Operations.search`."""
        asked = {"text": text, "like": list(like), "unlike": list(unlike), "limit": limit, "language": language}
        params = _filters(filters) | _plain(asked)
        if picture is None:
            return self._send("GET", "/search", schemas.SearchResult, params=params)
        files = [("picture", ("picture", picture))]
        return self._send("POST", "/search", schemas.SearchResult, params=params, files=files)

    def similar(
        self, asset: int, filters: schemas.Filters = EVERYTHING, limit: int = 24, language: schemas.Language = "en"
    ) -> list[schemas.Hit]:
        """See `Operations.similar`."""
        asked = _filters(filters) | _plain({"limit": limit, "language": language})
        return self._send("GET", f"/assets/{asset}/similar", list[schemas.Hit], params=asked)

    def recommend(
        self, asset: int, filters: schemas.Filters = EVERYTHING, limit: int = 8, language: schemas.Language = "en"
    ) -> list[schemas.Hit]:
        """See `Operations.recommend`."""
        asked = _filters(filters) | _plain({"limit": limit, "language": language})
        return self._send("GET", f"/assets/{asset}/recommendations", list[schemas.Hit], params=asked)

    # ---- webhooks -----------------------------------------------------------------------------------------

    def list_webhooks(self) -> list[schemas.Webhook]:
        """See `Operations.list_webhooks`."""
        return self._send("GET", "/webhooks", list[schemas.Webhook])

    def add_webhook(self, url: str, kinds: Sequence[EventType], idempotency_key: str = "") -> schemas.Webhook:
        """See `Operations.add_webhook`."""
        body = {"url": url, "kinds": list(kinds)}
        return self._send("POST", "/webhooks", schemas.Webhook, idempotency_key, json=body)

    def switch_webhook(self, webhook: int, active: bool) -> schemas.Webhook:
        """See `Operations.switch_webhook`."""
        return self._send("PATCH", f"/webhooks/{webhook}", schemas.Webhook, params=_plain({"active": active}))

    def list_deliveries(
        self,
        webhook: int | None = None,
        state: Literal["waiting", "sent", "dead"] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> schemas.Page[schemas.Delivery]:
        """See `Operations.list_deliveries`."""
        asked = _plain({"webhook": webhook, "state": state, "cursor": cursor, "limit": limit})
        return self._send("GET", "/deliveries", schemas.Page[schemas.Delivery], params=asked)

    def replay_delivery(self, delivery: str) -> schemas.Delivery:
        """See `Operations.replay_delivery`."""
        return self._send("POST", f"/deliveries/{delivery}/replay", schemas.Delivery)

    # ---- helpers ------------------------------------------------------------------------------------------

    def _send(self, method: str, path: str, model: type[T], idempotency_key: str = "", **options: Any) -> T:
        headers = {"idempotency-key": idempotency_key} if idempotency_key else {}
        answer = self._ask(method, path, headers=headers, **options)
        if isinstance(model, type) and issubclass(model, BaseModel):
            return model.model_validate_json(answer.content)
        return TypeAdapter(model).validate_json(answer.content)

    def _ask(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Send a request; what was refused for the moment is sent again.

        Raises:
            ServiceError: It was refused, or there is no service.
        """
        for left in reversed(range(_TRIES)):
            try:
                answer = self._http.request(method, path.lstrip("/"), **options)
            except httpx.HTTPError as error:
                where = self._http.base_url
                raise ServiceError(0, {"detail": f"The service at {where} cannot be reached: {error}."}) from error
            if answer.status_code not in _PATIENCE or not left:
                break
            time.sleep(min(10.0, float(answer.headers.get("retry-after", "1"))))
        if answer.is_success:
            return answer
        raise _refused(answer)


def _refused(answer: httpx.Response) -> ServiceError:
    told = answer.headers.get("content-type", "").startswith("application/problem+json")
    return ServiceError(answer.status_code, answer.json() if told else {})


def _plain(asked: dict[str, Any]) -> dict[str, Any]:
    """Without what is left out, and as a query or form has it."""
    return {k: str(v).lower() if isinstance(v, bool) else v for k, v in asked.items() if v is not None}


def _filters(filters: schemas.Filters) -> dict[str, Any]:
    return filters.model_dump(mode="json", exclude_defaults=True)

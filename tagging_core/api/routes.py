"""Addresses and what they ask for; each passes on to the call of the same name."""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from typing import Annotated, Literal

from fastapi import APIRouter, Depends, File, Form, Header, Path, Query, Request, Response, UploadFile
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from tagging_core.api import auth
from tagging_core.api.auth import Caller
from tagging_core.api.idempotency import run_once
from tagging_core.api.keys import Scope
from tagging_core.api.operations import Operations
from tagging_core.app.tagloop import Tagloop
from tagging_core.errors import SourceError
from tagging_core.learning.suggestions import MAX_SUGGESTIONS
from tagging_core.publishing import schemas
from tagging_core.publishing.exports.exporter import ENDINGS, Format
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import Rendition

FILES_MOST = 1_000


def _caller(request: Request) -> Caller:
    return request.state.caller


def _calls(scope: Scope) -> Callable[[Request], Awaitable[Operations]]:
    async def open_for(request: Request) -> Operations:
        caller = _caller(request)
        auth.require(caller, scope)
        return Operations(request.app.state.get_loop(), caller.user)

    return open_for


Reading = Annotated[Operations, Depends(_calls(Scope.READ))]
Tagging = Annotated[Operations, Depends(_calls(Scope.TAG))]
Deciding = Annotated[Operations, Depends(_calls(Scope.DECIDE))]
Hooking = Annotated[Operations, Depends(_calls(Scope.HOOKS))]

AssetId = Annotated[int, Path(ge=1, le=2**53, description="a picture's id", examples=[1])]
AnyId = Annotated[int, Path(ge=1, le=2**53, examples=[1])]
Cursor = Annotated[str | None, Query(max_length=20, description="what `next` said")]
Limit = Annotated[int, Query(ge=1, le=200)]
Language = Annotated[schemas.Language, Query(description="of names and descriptions")]
Filters = Annotated[schemas.Filters, Query()]
ProfileName = Annotated[
    str, Form(max_length=250, description="business type, see /profiles", examples=["e-commerce"])
]
OnceKey = Annotated[
    str | None,
    Header(alias="Idempotency-Key", description="yours; the same request sent again under it is answered the same"),
]


def _once(
    request: Request, key: str | None, parts: list[str | bytes], work: Callable[[], BaseModel], status: int = 200
) -> Response:
    """Answer a request that writes, once for each idempotency key."""
    if key is None:
        return Response(work().model_dump_json(), status, media_type="application/json")
    asked = hashlib.sha256(f"{request.method} {request.url.path}?{request.url.query}".encode())
    for part in parts:
        data = part if isinstance(part, bytes) else part.encode()
        asked.update(hashlib.sha256(data).digest())
    loop: Tagloop = request.app.state.get_loop()
    body, before = run_once(
        loop.database, _caller(request).name, key, asked.hexdigest(), lambda: work().model_dump_json()
    )
    headers = {"Idempotent-Replayed": "true"} if before else {}
    return Response(body, status, headers, "application/json")


pictures = APIRouter(tags=["Pictures in"])


@pictures.post("/pictures", response_model=schemas.Tagged)
def tag_picture(
    request: Request,
    calls: Tagging,
    picture: Annotated[UploadFile, File(description="JPEG, PNG, WebP, GIF, TIFF, BMP, AVIF or HEIC")],
    profile: ProfileName = "general",
    title: Annotated[str, Form(max_length=2_000)] = "",
    caption: Annotated[str, Form(max_length=20_000)] = "",
    body: Annotated[str, Form(max_length=200_000)] = "",
    instruction: Annotated[str, Form(max_length=2_000, description="what the model should look for")] = "",
    top_k: Annotated[int, Form(ge=1, le=MAX_SUGGESTIONS)] = MAX_SUGGESTIONS,
    target: Annotated[float | None, Form(gt=0, lt=1, description="wanted precision", examples=[0.95])] = None,
    language: Annotated[schemas.Language, Form()] = "en",
    keep: Annotated[bool, Form(description="whether it joins the archive")] = True,
    vector: Annotated[bool, Form(description="whether its vector is returned")] = False,
    key: OnceKey = None,
) -> Response:
    """Tag one picture while you wait."""
    data = picture.file.read()
    name = picture.filename or ""
    came = schemas.Text(title=title, caption=caption, body=body)
    asked = repr((name, profile, came, instruction, top_k, target, language, keep, vector))

    def work() -> schemas.Tagged:
        return calls.tag_picture(data, name, profile, came, instruction, top_k, target, language, keep, vector)

    return _once(request, key, [data, asked], work)


@pictures.post("/batches", status_code=202, response_model=schemas.Job)
def tag_pictures(
    request: Request,
    calls: Tagging,
    files: Annotated[list[UploadFile], File(description="pictures and zips; photo.txt is the text of photo.jpg")],
    profile: ProfileName = "general",
    name: Annotated[str, Form(max_length=200)] = "",
    key: OnceKey = None,
) -> Response:
    """Queue many pictures; ask for the job to see how far it has come, or be told by a webhook."""
    if len(files) > FILES_MOST:
        raise SourceError(
            f"{len(files)} files; the limit of one request is {FILES_MOST}. Send them in several, or as a zip."
        )
    data = [(file.filename or "unnamed", file.file.read()) for file in files]
    parts = [part for file in data for part in file]
    return _once(request, key, [profile, name, *parts], lambda: calls.tag_pictures(data, profile, name), 202)


@pictures.get("/batches")
def list_batches(calls: Reading, cursor: Cursor = None, limit: Limit = 50) -> schemas.Page[schemas.Batch]:
    """All batches, latest first."""
    return calls.list_batches(cursor, limit)


@pictures.get("/batches/{batch}")
def get_batch(calls: Reading, batch: AnyId) -> schemas.Batch:
    """Pictures that came together."""
    return calls.get_batch(batch)


@pictures.get("/jobs")
def list_jobs(calls: Reading, cursor: Cursor = None, limit: Limit = 50) -> schemas.Page[schemas.Job]:
    """All jobs, latest first."""
    return calls.list_jobs(cursor, limit)


@pictures.get("/jobs/{job}")
def get_job(calls: Reading, job: AnyId) -> schemas.Job:
    """How far the work on a batch has come."""
    return calls.get_job(job)


@pictures.post("/jobs/{job}/stop")
def stop_job(calls: Tagging, job: AnyId) -> schemas.Job:
    """Stop after the pictures in work; what is done stays done."""
    return calls.stop_job(job)


@pictures.post("/jobs/{job}/resume")
def resume_job(calls: Tagging, job: AnyId) -> schemas.Job:
    """Let a stopped job go on."""
    return calls.resume_job(job)


assets = APIRouter(tags=["Pictures out"])


@assets.get("/assets")
def list_assets(
    calls: Reading, filters: Filters, cursor: Cursor = None, limit: Limit = 50, language: Language = "en"
) -> schemas.Page[schemas.Asset]:
    """Pictures, the latest first."""
    return calls.list_assets(filters, cursor, limit, language)


@assets.get("/assets/{asset}")
def get_asset(
    calls: Reading,
    asset: Annotated[
        str, Path(max_length=64, description="id, or 8 or more digits of the SHA-256", examples=["1"])
    ],
    language: Language = "en",
) -> schemas.Asset:
    """A picture, its tags and its description."""
    return calls.get_asset(asset, language)


@assets.get("/assets/{asset}/picture", response_class=Response, responses={200: {"content": {"image/*": {}}}})
def get_picture(calls: Reading, asset: AssetId, rendition: Rendition = "screen") -> Response:
    """A picture's file: as it came, or a JPEG of at most 1,400 or 320 pixels a side."""
    data = calls.get_picture(asset, rendition)
    kind = "application/octet-stream" if rendition == "original" else "image/jpeg"
    safe = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="{asset}"'}
    return Response(data, media_type=kind, headers=safe)


@assets.get("/assets/{asset}/suggestions")
def list_suggestions(
    calls: Reading,
    asset: AssetId,
    profile: Annotated[str, Query(max_length=250)] = "general",
    top_k: Annotated[int, Query(ge=1, le=MAX_SUGGESTIONS)] = MAX_SUGGESTIONS,
    language: Language = "en",
) -> list[schemas.Suggestion]:
    """What the library suggests for a picture now; what was decided is left out."""
    return calls.list_suggestions(asset, profile, top_k, language)


@assets.get("/assets/{asset}/similar")
def similar(
    calls: Reading, asset: AssetId, filters: Filters, limit: Limit = 24, language: Language = "en"
) -> list[schemas.Hit]:
    """Pictures that resemble one, best first."""
    return calls.similar(asset, filters, limit, language)


@assets.get("/assets/{asset}/recommendations")
def recommend(
    calls: Reading, asset: AssetId, filters: Filters, limit: Limit = 8, language: Language = "en"
) -> list[schemas.Hit]:
    """Pictures to show beside one: they resemble it, but neither it nor one another too much."""
    return calls.recommend(asset, filters, limit, language)


@assets.get("/export", response_class=StreamingResponse, responses={200: {"content": {"*/*": {}}}})
def export(
    calls: Reading,
    filters: Filters,
    form: Annotated[Format, Query(alias="format")] = Format.CSV,
    columns: Annotated[list[str], Query(max_length=50, description="of a CSV")] = list(USUAL),  # noqa: B006
    language: Language = "en",
    image: Annotated[str, Query(max_length=500, description="where Label Studio finds {id} or {name}")] = "{name}",
) -> StreamingResponse:
    """A file of all pictures that pass the filters."""
    ending, kind = ENDINGS[form]
    safe = {"X-Content-Type-Options": "nosniff", "Content-Disposition": f'attachment; filename="tagloop.{ending}"'}
    parts = calls.export(form, filters, columns, language, image)
    return StreamingResponse(parts, media_type=kind, headers=safe)


@assets.put("/assets/{asset}/text")
def set_text(calls: Deciding, asset: AssetId, text: schemas.Text) -> schemas.Asset:
    """Replace the text that belongs to a picture; suggestions take it into account from then on."""
    return calls.set_text(asset, text)


@assets.put("/assets/{asset}/description")
def describe(calls: Deciding, asset: AssetId, description: schemas.Description) -> schemas.Description:
    """Write a title, caption or alt text; a part that is empty follows the tags."""
    return calls.describe(asset, description)


@assets.post("/assets/{asset}/description/draft")
def draft_description(calls: Deciding, asset: AssetId, language: Language = "en") -> schemas.Description:
    """What the generative model that `TAGLOOP_WRITER` names would write; nothing is kept. Takes seconds."""
    return calls.draft_description(asset, language)


decisions = APIRouter(tags=["Decisions"])


@decisions.post("/decisions")
def decide(
    request: Request, calls: Deciding, decisions: list[schemas.NewDecision], key: OnceKey = None
) -> schemas.Written:
    """Write decisions as one act, all or none; the library is taught at once."""
    if not 1 <= len(decisions) <= FILES_MOST:
        raise SourceError(f"{len(decisions)} decisions; one request takes 1 to {FILES_MOST}.")
    parts: list[str | bytes] = [each.model_dump_json() for each in decisions]
    return _once(request, key, parts, lambda: calls.decide(decisions))  # type: ignore[return-value]


@decisions.get("/decisions")
def list_decisions(
    calls: Reading,
    asset: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    cursor: Cursor = None,
    limit: Limit = 100,
) -> schemas.Page[schemas.Decision]:
    """What was decided, in the order of the ledger; keep `next` and ask later for what is new."""
    return calls.list_decisions(asset, cursor, limit)


@decisions.post("/decisions/{what}/undo")
def undo(
    calls: Deciding, what: Annotated[str, Path(max_length=64, description="a decision's number, or an act")]
) -> schemas.Written:
    """Take one decision back, or a whole act; also from what was learned."""
    return calls.undo(what)


library = APIRouter(tags=["Tag library"])


@library.get("/tags")
def list_tags(
    calls: Reading,
    query: Annotated[str, Query(max_length=200, description="part of a name or alias, in any language")] = "",
    category: Annotated[str, Query(max_length=250)] = "",
    cursor: Cursor = None,
    limit: Limit = 200,
    language: Language = "en",
) -> schemas.Page[schemas.Tag]:
    """Tags, merged ones included; with a query those that fit it, best first."""
    return calls.list_tags(query, category, cursor, limit, language)


@library.get("/tags/{tag}")
def get_tag(calls: Reading, tag: Annotated[str, Path(max_length=250)], language: Language = "en") -> schemas.Tag:
    """A tag; the id of a merged one leads to the tag it became."""
    return calls.get_tag(tag, language)


@library.get("/profiles")
def list_profiles(calls: Reading, language: Language = "en") -> list[schemas.Profile]:
    """The business types there are."""
    return calls.list_profiles(language)


searching = APIRouter(tags=["Search"])
Like = Annotated[list[schemas.Id], Query(max_length=20)]


@searching.get("/search")
def search(
    calls: Reading,
    filters: Filters,
    text: Annotated[str, Query(max_length=500, examples=["red dress"])] = "",
    like: Like = [],  # noqa: B006
    unlike: Like = [],  # noqa: B006
    limit: Limit = 30,
    language: Language = "en",
) -> schemas.SearchResult:
    """Pictures that fit words, resemble some pictures, do not resemble others, and pass filters."""
    return calls.search(text, like, unlike, None, filters, limit, language)


@searching.post("/search")
def search_by_picture(
    calls: Reading,
    filters: Filters,
    picture: Annotated[UploadFile, File(description="it is looked at, not kept")],
    text: Annotated[str, Query(max_length=500)] = "",
    like: Like = [],  # noqa: B006
    unlike: Like = [],  # noqa: B006
    limit: Limit = 30,
    language: Language = "en",
) -> schemas.SearchResult:
    """The same with a picture that answers should be like."""
    return calls.search(text, like, unlike, picture.file.read(), filters, limit, language)


hooks = APIRouter(tags=["Webhooks"])


@hooks.get("/webhooks")
def list_webhooks(calls: Hooking) -> list[schemas.Webhook]:
    """Every webhook, latest first."""
    return calls.list_webhooks()


@hooks.post("/webhooks", status_code=201, response_model=schemas.Webhook)
def add_webhook(request: Request, calls: Hooking, webhook: schemas.NewWebhook, key: OnceKey = None) -> Response:
    """Tell an address what happens from now on; the answer holds the secret, this once."""
    work = lambda: calls.add_webhook(webhook.url, webhook.kinds)  # noqa: E731
    return _once(request, key, [webhook.model_dump_json()], work, 201)


@hooks.patch("/webhooks/{webhook}")
def switch_webhook(calls: Hooking, webhook: AnyId, active: bool) -> schemas.Webhook:
    """Stop telling an address, or tell it again."""
    return calls.switch_webhook(webhook, active)


@hooks.get("/deliveries")
def list_deliveries(
    calls: Hooking,
    webhook: Annotated[int | None, Query(ge=1, le=2**53)] = None,
    state: Literal["waiting", "sent", "dead"] | None = None,
    cursor: Cursor = None,
    limit: Limit = 50,
) -> schemas.Page[schemas.Delivery]:
    """What was told, is still to be told, or was given up; latest first."""
    return calls.list_deliveries(webhook, state, cursor, limit)


@hooks.post("/deliveries/{delivery}/replay")
def replay_delivery(calls: Hooking, delivery: Annotated[str, Path(max_length=40)]) -> schemas.Delivery:
    """Send a delivery again, with the same id and body."""
    return calls.replay_delivery(delivery)


ROUTERS = (pictures, assets, decisions, library, searching, hooks)

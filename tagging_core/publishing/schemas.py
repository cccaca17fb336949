"""Request and response models of the REST service, the client and the in-process operations.

Times are UTC. An asset has a numeric id, and the SHA-256 of its bytes as a permanent second key.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field

from tagging_core.ledger.events import Kind
from tagging_core.ledger.webhook_outbox import EventType

Rendition = Literal["thumbnail", "screen", "original"]

T = TypeVar("T")
Id = Annotated[int, Field(ge=1, le=2**53, examples=[1])]
Name = Annotated[str, Field(max_length=250)]
Language = Literal["en", "zh"]
State = Literal["new", "second", "skipped", "flagged", "done"]


class Model(BaseModel):
    """Base class of the models."""

    model_config = ConfigDict(frozen=True)


class Page(Model, Generic[T]):
    """One page of a list; request the next page with `cursor=next`."""

    items: list[T]
    next: str | None = Field(None, description="null on the last page")


class Suggestion(Model):
    """A suggested tag with its calibrated probability."""

    tag: str = Field(examples=["garment.dress"])
    name: str = Field(examples=["Dress"])
    category: str = Field(examples=["garment"])
    probability: float = Field(description="in (0, 1): of 100 suggestions at 0.83, 83 are right", examples=[0.83])


class Suggested(Model):
    """The suggestions of a picture, best first."""

    suggestions: list[Suggestion]
    shown: str = Field(description="token to return with decisions on these suggestions, to measure accuracy")


class Given(Model):
    """An accepted tag of a picture."""

    tag: str
    name: str
    category: str
    probability: float | None = Field(description="of the suggestion at the time of the decision; null without one")
    by: str = Field(description="author of the latest decision")
    at: datetime


class Description(Model):
    """Title, caption and alt text of a picture."""

    language: Language = "en"
    title: str = Field("", max_length=2_000, examples=["Red dress for women"])
    caption: str = Field("", max_length=20_000)
    alt: str = Field("", max_length=2_000, examples=["A red dress on a beach, for women."])
    written: list[str] = Field([], description="the parts a person wrote; the others are generated from the tags")


class Text(Model):
    """Text that accompanies a picture; suggestions take it into account."""

    title: str = Field("", max_length=2_000)
    caption: str = Field("", max_length=20_000)
    body: str = Field("", max_length=200_000)


class Tagged(Model):
    """Result of tagging an uploaded picture."""

    asset: int | None = Field(description="null if the picture was not stored")
    sha256: str
    new: bool = Field(description="false if the same bytes were already stored")
    suggestions: list[Suggestion]
    description: Description = Field(description="draft from the suggestions with a probability of at least 0.5")
    vector: list[float] | None = None
    shown: str = Field("", description="token to return with decisions on these suggestions; empty if not stored")
    model: str = Field(description="fingerprint of the model; only vectors of the same model are comparable")
    revision: int = Field(description="revision of the tag library")


class Asset(Model):
    """A stored picture."""

    id: int
    sha256: str
    name: str
    format: str
    width: int
    height: int
    bytes: int
    taken_at: datetime | None = Field(description="local time of the camera")
    created_at: datetime
    state: State
    text: Text
    tags: list[Given]
    description: Description


class Hit(Model):
    """A search result."""

    asset: Asset
    relevance: float = Field(description="probability in (0, 1) that the picture matches the query")


class SearchResult(Model):
    """Search results, best first, cut off where relevance gets low relative to the best."""

    hits: list[Hit]
    tags: list[list[str]] = Field(description="recognised tags: any of each inner list, all of the outer")
    words: str = Field(description="the part of the query that matches no tag")
    understood: bool = Field(description="false if the model cannot encode these words: only texts are searched")
    likely: bool = Field(description="false if even the best hit is unlikely: the hits are the closest pictures")
    indexing: bool = Field(
        False, description="true while pictures are being added to the index: hits may be missing"
    )


class NewDecision(Model):
    """A decision about a picture."""

    kind: Literal["accept", "reject", "add", "replace", "done", "skip", "flag"]
    asset: Id
    tag: Name | None = Field(None, examples=["garment.dress"])
    other_tag: Name | None = Field(None, description="for replace: the new tag")
    profile: Name = "general"
    seconds: float | None = Field(None, ge=0, le=86_400, description="time the person took")
    note: str = Field("", max_length=500, description="for flag: what to discuss")
    shown: str = Field("", max_length=20_000, description="`shown` of the suggestions the person saw, if any")
    id: str | None = Field(
        None, min_length=8, max_length=64, description="your own unique id; a repeated id is recorded once"
    )


class Written(Model):
    """What was recorded in the ledger."""

    act: str = Field(description="id of the decision group, to undo all of it")
    decisions: list[int]


class Decision(Model):
    """A ledger event about a picture."""

    id: int
    at: datetime
    by: str
    kind: Kind
    asset: int
    tag: str | None
    other_tag: str | None
    undoes: int | None = Field(description="id of the decision that this one undoes")
    profile: str | None


class Tag(Model):
    """A tag of the library."""

    id: str
    name: str
    names: dict[str, str]
    aliases: dict[str, list[str]]
    category: str
    parent: str | None
    definition: str
    state: Literal["active", "deprecated", "merged", "proposed"]
    merged_into: str | None
    sensitive: bool
    accepted: int = Field(description="number of pictures with the tag")
    rejected: int = Field(description="number of pictures it was rejected for")


class Profile(Model):
    """A business type; selects the tag categories."""

    id: str
    name: str
    instruction: str
    categories: list[str]


class Refused(Model):
    """A file that was refused, with the reason."""

    name: str
    reason: str


class Batch(Model):
    """Pictures that were uploaded together."""

    id: int
    name: str
    profile: str
    by: str
    created_at: datetime
    state: Literal["running", "stopped", "done"]
    total: int
    ingested: int
    known: int
    refused: int


class Job(Model):
    """The ingestion of a batch, with its progress."""

    id: int
    batch: int
    state: Literal["running", "stopped", "done"]
    total: int
    finished: int
    rate: float = Field(description="pictures per second")
    seconds_left: float | None
    note: str
    refused: list[Refused] = Field(description="the first 200 refused files")


class Webhook(Model):
    """A URL that is subscribed to events."""

    id: int
    url: str
    kinds: list[EventType]
    active: bool
    pause_reason: str = Field("", description="why it was paused, if not by a person")
    created_at: datetime
    secret: str | None = Field(None, description="signing secret; shown once, at creation")


class NewWebhook(Model):
    """A URL and the event types to deliver to it."""

    url: str = Field(max_length=2_000, examples=["https://cms.example.com/hooks/tagloop"])
    kinds: list[EventType] = Field(min_length=1)


class Delivery(Model):
    """The delivery of one event to one webhook."""

    id: str
    webhook: int
    kind: EventType
    state: Literal["waiting", "sent", "dead"]
    attempts: int
    due: datetime
    note: str
    at: datetime
    body: str


class Problem(Model):
    """Problem details (RFC 9457)."""

    type: str = Field(examples=["urn:tagloop:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = None


class Filters(Model):
    """Filters on pictures, combined with AND; omitted ones do not apply."""

    tag: list[Name] = Field([], max_length=20, description="accepted tags, all required; descendants count")
    category: Name = ""
    profile: Name = ""
    batch: Id | None = None
    since: date | None = Field(None, description="ingested on this day or later")
    until: date | None = Field(None, description="ingested on this day or earlier")
    state: State | None = None


EVERYTHING = Filters()
"""Filters that match every picture."""

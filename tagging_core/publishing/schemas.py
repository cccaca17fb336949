"""What goes in and out: one model a thing, the same for the service, the client and the calls in process.

Times are UTC. Ids of assets are numbers; the SHA-256 of a picture's bytes names it as well, and for ever.
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
    """Base of all."""

    model_config = ConfigDict(frozen=True)


class Page(Model, Generic[T]):
    """Some of many; ask again with `cursor=next` for the following ones."""

    items: list[T]
    next: str | None = Field(None, description="None: these are the last")


class Suggestion(Model):
    """A tag that a picture probably has."""

    tag: str = Field(examples=["garment.dress"])
    name: str = Field(examples=["Dress"])
    category: str = Field(examples=["garment"])
    probability: float = Field(description="in (0, 1): of 100 suggestions at 0.83, 83 are right", examples=[0.83])


class Suggested(Model):
    """The suggestions of a picture, best first."""

    suggestions: list[Suggestion]
    shown: str = Field(description="send it back with decisions on these suggestions: accuracy is measured by it")


class Given(Model):
    """A tag that people gave a picture."""

    tag: str
    name: str
    category: str
    probability: float | None = Field(description="what the suggestion said when it was decided; None if none was")
    by: str = Field(description="who decided it last")
    at: datetime


class Description(Model):
    """What readers see in a picture's place or beside it."""

    language: Language = "en"
    title: str = Field("", max_length=2_000, examples=["Red dress for women"])
    caption: str = Field("", max_length=20_000)
    alt: str = Field("", max_length=2_000, examples=["A red dress on a beach, for women."])
    written: list[str] = Field([], description="the parts that a person wrote; the others follow the tags")


class Text(Model):
    """The text that came with a picture; suggestions take it into account."""

    title: str = Field("", max_length=2_000)
    caption: str = Field("", max_length=20_000)
    body: str = Field("", max_length=200_000)


class Tagged(Model):
    """What was found about a picture that was just sent."""

    asset: int | None = Field(description="None if the picture was not kept")
    sha256: str
    new: bool = Field(description="whether these bytes were not here before")
    suggestions: list[Suggestion]
    description: Description = Field(description="from suggestions that are more likely right than wrong, a draft")
    vector: list[float] | None = None
    shown: str = Field("", description="send it back with decisions on these suggestions; empty if it was not kept")
    model: str = Field(description="the fingerprint of the model; vectors of two never meet")
    revision: int = Field(description="of the tag library")


class Asset(Model):
    """A picture that is kept."""

    id: int
    sha256: str
    name: str
    format: str
    width: int
    height: int
    bytes: int
    taken_at: datetime | None = Field(description="by the camera's own clock")
    created_at: datetime
    state: State
    text: Text
    tags: list[Given]
    description: Description


class Hit(Model):
    """A picture that a search found."""

    asset: Asset
    relevance: float = Field(description="probability in (0, 1) that it is what was asked for")


class SearchResult(Model):
    """What a search found, best first; the list ends where answers become unlikely."""

    hits: list[Hit]
    tags: list[list[str]] = Field(description="the tags that were recognised; within a list any will do")
    words: str = Field(description="the words that name no tag")
    understood: bool = Field(description="whether the model reads these words; if not, only texts were looked into")


class NewDecision(Model):
    """Something a person says about a picture."""

    kind: Literal["accept", "reject", "add", "replace", "done", "skip", "flag"]
    asset: Id
    tag: Name | None = Field(None, examples=["garment.dress"])
    other_tag: Name | None = Field(None, description="replace: the tag that comes instead")
    profile: Name = "general"
    seconds: float | None = Field(None, ge=0, le=86_400, description="how long the person looked")
    note: str = Field("", max_length=500, description="flag: what is to be discussed")
    shown: str = Field(
        "", max_length=20_000, description="the token that came with the suggestions, if any were seen"
    )
    id: str | None = Field(
        None, min_length=8, max_length=64, description="your own; sent twice, it is written once"
    )


class Written(Model):
    """What was written to the ledger."""

    act: str = Field(description="takes all of it back at once")
    decisions: list[int]


class Decision(Model):
    """One entry of the ledger about a picture."""

    id: int
    at: datetime
    by: str
    kind: Kind
    asset: int
    tag: str | None
    other_tag: str | None
    undoes: int | None = Field(description="the decision it takes back")
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
    accepted: int = Field(description="pictures that have it")
    rejected: int = Field(description="pictures that it was ruled out for")


class Profile(Model):
    """A business type: decides which categories are in play."""

    id: str
    name: str
    instruction: str
    categories: list[str]


class Refused(Model):
    """A file that was not taken, and why."""

    name: str
    reason: str


class Batch(Model):
    """Pictures that came together."""

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
    """The work on a batch, and how far it has come."""

    id: int
    batch: int
    state: Literal["running", "stopped", "done"]
    total: int
    finished: int
    rate: float = Field(description="pictures a second")
    seconds_left: float | None
    note: str
    refused: list[Refused] = Field(description="the first 200")


class Webhook(Model):
    """An address that is told what happens."""

    id: int
    url: str
    kinds: list[EventType]
    active: bool
    created_at: datetime
    secret: str | None = Field(None, description="signs what is sent; shown once, when the webhook is made")


class NewWebhook(Model):
    """An address, and what it is to be told."""

    url: str = Field(max_length=2_000, examples=["https://cms.example.com/hooks/tagloop"])
    kinds: list[EventType] = Field(min_length=1)


class Delivery(Model):
    """One thing that one address is told."""

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
    """What went wrong (RFC 9457)."""

    type: str = Field(examples=["urn:tagloop:problem:not-found"])
    title: str
    status: int
    detail: str
    errors: list[dict[str, Any]] | None = None


class Filters(Model):
    """Which pictures are meant; whatever is left out does not matter."""

    tag: list[Name] = Field([], max_length=20, description="accepted tags that they all have, or tags below these")
    category: Name = ""
    profile: Name = ""
    batch: Id | None = None
    since: date | None = Field(None, description="came in on this day or later")
    until: date | None = Field(None, description="came in on this day or earlier")
    state: State | None = None


EVERYTHING = Filters()
"""Filters that let every picture pass."""

"""The SQL schema. Ledger and assets are the truth; what stands below "derived" can be rebuilt from them."""

from __future__ import annotations

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    String,
    Table,
    Text,
    false,
    text,
)

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite only counts an INTEGER primary key up by itself, PostgreSQL wants room for more than 2^31 events.
_Id = BigInteger().with_variant(Integer, "sqlite")

LIBRARY_KINDS = "kind IN ('tag', 'category', 'profile')"
"""The events that make the tag library, few among millions of decisions, with an index of their own."""

# ---- the ledger -------------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),  # given by the caller: a repeated call is one event
    Column("at", DateTime, nullable=False, index=True),  # UTC
    Column("actor", String(120), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("asset_id", _Id, index=True),
    Column("tag_id", String(120), index=True),
    Column("other_tag_id", String(120), index=True),  # replace: the tag that comes instead
    Column("target_id", _Id, index=True),  # undo: the event taken back
    Column("profile", String(60)),
    Column("seconds", Float),  # how long the person looked
    Column("payload", JSON),  # what was shown; or the whole of a tag, category, profile
    Column("act", String(64), index=True),  # the same for all decisions that one gesture made
    Index(None, "actor", "id"),
    Index("ix_events_library", "id", sqlite_where=text(LIBRARY_KINDS), postgresql_where=text(LIBRARY_KINDS)),
)

# ---- assets -----------------------------------------------------------------------------------------------

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("name", String(255), nullable=False),  # the client's file name, for people to read only
    Column("format", String(12), nullable=False),
    Column("width", Integer, nullable=False),
    Column("height", Integer, nullable=False),
    Column("bytes", BigInteger, nullable=False),
    Column("frames", Integer, nullable=False),
    Column("taken_at", DateTime, index=True),
    Column("created_at", DateTime, nullable=False, index=True),
    Column("title", Text, nullable=False, server_default=""),
    Column("caption", Text, nullable=False, server_default=""),
    Column("body", Text, nullable=False, server_default=""),
    Column("sample", BigInteger, nullable=False),  # first 60 bits of the SHA-256: order of bottom-k samples
    Column("review", String(12), nullable=False, server_default="new"),  # derived, see ledger.AssetState
    Column("margin", Float, nullable=False, server_default="0"),  # how sure suggestions were; 0 is greatest doubt
    Index(None, "review", "id"),
    Index(None, "review", "sample"),
    Index(None, "review", "margin"),
)

asset_words = Table(
    "asset_words",
    metadata,
    Column("word", String(64), primary_key=True),
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
)

batches = Table(
    "batches",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(200), nullable=False),
    Column("profile", String(60), nullable=False),
    Column("actor", String(120), nullable=False),
    Column("created_at", DateTime, nullable=False, index=True),
    Column("state", String(12), nullable=False),  # running, stopped, done
    Column("note", Text, nullable=False, server_default=""),  # why it stopped
    Column("started_at", DateTime),  # of this run; moves when a stopped batch goes on
    Column("finished_before", Integer, nullable=False, server_default="0"),  # items finished by earlier runs
    Column("finished_at", DateTime),
)

items = Table(
    "items",
    metadata,
    Column("batch_id", _Id, ForeignKey("batches.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("chunk", Integer, nullable=False),
    Column("source", Text, nullable=False),  # staged or server path; emptied once the asset is kept
    Column("staged", Boolean, nullable=False),  # staged files are ours to remove
    Column("name", String(255), nullable=False),
    Column("text", JSON, nullable=False),  # title, caption, body
    Column("state", String(12), nullable=False),  # waiting, done, known, refused
    Column("reason", Text, nullable=False, server_default=""),
    Column("asset_id", _Id, ForeignKey("assets.id"), index=True),
    Index(None, "batch_id", "state"),
    Index(None, "batch_id", "chunk"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("kind", String(24), nullable=False),
    Column("batch_id", _Id, ForeignKey("batches.id"), index=True),
    Column("state", String(12), nullable=False, index=True),  # waiting, stopped, done
    Column("created_at", DateTime, nullable=False),
    Column("bulk", Boolean, nullable=False, server_default=false()),  # gives way to what people wait for
)

leases = Table(
    "leases",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("actor", String(120), nullable=False),
    Column("since", Float, nullable=False),  # seconds since the epoch
    Column("until", Float, nullable=False, index=True),
)

chunks = Table(
    "chunks",
    metadata,
    Column("job_id", _Id, ForeignKey("jobs.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("state", String(12), nullable=False),  # waiting, done, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("worker", String(80)),
    Column("leased_until", Float),  # seconds since the epoch, as all times here
    Column("sent_at", Float),  # when workers were told of it; empty if they are to be told
    Column("not_before", Float),  # when it may be tried again
    Column("done_at", Float),
    Column("error", Text, nullable=False, server_default=""),  # why the latest attempt failed
    Index(None, "state", "job_id", "n"),
    Index(None, "state", "sent_at"),
    Index(None, "state", "leased_until"),
    Index(None, "done_at"),
)

vectors = Table(
    "vectors",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("fingerprint", String(64), primary_key=True),
    Column("kind", String(8), primary_key=True),  # image, text
    Column("instruction", String(16), primary_key=True),  # hash of the instruction, or "default"
    Column("vector", LargeBinary, nullable=False),  # float32
)

text_vectors = Table(
    "text_vectors",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("text", String(64), primary_key=True),  # SHA-256 of instruction and text
    Column("vector", LargeBinary, nullable=False),
)

# ---- derived from the ledger ------------------------------------------------------------------------------

categories = Table(
    "categories",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("names", JSON, nullable=False),
    Column("exclusive", Boolean, nullable=False),
    Column("top_k", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("state", String(12), nullable=False, server_default="active"),
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),  # of the taxonomy, see meta
)

tags = Table(
    "tags",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("category_id", String(60), ForeignKey("categories.id"), nullable=False, index=True),
    Column("parent_id", String(120)),
    Column("merged_into", String(120)),
    Column("state", String(12), nullable=False),  # see taxonomy.Tag
    Column("names", JSON, nullable=False),
    Column("aliases", JSON, nullable=False),
    Column("definition", Text, nullable=False),
    Column("prompts", JSON, nullable=False),
    Column("position", Integer, nullable=False),
    Column("changed_at", DateTime, nullable=False),
    Column("changed_by", String(120), nullable=False),
    Column("merged_after", BigInteger),
    Column("sensitive", Boolean, nullable=False, server_default=false()),
    Column("target", Float),
    Column("own_prompts", JSON, nullable=False, server_default="{}"),
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),
)

profiles = Table(
    "profiles",
    metadata,
    Column("id", String(60), primary_key=True),
    Column("names", JSON, nullable=False),
    Column("instruction", Text, nullable=False),
    Column("categories", JSON, nullable=False),
    Column("templates", JSON, nullable=False),
    Column("position", Integer, nullable=False),
    Column("followed", Boolean, nullable=False, server_default=false()),
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),
)

labels = Table(
    "labels",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("value", Integer, nullable=False),  # 1 applies, 0 does not
    Column("event_id", _Id, nullable=False),
    Column("sample", BigInteger, nullable=False),
    Column("shown", Boolean, nullable=False, server_default=false()),  # decided on a suggestion that was seen
    Index(None, "tag_id", "value", "sample"),
)

reviews = Table(
    "reviews",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("profile", String(60), primary_key=True),
    Column("event_id", _Id, nullable=False, index=True),
    Column("sample", BigInteger, nullable=False),
    Index(None, "profile", "sample"),
)

daily = Table(
    "daily",
    metadata,
    Column("subject", String(16), primary_key=True),  # what is told apart: see insights.tallies; or by month
    Column("key", String(250), primary_key=True),
    Column("day", String(10), primary_key=True),  # in the zone of meta's insights.zone; or month
    Column("kind", String(24), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Index(None, "subject", "day", "key", "kind", "n"),
    sqlite_with_rowid=False,
)

content = Table(
    "content",
    metadata,
    Column("basis", String(8), primary_key=True),  # see insights.content
    Column("part", String(60), primary_key=True),
    Column("day", String(10), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("n", BigInteger, nullable=False),  # finished pictures
    Index(None, "basis", "part", "tag_id", "day", "n"),
    sqlite_with_rowid=False,
)

drift = Table(
    "drift",
    metadata,
    Column("day", String(10), primary_key=True),
    Column("found", JSON, nullable=False),  # see insights.drift
)

saved_views = Table(
    "saved_views",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(120), nullable=False),
    Column("page", String(24), nullable=False),
    Column("address", JSON, nullable=False),  # the page's query parameters
    Column("actor", String(120), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("removed", Boolean, nullable=False, server_default=false()),
)

counters = Table(
    "counters", metadata, Column("name", String(140), primary_key=True), Column("n", BigInteger, nullable=False)
)

packs = Table(
    "packs",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("event_id", _Id, nullable=False),
    Column("gallery", Integer, nullable=False),  # pictures it was measured on
    Column("mean", LargeBinary, nullable=False),
    Column("spread", Float, nullable=False),
    Column("text_scale", Float, nullable=False),
)

learned = Table(
    "learned",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("weights", LargeBinary, nullable=False),  # float32
    Column("bias", Float, nullable=False),
    Column("positives", Integer, nullable=False),
    Column("negatives", Integer, nullable=False),
    Column("left_out", LargeBinary, nullable=False, server_default=""),  # see judging
    Column("revision", BigInteger, nullable=False),
    Index(None, "fingerprint", "revision"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),  # of the library, since when it holds
    Column("seen", String(60), nullable=False),  # the newest event and fit it knows of
    Column("parameters", JSON, nullable=False),
)

families = Table(
    "families",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("encoder", Text, nullable=False),  # what `load_encoder` takes
    Column("instruction", Text, nullable=False, server_default=""),  # empty: the model's usual one
    Column("state", String(12), nullable=False),  # see families.State
    Column("seen", _Id, nullable=False, server_default="0"),  # the last asset that was looked at
    Column("note", Text, nullable=False, server_default=""),  # what keeps it from being built
    Column("actor", String(120), nullable=False),
    Column("at", DateTime, nullable=False),
)

dirty = Table(
    "dirty",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("marked", String(32), nullable=False),  # changes with every mark, so that a late clean-up spares it
)

suggestions = Table(
    "suggestions",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("profile", String(60), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("probability", Float, nullable=False),
    Column("rank", Integer, nullable=False),
    Column("fingerprint", String(64), nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("at", DateTime, nullable=False),
    Index(None, "profile", "tag_id", "probability"),
)

proposals = Table(
    "proposals",
    metadata,
    Column("key", String(300), primary_key=True),  # the same for the same proposal, whenever it is computed
    Column("kind", String(16), nullable=False, index=True),
    Column("score", Float, nullable=False),
    Column("evidence", JSON, nullable=False),
)

dismissed = Table(
    "dismissed",
    metadata,
    Column("key", String(300), primary_key=True),  # of a proposal or an alert
    Column("event_id", _Id, nullable=False),
)

protected = Table(
    "protected",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("note", Text, nullable=False),
    Column("event_id", _Id, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("protected_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("cosine", Float, nullable=False),
    Column("at", DateTime, nullable=False),
)

backfills = Table(
    "backfills",
    metadata,
    Column("tag_id", String(120), primary_key=True),
    Column("actor", String(120), nullable=False),
    Column("at", DateTime, nullable=False),
    Column("seen", _Id, nullable=False, server_default="0"),  # the last asset that was looked at
    Column("looked_at", Integer, nullable=False, server_default="0"),
    Column("state", String(12), nullable=False, index=True),  # running, done
)

rechecks = Table(
    "rechecks",
    metadata,
    Column("tag_id", String(120), primary_key=True),
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("wanted", Integer, nullable=False),  # 1: it probably needs the tag, 0: it should probably lose it
    Column("probability", Float, nullable=False),
    Index(None, "tag_id", "wanted", "probability"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False),
    Column("prefix", String(12), nullable=False, unique=True),  # the part of a key that may be shown
    Column("hash", String(64), nullable=False),  # SHA-256 of the whole key
    Column("scopes", JSON, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("used_at", DateTime),
    Column("revoked_at", DateTime),
)

answers = Table(
    "answers",
    metadata,
    Column("caller", String(120), primary_key=True),
    Column("key", String(200), primary_key=True),  # the caller's idempotency key
    Column("request", String(64), nullable=False),  # SHA-256 of what was asked
    Column("status", Integer),  # None while the first request is worked on
    Column("body", Text, nullable=False, server_default=""),
    Column("at", Float, nullable=False, index=True),  # seconds since the epoch
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False),
    Column("kinds", JSON, nullable=False),  # which happenings are told, see webhooks.Happening
    Column("secret", String(80), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", DateTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("uid", String(40), nullable=False, unique=True),  # the same however often it is sent
    Column("webhook_id", _Id, ForeignKey("webhooks.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("subject", JSON, nullable=False),  # ids of what it is about
    Column("body", Text, nullable=False, server_default=""),  # fixed at the first attempt
    Column("state", String(12), nullable=False),  # waiting, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due", Float, nullable=False),  # seconds since the epoch
    Column("note", Text, nullable=False, server_default=""),  # how the last attempt ended
    Column("at", DateTime, nullable=False),
    Index(None, "state", "due"),
)

descriptions = Table(
    "descriptions",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("title", Text, nullable=False),  # empty: as the template says
    Column("caption", Text, nullable=False),
    Column("alt", Text, nullable=False),
    Column("event_id", _Id, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("kind", String(8), nullable=False),  # tag, asset
    Column("key", String(120), nullable=False),
    Column("fingerprint", String(64), nullable=False),
)

duties = Table(
    "duties",
    metadata,
    Column("name", String(60), primary_key=True),
    Column("holder", String(120), nullable=False),
    Column("until", Float, nullable=False),  # seconds since 1970
)

meta = Table("meta", metadata, Column("key", String(60), primary_key=True), Column("value", Text, nullable=False))

"""The SQL schema. Ledger and assets are the source of truth; the "derived" tables can be rebuilt from them."""

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

# SQLite auto-increments INTEGER primary keys only; PostgreSQL needs room for more than 2^31 events.
_Id = BigInteger().with_variant(Integer, "sqlite")

LIBRARY_KINDS = "kind IN ('tag', 'category', 'profile')"
"""Taxonomy events, few among millions of decisions; a partial index covers them."""

# ---- the ledger -------------------------------------------------------------------------------------------

events = Table(
    "events",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("uid", String(64), nullable=False, unique=True),  # idempotency key set by the caller
    Column("at", DateTime, nullable=False, index=True),  # UTC
    Column("actor", String(120), nullable=False),
    Column("kind", String(24), nullable=False),
    Column("asset_id", _Id, index=True),
    Column("tag_id", String(120), index=True),
    Column("other_tag_id", String(120), index=True),  # replace: the new tag
    Column("target_id", _Id, index=True),  # undo: the undone event
    Column("profile", String(60)),
    Column("seconds", Float),  # time spent by the person
    Column("payload", JSON),  # suggestions shown; or a complete tag, category or profile
    Column("act", String(64), key="group_id", index=True),  # groups the decisions of one user action
    Index(None, "actor", "id"),
    Index("ix_events_library", "id", sqlite_where=text(LIBRARY_KINDS), postgresql_where=text(LIBRARY_KINDS)),
)

# ---- assets -----------------------------------------------------------------------------------------------

assets = Table(
    "assets",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("sha256", String(64), nullable=False, unique=True),
    Column("name", String(255), nullable=False),  # the client's file name, for display only
    Column("folded_name", Text, nullable=False, server_default=""),  # for search, see common.folding
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
    Column("sample", BigInteger, nullable=False),  # first 60 bits of the SHA-256; sort key of bottom-k samples
    Column("review", String(12), nullable=False, server_default="new"),  # derived, see ledger.events.AssetState
    Column("margin", Float, nullable=False, server_default="0"),  # confidence of suggestions; 0: most uncertain
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
    Column("note", Text, nullable=False, server_default=""),  # why it was stopped
    Column("started_at", DateTime),  # of the current run; reset when a stopped batch resumes
    Column("finished_before", Integer, nullable=False, server_default="0"),  # items finished in earlier runs
    Column("finished_at", DateTime),
)

items = Table(
    "items",
    metadata,
    Column("batch_id", _Id, ForeignKey("batches.id"), primary_key=True),
    Column("n", Integer, primary_key=True),
    Column("chunk", Integer, nullable=False),
    Column("source", Text, nullable=False),  # staged or server path; cleared once the asset is stored
    Column("staged", Boolean, nullable=False),  # staged files are deleted after ingest
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
    Column("bulk", Boolean, nullable=False, server_default=false()),  # lower priority than interactive work
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
    Column("leased_until", Float),  # seconds since the epoch, like all times in this table
    Column("sent_at", Float),  # when it was dispatched to workers; NULL: to be dispatched
    Column("not_before", Float),  # back-off: earliest next attempt
    Column("done_at", Float),
    Column("error", Text, nullable=False, server_default=""),  # of the latest failed attempt
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
    Column("uri", Text, nullable=False, server_default=""),
    Column("revision", BigInteger, nullable=False, server_default="0", index=True),  # of the taxonomy
)

tags = Table(
    "tags",
    metadata,
    Column("id", String(120), primary_key=True),
    Column("category_id", String(60), ForeignKey("categories.id"), nullable=False, index=True),
    Column("parent_id", String(120)),
    Column("merged_into", String(120)),
    Column("state", String(12), nullable=False),  # see taxonomy.model.Tag
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
    Column("uri", Text, nullable=False, server_default=""),
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
    Column("shown", Boolean, nullable=False, server_default=false()),  # the suggestion had been shown
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
    Column("subject", String(16), primary_key=True),  # dimension, see ledger.rollups.tally; or a monthly one
    Column("key", String(250), primary_key=True),
    Column("day", String(10), primary_key=True),  # in the zone key_values.ZONE; or a month
    Column("kind", String(24), primary_key=True),
    Column("n", BigInteger, nullable=False),
    Index(None, "subject", "day", "key", "kind", "n"),
    sqlite_with_rowid=False,
)

content = Table(
    "content",
    metadata,
    Column("basis", String(8), primary_key=True),  # see ledger.rollups.content.Basis
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
    Column("found", JSON, nullable=False),  # an analytics.drift.Check
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
    Column("gallery", Integer, nullable=False),  # number of pictures it was measured on
    Column("mean", LargeBinary, nullable=False),
    Column("spread", Float, nullable=False),
    Column("text_scale", Float, nullable=False),
    Column("starter", String(64)),  # of `starters`, NULL for none
)

starters = Table(
    "starters",
    metadata,
    Column("sha256", String(64), primary_key=True),
    Column("data", LargeBinary, nullable=False),  # a file of data/taxonomy/learned
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
    Column("left_out", LargeBinary, nullable=False, server_default=""),  # see learning.calibration_data
    Column("revision", BigInteger, nullable=False),
    Index(None, "fingerprint", "revision"),
)

calibrations = Table(
    "calibrations",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("revision", BigInteger, nullable=False),  # library revision since which it is in force
    Column("seen", String(60), nullable=False),  # newest event and fit that it includes
    Column("parameters", JSON, nullable=False),
)

families = Table(
    "families",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("encoder", Text, nullable=False),  # argument of `load_encoder`
    Column("instruction", Text, nullable=False, server_default=""),  # empty: the model's default
    Column("state", String(12), nullable=False),  # see embeddings.spaces.SpaceState
    Column("seen", _Id, nullable=False, server_default="0"),  # cursor: id of the last scanned asset
    Column("note", Text, nullable=False, server_default=""),  # why it cannot be built
    Column("actor", String(120), nullable=False),
    Column("at", DateTime, nullable=False),
)

dirty = Table(
    "dirty",
    metadata,
    Column("fingerprint", String(64), primary_key=True),
    Column("tag_id", String(120), primary_key=True),
    Column("marked", String(32), nullable=False),  # new value per mark, so that a late clean-up keeps newer marks
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
    Column("key", String(300), primary_key=True),  # stable across recomputations
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
    Column("seen", _Id, nullable=False, server_default="0"),  # cursor: id of the last scanned asset
    Column("looked_at", Integer, nullable=False, server_default="0"),
    Column("state", String(12), nullable=False, index=True),  # running, done
)

rechecks = Table(
    "rechecks",
    metadata,
    Column("tag_id", String(120), primary_key=True),
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("wanted", Integer, nullable=False),  # 1: the tag is probably missing, 0: it is probably wrong
    Column("probability", Float, nullable=False),
    Index(None, "tag_id", "wanted", "probability"),
)

api_keys = Table(
    "api_keys",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("name", String(80), nullable=False),
    Column("prefix", String(12), nullable=False, unique=True),  # displayable part of the key
    Column("hash", String(64), nullable=False),  # SHA-256 of the whole key
    Column("scopes", JSON, nullable=False),
    Column("created_by", String(120), nullable=False),
    Column("created_at", DateTime, nullable=False),
    Column("used_at", DateTime),
    Column("revoked_at", DateTime),
)

sessions = Table(  # one row a sign-in
    "sessions",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("key", String(64), nullable=False, unique=True),  # SHA-256 of what the identity provider said
    Column("user", String(320), nullable=False),
    Column("browser", String(200), nullable=False),
    Column("started_at", DateTime, nullable=False),
    Column("seen_at", DateTime, nullable=False),
    Column("ended_at", DateTime),
)

answers = Table(
    "answers",
    metadata,
    Column("caller", String(120), primary_key=True),
    Column("key", String(200), primary_key=True),  # the caller's idempotency key
    Column("request", String(64), nullable=False),  # SHA-256 of the request
    Column("status", Integer),  # NULL while the first request is in progress
    Column("body", Text, nullable=False, server_default=""),
    Column("at", Float, nullable=False, index=True),  # seconds since the epoch
)

webhooks = Table(
    "webhooks",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("url", Text, nullable=False),
    Column("kinds", JSON, nullable=False),  # see ledger.webhook_outbox.EventType
    Column("secret", String(80), nullable=False),
    Column("active", Boolean, nullable=False),
    Column("pause_reason", Text, nullable=False, server_default=""),  # empty: not paused, or by a person
    Column("not_before", Float, nullable=False, server_default="0"),  # seconds since the epoch; see Retry-After
    Column("created_by", String(120), nullable=False),
    Column("created_at", DateTime, nullable=False),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", _Id, primary_key=True, autoincrement=True),
    Column("uid", String(40), nullable=False, unique=True),  # stable across retries
    Column("webhook_id", _Id, ForeignKey("webhooks.id"), nullable=False, index=True),
    Column("kind", String(24), nullable=False),
    Column("subject", JSON, nullable=False),  # ids of the objects concerned
    Column("body", Text, nullable=False, server_default=""),  # fixed at the first attempt
    Column("state", String(12), nullable=False),  # waiting, sent, dead
    Column("attempts", Integer, nullable=False, server_default="0"),
    Column("due", Float, nullable=False),  # seconds since the epoch
    Column("note", Text, nullable=False, server_default=""),  # result of the last attempt
    Column("at", DateTime, nullable=False),
    Index(None, "state", "due"),
)

descriptions = Table(
    "descriptions",
    metadata,
    Column("asset_id", _Id, ForeignKey("assets.id"), primary_key=True),
    Column("language", String(8), primary_key=True),
    Column("title", Text, nullable=False),  # empty: generated from the template
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
    Column("until", Float, nullable=False),  # seconds since the epoch
)

meta = Table("meta", metadata, Column("key", String(60), primary_key=True), Column("value", Text, nullable=False))

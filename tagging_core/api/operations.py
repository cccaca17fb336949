"""All that a program may ask for, in process; the service passes every request on to one of these."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from sqlalchemy import select

from tagging_core import ledger
from tagging_core.assets import files as archives
from tagging_core.assets import repository as asset_module
from tagging_core.assets.repository import NO_TEXT, AssetText
from tagging_core.common.users import User
from tagging_core.errors import NotFoundError, SearchError
from tagging_core.ingest import batches
from tagging_core.learning import suggestions
from tagging_core.learning.suggestions import MAX_SUGGESTIONS, Suggestion
from tagging_core.ledger import taxonomy_store
from tagging_core.ledger.events import Kind
from tagging_core.ledger.webhook_outbox import EventType
from tagging_core.publishing import schemas, serializers
from tagging_core.publishing.caption_templates import Description, phrase
from tagging_core.publishing.captions import Captions
from tagging_core.publishing.exports.exporter import Format, by_filters, export
from tagging_core.publishing.exports.tables import USUAL
from tagging_core.publishing.schemas import EVERYTHING, Rendition
from tagging_core.review.decisions import Decision
from tagging_core.storage import key_values
from tagging_core.storage.schema import assets, events, jobs
from tagging_core.taxonomy import matching
from tagging_core.taxonomy.model import Taxonomy

if TYPE_CHECKING:
    from tagging_core.app.tagloop import Tagloop

_LIKELY = 0.5
"""Probability from which on a suggestion is more likely right than wrong, and is part of a drafted description."""


class Operations:
    """What one program, or person, may ask of a Tagloop.

    Args:
        loop: The installation.
        user: As whom everything is done.
    """

    def __init__(self, loop: Tagloop, user: User) -> None:
        self._loop, self._user = loop, user

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
    ) -> schemas.Tagged:
        """Tag one picture while the caller waits.

        Args:
            picture: The whole file.
            name: What the caller calls it.
            profile: Chooses the categories in play.
            text: What belongs to it; names of tags in it count.
            instruction: What the model should look for; models that take none ignore it.
            top_k: Suggestions at most.
            target: Wanted precision in (0, 1), such as 0.95: only suggestions that keep it, by past decisions, or
                by their probability where there are too few of those.
            keep: Whether it joins the archive.
            vector: Whether its vector is returned.

        Raises:
            PictureError: It is no picture that Tagloop can read.
            NotFoundError: There is no such profile.
            TargetError: No library can promise that precision.
            BusyError: Too many pictures wait.
        """
        promise = None if target is None else self._loop.review.thresholds(profile, target)
        came = AssetText(**text.model_dump()) if text else NO_TEXT
        found = self._loop.tagger.tag(self._user, picture, profile, name, came, instruction, keep)
        chosen = found.suggestions
        if promise is not None:
            cuts = {s.tag_id: promise.of(s.tag_id).probability or promise.target for s in chosen}
            chosen = [s for s in chosen if s.probability >= cuts[s.tag_id]]
        matrix = self._loop.model.library.matrix()
        return schemas.Tagged(
            asset=found.asset_id,
            sha256=found.sha256,
            new=found.new,
            suggestions=serializers.suggestions(chosen[:top_k], matrix.taxonomy, language),
            description=_draft(found.suggestions, matrix.taxonomy, language, came),
            vector=[float(x) for x in found.vector] if vector else None,
            model=self._loop.model.library.fingerprint,
            revision=matrix.revision,
        )

    def tag_pictures(
        self, files: Sequence[tuple[str, bytes]], profile: str = "general", name: str = ""
    ) -> schemas.Job:
        """Queue many pictures, zips among them; `photo.txt` is the text of `photo.jpg`."""
        return self._job_of(self._loop.ingest.upload(self._user, files, profile, name))

    def get_job(self, job: int) -> schemas.Job:
        """How far the work on a batch has come."""
        with self._loop.database.read() as connection:
            row = connection.execute(select(jobs.c.batch_id).where(jobs.c.id == job)).first()
        if row is None:
            raise NotFoundError(f"There is no job {job}.")
        return self._job_of(row.batch_id)

    def list_jobs(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Job]:
        """All jobs, latest first."""
        query = select(jobs.c.id, jobs.c.batch_id).order_by(jobs.c.id.desc()).limit(limit + 1)
        if cursor:
            query = query.where(jobs.c.id < _number(cursor))
        with self._loop.database.read() as connection:
            rows = connection.execute(query).all()
        return _page([self._job_of(row.batch_id) for row in rows], limit, lambda job: job.id)

    def stop_job(self, job: int) -> schemas.Job:
        """Stop after the pictures in work; what is done stays done."""
        self._loop.ingest.stop(self._user, self.get_job(job).batch)
        return self.get_job(job)

    def resume_job(self, job: int) -> schemas.Job:
        """Let a stopped job go on."""
        self._loop.ingest.resume(self._user, self.get_job(job).batch)
        return self.get_job(job)

    def get_batch(self, batch: int) -> schemas.Batch:
        """Pictures that came together."""
        return serializers.batch(self._loop.ingest.batch(batch))

    def list_batches(self, cursor: str | None = None, limit: int = 50) -> schemas.Page[schemas.Batch]:
        """All batches, latest first."""
        with self._loop.database.read() as connection:
            found = batches.recent(connection, limit + 1, _number(cursor or "0"))
        return _page([serializers.batch(each) for each in found], limit, lambda batch: batch.id)

    # ---- pictures out -------------------------------------------------------------------------------------

    def get_asset(self, asset: int | str, language: schemas.Language = "en") -> schemas.Asset:
        """A picture by id, or by 8 or more digits of its SHA-256."""
        with self._loop.database.read() as connection:
            found = asset_module.resolve(connection, str(asset))
            return serializers.assets(connection, self._loop.taxonomy(), [found], language)[0]

    def get_assets(self, asset_ids: Sequence[int], language: schemas.Language = "en") -> list[schemas.Asset]:
        """Pictures by id, in the order asked for; unknown ones are left out."""
        with self._loop.database.read() as connection:
            found = asset_module.get_many(connection, asset_ids)
            return serializers.assets(connection, self._loop.taxonomy(), found, language)

    def list_assets(
        self,
        filters: schemas.Filters = EVERYTHING,
        cursor: str | None = None,
        limit: int = 50,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Asset]:
        """Pictures, the latest first."""
        taxonomy = self._loop.taxonomy()
        with self._loop.database.read() as connection:
            conditions = serializers.to_filters(filters).conditions(taxonomy, key_values.zone_of(connection))
            query = select(assets).where(*conditions).order_by(assets.c.id.desc()).limit(limit + 1)
            if cursor:
                query = query.where(assets.c.id < _number(cursor))
            found = [asset_module.to_asset(row) for row in connection.execute(query)]
            shaped = serializers.assets(connection, taxonomy, found, language)
        return _page(shaped, limit, lambda asset: asset.id)

    def get_picture(self, asset: int, rendition: Rendition = "screen") -> bytes:
        """A picture's file: as it came, or a JPEG of at most 1,400 or 320 pixels a side."""
        with self._loop.database.read() as connection:
            found = asset_module.get(connection, asset)
        archive = self._loop.resources.images
        archive.repair(found.sha256, self._loop.settings.max_pixels)
        try:
            return archive.read(archives.Rendition(rendition), found.sha256)
        except OSError as error:
            raise NotFoundError(f"The file of picture {asset} is missing; `doctor` tells what to do.") from error

    def list_suggestions(
        self, asset: int, profile: str = "general", top_k: int = MAX_SUGGESTIONS, language: schemas.Language = "en"
    ) -> list[schemas.Suggestion]:
        """What the library suggests for a picture now; what was decided is left out."""
        found = self._loop.review.suggest(asset, profile)
        return serializers.suggestions(found[:top_k], self._loop.taxonomy(), language)

    def set_text(self, asset: int, text: schemas.Text) -> schemas.Asset:
        """Replace the text that belongs to a picture."""
        self._loop.review.set_text(self._user, asset, AssetText(**text.model_dump()))
        return self.get_asset(asset)

    def describe(self, asset: int, description: schemas.Description) -> schemas.Description:
        """Write a title, caption or alt text; a part that is empty follows the tags."""
        words = Description(description.language, description.title, description.caption, description.alt)
        found = self._loop.captions.write(self._user, asset, words)
        return serializers.description(found)

    def draft_description(self, asset: int, language: schemas.Language = "en") -> schemas.Description:
        """What the generative model that is set would write; nothing is kept."""
        return serializers.description(Captions(self._loop.captions.drafter.draft(self._user, asset, language), ()))

    def export(
        self,
        form: Format = Format.CSV,
        filters: schemas.Filters = EVERYTHING,
        columns: Sequence[str] = USUAL,
        language: schemas.Language = "en",
        image: str = "{name}",
    ) -> Iterator[bytes]:
        """The parts of a file of all pictures that pass filters.

        Args:
            columns: Of a CSV.
            image: Where Label Studio finds a picture; {id}, {sha256} and {name} are put in.
        """
        self.list_assets(filters, limit=1)  # a filter that makes no sense is told before anything is sent
        return export(self, by_filters(filters), form, columns, language, image)

    def shown_suggestions(self, asset: int) -> list[schemas.Suggestion]:
        """What was last suggested for a picture under any profile, best first."""
        taxonomy = self.taxonomy
        with self._loop.database.read() as connection:
            profile = suggestions.profile_of(connection, asset)
            return serializers.suggestions(suggestions.recorded(connection, asset, profile), taxonomy, "en")

    @property
    def taxonomy(self) -> Taxonomy:
        """The tag library as it stands."""
        return self._loop.taxonomy()

    @property
    def model(self) -> str:
        """The fingerprint of the model in use."""
        return self._loop.model.library.fingerprint

    # ---- decisions ----------------------------------------------------------------------------------------

    def decide(self, decisions: Sequence[schemas.NewDecision]) -> schemas.Written:
        """Write decisions as one act, all or none; the library is taught at once."""
        act = self._loop.review.decide_many(self._user, [_to_decision(each) for each in decisions])
        return schemas.Written(act=act.id, decisions=act.event_ids)

    def undo(self, what: int | str) -> schemas.Written:
        """Take one decision back, by its number, or a whole act; also from what was learned."""
        if str(what).isdecimal():
            return schemas.Written(act="", decisions=[self._loop.review.undo(self._user, int(what))])
        act = self._loop.review.undo_group(self._user, str(what))
        return schemas.Written(act=act.id, decisions=act.event_ids)

    def list_decisions(
        self, asset: int | None = None, cursor: str | None = None, limit: int = 100
    ) -> schemas.Page[schemas.Decision]:
        """What was decided, in the order of the ledger; keep `next` and ask later for what is new."""
        query = select(events).where(events.c.asset_id.is_not(None), events.c.id > _number(cursor or "0"))
        if asset is not None:
            query = query.where(events.c.asset_id == asset)
        with self._loop.database.read() as connection:
            rows = connection.execute(query.order_by(events.c.id).limit(limit)).all()
        found = [serializers.decision(ledger.to_event(row)) for row in rows if row.kind != Kind.PROTECT]
        return schemas.Page[schemas.Decision](items=found, next=str(rows[-1].id) if rows else cursor)

    # ---- the tag library ----------------------------------------------------------------------------------

    def list_tags(
        self,
        query: str = "",
        category: str = "",
        cursor: str | None = None,
        limit: int = 200,
        language: schemas.Language = "en",
    ) -> schemas.Page[schemas.Tag]:
        """Tags, merged ones included; with a query those whose name or alias fits, typos allowed, best first."""
        taxonomy = self._loop.taxonomy()
        if query:
            found = matching.find_tags(taxonomy, query, limit=limit)
            start = 0
        else:
            found, start = list(taxonomy.tags.values()), _number(cursor or "0")
        found = [tag for tag in found if category in ("", tag.category_id)][start : start + limit + 1]
        with self._loop.database.read() as connection:
            counts = taxonomy_store.counts(connection, [tag.id for tag in found])
        shaped = [serializers.tag(tag, counts.get(tag.id, (0, 0)), language) for tag in found[:limit]]
        following = str(start + limit) if len(found) > limit else None
        return schemas.Page[schemas.Tag](items=shaped, next=following)

    def get_tag(self, tag: str, language: schemas.Language = "en") -> schemas.Tag:
        """A tag by id; the id of a merged one leads to the tag it became."""
        found = self._loop.taxonomy().tag(tag)
        with self._loop.database.read() as connection:
            counts = taxonomy_store.counts(connection, [found.id])
        return serializers.tag(found, counts.get(found.id, (0, 0)), language)

    def list_profiles(self, language: schemas.Language = "en") -> list[schemas.Profile]:
        """The business types there are."""
        return [
            schemas.Profile(id=p.id, name=p.name(language), instruction=p.instruction, categories=p.categories)
            for p in self._loop.taxonomy().profiles.values()
        ]

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
        """Pictures that fit words, resemble some pictures, do not resemble others, and pass filters.

        Args:
            text: Names of tags in any language are recognised; the model reads the rest.
            like: Pictures that answers should be like.
            unlike: Pictures that they should not be like.
            picture: The file of a picture, which need not be kept, that answers should be like.
        """
        seen = [np.asarray(self._embed(picture), np.float32)] if picture is not None else []
        found = self._loop.search.find(text, like, unlike, serializers.to_filters(filters), limit, seen)
        return schemas.SearchResult(
            hits=self._hits(found.hits, language),
            tags=[list(group) for group in found.query.groups],
            words=found.query.rest,
            understood=found.understood,
        )

    def similar(
        self, asset: int, filters: schemas.Filters = EVERYTHING, limit: int = 24, language: schemas.Language = "en"
    ) -> list[schemas.Hit]:
        """Pictures that resemble one, best first."""
        found = self._loop.search.find(like=[asset], filters=serializers.to_filters(filters), limit=limit)
        return self._hits(found.hits, language)

    def recommend(
        self, asset: int, filters: schemas.Filters = EVERYTHING, limit: int = 8, language: schemas.Language = "en"
    ) -> list[schemas.Hit]:
        """Pictures to show beside one: they resemble it, but neither it nor one another too much."""
        return self._hits(self._loop.search.recommend(asset, serializers.to_filters(filters), limit), language)

    # ---- webhooks -----------------------------------------------------------------------------------------

    def list_webhooks(self) -> list[schemas.Webhook]:
        """Every webhook, latest first."""
        return [serializers.webhook(found) for found in self._loop.webhooks.listed()]

    def add_webhook(self, url: str, kinds: Sequence[EventType]) -> schemas.Webhook:
        """Register an address for some kinds of events; the answer holds the secret, this once."""
        return serializers.webhook(self._loop.webhooks.add(self._user, url, kinds), secret=True)

    def switch_webhook(self, webhook: int, active: bool) -> schemas.Webhook:
        """Pause a webhook, or resume it."""
        return serializers.webhook(self._loop.webhooks.set_active(self._user, webhook, active))

    def list_deliveries(
        self,
        webhook: int | None = None,
        state: Literal["waiting", "sent", "dead"] | None = None,
        cursor: str | None = None,
        limit: int = 50,
    ) -> schemas.Page[schemas.Delivery]:
        """Webhook deliveries, latest first."""
        found = self._loop.webhooks.deliveries(webhook, state or "", _number(cursor or "0"), limit + 1)
        numbers = {each.uid: each.id for each in found}
        return _page([serializers.delivery(each) for each in found], limit, lambda each: numbers[each.id])

    def replay_delivery(self, delivery: str) -> schemas.Delivery:
        """Send a delivery again, with the same id and body."""
        return serializers.delivery(self._loop.webhooks.replay(self._user, delivery))

    # ---- helpers ------------------------------------------------------------------------------------------

    def _job_of(self, batch_id: int) -> schemas.Job:
        with self._loop.database.read() as connection:
            job_id = connection.execute(select(jobs.c.id).where(jobs.c.batch_id == batch_id)).scalar()
            found = batches.get(connection, batch_id)
            refused = batches.refused(connection, batch_id) if found.refused else []
            return serializers.job(int(job_id or 0), found, refused)

    def _embed(self, picture: bytes) -> Any:
        return self._loop.tagger.tag(self._user, picture, "general", keep=False).vector

    def _hits(self, hits: Sequence[Any], language: str) -> list[schemas.Hit]:
        with self._loop.database.read() as connection:
            found = asset_module.get_many(connection, [hit.asset_id for hit in hits])
            shaped = {a.id: a for a in serializers.assets(connection, self._loop.taxonomy(), found, language)}
        return [
            schemas.Hit(asset=shaped[hit.asset_id], relevance=round(hit.relevance, 4))
            for hit in hits
            if hit.asset_id in shaped
        ]


def _draft(found: Sequence[Suggestion], taxonomy: Taxonomy, language: str, text: AssetText) -> schemas.Description:
    likely = [taxonomy.tags[s.tag_id] for s in found if s.probability >= _LIKELY and s.tag_id in taxonomy.tags]
    return serializers.description(Captions(phrase(likely, language, text), ()))


def _to_decision(asked: schemas.NewDecision) -> Decision:
    found = Decision(
        Kind(asked.kind),
        asked.asset,
        asked.tag,
        asked.other_tag,
        asked.profile,
        seconds=asked.seconds,
        note=asked.note,
    )
    return replace(found, uid=asked.id) if asked.id else found


def _number(cursor: str) -> int:
    if not cursor.isascii() or not cursor.isdecimal() or len(cursor) > 18:
        raise SearchError(f"{cursor[:40]!r} is no cursor; pass on what `next` said.")
    return int(cursor)


def _page(found: list[Any], limit: int, key: Any) -> schemas.Page[Any]:
    shown = found[:limit]
    return schemas.Page(items=shown, next=str(key(shown[-1])) if len(found) > limit else None)

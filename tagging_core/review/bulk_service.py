"""Bulk review: decide about many pictures at once."""

from __future__ import annotations

import uuid
from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from tagging_core.common.users import Action, User, require
from tagging_core.errors import DecisionError
from tagging_core.learning.suggestions import settled_tags
from tagging_core.ledger import label_queries
from tagging_core.review import bulk_accept, clusters, decision_groups, grid, leases, queue, tag_edits
from tagging_core.review.bulk_accept import BulkOffer, BulkPreview
from tagging_core.review.clusters import PictureGroup
from tagging_core.review.decision_groups import DecisionGroup
from tagging_core.review.decisions import Decision
from tagging_core.review.grid import SURE, GridPage
from tagging_core.review.queue import View
from tagging_core.review.service import ReviewService
from tagging_core.review.tag_edits import TagEdit
from tagging_core.taxonomy.model import Taxonomy

_PIECE = 100  # decisions per transaction of a bulk accept, so that other writers do not wait for all of it


class BulkReviewService:
    """Grids, groups of similar pictures, bulk accept, and the tags of selections.

    Args:
        review: Writes and undoes the decisions.
    """

    def __init__(self, review: ReviewService) -> None:
        self._review = review

    def grid(
        self, user: User, view: View, subject: str = "", *, size: int = 48, without: Collection[int] = ()
    ) -> GridPage:
        """Return waiting pictures that probably have a tag, or a tag of a category, and lease them to the user.

        Args:
            user: Holder of the leases; rights are not checked.
            view: Selects profile, batch and state; its order is not used.
            subject: Id of the tag or category; if empty, the most frequently predicted tag.
            size: Maximum number of pictures.
            without: Pictures that the user has seen and skipped.

        Returns:
            The pictures that the user has leased, most probable first; no sensitive tags and no blind sample.

        Raises:
            NotFoundError: The view's profile does not exist.
        """
        with self._review.database.read() as connection:
            others = leases.of_others(connection, user)
            excluded = {*others, *without}
            page = grid.page(
                connection,
                self._review.model.suggester,
                view,
                rates=self._review.rates,
                subject=subject,
                size=size,
                without=excluded,
            )
        with self._review.database.write() as connection:
            mine = set(leases.take(connection, user, [cell.asset_id for cell in page.cells]))
        sure = {tag_id: self._sure(tag_id, view.profile) for tag_id in {cell.tag_id for cell in page.cells}}
        cells = [replace(cell, is_sure=cell.probability >= sure[cell.tag_id]) for cell in page.cells]
        return replace(page, cells=[cell for cell in cells if cell.asset_id in mine])

    def groups(self, user: User, view: View) -> list[PictureGroup]:
        """Return groups of similar waiting pictures, without leasing them.

        Args:
            user: The reviewer; pictures leased by others are left out.
            view: Selects the next 1,000 pictures, newest first for that order and in upload order otherwise.

        Returns:
            Groups of at least two pictures, largest first; no sensitive tags and no blind sample.

        Raises:
            NotFoundError: The view's profile does not exist.
        """
        with self._review.database.read() as connection:
            others = leases.of_others(connection, user)
            return clusters.find(
                connection, self._review.model.suggester, view, rates=self._review.rates, without=others
            )

    def decide(self, user: User, decisions: Sequence[Decision]) -> DecisionGroup:
        """Write decisions as one group, except on pictures where the tag or a rival was decided before.

        Args:
            user: Needs the right to review.
            decisions: On pictures that nobody else has leased.

        Returns:
            The group, for `undo_group`; duplicates and no-ops are not among its events.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: A picture, tag or profile does not exist.
            DecisionError: All were decided before, a decision is invalid, or one of several names a sensitive tag.
            LeasedError: Another user has leased one of the pictures; none of the decisions is written.
            EncoderError: A tag cannot be fitted, see `ReviewService`; the decisions are written.
        """
        taxonomy = self._review.model.taxonomy
        for tag in {d.tag_id: taxonomy.tag(d.tag_id) for d in decisions if d.tag_id}.values():
            if tag.sensitive and len(decisions) > 1:
                raise DecisionError(f"{tag.name()!r} is sensitive: add it to one picture at a time, in Focus.")
        with self._review.database.read() as connection:
            undecided = _undecided(connection, decisions, self._review.model.load_taxonomy(connection))
        if not undecided:
            raise DecisionError(
                "All of these pictures were decided on before, for this tag or for one that rules it out."
            )
        return self._review.decide_many(user, undecided)

    def tag_counts(self, asset_ids: Sequence[int]) -> dict[str, int]:
        """Count the tags of a selection.

        Args:
            asset_ids: The selected pictures.

        Returns:
            Number of the pictures on which a tag was accepted by tag id, most first.
        """
        with self._review.database.read() as connection:
            return tag_edits.count(label_queries.labels_of(connection, asset_ids))

    def edit_tags(
        self, user: User, asset_ids: Sequence[int], *, add: Sequence[str], remove: Sequence[str], profile: str
    ) -> TagEdit:
        """Add tags to a selection and remove others, as one decision group.

        Pictures that others have open are left as they are. An added tag replaces one that it excludes.

        Args:
            user: Needs the right to review.
            asset_ids: The selected pictures, in any state of review; their state stays.
            add: Ids of tags that all of them get.
            remove: Ids of tags that are rejected where they were accepted.
            profile: Profile of the review.

        Returns:
            What changed, and what was left out.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: A picture, tag or profile does not exist.
            DecisionError: Tags to add exclude each other or are sensitive, or a tag is to be added and removed.
            EncoderError: A tag cannot be fitted, see `ReviewService`; the decisions are written.
        """
        require(user, Action.REVIEW)
        tag_edits.check(self._review.model.taxonomy, asset_ids, add=add, remove=remove)
        with self._review.database.write(durable=True) as connection:
            taxonomy = self._review.model.load_taxonomy(connection)
            others = leases.of_others(connection, user)
            held = {asset_id: others[asset_id].actor for asset_id in asset_ids if asset_id in others}
            planned = tag_edits.decisions(
                taxonomy,
                label_queries.labels_of(connection, asset_ids),
                asset_ids=[asset_id for asset_id in asset_ids if asset_id not in held],
                add=add,
                remove=remove,
                profile=profile,
            )
            if not planned:
                return TagEdit(None, 0, held)
            group = decision_groups.decide_many(
                connection, user, planned, taxonomy=taxonomy, rates=self._review.rates
            )
        self._review.model.fit(group.tag_ids, taxonomy)
        self._review.wake()
        return TagEdit(group, len({decision.asset_id for decision in planned}), held)

    def preview(self, user: User, view: View, target: float) -> BulkPreview:
        """Preview a bulk accept of the next 2,000 waiting pictures; changes and leases nothing.

        Args:
            user: The reviewer; pictures leased by others are left out.
            view: Selects profile, batch and order; the state is always "new".
            target: Minimum precision in (0, 1), such as 0.97; tags with a higher target of their own keep that.

        Returns:
            An offer for each suggested tag that is not sensitive, whether or not the precision can be guaranteed.

        Raises:
            NotFoundError: The view's profile does not exist.
            TargetError: The target is not in (0, 1).
        """
        thresholds = self._review.thresholds(view.profile, target)
        with self._review.database.read() as connection:
            others = leases.of_others(connection, user)
            return bulk_accept.preview(
                connection,
                self._review.model.suggester,
                thresholds,
                view=view,
                rates=self._review.rates,
                without=others,
            )

    def accept_many(
        self, user: User, offers: Sequence[BulkOffer], profile: str, *, target: float
    ) -> Iterator[DecisionGroup]:
        """Accept offers in batches, as one group; batches written before the caller stops are kept.

        Pictures that others have finished, leased or decided on since the preview are left out.

        Args:
            user: Needs the right to review.
            offers: Offers of a preview; those that are not allowed are skipped.
            profile: Profile of the preview.
            target: Target precision of the preview, stored with each decision.

        Yields:
            The result of each committed batch; all share one group id.

        Raises:
            NotAllowedError: The user may not review.
            NotFoundError: A picture, tag or profile does not exist.
            EncoderError: A tag cannot be fitted, see `ReviewService`; the decisions are written.
        """
        planned = bulk_accept.decisions(offers, profile, target)
        act = uuid.uuid4().hex
        for start in range(0, len(planned), _PIECE):
            piece = planned[start : start + _PIECE]
            with self._review.database.write(durable=True) as connection:
                others = leases.of_others(connection, user)
                free = queue.filter_by_state(connection, {d.asset_id for d in piece}) - others.keys()
                taxonomy = self._review.model.load_taxonomy(connection)
                piece = _undecided(connection, [d for d in piece if d.asset_id in free], taxonomy)
                written = decision_groups.decide_many(
                    connection, user, piece, taxonomy=taxonomy, rates=self._review.rates, group_id=act
                )
            yield written  # after the commit, so that no lock is held while the caller works
        self._review.model.fit({offer.tag_id for offer in offers}, self._review.model.taxonomy)
        self._review.wake()

    def _sure(self, tag_id: str, profile: str) -> float:
        """The probability from which the grid preselects a tag: what its target precision requires, if known."""
        target = self._review.model.taxonomy.tag(tag_id).target
        cut = self._review.thresholds(profile, target).of(tag_id).probability if target else None
        return SURE if cut is None else cut


def _undecided(connection: Connection, decisions: Sequence[Decision], taxonomy: Taxonomy) -> list[Decision]:
    """Decisions whose tag was not accepted, rejected or ruled out on the picture before."""
    decided = label_queries.labels_of(connection, [d.asset_id for d in decisions])
    return [d for d in decisions if d.tag_id not in settled_tags(decided.get(d.asset_id, {}), taxonomy)]

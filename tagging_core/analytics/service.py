"""Service for managers' reports.

Each method opens its own read transaction and raises StorageError if the database cannot be read.
"""

from __future__ import annotations

from collections import Counter
from datetime import date

import pandas as pd

from tagging_core.analytics import accuracy, change_effects, drift, drilldown, productivity, trends
from tagging_core.analytics.change_effects import Effect
from tagging_core.analytics.drift import Check
from tagging_core.analytics.drilldown import DrilldownQuery
from tagging_core.analytics.overview import Overview, overview
from tagging_core.analytics.saved_views import SavedViews
from tagging_core.analytics.trends import Content
from tagging_core.common.periods import Period
from tagging_core.common.users import User
from tagging_core.learning.active_model import ActiveModel
from tagging_core.ledger.rollups.content import ALL
from tagging_core.ledger.rollups.reader import Kinds
from tagging_core.storage import Database, key_values


class AnalyticsService:
    """Reads data for reports.

    Args:
        database: The store of record.
        model: The active model; its taxonomy tells which tags were merged or deleted.

    Attributes:
        views: Saved views.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model
        self.views = SavedViews(database)

    def today(self) -> date:
        """Return the current date.

        Returns:
            The date in the installation's time zone, which defines a day in charts.
        """
        with self._database.read() as connection:
            return key_values.today(connection)

    def overview(self, user: User, period: Period) -> Overview:
        """Return the dashboard data of a period.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.

        Returns:
            Counts of the period and of the one before it, and the current state of the queue and the alerts.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return overview(connection, user, self._model.taxonomy, period=period)

    def accuracy(self, user: User, period: Period) -> Counter[str]:
        """Return all counts of a period.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.

        Returns:
            Counts by kind, see `ledger.rollups.tally`; empty if nothing was counted.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return accuracy.overall(connection, user, period)

    def accuracy_by(self, user: User, subject: str, period: Period) -> dict[str, Kinds]:
        """Return the counts of a period, grouped.

        Args:
            user: Needs the right to read reports.
            subject: Grouping: `tag`, `category`, `profile`, `actor` or `model`.
            period: Days in the installation's time zone, both ends included.

        Returns:
            Counts by kind for each tag id, category id, profile id, name or fingerprint. Merged tags count towards
            their target, deleted tags are excluded.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return accuracy.by(connection, user, subject, period=period, taxonomy=self._model.taxonomy)

    def accuracy_over_time(self, user: User, period: Period, grain: str, *, source: str) -> pd.DataFrame:
        """Return precision and recall over time.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.
            grain: `day`, `week`, `month` or `quarter`.
            source: `blind` or `shown`: whether reviewers saw the suggestions.

        Returns:
            A row per bucket with predictions, in order of time; see `accuracy.over_time` for the columns.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return accuracy.over_time(connection, user, period, grain=grain, source=source)

    def confidence_bins(self, user: User, period: Period, source: str) -> pd.DataFrame:
        """Return right and wrong suggestions by predicted probability.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.
            source: `blind` or `shown`: whether reviewers saw the suggestions.

        Returns:
            A row per non-empty bin of width 0.01, ascending: probability (midpoint), right and wrong (counts).

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return accuracy.bins(connection, user, period, source=source)

    def confusions(self, user: User, period: Period, limit: int = 20) -> list[tuple[str, str, int]]:
        """Return the pairs of tags that the model confuses.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.
            limit: Maximum number of pairs.

        Returns:
            (suggested tag id, id of the tag given instead, count), most frequent first.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return accuracy.confusions(connection, user, period, taxonomy=self._model.taxonomy, limit=limit)

    def effects_of_changes(self, user: User, period: Period) -> list[Effect]:
        """Return the precision before and after the latest changes of the tag library.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.

        Returns:
            Up to 12 changes made in the period that concern tags, latest first.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return change_effects.effects_of_changes(connection, user, period, taxonomy=self._model.taxonomy)

    def content(self, user: User, basis: str, period: Period | None, *, part: str = ALL) -> Content:
        """Return the tag counts of reviewed pictures.

        Args:
            user: Needs the right to read reports.
            basis: Date that `period` applies to, see `Basis`; BATCH for one batch.
            period: Days, both ends included; None for all of them, as for a batch.
            part: A profile id; ALL for all profiles together; for a batch, its id.

        Returns:
            Counts by day and tag; empty if no picture was reviewed.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return trends.load(connection, user, basis, period=period, part=part)

    def content_of_batch(self, user: User, batch_id: int) -> Content:
        """Return the tag counts of a batch's reviewed pictures.

        Args:
            user: Needs the right to read reports.
            batch_id: Id of the batch.

        Returns:
            Counts by tag, under a single empty day; empty if there is no such batch or none of it was reviewed.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return trends.of_batch(connection, user, batch_id)

    def tags_together(self, user: User, part: str) -> tuple[pd.DataFrame, int]:
        """Return how often tags occur together in a random sample of reviewed pictures.

        Args:
            user: Needs the right to read reports.
            part: A profile id; ALL for all profiles together.

        Returns:
            `(t, t)` co-occurrence counts of the 16 most frequent tags, labelled by tag id, with tag counts on the
            diagonal; and the sample size, at most `trends.SAMPLE`.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return trends.together(connection, user, self._model.taxonomy, part=part)

    def people(self, user: User, period: Period) -> pd.DataFrame:
        """Return speed and agreement by person.

        Args:
            user: Needs the right to read reports.
            period: Days in the installation's time zone, both ends included.

        Returns:
            A row per person, sorted by name; see `productivity.people` for the columns.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return productivity.people(connection, user, period)

    def drift_checks(self, user: User) -> dict[str, Check]:
        """Return the latest drift checks.

        Args:
            user: Needs the right to read reports.

        Returns:
            Up to 60 checks by ISO date, latest first; empty before the first check.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return drift.latest(connection, user)

    def pictures_behind(self, user: User, query: DrilldownQuery, skip: int) -> list[int]:
        """Return a page of the assets behind a count; results may be incomplete, see `drilldown.find`.

        Args:
            user: Needs the right to read reports.
            query: Which assets; the default is every finished review.
            skip: Offset of the page, in assets.

        Returns:
            Up to `drilldown.PAGE` asset ids, latest first; empty after the last page.

        Raises:
            NotAllowedError: The user may not read reports.
        """
        with self._database.read() as connection:
            return drilldown.find(connection, user, query, taxonomy=self._model.taxonomy, skip=skip)

    def check_drift_if_due(self) -> bool:
        """Run today's drift check unless some process already has; the result is stored.

        Returns:
            Whether it ran now.

        Raises:
            StorageError: The database cannot be read or written.
        """
        return drift.check_if_due(self._database, self._model.library, self._model.taxonomy)

"""Service for managers' reports.

Each method opens its own read transaction. Methods with a user raise NotAllowedError if they may not read reports.
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

    Attributes:
        views: Saved views.
    """

    def __init__(self, database: Database, model: ActiveModel) -> None:
        self._database, self._model = database, model
        self.views = SavedViews(database)

    def today(self) -> date:
        """Return today's date in the company's time zone."""
        with self._database.read() as connection:
            return key_values.today(connection)

    def overview(self, user: User, period: Period) -> Overview:
        """Return the dashboard data of a period."""
        with self._database.read() as connection:
            return overview(connection, user, self._model.taxonomy, period=period)

    def accuracy(self, user: User, period: Period) -> Counter[str]:
        """Return all counts of a period, see `accuracy.overall`."""
        with self._database.read() as connection:
            return accuracy.overall(connection, user, period)

    def accuracy_by(self, user: User, subject: str, period: Period) -> dict[str, Kinds]:
        """Return the counts by tag, category, profile, actor or model, see `accuracy.by`."""
        with self._database.read() as connection:
            return accuracy.by(connection, user, subject, period=period, taxonomy=self._model.taxonomy)

    def accuracy_over_time(self, user: User, period: Period, grain: str, *, source: str) -> pd.DataFrame:
        """Return precision and recall over time, see `accuracy.over_time`."""
        with self._database.read() as connection:
            return accuracy.over_time(connection, user, period, grain=grain, source=source)

    def confidence_bins(self, user: User, period: Period, source: str) -> pd.DataFrame:
        """Return right and wrong suggestions by predicted probability, see `accuracy.bins`."""
        with self._database.read() as connection:
            return accuracy.bins(connection, user, period, source=source)

    def confusions(self, user: User, period: Period, limit: int = 20) -> list[tuple[str, str, int]]:
        """Return (suggested tag, tag given instead, count), most frequent first."""
        with self._database.read() as connection:
            return accuracy.confusions(connection, user, period, taxonomy=self._model.taxonomy, limit=limit)

    def effects_of_changes(self, user: User, period: Period) -> list[Effect]:
        """Return accuracy before and after the latest changes of the tag library."""
        with self._database.read() as connection:
            return change_effects.effects_of_changes(connection, user, period, taxonomy=self._model.taxonomy)

    def content(self, user: User, basis: str, period: Period | None, *, part: str = ALL) -> Content:
        """Return the tag counts of reviewed pictures in a period, see `trends.load`."""
        with self._database.read() as connection:
            return trends.load(connection, user, basis, period=period, part=part)

    def content_of_batch(self, user: User, batch_id: int) -> Content:
        """Return the tag counts of a batch's reviewed pictures."""
        with self._database.read() as connection:
            return trends.of_batch(connection, user, batch_id)

    def tags_together(self, user: User, part: str) -> tuple[pd.DataFrame, int]:
        """Return the co-occurrence matrix of tags and its sample size, see `trends.together`."""
        with self._database.read() as connection:
            return trends.together(connection, user, self._model.taxonomy, part=part)

    def people(self, user: User, period: Period) -> pd.DataFrame:
        """Return speed and agreement by person, see `productivity.people`."""
        with self._database.read() as connection:
            return productivity.people(connection, user, period)

    def drift_checks(self, user: User) -> dict[str, Check]:
        """Return the latest drift checks by day, latest first."""
        with self._database.read() as connection:
            return drift.latest(connection, user)

    def pictures_behind(self, user: User, query: DrilldownQuery, skip: int) -> list[int]:
        """Return a page of the assets behind a count, see `drilldown.find`."""
        with self._database.read() as connection:
            return drilldown.find(connection, user, query, taxonomy=self._model.taxonomy, skip=skip)

    def check_drift_if_due(self) -> bool:
        """Run the day's drift check unless it has run; returns whether it ran."""
        return drift.check_if_due(self._database, self._model.library, self._model.taxonomy)

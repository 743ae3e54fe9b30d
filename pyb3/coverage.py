"""Which sessions of a dataset are in the database, and which are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from itertools import groupby
from typing import Any

from . import calendar, lateness
from .datasets.base import Dataset
from .errors import UsageError
from .load import connect, ledger, migrate, year_counts
from .load.year_counts import DifferentYear
from .unit import Unit

_MANY = 20  # days of a year, from which on its one file is less work than theirs


@dataclass(frozen=True, slots=True)
class Coverage:
    """A dataset's sessions compared with the calendar, and its loaded years with B3's files of these years.

    `partial` are the units that were loaded but are not whole. `behind` is the number of sessions after the last one
    there is that should be there by now; None where there is no session.
    """

    dataset: str
    days: Sequence[date]
    missing: Sequence[date]
    today: date
    years: Sequence[DifferentYear] = ()
    partial: Sequence[str] = ()
    behind: int | None = None

    @property
    def complete(self) -> bool:
        """Whether nothing is missing, partial or different."""
        return not (self.missing or self.years or self.partial)

    @property
    def first(self) -> date | None:
        """The first session there is."""
        return self.days[0] if self.days else None

    @property
    def last(self) -> date | None:
        """The last session there is."""
        return self.days[-1] if self.days else None

    @property
    def stale_since(self) -> date | None:
        """The first session after the last one there is, where it has passed."""
        return next((day for day in self.missing if self.last and day > self.last), None)

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        return {
            "dataset": self.dataset,
            "first": str(self.first) if self.first else None,
            "last": str(self.last) if self.last else None,
            "sessions": len(self.days),
            "missing": [str(day) for day in self.missing],
            "stale_since": str(self.stale_since) if self.stale_since else None,
            "behind": self.behind,
            "partial": list(self.partial),
            "years": [year.as_dict() for year in self.years],
        }


def coverage(dataset: Dataset, start: date | None = None, end: date | None = None) -> Coverage:
    """What the database holds from `start` (default: the first day there is) to `end` (default: the last session due).

    A session that B3 has time left to publish is missing only when it is asked for. Sessions that no source reaches any
    more, and that nobody can bring back, are not called missing. `years` are the loaded years whose rows or sessions
    are not those of B3's file. Raises DatabaseError.
    """
    today = calendar.today()
    with connect.connect() as connection:
        migrate.check(connection)
        days = ledger.days(connection, dataset.name, dataset.template.table)
        partial = ledger.partial(connection, dataset.name)
        years = year_counts.different_years(connection, dataset.template, days, start or date.min, end or date.max)
    first = start or (days[0] if days else None)
    last = end or lateness.last_due(dataset.template)
    there = set(days)
    lacking = [day for day in calendar.sessions(first, last) if day not in there] if first and first <= last else []
    missing = [day for day in lacking if dataset.template.sources_for(Unit(dataset.name, "day", day), today)]
    behind = len(calendar.sessions(days[-1] + timedelta(1), lateness.last_due(dataset.template))) if days else None
    return Coverage(dataset.name, days, missing, today, years, partial, behind)


def missing_units(dataset: Dataset, start: date | None = None, end: date | None = None) -> list[Unit]:
    """The units that fill what is missing: a year's file where it lacks a month or more, else its days.

    Raises UsageError where neither the table nor `start` says where to begin, DatabaseError.
    """
    found = coverage(dataset, start, end or calendar.today() - timedelta(1))
    if start is None and not found.days:
        raise UsageError(f"{dataset.name} has no session yet; say with --from where to begin")
    units: list[Unit] = []
    for year, days in groupby(found.missing, key=lambda day: day.year):
        of_year = list(days)
        as_year = Unit(dataset.name, "year", date(year, 1, 1))
        whole = year < found.today.year and dataset.template.sources_for(as_year, found.today)
        units += [as_year] if whole and len(of_year) >= _MANY else [Unit(dataset.name, "day", day) for day in of_year]
    return units

"""Which sessions of a dataset are in the database, and which are missing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

from . import calendar
from .datasets.base import Dataset
from .load import connect, ledger, migrate


@dataclass(frozen=True, slots=True)
class Coverage:
    """A dataset's sessions held against the calendar."""

    dataset: str
    days: Sequence[date]
    missing: Sequence[date]
    today: date

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
        }


def coverage(dataset: Dataset, start: date | None = None, end: date | None = None) -> Coverage:
    """What the database holds from `start` (default: the first day there is) to `end` (default: yesterday).

    Today's session is missing only when it is asked for: B3 publishes it in the evening. Raises DatabaseError.
    """
    today = calendar.today()
    with connect.connect() as connection:
        migrate.check(connection)
        days = ledger.days(connection, dataset.template.table)
    first = start or (days[0] if days else None)
    last = end or today - timedelta(1)
    there = set(days)
    missing = [day for day in calendar.sessions(first, last) if day not in there] if first else []
    return Coverage(dataset.name, days, missing, today)

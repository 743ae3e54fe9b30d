"""Days as a load finds them: locked against other loads, empty or with the rows they hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from .. import settings
from ..template import Template
from . import days
from .copy import listed
from .days import Day
from .phrases import own
from .years import Years


@dataclass(frozen=True, slots=True)
class Opened:
    """Days that are locked by now; of those that were to be compared, what the table held of them in their columns."""

    held: Mapping[date, Day]
    newly: frozenset[date]  # those of them that no batch before was told of

    def __or__(self, other: Opened) -> Opened:
        return Opened({**self.held, **other.held}, self.newly | other.newly)

    @property
    def lines(self) -> int:
        """Rows that were read for it."""
        return sum(self.held[day].rows for day in self.newly)


@dataclass
class Opening:
    """Opens the days of a load. All of it is done by the connection's own thread."""

    connection: psycopg.Connection[Any]
    template: Template
    years: Years
    loose: bool  # whether a new year may be
    # Days that the table had no row of, as they were first met.
    fresh: set[date] = field(default_factory=set)
    _locked: set[date] = field(default_factory=set)
    _held: dict[date, Day] = field(default_factory=dict)
    _columns: tuple[str, ...] = ()

    def open(self, these: Sequence[date], compared: pl.Schema | None) -> Opened:
        """Wait for other loads of these days, see which are empty, and read the others where they are `compared`."""
        self._lock([day for day in these if day not in self._locked])
        if compared is None:
            return Opened({}, frozenset())
        return self.read([day for day in these if day not in self.fresh], compared)

    def read(self, these: Sequence[date], schema: pl.Schema) -> Opened:
        """What the table holds of these days, in the columns of `schema`."""
        if self._columns != (columns := tuple(schema)):
            self._columns, self._held = columns, {}
        newly = [day for day in these if day not in self._held]
        found = days.held(self.connection, own(self.template.table), schema, newly, self.template.key) if newly else {}
        # A day may go on from one batch to the next: what was read last is looked at once more.
        self._held = {day: known for day, known in self._held.items() if day in these} | found
        return Opened(self._held, frozenset(newly))

    def _lock(self, new: list[date]) -> None:
        self._locked.update(new)
        for year in sorted({day.year for day in new}):
            self.years.open(year, loose=self.loose)
        # Others wait for a loose year as a whole.
        self.fresh.update(day for day in new if self.years.loose(day.year))
        if not (new := [day for day in new if self.years.loose(day.year) is None]):
            return
        lock = "SELECT pg_advisory_xact_lock(hashtext(%s), d - date '2000-01-01') FROM unnest(%s::date[]) d"
        self.connection.execute(lock, (f"pyb3/{settings.schema()}.{self.template.table}", new))
        # COPY does not write into a table whose row-level security binds this user: such days are all staged.
        # One day at a time, in the key's order: the key's own index is taken, in the day's own partition.
        absent = sql.SQL(
            "SELECT NOT row_security_active(%s::regclass)"
            " AND (SELECT refdate FROM {} WHERE refdate = %s ORDER BY {} LIMIT 1) IS NULL"
        ).format(own(self.template.table), listed(self.template.key))
        name = own(self.template.table).as_string(self.connection)
        for day in new:
            if self.connection.execute(absent, (name, day)).fetchone() == (True,):
                self.fresh.add(day)

"""Compare the rows and sessions of each loaded year with those of B3's own file of that year."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from itertools import groupby
from typing import Any

import psycopg
from psycopg import sql

from ..template import Template, Year
from .phrases import own


@dataclass(frozen=True, slots=True)
class YearCount:
    """What the database has of one year; `rejected` records of its files were set aside."""

    rows: int
    sessions: int
    first: date
    last: date
    rejected: int = 0


@dataclass(frozen=True, slots=True)
class DifferentYear:
    """A loaded year whose rows or sessions are not those of B3's file; `as_dict()` is what `--json` prints."""

    dataset: str
    expected: Year
    found: YearCount

    @property
    def message(self) -> str:
        """What differs, what explains it, and what to do next."""
        there, b3, year = self.found, self.expected, self.expected.year
        parts = [
            f"{there.rows:,} rows, B3's file has {b3.rows:,}" if there.rows != b3.rows else "",
            f"{there.sessions} sessions, B3's file has {b3.sessions}" if there.sessions != b3.sessions else "",
            f"first session {there.first}, in B3's file {b3.first}" if there.first != b3.first else "",
            f"last session {there.last}, in B3's file {b3.last}" if there.last != b3.last else "",
        ]
        if there.rejected:
            records = "1 record" if there.rejected == 1 else f"{there.rejected:,} records"
            parts.append(f"{records} set aside, see 'pyb3 history {self.dataset} --rejected'")
        if there.rows + there.rejected != b3.rows or there.sessions != b3.sessions:
            parts.append(f"download the year again: 'pyb3 backfill {self.dataset} --year {year} --refresh --force'")
        return "; ".join(filter(None, parts))

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values."""
        expected, found = (
            {name: str(value) if isinstance(value, date) else value for name, value in asdict(one).items()}
            for one in (self.expected, self.found)
        )
        return {"year": expected.pop("year"), "expected": expected, "found": found}


def different_years(
    connection: psycopg.Connection[Any],
    template: Template,
    days: Sequence[date],
    start: date = date.min,
    end: date = date.max,
    *,
    count_table: bool = False,
) -> list[DifferentYear]:
    """The years from `start` to `end` that were loaded whole and differ from B3's file.

    `days` are the table's sessions. A year was loaded whole where the table has at least as many sessions as B3's
    file, or where the file of the year was loaded after the year had ended. Of any other year sessions are missing, and
    its rows say nothing more.

    Rows are those that the newest load of each day read, as the ledger has them. The table itself is counted where the
    ledger does not know them all, and everywhere with `count_table`.
    """
    asked = [one for one in template.years if start <= date(one.year, 1, 1) and date(one.year, 12, 31) <= end]
    if not asked:
        return []
    of_year = {year: list(group) for year, group in groupby(days, key=lambda day: day.year)}
    as_file = _loaded_as_file(connection, template)
    whole = [
        one for one in asked if len(of_year.get(one.year, ())) >= one.sessions or (one.year in as_file & of_year.keys())
    ]
    known = _read_rows(connection, template, [day for one in whole for day in of_year[one.year]])
    different = []
    for expected in whole:
        there = of_year[expected.year]
        rows, sessions, rejected = known.get(expected.year, (0, 0, 0))
        if count_table or sessions != len(there):
            rows = _count(connection, template, expected.year)
        found = YearCount(rows, len(there), there[0], there[-1], rejected)
        if (found.rows, found.sessions, found.first, found.last) != (
            expected.rows,
            expected.sessions,
            expected.first,
            expected.last,
        ):
            different.append(DifferentYear(template.name, expected, found))
    return different


def _loaded_as_file(connection: psycopg.Connection[Any], template: Template) -> set[int]:
    """The years whose file was loaded after their last day."""
    query = sql.SQL(
        """
        SELECT DISTINCT year
        FROM {} i, LATERAL (SELECT substring(i.unit FROM '^[0-9]{{4}}$')::int AS year) AS file
        WHERE dataset = %s AND outcome IN ('loaded', 'unchanged', 'partial')
            AND extract(year FROM ended_at AT TIME ZONE 'America/Sao_Paulo') > year
        """
    ).format(own("ingestions"))
    return {year for (year,) in connection.execute(query, (template.name,))}


def _read_rows(
    connection: psycopg.Connection[Any], template: Template, days: Iterable[date]
) -> dict[int, tuple[int, int, int]]:
    """By year: the rows that the newest load of each of these days read, the days it is known of, the records set
    aside by these loads."""
    query = sql.SQL(
        """
        WITH newest AS (
            SELECT DISTINCT ON (day.key) day.key::date AS refdate, day.value::bigint AS rows, i.id, i.rejected
            FROM {} i, jsonb_each_text(i.day_rows) AS day
            WHERE i.dataset = %s AND i.outcome IN ('loaded', 'unchanged', 'partial')
            ORDER BY day.key, i.id DESC
        ), of_load AS (
            SELECT extract(year FROM refdate)::int AS year, id, rejected, sum(rows) AS rows, count(*) AS days
            FROM newest WHERE refdate = ANY(%s) GROUP BY 1, 2, 3
        )
        SELECT year, sum(rows)::bigint, sum(days)::bigint, sum(rejected)::bigint FROM of_load GROUP BY 1
        """
    ).format(own("ingestions"))
    return {
        year: (rows, known, aside) for year, rows, known, aside in connection.execute(query, (template.name, [*days]))
    }


def _count(connection: psycopg.Connection[Any], template: Template, year: int) -> int:
    query = sql.SQL("SELECT count(*) FROM {} WHERE refdate BETWEEN %s AND %s").format(own(template.table))
    row = connection.execute(query, (date(year, 1, 1), date(year, 12, 31))).fetchone()
    return int(row[0]) if row is not None else 0

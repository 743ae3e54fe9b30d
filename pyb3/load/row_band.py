"""Tell a day that has far fewer or far more rows than the sessions before it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from statistics import median
from typing import Any

import psycopg
from psycopg import sql

from .phrases import own

_BEFORE, _ENOUGH = 20, 10  # sessions that a day is held against, and how few of them say nothing
_REACH = timedelta(60)  # days that surely hold so many sessions
_SHOWN = 3


def outside(
    connection: psycopg.Connection[Any], dataset: str, rows: Mapping[date, int], band: float
) -> tuple[str, ...]:
    """A line on the days whose rows differ by more than `band` of the median of up to 20 sessions before each.

    The ledger knows the rows of earlier days; a day with fewer than 10 known sessions before it is not looked at.
    """
    if not band or not rows:
        return ()
    known = dict(sorted((_earlier(connection, dataset, min(rows), max(rows)) | dict(rows)).items()))
    days = list(known)
    found = []
    for day in sorted(rows):
        at = days.index(day)
        before = [known[one] for one in days[max(0, at - _BEFORE) : at]]
        if len(before) < _ENOUGH:
            continue
        usual = median(before)
        if abs(rows[day] - usual) > band * usual:
            found.append(f"{day} has {rows[day]:,}, the {len(before)} sessions before it {usual:,.0f}")
    if not found:
        return ()
    more = f"; and {len(found) - _SHOWN:,} more days" if len(found) > _SHOWN else ""
    return (f"an unusual number of rows (median): {'; '.join(found[:_SHOWN])}{more}",)


def _earlier(connection: psycopg.Connection[Any], dataset: str, first: date, last: date) -> dict[date, int]:
    """Rows of the days before `last`, as their newest ingestion read them."""
    query = sql.SQL(
        "SELECT day.key::date, day.value::bigint FROM {} i, jsonb_each_text(i.day_rows) AS day"
        " WHERE i.dataset = %s AND i.first_date < %s AND i.last_date >= %s"
        " ORDER BY i.id"
    ).format(own("ingestions"))
    reach = first - _REACH
    found = connection.execute(query, (dataset, last, reach))
    return {day: int(count) for day, count in found if reach <= day < last}

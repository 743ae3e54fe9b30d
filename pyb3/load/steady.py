"""What the session before has and a session lacks, by what the table holds of both."""

from __future__ import annotations

from collections import defaultdict
from datetime import date, timedelta
from typing import Any

import psycopg
from psycopg import sql

from ..unit import Steady
from .copy import listed
from .phrases import own

_BACK = timedelta(10)  # days: carnival and a weekend, and a night or two that were missed
_SHOWN = 10


def missed(connection: psycopg.Connection[Any], table: str, what: Steady, day: date) -> str:
    """In words, what the last session before `day` has and `day` lacks; "" where it lacks nothing.

    Of each kind, the last session that has it counts.
    """
    query = sql.SQL(
        "SELECT DISTINCT refdate, {columns} FROM {table}"
        " WHERE refdate BETWEEN {first} AND {day} AND {filled} AND {kinds}"
    ).format(
        columns=listed(what.columns),
        table=own(table),
        first=sql.Literal(day - _BACK),
        day=sql.Literal(day),
        filled=sql.SQL("{} IS NOT NULL").format(sql.Identifier(what.filled or what.columns[0])),
        kinds=sql.SQL("{} = ANY({}::text[])").format(sql.Identifier(what.columns[0]), sql.Literal(list(what.kinds)))
        if what.kinds
        else sql.SQL("true"),
    )
    held: dict[tuple[str, ...], dict[date, set[str]]] = defaultdict(lambda: defaultdict(set))
    for refdate, *kind, name in connection.execute(query):
        held[tuple(kind)][refdate].add(name)
    told = []
    for kind, by_day in sorted(held.items()):
        before = max((one for one in by_day if one < day), default=None)
        lost = sorted(by_day[before] - by_day.get(day, set())) if before else []
        if lost:
            names = ", ".join(lost[:_SHOWN]) + (f" and {len(lost) - _SHOWN:,} more" if len(lost) > _SHOWN else "")
            of = " ".join([*kind, *([what.filled] if what.filled else [])])
            told.append(f"{of} of {names}: there on {before}, not on {day}")
    return "; ".join(told)

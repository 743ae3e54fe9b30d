"""The ledger: what was loaded when and from which bytes, and what failed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from .. import __version__, calendar, settings
from ..errors import DatabaseError, one_line
from ..file import File
from ..unit import Counts, Outcome
from .phrases import own

_FROM_OUTCOME = (
    *("dataset", "unit", "outcome", "source", "sha256", "file_timestamp"),
    *(count.name for count in fields(Counts)),
)


@dataclass(frozen=True, slots=True)
class Loaded:
    """An earlier ingestion that read the same bytes: the days and rows it read, what it set aside, if it was whole.

    `warnings` are what it told.
    """

    first_date: date
    last_date: date
    rows: int
    source: str | None
    file_timestamp: datetime | None
    rejected: int
    rejected_values: int
    partial: bool
    warnings: Sequence[str]


@dataclass(frozen=True, slots=True)
class Load:
    """An ingestion that brought rows, or found them there: its unit, days, and the bytes it read.

    `file` is the name of the file, of the first where there are several; `source` names their sources, "" where
    they were files at hand; `rejected` counts the records that were set aside.
    """

    id: int
    unit: str
    first_date: date
    last_date: date
    source: str
    file: str
    sha256: str
    rejected: int = 0


def begin(connection: psycopg.Connection[Any]) -> int:
    """Number the ingestion of this transaction: rows written in it bear the number."""
    sequence = sql.Identifier(settings.schema(), "ingestions_id_seq").as_string(connection)
    row = connection.execute(
        "SELECT set_config('pyb3.ingestion_id', nextval(%s::regclass)::text, true)", (sequence,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def record(
    connection: psycopg.Connection[Any],
    outcome: Outcome,
    started_at: datetime,
    *,
    number: int | None = None,
    files: Sequence[File] = (),
    first_date: date | None = None,
    last_date: date | None = None,
    day_rows: Mapping[date, int] | None = None,
) -> None:
    """Write down what became of a unit, under its number where it has one; commits nothing. Raises DatabaseError."""
    error: Mapping[str, Any] = outcome.error or {}
    values = {name: getattr(outcome, name) for name in _FROM_OUTCOME} | {
        "first_date": first_date,
        "last_date": last_date,
        "day_rows": Jsonb({f"{day}": rows for day, rows in day_rows.items()}) if day_rows else None,
        "url": next((file.known["url"] for file in files if "url" in file.known), None),
        "file": next((file.name for file in files), None),
        "size": sum(file.size for file in files) if files else None,
        "program_version": __version__,
        "started_at": started_at,
        "ended_at": calendar.now().astimezone(UTC),
        "warnings": list(outcome.warnings),
        "error_code": error.get("code"),
        "error_message": error.get("message"),
    }
    if number is not None:
        values["id"] = number
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        own("ingestions"),
        sql.SQL(", ").join(map(sql.Identifier, values)),
        sql.SQL(", ").join(map(sql.Placeholder, values)),
    )
    try:
        connection.execute(query, values)
    except psycopg.Error as error:
        raise DatabaseError(f"the ledger cannot be written: {one_line(error)}") from error


def same_bytes(
    connection: psycopg.Connection[Any],
    dataset: str,
    unit: str,
    sha256: str,
    table: str,
    *,
    prune: bool = False,
    strict: bool = False,
) -> Loaded | None:
    """An earlier ingestion of a unit, where loading the same bytes again could change nothing.

    This program must have read these bytes, with `strict` all of them, and left no row that they do not hold; nothing
    may have written or removed rows of its days since, and its rows must be there still; with `prune`, they alone.
    """
    query = sql.SQL(
        "SELECT first_date, last_date, rows, source, file_timestamp, rejected, rejected_values, outcome = 'partial',"
        " warnings,"
        " inserted + updated + unchanged"
        " FROM {ingestions} i WHERE dataset = %(dataset)s AND unit = %(unit)s AND sha256 = %(sha256)s"
        " AND program_version = %(version)s AND first_date IS NOT NULL"
        " AND NOT (outcome = 'partial' AND %(strict)s)"
        " AND gone = removed AND NOT EXISTS (SELECT FROM {ingestions} l WHERE l.dataset = i.dataset AND l.id > i.id"
        " AND l.inserted + l.updated + l.removed > 0 AND l.first_date <= i.last_date AND l.last_date >= i.first_date)"
        " ORDER BY id DESC LIMIT 1"
    ).format(ingestions=own("ingestions"))
    values = {"dataset": dataset, "unit": unit, "sha256": sha256, "version": __version__, "strict": strict}
    found = connection.execute(query, values).fetchone()
    if found is None:
        return None
    first, last, *facts, written = found
    row = connection.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE refdate BETWEEN %s AND %s").format(own(table)), (first, last)
    ).fetchone()
    there = row[0] if row is not None else 0
    return Loaded(first, last, *facts) if there == written or (there > written and not prune) else None


def absent(connection: psycopg.Connection[Any], dataset: str, unit: str, since: datetime, until: datetime) -> bool:
    """Whether a unit was asked for between two times, and has never come."""
    query = sql.SQL(
        "SELECT coalesce(bool_or(ended_at >= %s AND ended_at < %s) AND NOT bool_or(first_date IS NOT NULL), false)"
        " FROM {} WHERE dataset = %s AND unit = %s"
    ).format(own("ingestions"))
    row = connection.execute(query, (since, until, dataset, unit)).fetchone()
    return bool(row and row[0])


def days_held(connection: psycopg.Connection[Any], table: str) -> list[date]:
    """The days a table has rows of. It skips along the table's key: a few milliseconds whatever the rows."""
    held = sql.SQL(
        "WITH RECURSIVE day AS ((SELECT refdate FROM {table} ORDER BY refdate LIMIT 1) UNION ALL SELECT"
        " (SELECT t.refdate FROM {table} t WHERE t.refdate > day.refdate ORDER BY t.refdate LIMIT 1)"
        " FROM day WHERE day.refdate IS NOT NULL) SELECT refdate FROM day WHERE refdate IS NOT NULL"
    ).format(table=own(table))
    return [day for (day,) in connection.execute(held)]


def days(connection: psycopg.Connection[Any], dataset: str, table: str) -> list[date]:
    """The sessions a table holds; not those of which it has but strays out of another session's file."""
    spans = sql.SQL(
        "SELECT first_date, last_date FROM {} WHERE dataset = %s AND first_date IS NOT NULL GROUP BY 1, 2 ORDER BY 1"
    ).format(own("ingestions"))
    found = days_held(connection, table)
    waiting = connection.execute(spans, (dataset,)).fetchall()
    waiting.reverse()
    reach = date.min  # the last day of the ingestions that begin no later than the day at hand
    strays = []
    for day in found:
        while waiting and waiting[-1][0] <= day:
            reach = max(reach, waiting.pop()[1])
        if day > reach:
            strays.append(day)
    # Rows that are older than the ledger, or another package's, bear no number.
    unnumbered = sql.SQL(
        "SELECT d FROM unnest(%s::date[]) d WHERE EXISTS"
        " (SELECT FROM {} t WHERE refdate = d AND to_jsonb(t)->>'ingestion_id' IS NULL)"
    ).format(own(table))
    old = {day for (day,) in connection.execute(unnumbered, (strays,))} if strays else set()
    return [day for day in found if day not in strays or day in old]


def loads(connection: psycopg.Connection[Any], dataset: str) -> list[Load]:
    """A dataset's ingestions that ended with their rows in the table, the newest first."""
    query = sql.SQL(
        "SELECT id, unit, first_date, last_date, coalesce(source, ''), coalesce(file, ''), sha256, rejected FROM {}"
        " WHERE dataset = %s AND first_date IS NOT NULL AND sha256 IS NOT NULL"
        " ORDER BY id DESC"
    ).format(own("ingestions"))
    return [Load(*row) for row in connection.execute(query, (dataset,))]


def partial(connection: psycopg.Connection[Any], dataset: str) -> list[str]:
    """The units whose newest load is partial, by day: no later load has brought all of their days whole."""
    query = sql.SQL(
        """
        SELECT unit FROM (
            SELECT DISTINCT ON (unit) unit, outcome, first_date, last_date, id
            FROM {ingestions} WHERE dataset = %(dataset)s AND first_date IS NOT NULL
            ORDER BY unit, id DESC
        ) newest
        WHERE outcome = 'partial' AND NOT EXISTS (
            SELECT FROM {ingestions} later
            WHERE later.dataset = %(dataset)s AND later.id > newest.id AND later.outcome <> 'partial'
                AND later.first_date <= newest.first_date AND later.last_date >= newest.last_date
        )
        ORDER BY first_date, unit
        """
    ).format(ingestions=own("ingestions"))
    return [unit for (unit,) in connection.execute(query, {"dataset": dataset})]


def misses(connection: psycopg.Connection[Any], dataset: str, unit: str, since: datetime) -> int:
    """How many runs found a unit not published, since a moment."""
    query = sql.SQL(
        "SELECT count(*) FROM {} WHERE dataset = %s AND unit = %s AND outcome = 'not_published' AND ended_at >= %s"
    ).format(own("ingestions"))
    row = connection.execute(query, (dataset, unit, since)).fetchone()
    return row[0] if row is not None else 0


def history(connection: psycopg.Connection[Any], dataset: str, day: date | None, limit: int) -> list[dict[str, Any]]:
    """What became of a dataset's units, the newest first: of those that hold `day`, or of all."""
    query = sql.SQL(
        "SELECT * FROM {} WHERE dataset = %(dataset)s AND (%(day)s::date IS NULL"
        " OR %(day)s::date BETWEEN first_date AND last_date OR unit = %(day)s::date::text)"
        " ORDER BY id DESC LIMIT %(limit)s"
    ).format(own("ingestions"))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"dataset": dataset, "day": day, "limit": limit}).fetchall()

"""The ledger: what was loaded when and from which bytes, and what failed."""

from __future__ import annotations

from dataclasses import dataclass, fields
from datetime import date, datetime
from typing import Any

import psycopg
from psycopg import sql
from psycopg.rows import class_row, dict_row

from .. import __version__, settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One attempt at one unit; the columns of the table `ingestions` but for its number and version."""

    dataset: str
    unit: str
    outcome: str
    started_at: datetime
    ended_at: datetime
    first_date: date | None = None
    last_date: date | None = None
    source: str | None = None
    url: str | None = None
    file: str | None = None
    sha256: str | None = None
    size: int | None = None
    file_timestamp: str | None = None
    rows: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    folded: int = 0
    rejected: int = 0
    gone: int = 0
    pruned: int = 0
    error_code: str | None = None
    error_message: str | None = None


_COLUMNS = [field.name for field in fields(Attempt)]


def _table(name: str) -> sql.Identifier:
    return sql.Identifier(settings.schema(), name)


def begin(connection: psycopg.Connection[Any]) -> int:
    """Number the ingestion of this transaction: rows written in it bear the number."""
    sequence = sql.Identifier(settings.schema(), "ingestions_id_seq").as_string(connection)
    row = connection.execute(
        "SELECT set_config('pyb3.ingestion_id', nextval(%s::regclass)::text, true)", (sequence,)
    ).fetchone()
    assert row is not None
    return int(row[0])


def record(connection: psycopg.Connection[Any], attempt: Attempt, number: int | None = None) -> None:
    """Write an attempt down, under its number where it has one; commits nothing."""
    columns, values = list(_COLUMNS), [getattr(attempt, name) for name in _COLUMNS]
    if number is not None:
        columns, values = ["id", *columns], [number, *values]
    query = sql.SQL("INSERT INTO {} ({}, program_version) VALUES ({}, {})").format(
        _table("ingestions"),
        sql.SQL(", ").join(map(sql.Identifier, columns)),
        sql.SQL(", ").join(sql.Placeholder() * len(values)),
        sql.Placeholder(),
    )
    connection.execute(query, [*values, __version__])


def same_bytes(connection: psycopg.Connection[Any], dataset: str, unit: str, sha256: str, table: str) -> Attempt | None:
    """The last attempt at a unit, where loading the same bytes again could change nothing.

    It must have read these bytes whole, nothing may have written its days since, and its rows must be there still.
    """
    known = sql.SQL(
        "SELECT {columns} FROM {ingestions} i WHERE dataset = %(dataset)s AND unit = %(unit)s AND sha256 = %(sha256)s"
        " AND program_version = %(version)s AND outcome IN ('loaded', 'unchanged') AND rejected = 0"
        " AND NOT EXISTS (SELECT FROM {ingestions} l WHERE l.dataset = i.dataset AND l.id > i.id"
        " AND l.inserted + l.updated + l.pruned > 0 AND l.first_date <= i.last_date AND l.last_date >= i.first_date)"
        " ORDER BY id DESC LIMIT 1"
    ).format(columns=sql.SQL(", ").join(map(sql.Identifier, _COLUMNS)), ingestions=_table("ingestions"))
    values = {"dataset": dataset, "unit": unit, "sha256": sha256, "version": __version__}
    with connection.cursor(row_factory=class_row(Attempt)) as cursor:
        attempt = cursor.execute(known, values).fetchone()
    if attempt is None:
        return None
    there = connection.execute(
        sql.SQL("SELECT count(*) FROM {} WHERE refdate BETWEEN %s AND %s").format(_table(table)),
        (attempt.first_date, attempt.last_date),
    ).fetchone()
    return attempt if there and there[0] >= attempt.inserted + attempt.updated + attempt.unchanged else None


def days(connection: psycopg.Connection[Any], table: str) -> list[date]:
    """The refdates a table holds, by skipping along its key: a few milliseconds whatever the rows."""
    query = sql.SQL(
        "WITH RECURSIVE day AS ((SELECT refdate FROM {table} ORDER BY refdate LIMIT 1) UNION ALL SELECT"
        " (SELECT t.refdate FROM {table} t WHERE t.refdate > day.refdate ORDER BY t.refdate LIMIT 1)"
        " FROM day WHERE day.refdate IS NOT NULL) SELECT refdate FROM day WHERE refdate IS NOT NULL"
    ).format(table=_table(table))
    return [day for (day,) in connection.execute(query)]


def history(connection: psycopg.Connection[Any], dataset: str, day: date | None, limit: int) -> list[dict[str, Any]]:
    """Attempts at a dataset, the newest first: those that hold `day`, or all."""
    query = sql.SQL(
        "SELECT * FROM {} WHERE dataset = %(dataset)s AND (%(day)s::date IS NULL"
        " OR %(day)s BETWEEN first_date AND last_date OR unit = %(day)s::text) ORDER BY id DESC LIMIT %(limit)s"
    ).format(_table("ingestions"))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"dataset": dataset, "day": day, "limit": limit}).fetchall()


def revisions(connection: psycopg.Connection[Any], dataset: str, day: date) -> list[dict[str, Any]]:
    """What rows of a day held before they were revised, the newest first."""
    query = sql.SQL("SELECT * FROM {} WHERE dataset = %s AND refdate = %s ORDER BY id DESC").format(_table("revisions"))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, (dataset, day)).fetchall()

"""The table of records that were set aside."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import date
from typing import Any, Protocol

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from ..errors import DatabaseError, one_line
from .copy import listed
from .phrases import own

_FACTS = ("file", "line", "field", "reason", "record", "loaded")


class Record(Protocol):
    """A record that was set aside, or a value of one that is `loaded`: where, what is wrong with it, and its text."""

    @property
    def file(self) -> str: ...
    @property
    def line(self) -> int: ...
    @property
    def field(self) -> str | None: ...
    @property
    def reason(self) -> str: ...
    @property
    def record(self) -> str: ...
    @property
    def loaded(self) -> bool: ...


def keep(connection: psycopg.Connection[Any], number: int, dataset: str, unit: str, records: Iterable[Record]) -> None:
    """Write down the records that an ingestion set aside; commits nothing. Raises DatabaseError.

    By INSERT: COPY does not write into a table whose row-level security binds this user.
    """
    columns = ("ingestion_id", "dataset", "unit", *_FACTS)
    query = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        own("rejected_rows"), listed(columns), sql.SQL(", ").join([sql.Placeholder()] * len(columns))
    )
    rows = [(number, dataset, unit, *(getattr(record, fact) for fact in _FACTS)) for record in records]
    if not rows:
        return
    try:
        connection.cursor().executemany(query, rows)
    except psycopg.Error as error:
        raise DatabaseError(f"the rejected records cannot be written: {one_line(error)}") from error


def history(connection: psycopg.Connection[Any], dataset: str, day: date | None, limit: int) -> list[dict[str, Any]]:
    """The records that ingestions of a dataset set aside, of the newest first: of those that hold `day`, or of all."""
    query = sql.SQL(
        "SELECT r.* FROM {rejected} r JOIN {ingestions} i ON i.id = r.ingestion_id"
        " WHERE i.dataset = %(dataset)s AND (%(day)s::date IS NULL"
        " OR %(day)s::date BETWEEN i.first_date AND i.last_date OR i.unit = %(day)s::date::text)"
        " ORDER BY r.ingestion_id DESC, r.file, r.line, r.field LIMIT %(limit)s"
    ).format(rejected=own("rejected_rows"), ingestions=own("ingestions"))
    with connection.cursor(row_factory=dict_row) as cursor:
        return cursor.execute(query, {"dataset": dataset, "day": day, "limit": limit}).fetchall()

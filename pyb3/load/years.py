"""A table in parts, a year each: a part is made with its first rows, and indexed once they are there."""

from __future__ import annotations

from typing import Any

import psycopg
from psycopg import sql


class Years:
    """The years of one load's table; knows nothing of a table that is not in parts.

    A table is in parts when two functions of the schema make and attach them: `TABLE_new_year` and
    `TABLE_attach_year`.
    """

    def __init__(self, connection: psycopg.Connection[Any], schema: str, table: str) -> None:
        self._connection, self._schema, self._table = connection, schema, table
        self._known: set[int] = set()
        self._loose: dict[int, sql.Identifier] = {}
        name = sql.Identifier(schema, table).as_string(connection)
        # Rows of a loose year pass no trigger and no policy, and only the owner can attach it.
        row = connection.execute(
            "SELECT to_regproc(%s) IS NOT NULL,"
            " pg_has_role(relowner, 'USAGE') AND NOT relhastriggers AND NOT row_security_active(oid)"
            " FROM pg_class WHERE oid = %s::regclass",
            (sql.Identifier(schema, f"{table}_attach_year").as_string(connection), name),
        ).fetchone()
        self._in_parts, self._can_be_loose = map(bool, row or (False, False))

    def open(self, year: int, *, loose: bool) -> None:
        """Make a year's part where there is none, and keep others from it; a `loose` one is attached at the end.

        To be called before any row of the year is locked: who waits here may hold nothing that the other needs.
        """
        if not self._in_parts or year in self._known:
            return
        self._known.add(year)
        if self._is_there(year):
            return
        lock = "SELECT pg_advisory_xact_lock(hashtext(%s), %s)"
        self._connection.execute(lock, (f"pyb3/{self._schema}.{self._table}/year", year))
        if self._is_there(year):
            return
        self._call("new", year)
        if loose and self._can_be_loose:
            self._loose[year] = sql.Identifier(self._schema, f"{self._table}_{year}")
        else:
            self._call("attach", year)

    def loose(self, year: int) -> sql.Identifier | None:
        """The year's table, where this load has made it and it has no index yet."""
        return self._loose.get(year)

    def attach(self) -> None:
        """Index the loose years and make them parts of the table."""
        if self._loose:
            self._connection.execute("SET LOCAL maintenance_work_mem = '256MB'")
        for year in self._loose:
            self._call("attach", year)
        self._loose.clear()

    def _is_there(self, year: int) -> bool:
        # By a look into pg_class: to_regclass may remember that there was none before this load had to wait.
        query = "SELECT FROM pg_class WHERE relname = %s AND relnamespace = %s::regnamespace"
        schema = sql.Identifier(self._schema).as_string(self._connection)
        found = self._connection.execute(query, (f"{self._table}_{year}", schema))
        return found.fetchone() is not None

    def _call(self, what: str, year: int) -> None:
        function = sql.Identifier(self._schema, f"{self._table}_{what}_year")
        self._connection.execute(sql.SQL("SELECT {}({})").format(function, sql.Literal(year)))

"""COPY between frames and tables, as CSV; a row's line is the same on both ways."""

from __future__ import annotations

import io
from collections.abc import Iterable
from datetime import date
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from ..parse.lines import split


def copy_in(connection: psycopg.Connection[Any], table: sql.Identifier, frame: pl.DataFrame) -> None:
    """Append the frame's rows to the table's columns of the same names."""
    copy_text(connection, table, frame.columns, written(frame))


def copy_text(
    connection: psycopg.Connection[Any],
    table: sql.Identifier,
    columns: Iterable[str],
    text: bytes,
    frozen: bool = False,
) -> None:
    """Append rows that are `written` to the table's columns.

    Rows of a table that this transaction has made may be `frozen`: nothing has to visit them again.
    """
    how = sql.SQL("FORMAT csv, FREEZE {}").format(sql.Literal(frozen))
    query = sql.SQL("COPY {} ({}) FROM STDIN ({})").format(table, listed(columns), how)
    with connection.cursor().copy(query) as copy:
        copy.write(text)


def held(
    connection: psycopg.Connection[Any],
    table: sql.Identifier,
    columns: Iterable[str],
    days: list[date],
    key: Iterable[str],
) -> pl.Series | None:
    """The lines of the table's rows of these days; None where some text keeps its row from being one line.

    In the order of `key`, so that the key's own index is taken whatever the statistics say.
    """
    query = sql.SQL("COPY (SELECT {} FROM {} WHERE refdate = ANY({}) ORDER BY {}) TO STDOUT (FORMAT csv)")
    with connection.cursor().copy(query.format(listed(columns), table, sql.Literal(days), listed(key))) as copy:
        rows = list(copy)
    return _split(b"".join(rows), len(rows))


def lines(frame: pl.DataFrame) -> pl.Series | None:
    """The lines the frame's rows have as rows of a table; None as for `held`."""
    return _split(written(frame), frame.height)


def listed(columns: Iterable[str]) -> sql.Composed:
    """Column names, quoted, as a list."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def written(frame: pl.DataFrame) -> bytes:
    """The frame's rows as PostgreSQL writes them in CSV."""
    truth = pl.col(pl.Boolean).replace_strict(
        {True: "t", False: "f"}, return_dtype=pl.String
    )  # as PostgreSQL writes it
    text = io.BytesIO()
    frame.with_columns(truth).write_csv(text, include_header=False)
    return text.getvalue()


def _split(text: bytes, rows: int) -> pl.Series | None:
    if not rows:
        return pl.Series(dtype=pl.String)
    try:
        found = split(text)
    except pl.exceptions.PolarsError:
        return None
    return found if len(found) == rows else None

"""COPY of frames into tables, as CSV."""

from __future__ import annotations

import io
from collections.abc import Iterable
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

TRUTH = pl.col(pl.Boolean).replace_strict({True: "t", False: "f"}, return_dtype=pl.String)
"""Booleans as PostgreSQL writes them."""


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


def listed(columns: Iterable[str]) -> sql.Composed:
    """Column names, quoted, as a list."""
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def written(frame: pl.DataFrame) -> bytes:
    """The frame's rows as PostgreSQL writes them in CSV."""
    text = io.BytesIO()
    frame.with_columns(TRUTH).write_csv(text, include_header=False)
    return text.getvalue()

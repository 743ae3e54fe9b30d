"""Pieces of SQL that name a dataset's table, its key and its columns."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from .. import settings
from ..template import Template

NUMBER = "ingestion_id"
"""The column that bears the number of the ingestion that wrote a row last; another package's table may have none."""


def own(name: str) -> sql.Identifier:
    """A table of PyB3's schema."""
    return sql.Identifier(settings.schema(), name)


def is_numbered(connection: psycopg.Connection[Any], table: str) -> bool:
    """Whether the rows of a table bear the number of their ingestion."""
    found = connection.execute(
        "SELECT FROM pg_attribute WHERE attrelid = %s::regclass AND attname = %s",
        (own(table).as_string(connection), NUMBER),
    )
    return found.fetchone() is not None


def row(alias: LiteralString, columns: Iterable[str]) -> sql.Composed:
    """These columns of a row as one value."""
    fields = (sql.SQL(alias + ".{}").format(sql.Identifier(name)) for name in columns)
    return sql.SQL("ROW({})").format(sql.SQL(", ").join(fields))


def same_key(template: Template, one: LiteralString, other: LiteralString) -> sql.Composed:
    """What joins two tables by the dataset's key."""
    each = sql.SQL(one + ".{0} = " + other + ".{0}")
    return sql.SQL(" AND ").join(each.format(sql.Identifier(name)) for name in template.key)

"""One unit's frame into its table, in one transaction."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from ..errors import DatabaseError, DuplicateKey
from ..template import Template

_CHUNK = 200_000


@dataclass(frozen=True, slots=True)
class Counts:
    """What became of a unit's rows."""

    inserted: int
    updated: int
    unchanged: int


def load(
    connection: psycopg.Connection[Any], template: Template, unit: str, frame: pl.DataFrame, own: date | None
) -> Counts:
    """Upsert `frame` and commit, or change nothing.

    Rows of a session other than `own` are inserted where absent but never overwrite: their own session's
    file knows better. Blocks another load of the same unit. Raises DuplicateKey or DatabaseError.
    """
    frame = _folded(template, frame)
    table, stage = sql.Identifier(template.table), sql.Identifier(f"stage_{template.table}")
    columns = [sql.Identifier(name) for name in frame.columns]
    listed = sql.SQL(", ").join(columns)
    key = sql.SQL(", ").join(sql.Identifier(name) for name in template.key)
    row_t = sql.SQL(", ").join(sql.SQL("t.{}").format(c) for c in columns)
    row_s = sql.SQL(", ").join(sql.SQL("s.{}").format(c) for c in columns)
    values = [name for name in frame.columns if name not in template.key]
    assign = sql.SQL(", ").join(sql.SQL("{0} = excluded.{0}").format(sql.Identifier(c)) for c in values)
    try:
        with connection.transaction():
            connection.execute(
                "SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"pyb3/{template.name}/{unit}",)
            )
            connection.execute(sql.SQL("CREATE TEMP TABLE {} (LIKE {}) ON COMMIT DROP").format(stage, table))
            copy_in = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(stage, listed)
            with connection.cursor().copy(copy_in) as copy:
                for part in frame.iter_slices(_CHUNK):
                    copy.write(part.write_csv(include_header=False).encode())
            connection.execute(sql.SQL("ANALYZE {}").format(stage))
            # ON CONFLICT locks every row it meets: what is there already is left out before it.
            rows = connection.execute(
                sql.SQL(
                    "WITH changed AS (SELECT {row_s} FROM {stage} s LEFT JOIN {table} t USING ({key})"
                    " WHERE t.refdate IS NULL OR (({row_t}) IS DISTINCT FROM ({row_s})"
                    " AND (%(own)s::date IS NULL OR s.refdate = %(own)s::date))),"
                    " written AS (INSERT INTO {table} ({listed}) SELECT * FROM changed"
                    " ON CONFLICT ({key}) DO UPDATE SET {assign}"
                    " RETURNING (xmax = 0) AS fresh)"
                    " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh) FROM written"
                ).format(stage=stage, table=table, key=key, row_t=row_t, row_s=row_s, listed=listed, assign=assign),
                {"own": own},
            ).fetchone()
    except psycopg.Error as error:
        raise DatabaseError(f"{template.table}: {' '.join(str(error).split())}") from error
    inserted, updated = rows or (0, 0)
    return Counts(inserted, updated, frame.height - inserted - updated)


def _folded(template: Template, frame: pl.DataFrame) -> pl.DataFrame:
    """Equal rows become one; rows that share a key and differ are an error."""
    key = list(template.key)
    if not frame.select(key).is_duplicated().any():
        return frame
    frame = frame.unique(maintain_order=True)
    twice = frame.filter(frame.select(key).is_duplicated())
    if not twice.is_empty():
        raise DuplicateKey(
            f"{template.name}: two different rows share the key "
            + ", ".join(f"{name}={twice[name][0]}" for name in key)
        )
    return frame

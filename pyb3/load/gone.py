"""Rows that the table holds of a unit's days and that the unit's files do not."""

from __future__ import annotations

import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from ..parse.rejects import LINE, Rejects
from ..parse.typed import Notation, typed
from ..template import Template, dtype
from .copy import copy_in, listed
from .phrases import NUMBER, own, row, same_key

Whole = Mapping[str, Any]
"""Values by column: a file holds every row of its days that has them; without any, every row."""

_GONE = sql.Identifier("pyb3_gone")
_STOOD_IN = sql.Identifier("pyb3_stood_in")
_DAYS = 60  # whose keys are read at once


@dataclass
class Seen:
    """What a load has met on days that the table had rows of, and of which rows its files can be asked.

    Most loads find that nothing is gone by counting: as many lines of the table as were read back were met or updated.
    """

    days: set[date] = field(default_factory=set)
    keys: list[pl.Series] = field(default_factory=list)  # hashed, of every row
    same: list[pl.Series] = field(default_factory=list)  # of those that the table holds just so
    wholes: dict[tuple[str, ...], list[Whole]] = field(default_factory=dict)  # by the columns that the file has
    lines: int = 0  # of the table that were read back
    read: set[date] = field(default_factory=set)
    countable: bool = True
    repeated: bool = False  # whether a day came in two batches: only then can a key come twice

    def cover(self, columns: tuple[str, ...], wholes: Iterable[Whole | None], days: Sequence[date]) -> None:
        """Some rows of these days belong to files that are the days' own; `wholes` say which these cannot lack."""
        self.repeated |= not self.days.isdisjoint(days)
        self.days.update(days)
        for whole in wholes:
            if whole is not None and whole not in (known := self.wholes.setdefault(columns, [])):
                known.append(whole)
            self.countable &= whole == {} and len(self.wholes) == 1

    def held(self, days: Iterable[date], lines: int | None) -> None:
        """So many lines of the table were read back; None where they could not be compared as lines."""
        self.countable &= lines is not None and self.read.isdisjoint(days)
        self.read.update(days)
        self.lines += lines or 0

    def nothing_gone(self, updated: int) -> bool:
        """Whether the counts prove it: a hash that two keys share would only make them doubt it."""
        met = pl.concat(self.same).n_unique() if self.repeated and self.same else sum(map(len, self.same))
        return not self.wholes or (self.countable and self.lines - met == updated)


def find(
    connection: psycopg.Connection[Any],
    template: Template,
    seen: Seen,
    days: Sequence[date],
    *,
    better: Sequence[str],
    numbered: bool,
) -> dict[date, int]:
    """Put the keys of the gone rows of `days` into the temporary table of `keys`, and count them by day.

    Gone is what the dataset's own ingestions of the day wrote, and its files have no more. Not: another session's
    stray rows, rows of one of the `better` sources, values of a file that the unit lacks.
    """
    absent = [_absent(connection, template, seen, days[at : at + _DAYS]) for at in range(0, len(days), _DAYS)]
    if not days or all(keys.is_empty() for keys in absent):
        return {}
    candidates = sql.Identifier("pyb3_absent")
    parts = {"key": listed(template.key), "table": own(template.table), "gone": _GONE, "absent": candidates}
    alike = "CREATE TEMP TABLE {absent} ON COMMIT DROP AS SELECT {key} FROM {table} WITH NO DATA"
    connection.execute(sql.SQL(alike).format(**parts))
    copy_in(connection, candidates, pl.concat(absent))
    connection.execute(sql.SQL("ANALYZE {absent}").format(**parts))
    writer: sql.Composable = sql.SQL("")
    wrote: sql.Composable = sql.SQL("true")
    if numbered:
        writer = sql.SQL("LEFT JOIN {} i ON i.id = t.{}").format(own("ingestions"), sql.Identifier(NUMBER))
        wrote = sql.SQL(
            "(i.id IS NULL OR (i.dataset = {} AND t.refdate BETWEEN i.first_date AND i.last_date"
            " AND coalesce(i.source <> ALL({}::text[]), true)))"
        ).format(sql.Literal(template.name), sql.Literal(list(better)))
    query = sql.SQL(
        "CREATE TEMP TABLE {gone} ON COMMIT DROP AS SELECT s.* FROM {absent} s JOIN {table} t ON {join} {writer}"
        " WHERE {wrote} AND {whole}"
    ).format(
        **parts, join=same_key(template, "t", "s"), writer=writer, wrote=wrote, whole=_whole(template, seen.wholes)
    )
    connection.execute(query)
    count = sql.SQL("SELECT refdate, count(*) FROM {} GROUP BY refdate ORDER BY refdate").format(_GONE)
    return dict(connection.execute(count).fetchall())


def keys() -> sql.Identifier:
    """The table with the keys that `find` has found."""
    return _GONE


def stood_in(connection: psycopg.Connection[Any], template: Template, sources: Sequence[str]) -> dict[str, int]:
    """Put the keys of the gone rows that files of these sources wrote into a temporary table; count them by source.

    The table is that of `keys_stood_in`. To be called after `find`, for a table whose rows bear their ingestion.
    """
    parts = {"key": listed(template.key), "table": own(template.table), "gone": _GONE, "alone": _STOOD_IN}
    query = sql.SQL(
        "CREATE TEMP TABLE {alone} ON COMMIT DROP AS SELECT s.*, i.source AS source_of_row FROM {gone} s"
        " JOIN {table} t ON {join} JOIN {ingestions} i ON i.id = t.{number}"
        " WHERE i.dataset = {dataset} AND i.source = ANY({sources}::text[])"
    ).format(
        **parts,
        join=same_key(template, "t", "s"),
        ingestions=own("ingestions"),
        number=sql.Identifier(NUMBER),
        dataset=sql.Literal(template.name),
        sources=sql.Literal(list(sources)),
    )
    connection.execute(query)
    count = sql.SQL("SELECT source_of_row, count(*) FROM {alone} GROUP BY 1 ORDER BY 1").format(**parts)
    return dict(connection.execute(count).fetchall())


def keys_stood_in() -> sql.Identifier:
    """The table with the keys that `stood_in` has found."""
    return _STOOD_IN


def _absent(connection: psycopg.Connection[Any], template: Template, seen: Seen, days: Sequence[date]) -> pl.DataFrame:
    """Keys that the table holds of these days and that no row of the unit has."""
    query = sql.SQL(
        "COPY (SELECT {key} FROM {table} WHERE refdate = ANY({days}) ORDER BY {key}) TO STDOUT (FORMAT csv)"
    )
    parts = {"key": listed(template.key), "table": own(template.table), "days": sql.Literal(list(days))}
    with connection.cursor().copy(query.format(**parts)) as copy:
        text = b"".join(copy)
    fields = [template.field(name) for name in template.key]
    if not text:
        return pl.DataFrame(schema={one.name: dtype(one) for one in fields})
    texts = pl.read_csv(io.BytesIO(text), has_header=False, schema=dict.fromkeys(template.key, pl.String()))
    texts = texts.fill_null("")  # no key is NULL
    truths = [one.name for one in fields if one.type == "boolean"]
    texts = texts.with_columns(pl.col(truths).replace({"t": "true", "f": "false"}))
    lines = pl.int_range(texts.height, eager=True)
    held = typed(texts, fields, Notation(), template.table, lines, Rejects(strict=True)).drop(LINE)
    known = pl.concat(seen.keys) if seen.keys else pl.Series(dtype=pl.UInt64)
    return held.filter(~held.hash_rows().is_in(known.implode()))


def _whole(template: Template, wholes: Mapping[tuple[str, ...], Sequence[Whole]]) -> sql.Composable:
    """Whether the unit's files together could not lack the row `t`: each value it has is of one that is whole."""
    asked = {columns: _any_of(some) for columns, some in wholes.items()}
    conditions: list[sql.Composable] = [_or(asked.values())]
    by_files: dict[tuple[tuple[str, ...], ...], list[str]] = defaultdict(list)
    for one in template.fields:
        if one.name not in template.key:
            by_files[tuple(columns for columns in asked if one.name in columns)].append(one.name)
    for files, names in by_files.items():
        if files != tuple(asked):  # else the first condition says so already
            blank = sql.SQL("{} IS NULL").format(row("t", names))  # which is true where each of them is
            conditions.append(_or([blank, *(asked[columns] for columns in files)]))
    return sql.SQL(" AND ").join(conditions)


def _any_of(wholes: Iterable[Whole]) -> sql.Composable:
    """Whether the row `t` has the values of one of them."""
    return _or(
        sql.SQL("({})").format(
            sql.SQL(" AND ").join(
                sql.SQL("t.{} = {}").format(sql.Identifier(name), sql.Literal(value)) for name, value in whole.items()
            )
        )
        if whole
        else sql.SQL("true")
        for whole in wholes
    )


def _or(conditions: Iterable[sql.Composable]) -> sql.Composable:
    return sql.SQL("({})").format(sql.SQL(" OR ").join(conditions))

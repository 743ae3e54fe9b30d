"""Hold a file's rows of a day against the table's, value by value; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any

import polars as pl
import psycopg
from psycopg import sql

from ..template import Template
from . import days
from .copy import listed
from .phrases import NUMBER, is_numbered, own

Key = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class Stored:
    """A row of the table by column, and the ingestion that wrote it last, None where it bears no number."""

    values: Mapping[str, Any]
    number: int | None


@dataclass(frozen=True, slots=True)
class Differing:
    """A row that both have: the columns that differ, each with the file's value."""

    stored: Stored
    expected: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A day of a file held against the table.

    `missing` are keys that the table lacks, `extra` the table's rows of keys that the file lacks.
    """

    rows: int
    missing: Sequence[Key] = ()
    differing: Sequence[Differing] = ()
    extra: Sequence[Stored] = field(default_factory=list)


@dataclass
class Table:
    """A dataset's table, to be read alone."""

    connection: psycopg.Connection[Any]
    template: Template

    def compare(self, frames: Sequence[pl.DataFrame], day: date) -> Comparison:
        """The rows of one day: each column that a frame has, and no other. Frames of a key complete each other."""
        keys = [frame.select(self.template.key) for frame in frames]
        rows = pl.concat(keys).unique().height if keys else 0
        if frames and self._agrees(frames, day, rows):
            return Comparison(rows)
        stored = self.stored(day)
        missing, differing = [], []
        for key, values in expected(self.template, frames).items():
            if (found := stored.pop(key, None)) is None:
                missing.append(key)
            elif wrong := {name: value for name, value in values.items() if found.values[name] != value}:
                differing.append(Differing(found, wrong))
        return Comparison(rows, missing, differing, list(stored.values()))

    def stored(self, day: date) -> dict[Key, Stored]:
        """The table's rows of a day by key."""
        names = [field.name for field in self.template.fields]
        query = sql.SQL("SELECT {}, {} FROM {} WHERE refdate = %s").format(listed(names), self._number, self._name)
        key = [names.index(name) for name in self.template.key]
        with self.connection.cursor() as cursor:
            return {
                tuple(row[at] for at in key): Stored(dict(zip(names, row, strict=True)), number)
                for *row, number in cursor.execute(query, (day,))
            }

    def is_guarded(self) -> bool:
        """Whether row-level security binds this user: its policies may hide rows."""
        name = self._name.as_string(self.connection)
        return self.connection.execute("SELECT row_security_active(%s::regclass)", (name,)).fetchone() == (True,)

    def _agrees(self, frames: Sequence[pl.DataFrame], day: date, rows: int) -> bool:
        """Whether the table has these rows just so and no other: seen by their lines, which is quick."""
        for frame in frames:
            held = days.held(self.connection, self._name, frame.schema, [day], self.template.key)[day]
            mine = dict(days.texts(frame.sort(self.template.key))).get(day, days.Day())
            if held.rows != rows or (same := mine.among(held)) is None or not same.all():
                return False
        return True

    @property
    def _name(self) -> sql.Identifier:
        return own(self.template.table)

    @cached_property
    def _number(self) -> sql.Composable:
        numbered = is_numbered(self.connection, self.template.table)
        return sql.Identifier(NUMBER) if numbered else sql.SQL("NULL")


def expected(template: Template, frames: Sequence[pl.DataFrame]) -> dict[Key, dict[str, Any]]:
    """Rows by key, each with the columns that frames have of it; of two values the later frame's stays."""
    found: dict[Key, dict[str, Any]] = {}
    for frame in frames:
        for row in frame.iter_rows(named=True):
            found.setdefault(tuple(row[name] for name in template.key), {}).update(row)
    return found

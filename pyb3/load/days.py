"""Rows a day at a time, as one text: where the table's text of a day is the file's, its rows are."""

from __future__ import annotations

import io
import secrets
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, Protocol

import numpy as np
import polars as pl
import psycopg
from psycopg import sql

from ..parse.lines import split
from .copy import TRUTH
from .gone import Whole

_BETWEEN = "\x1f"  # fields
_BLANK = f"\x02{secrets.token_urlsafe(9)}"  # stands for a text that is NULL; no text there is can be this one
_ARGUMENTS = 90  # of one call: PostgreSQL takes 100
_FEW, _LONG = 20_000, 100_000  # rows


class Batch(Protocol):
    """Rows to load; those that must not overwrite are loaded only where the table has none of their key.

    `whole` says which rows of its days the batch's file cannot lack (see `gone.Whole`); None where that is unknown.
    """

    @property
    def frame(self) -> pl.DataFrame: ...
    @property
    def overwrite(self) -> bool: ...
    @property
    def whole(self) -> Whole | None: ...


@dataclass(frozen=True, slots=True)
class Part:
    """Rows of one batch, or of several that are alike; each of them was whole in its own way."""

    frame: pl.DataFrame
    overwrite: bool
    wholes: tuple[Whole | None, ...]

    def is_like(self, other: Part) -> bool:
        """Whether both could be one batch."""
        return self.overwrite == other.overwrite and self.frame.schema == other.frame.schema

    def __add__(self, other: Part) -> Part:
        new = tuple(whole for whole in other.wholes if whole not in self.wholes)
        return Part(pl.concat([self.frame, other.frame]), self.overwrite, self.wholes + new)

    def __getitem__(self, rows: slice) -> Part:
        return Part(self.frame[rows], self.overwrite, self.wholes)


@dataclass(frozen=True, slots=True)
class Day:
    """A day's rows in the key's order, a line each without the date: how many they are, and their UTF-8 text.

    Without a text where some field holds what stands between fields or rows.
    """

    rows: int = 0
    text: bytes | None = b""

    def among(self, others: Day) -> pl.Series | None:
        """Which of the rows the other day has just so; None where that cannot be told by their lines."""
        if self.text is not None and self.text == others.text and self.rows == others.rows:
            return pl.repeat(True, self.rows, dtype=pl.Boolean, eager=True)
        mine, theirs = self._lines(), others._lines()
        return None if mine is None or theirs is None else mine.is_in(theirs.implode())

    def _lines(self) -> pl.Series | None:
        if not self.text:
            return None if self.rows else pl.Series(dtype=pl.String)
        if b"\r\n" in self.text:  # which would be taken for a line's end, and is a text's
            return None
        try:
            found = split(self.text)
        except pl.exceptions.PolarsError:
            return None
        return found if len(found) == self.rows else None


def held(
    connection: psycopg.Connection[Any],
    table: sql.Identifier,
    schema: pl.Schema,
    days: Sequence[date],
    key: Sequence[str],
) -> dict[date, Day]:
    """What the table holds of these days, in the columns of `schema`. One message a day: a row each would take longer.

    In the order of `key`, so that the key's own index is taken whatever the statistics say.
    """
    ordered = [sql.SQL('{} COLLATE "C"' if schema[name] == pl.String else "{}") for name in key]
    query = sql.SQL(
        "SELECT d, s.rows, convert_to(s.text, 'UTF8') FROM unnest({days}::date[]) d, LATERAL"
        " (SELECT count(*) AS rows, string_agg(r.line, E'\\n') AS text FROM"
        " (SELECT {line} AS line FROM {table} WHERE refdate = d ORDER BY {key}) r) s"
    ).format(
        days=sql.Literal(list(days)),
        line=_line(schema),
        table=table,
        key=sql.SQL(", ").join(one.format(sql.Identifier(name)) for one, name in zip(ordered, key, strict=True)),
    )
    with connection.cursor(binary=True) as cursor:
        return {day: Day(rows, text or b"") for day, rows, text in cursor.execute(query)}


def texts(frame: pl.DataFrame) -> Iterator[tuple[date, Day]]:
    """The days of a frame that is in the key's order, as the table would tell them."""
    told = frame.drop("refdate").with_columns(pl.col(pl.String).fill_null(_BLANK), TRUTH)
    at = 0
    for day, rows in frame["refdate"].rle().struct.unnest().select("value", "len").iter_rows():
        text = io.BytesIO()
        told[at : at + rows].write_csv(text, include_header=False, separator=_BETWEEN, quote_style="never")
        text.truncate(text.tell() - 1)  # the last line's end
        yield day, _clear(text.getvalue(), rows, told.width)
        at += rows


def _clear(text: bytes, rows: int, width: int) -> Day:
    """Only of such a text each field can be told: the table's, where it is equal, is then of equal fields."""
    between = np.count_nonzero(np.frombuffer(text, np.uint8) == ord(_BETWEEN))
    return Day(rows, text if between == rows * (width - 1) and text.count(b"\n") == rows - 1 else None)


def whole(batches: Iterable[Batch]) -> Iterator[Part]:
    """The same rows in the same order: small batches become one, and a day is not split, unless it is long."""
    rest: Part | None = None
    for batch in batches:
        part = Part(batch.frame, batch.overwrite, (batch.whole,))
        if rest is not None and rest.is_like(part):
            part, rest = rest + part, None
        if rest is not None:
            yield rest
        end = _end(part.frame)
        if end:
            yield part[:end]
        rest = part[end:]
    if rest is not None:
        yield rest


def _end(frame: pl.DataFrame) -> int:
    """How many of the rows need not wait for those of the next batch: all but the last day's, where they are many."""
    if frame.height < _FEW:
        return 0
    last = frame["refdate"].rle().struct.field("len")[-1]
    return frame.height if last > _LONG else frame.height - last


def _line(schema: Mapping[str, pl.DataType]) -> sql.Composable:
    """A row's line: each field as PostgreSQL writes it.

    `concat_ws` leaves out what is NULL, with the separator; rows that have such go a way that takes longer.
    """
    names = [name for name in schema if name != "refdate"]
    fields = [sql.Identifier(name) for name in names]
    told = [
        (sql.SQL("coalesce({}, {})") if schema[name] == pl.String else sql.SQL("concat({})")).format(
            sql.Identifier(name), sql.Literal(_BLANK)
        )
        for name in names
    ]
    blank = sql.SQL(" OR ").join(sql.SQL("{} IS NULL").format(field) for field in fields)
    return sql.SQL("CASE WHEN {} THEN {} ELSE {} END").format(blank, _joined(told), _joined(fields))


def _joined(fields: Sequence[sql.Composable]) -> sql.Composable:
    together = sql.SQL("concat_ws({}, {})")
    some = [fields[at : at + _ARGUMENTS] for at in range(0, len(fields), _ARGUMENTS)]
    groups = [together.format(sql.Literal(_BETWEEN), sql.SQL(", ").join(one)) for one in some]
    return groups[0] if len(groups) == 1 else together.format(sql.Literal(_BETWEEN), sql.SQL(", ").join(groups))

"""Arrays of machine words as columns of Polars, by Arrow's layout; the words themselves may be used again."""

from __future__ import annotations

from functools import cache
from typing import Any

import nanoarrow
import numpy as np
import polars as pl
from numpy.typing import NDArray

from .words import Irregular, Mask, Words


def integers(values: Words, blank: Mask | None) -> pl.Series:
    """Whole numbers from 0; null where they are blank."""
    return _series(nanoarrow.int64(), values.astype(np.int64), blank)


def decimals(units: Words, places: int, blank: Mask | None) -> pl.Series:
    """Decimals from 0, given as whole units of the last place; null where they are blank."""
    wide = np.zeros((len(units), 2), np.uint64)  # 128 bits each
    wide[:, 0] = units
    return _series(nanoarrow.decimal128(38, places), wide, blank)


def dates(numbers: Words, blank: Mask | None) -> pl.Series:
    """Dates, given as numbers like 20240115; null where they are blank. Raises Irregular where one is no day."""
    first, length = _months()
    months = numbers // np.uint64(100)
    day = numbers - months * np.uint64(100) - np.uint64(1)
    fits = day < length[months]  # of day 0, the number below it is huge
    if not (fits if blank is None else fits | blank).all():
        raise Irregular
    return _series(nanoarrow.date32(), first[months] + day.astype(np.int32), blank)


def short_texts(lengths: Words, first: Words, second: Words | None) -> pl.Series:
    """Texts of up to 12 bytes, the first 8 in one word and the last 4 in another, zeros behind; empty ones are null."""
    views = np.empty((len(lengths), 2), np.uint64)  # Arrow keeps so short a text beside its length
    head, tail = views[:, 0], views[:, 1]
    np.left_shift(first, np.uint64(32), out=head)
    head |= lengths
    np.right_shift(first, np.uint64(32), out=tail)
    if second is not None:
        tail |= second << np.uint64(32)
    empty = lengths == 0
    return _series(nanoarrow.string_view(), views, empty if empty.any() else None)


@cache
def _months() -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """By a number like 202401: the month's first day as days since 1970-01-01, and how many it has (0: no month)."""
    # With the month after the last, which is not added: NumPy 2.5 warns of bare integers among dates.
    months = np.arange("0001-01", "10000-02", dtype="datetime64[M]")
    days = months.astype("datetime64[D]").astype(np.int32)
    number = np.arange(12, 12 * 10_000)
    number = number // 12 * 100 + number % 12 + 1
    first, length = np.zeros(1_000_000, np.int32), np.zeros(1_000_000, np.uint8)
    first[number], length[number] = days[:-1], np.diff(days)
    return first, length


def _series(schema: nanoarrow.Schema, values: NDArray[Any], null: Mask | None) -> pl.Series:
    validity = None if null is None else np.packbits(~null, bitorder="little")
    nulls = 0 if null is None else int(np.count_nonzero(null))
    return pl.Series(nanoarrow.c_array_from_buffers(schema, len(values), [validity, values], null_count=nulls))

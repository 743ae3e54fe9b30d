"""Columns that are filled piece by piece with machine words, and handed to Polars as they are, by Arrow's layout."""

from __future__ import annotations

from functools import cache
from typing import Any

import nanoarrow
import numpy as np
import polars as pl
from numpy.typing import NDArray

Mask = NDArray[np.bool_]
Numbers = NDArray[np.uint64]


class Integers:
    """Whole numbers from 0."""

    def __init__(self, rows: int) -> None:
        self._values = np.empty(rows, np.uint64)
        self._valid = _Valid(rows)

    def put(self, place: slice, values: Numbers, blank: Mask | None) -> bool:
        """Fill some rows; tells whether they fit."""
        self._values[place] = values
        self._valid.put(place, blank)
        return True

    def series(self) -> pl.Series:
        """The column, once it is full."""
        return _series(nanoarrow.int64(), self._values, self._valid.found)


class Decimals:
    """Decimals from 0, given as whole units of the last place."""

    def __init__(self, rows: int, places: int) -> None:
        self._wide = np.zeros((rows, 2), np.uint64)  # 128 bits each
        self._valid = _Valid(rows)
        self._places = places

    def put(self, place: slice, values: Numbers, blank: Mask | None) -> bool:
        """Fill some rows; tells whether they fit."""
        self._wide[place, 0] = values
        self._valid.put(place, blank)
        return True

    def series(self) -> pl.Series:
        """The column, once it is full."""
        return _series(nanoarrow.decimal128(38, self._places), self._wide, self._valid.found)


class Dates:
    """Dates, given as numbers like 20240115."""

    def __init__(self, rows: int) -> None:
        self._days = np.empty(rows, np.int32)
        self._valid = _Valid(rows)

    def put(self, place: slice, values: Numbers, blank: Mask | None) -> bool:
        """Fill some rows; tells whether all of them are days of the calendar."""
        first, length = _months()
        months = values // np.uint64(100)
        day = values - months * np.uint64(100) - np.uint64(1)
        fits = day < length[months]  # of day 0, the number below it is huge
        self._days[place] = first[months] + day.astype(np.int32)
        self._valid.put(place, blank)
        return bool((fits if blank is None else fits | blank).all())

    def series(self) -> pl.Series:
        """The column, once it is full."""
        return _series(nanoarrow.date32(), self._days, self._valid.found)


class ShortTexts:
    """Texts of up to 12 bytes, the first 8 in one word and the last 4 in another; empty ones are null."""

    def __init__(self, rows: int) -> None:
        self._views = np.empty((rows, 2), np.uint64)  # Arrow keeps so short a text beside its length

    def put(self, place: slice, length: Numbers, first: Numbers, second: Numbers | None) -> None:
        """Fill some rows, with zeros behind the texts."""
        head, tail = self._views[place, 0], self._views[place, 1]
        np.left_shift(first, np.uint64(32), out=head)
        np.bitwise_or(head, length, out=head)
        np.right_shift(first, np.uint64(32), out=tail)
        if second is not None:
            np.bitwise_or(tail, second << np.uint64(32), out=tail)

    def series(self) -> pl.Series:
        """The column, once it is full."""
        full = self._views[:, 0] != 0
        return _series(nanoarrow.string_view(), self._views, None if full.all() else full)


class _Valid:
    """Which rows have a value; None while all have one."""

    def __init__(self, rows: int) -> None:
        self._rows = rows
        self.found: Mask | None = None

    def put(self, place: slice, blank: Mask | None) -> None:
        if blank is None or not blank.any():
            return
        if self.found is None:
            self.found = np.ones(self._rows, np.bool_)
        self.found[place] = ~blank


@cache
def _months() -> tuple[NDArray[np.int32], NDArray[np.uint8]]:
    """By a number like 202401: the month's first day as days since 1970-01-01, and how many it has (0: no month)."""
    months = np.arange("0001-01", "10000-01", dtype="datetime64[M]")
    days = np.append(months, months[-1] + 1).astype("datetime64[D]").astype(np.int32)
    number = np.arange(12, 12 * 10_000)
    number = number // 12 * 100 + number % 12 + 1
    first, length = np.zeros(1_000_000, np.int32), np.zeros(1_000_000, np.uint8)
    first[number], length[number] = days[:-1], np.diff(days)
    return first, length


def _series(schema: nanoarrow.Schema, values: NDArray[Any], valid: Mask | None) -> pl.Series:
    validity = None if valid is None else np.packbits(valid, bitorder="little")
    nulls = 0 if valid is None else len(valid) - int(np.count_nonzero(valid))
    return pl.Series(nanoarrow.c_array_from_buffers(schema, len(values), [validity, values], null_count=nulls))

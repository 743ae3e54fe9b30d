"""Rows of one file that share a key: equal ones become one, different ones are numbered, or the first is kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import date
from typing import Any

import polars as pl

from ..errors import DuplicateKey, counted
from ..template import OCCURRENCE, Template
from .rejects import LINE, Rejects

_SHOWN = 3


class Occurrences:
    """The keys of a file's rows, batch after batch.

    Where the key has an `occurrence`, rows that share the rest of it and differ get 1, 2, ... in the file's order.
    Where it has none the first row is kept and the others are set aside. Batches of one day that follow each other are
    compared row by row. Of a day that comes again later only hashed keys are known: a row of it that shares a key
    counts as a different one.
    """

    def __init__(self, template: Template) -> None:
        self._template = template
        self._key = [name for name in template.key if name != OCCURRENCE]
        self._numbered = OCCURRENCE in template.key
        self._hashes: dict[date, list[pl.Series]] = defaultdict(list)
        self._last: tuple[date, list[pl.DataFrame]] | None = None  # the last day, and its rows so far
        self._repeated: list[str] = []
        self._count = 0
        self.folded = 0

    def number(self, frame: pl.DataFrame, file: str, rejects: Rejects) -> pl.DataFrame:
        """The rows that are to be loaded. Raises DuplicateKey where rows would be set aside and may not be."""
        if self._numbered:
            frame = frame.with_columns(pl.lit(1, pl.Int64).alias(OCCURRENCE))
        if frame.is_empty():
            return frame
        hashes = frame.select(self._key).hash_rows()
        days = pl.DataFrame({"day": frame["refdate"], "hash": hashes}).partition_by("day", as_dict=True)
        suspects = [hashes.filter(hashes.is_duplicated())] if hashes.n_unique() < len(hashes) else []
        for (day,), part in days.items():
            if before := self._hashes.get(day):
                known = part["hash"].filter(part["hash"].is_in(pl.concat(before).implode()))
                suspects += [known] if len(known) else []
        if suspects:
            frame = self._told_apart(frame, hashes.is_in(pl.concat(suspects).implode()), file, rejects)
            hashes = frame.select(self._key).hash_rows()
            days = pl.DataFrame({"day": frame["refdate"], "hash": hashes}).partition_by("day", as_dict=True)
        for (day,), part in days.items():
            self._hashes[day].append(part["hash"])
        self._remember(frame)
        return frame

    def notes(self, file: str) -> Iterator[str]:
        """A line where rows shared a key."""
        if self._count:
            more = f" and {self._count - _SHOWN:,} more" if self._count > _SHOWN else ""
            rows = counted(self._count, "row") + (" has" if self._count == 1 else " have")
            kept = "kept, numbered in `occurrence`" if self._numbered else "left out, the first is kept"
            yield f"{file}: {rows} the key of a different row ({kept}): {'; '.join(self._repeated)}{more}"

    def _remember(self, frame: pl.DataFrame) -> None:
        """Keep the rows of the batch's last day: the next batch may begin with more of them."""
        if frame.is_empty():
            return
        day = frame["refdate"][-1]
        rows = [frame.filter(pl.col("refdate") == day)]
        if self._last is not None and self._last[0] == day:
            rows = self._last[1] + rows
        self._last = day, rows

    def _told_apart(self, frame: pl.DataFrame, suspect: pl.Series, file: str, rejects: Rejects) -> pl.DataFrame:
        """Number the rows that share a key, leave out those that are equal. `suspect` are true of a few rows."""
        values = [name for name in frame.columns if name not in (OCCURRENCE, LINE)]
        at = [values.index(name) for name in self._key]
        known = self._earlier(frame.filter(suspect), values, at)
        occurrence, drop, published = {}, set(), frame.select(values)
        for row in suspect.arg_true():
            of_row = published.row(row)
            key = tuple(of_row[place] for place in at)
            others = known[key]
            if of_row in others:
                self.folded += 1
                drop.add(row)
                continue
            others.append(of_row)
            if len(others) == 1:
                continue
            self._note(key)
            if self._numbered:
                occurrence[row] = len(others)
                continue
            named = self._named(key)
            if rejects.strict:
                raise DuplicateKey(f"{file}: two different rows share the key {named}")
            rejects.add(frame[LINE][row], f"another row has its key, {named}")
            drop.add(row)
        if occurrence:
            rows = pl.Series(list(occurrence), dtype=pl.UInt32)
            numbers = pl.Series(list(occurrence.values()), dtype=pl.Int64)
            frame = frame.with_columns(frame[OCCURRENCE].scatter(rows, numbers))
        return frame.filter(pl.Series([row not in drop for row in range(frame.height)])) if drop else frame

    def _earlier(
        self, suspects: pl.DataFrame, values: Sequence[str], at: Sequence[int]
    ) -> dict[tuple[Any, ...], list[tuple[Any, ...]]]:
        """Earlier rows that share a key with a suspect one, by key; of those not at hand any more how many."""
        known: dict[tuple[Any, ...], list[tuple[Any, ...]]] = defaultdict(list)
        keys = suspects.select(self._key).unique()
        for frame in self._last[1] if self._last else ():
            for row in frame.join(keys, on=self._key, how="semi", maintain_order="left").select(values).iter_rows():
                known[tuple(row[place] for place in at)].append(row)
        for row, found in zip(keys.iter_rows(), keys.hash_rows(), strict=True):
            there = sum(
                int((hashes == found).sum()) for hashes in self._hashes.get(row[self._key.index("refdate")], ())
            )
            known[row] += [()] * (there - len(known[row]))
        return known

    def _note(self, key: tuple[Any, ...]) -> None:
        self._count += 1
        if len(self._repeated) < _SHOWN:
            self._repeated.append(self._named(key))

    def _named(self, key: tuple[Any, ...]) -> str:
        return ", ".join(f"{name}={str(value)[:40]}" for name, value in zip(self._key, key, strict=True))

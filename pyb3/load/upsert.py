"""One unit's rows into its table, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import polars as pl
import psycopg
from psycopg import errors, sql

from .. import settings
from ..errors import DatabaseError, one_line
from ..parse.ahead import ahead
from ..template import Template
from ..unit import Counts
from . import days, gone, ledger, revisions
from .copy import copy_text, written
from .days import Batch
from .gone import Whole
from .opened import Opened, Opening
from .phrases import NUMBER, is_numbered, own
from .stages import Stages, twice_in
from .wire import Wire
from .years import Years


@dataclass(slots=True)
class Loaded:
    """What a load has done: the number of its ingestion, its counts, and on which days rows are gone.

    `stood_in` counts the gone rows that were removed because a lesser source alone had them, by that source.
    """

    number: int
    counts: Counts = field(default_factory=Counts)
    gone: Mapping[date, int] = field(default_factory=dict)
    stood_in: Mapping[str, int] = field(default_factory=dict)


def load(
    connection: psycopg.Connection[Any],
    template: Template,
    read: Callable[[], Iterable[Batch]],
    *,
    prune: Callable[[], bool] = lambda: False,
    better: Callable[[], Sequence[str]] = lambda: (),
    lesser: Callable[[], Sequence[str]] = lambda: (),
    after: Callable[[Loaded], object] = lambda loaded: None,
    meanwhile: Callable[[], object] = lambda: None,
) -> Loaded:
    """Upsert what `read()` yields and commit, or change nothing. Blocks other loads of the same days.

    What updated rows had before is kept in `revisions`. Rows that are gone from the files are counted, and removed
    where `prune()` says so; those of the `better()` sources are not missed, and those of the `lesser()` ones, which
    stood in for the one at hand, are always removed. All three are asked when all is read, and `after` is called at the
    end of the same transaction. `meanwhile` is called now and then while the server is waited for: what it raises ends
    the load.

    Days that the table has no row of are copied straight into it. Of the others the table's rows are read, and only
    rows that are not among them are staged and written: a load that changes nothing writes nothing and locks no row.
    Only columns a batch has are touched. Raises DuplicateKey, DatabaseError, and whatever `read` raises.
    """
    for staged_only in (False, True):
        try:
            with connection.transaction():
                loaded = Loaded(ledger.begin(connection))
                _Transaction(connection, template, staged_only, loaded).run(read(), prune, better, lesser, meanwhile)
                after(loaded)
            return loaded
        except (errors.UniqueViolation, errors.CardinalityViolation, errors.DeadlockDetected, _Twice) as error:
            # Equal rows in two batches, or two loads that met half-way: staging sorts both out.
            if staged_only:
                raise DatabaseError(f"loading {template.name} failed: {one_line(error)}") from error
        except psycopg.Error as error:
            raise DatabaseError(f"loading {template.name} failed: {one_line(error)}") from error
    raise AssertionError("unreachable")


class _Twice(Exception):
    """A key of a row that is to be written was met in another batch, in a row that the table holds as it is."""


@dataclass(frozen=True, slots=True)
class _Ready:
    """A batch in the key's order, which an index takes best; its keys hashed, its days."""

    frame: pl.DataFrame
    keys: pl.Series
    overwrite: bool
    wholes: Sequence[Whole | None]
    days: Sequence[date]

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(self.frame.columns)

    def of(self, days: Sequence[date]) -> tuple[pl.DataFrame, pl.Series]:
        """The rows of some of its days, which mostly are all of them, and their keys."""
        if len(days) == len(self.days):
            return self.frame, self.keys
        mask = self.frame["refdate"].is_in(days)
        return self.frame.filter(mask), self.keys.filter(mask)


class _Transaction:
    def __init__(
        self, connection: psycopg.Connection[Any], template: Template, staged_only: bool, loaded: Loaded
    ) -> None:
        self.connection, self.template, self.staged_only, self.loaded = connection, template, staged_only, loaded
        self.counts = loaded.counts
        self.numbered = is_numbered(connection, template.table)
        self.years = Years(connection, settings.schema(), template.table)
        self.opening = Opening(connection, template, self.years, loose=not staged_only)
        self.stages = Stages(connection, template, self.counts, self.numbered, folding=staged_only)
        # The columns that this load has copied straight, by day.
        self.straight: dict[date, tuple[str, ...]] = {}
        # The hashed keys of rows that the table was read for and does not have just so; those it has are in `seen`.
        self.seen = gone.Seen()
        self.other: list[pl.Series] = []

    def run(
        self,
        batches: Iterable[Batch],
        prune: Callable[[], bool],
        better: Callable[[], Sequence[str]],
        lesser: Callable[[], Sequence[str]],
        meanwhile: Callable[[], object],
    ) -> None:
        with Wire(self.connection, meanwhile) as self.wire:
            # Days are found by the key, whatever the statistics say of a table that has just been filled.
            self.wire.send(self.connection.execute, "SET LOCAL enable_seqscan = off")
            self.wire.send(self.connection.execute, "SET LOCAL jit = off")  # compiling takes longer than a day's rows
            waiting: tuple[_Ready, Future[Opened]] | None = None
            for batch in ahead(map(self._ready, days.whole(batches))):
                following = batch, self._open(batch)
                if waiting is not None:
                    self._write(*waiting)
                waiting = following
            if waiting is not None:
                self._write(*waiting)
            self.wire.send(self._finish, prune, better, lesser)
            self.wire.sent()

    def _finish(
        self, prune: Callable[[], bool], better: Callable[[], Sequence[str]], lesser: Callable[[], Sequence[str]]
    ) -> None:
        """All that is left when every row is sent."""
        self.connection.execute("SET LOCAL enable_seqscan = on")
        self.years.attach()
        if self.seen.repeated and self.seen.same:
            if pl.concat(self.other).is_in(pl.concat(self.seen.same).implode()).any():
                raise _Twice(f"{self.template.name}: two rows share a key")
        self.stages.merge()
        self._look_for_gone(prune, better, lesser)

    def _ready(self, batch: days.Part) -> _Ready:
        """Sort a batch and fold it. Raises DuplicateKey. Done by the thread that makes the next batch."""
        self.counts.rows += batch.frame.height
        frame, keys = self._folded(batch.frame.sort(self.template.key))
        return _Ready(frame, keys, batch.overwrite, batch.wholes, frame["refdate"].unique().sort().to_list())

    def _open(self, batch: _Ready) -> Future[Opened]:
        """Ask for the batch's days, while the batch before is written."""
        if batch.overwrite:
            self.seen.cover(batch.columns, batch.wholes, batch.days)
        compared = batch.frame.schema if batch.overwrite and not self.staged_only else None
        return self.wire.ask(self.opening.open, batch.days, compared)

    def _write(self, batch: _Ready, opening: Future[Opened]) -> None:
        """Send what the table does not hold: straight into days that are empty, else into a stage."""
        opened, columns = self.wire.wait(opening), batch.columns
        straight = []
        if batch.overwrite and not self.staged_only:
            fresh = (day for day in batch.days if day in self.opening.fresh)
            straight = [day for day in fresh if self.straight.setdefault(day, columns) == columns]
        for year in sorted({day.year for day in straight}):
            self._copy(batch.of([day for day in straight if day.year == year])[0], self.years.loose(year))
        part, keys = batch.of([day for day in batch.days if day not in straight])
        if part.is_empty():
            return
        self.seen.keys.append(keys)
        if batch.overwrite and not self.staged_only:
            part = self._differing(part, keys, opened)
        if not part.is_empty():
            self.wire.send(self.stages.add, columns, batch.overwrite, written(part))

    def _copy(self, frame: pl.DataFrame, loose: sql.Identifier | None) -> None:
        """Copy rows straight into the table, or a loose year of it."""
        numbered = frame.with_columns(pl.lit(self.loaded.number).alias(NUMBER)) if self.numbered else frame
        table = loose or own(self.template.table)
        self.wire.send(copy_text, self.connection, table, numbered.columns, written(numbered), loose is not None)
        self.counts.inserted += frame.height

    def _differing(self, frame: pl.DataFrame, keys: pl.Series, opened: Opened) -> pl.DataFrame:
        """The rows of a sorted frame that the table does not hold just so; the others are unchanged."""
        mine = list(days.texts(frame))
        if missing := [day for day, _ in mine if day not in opened.held]:  # copied since then, in other columns
            opened |= self.wire.wait(self.wire.ask(self.opening.read, missing, frame.schema))
        masks = [some.among(opened.held[day]) for day, some in mine]
        if any(mask is None for mask in masks):
            self.seen.held(opened.held, None)
            return frame
        self.seen.held(opened.newly, opened.lines)
        same = pl.concat([mask for mask in masks if mask is not None])
        self.counts.unchanged += int(same.sum())
        self.seen.same.append(keys.filter(same))
        self.other.append(keys.filter(~same))
        return frame.filter(~same)

    def _folded(self, frame: pl.DataFrame) -> tuple[pl.DataFrame, pl.Series]:
        """The rows of a sorted frame, equal ones become one, and their keys' hashes. Raises DuplicateKey."""
        key = list(self.template.key)
        keys = frame.select(key).hash_rows()
        if not (keys == keys.shift()).any():  # of a key that stands twice, one follows on the other
            return frame, keys
        folded = frame.unique(maintain_order=True)
        self.counts.folded += frame.height - folded.height
        if not (twice := folded.filter(folded.select(key).is_duplicated())).is_empty():
            raise twice_in(self.template, [twice[name][0] for name in key])
        return folded, folded.select(key).hash_rows()

    def _look_for_gone(
        self, prune: Callable[[], bool], better: Callable[[], Sequence[str]], lesser: Callable[[], Sequence[str]]
    ) -> None:
        """Count the rows that the files have no more, and remove them where they are to be."""
        if self.seen.nothing_gone(self.counts.updated):
            return
        old = sorted(self.seen.days - self.opening.fresh)
        self.loaded.gone = gone.find(
            self.connection, self.template, self.seen, old, better=better(), numbered=self.numbered
        )
        self.counts.gone = sum(self.loaded.gone.values())
        if not self.counts.gone:
            return
        if self.numbered and (names := lesser()):
            found = gone.stood_in(self.connection, self.template, names)
            # A file of fewer rows than it would remove may be a part of one: then its rows are gone like any others.
            if 0 < sum(found.values()) <= self.counts.rows:
                self.loaded.stood_in = found
        if prune():
            self.counts.removed = revisions.remove(self.connection, self.template, gone.keys(), self.numbered)
        elif self.loaded.stood_in:
            self.counts.removed = revisions.remove(self.connection, self.template, gone.keys_stood_in(), self.numbered)

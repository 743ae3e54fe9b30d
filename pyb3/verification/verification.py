"""Hold what a dataset's table has against the files it was loaded from, unit by unit."""

from __future__ import annotations

import time
from bisect import bisect
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from datetime import date
from itertools import groupby
from typing import Any, Literal

import polars as pl
import psycopg

from .. import calendar
from ..at_hand import AtHand
from ..datasets.base import Dataset
from ..errors import DatabaseError, FileError, NotPublished, PyB3Error, UsageError, one_line
from ..file import File
from ..load import compare, connect, ledger, migrate, year_counts
from ..load.ledger import Load
from ..parse.archive import digest_of
from ..progress import SILENT, Progress
from . import plan
from .loaded_files import NotCached, OtherBytes
from .plan import Task
from .reader import Reader

Result = Literal[
    "verified", "differs", "not_in_cache", "other_bytes", "unreadable", "superseded", "never_loaded", "year_differs"
]
SHOWN = 10
"""Differences that are told of a unit, at most; all are counted."""
_LONG = 200  # characters of a value that are told


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that the table lacks (`missing`) or no file has (`extra`), or a value that is another (`differs`)."""

    kind: Literal["missing", "differs", "extra"]
    key: Mapping[str, str]
    column: str | None = None
    file: str | None = None
    table: str | None = None


@dataclass(slots=True)
class Verified:
    """What became of one unit; `as_dict()` is what `--json` prints.

    `rows` are the file's, of the days that this load speaks for; `elsewhere` the table's rows of these days that
    another load's file has, and has just so; `unchecked` those of loads whose files are not at hand. `years` has one
    year that was loaded whole and whose rows or sessions are not those of B3's file, as expected and as found in the
    table.
    """

    dataset: str
    unit: str
    result: Result = "verified"
    ingestion: int | None = None
    file: str | None = None
    sha256: str | None = None
    days: int = 0
    rows: int = 0
    missing: int = 0
    differing: int = 0
    extra: int = 0
    elsewhere: int = 0
    unchecked: int = 0
    seconds: float = 0.0
    message: str | None = None
    differences: list[Difference] = field(default_factory=list)
    years: list[dict[str, Any]] = field(default_factory=list)

    def tell(
        self, kind: Literal["missing", "differs", "extra"], key: Mapping[str, Any], values: Iterable[Any] = ()
    ) -> None:
        """Keep a difference, if it is one of the first; `values` are column, file's and table's value."""
        self.result = "differs"
        if len(self.differences) < SHOWN:
            column, file, table = (None if value is None else str(value)[:_LONG] for value in values or (None,) * 3)
            named = {name: str(value)[:_LONG] for name, value in key.items()}
            self.differences.append(Difference(kind, named, column, file, table))

    def as_dict(self) -> dict[str, Any]:
        """The result as JSON-ready values."""
        return asdict(self)


def verify(
    dataset: Dataset,
    start: date = date.min,
    end: date = date.max,
    *,
    files: Sequence[AtHand] = (),
    due: Iterable[date] = (),
    progress: Progress = SILENT,
) -> Iterator[Verified]:
    """Compare the table's rows from `start` to `end` with the files they were loaded from; one result a unit.

    Each day is held against the newest load that covers it, in one snapshot that nothing is written in. Files come
    from the cache alone, by the digest that the ledger has of them; with `files`, those loads are looked at that read
    their bytes. `due` are days that are told of when no load covers them. Raises
    DatabaseError.
    """
    try:
        with connect.connect() as connection:
            migrate.check(connection)
            connection.read_only = True
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            with connection.transaction(), ExitStack() as stack:
                # Days are found by the key, whatever the statistics say.
                connection.execute("SET LOCAL enable_seqscan = off")
                run = _Run(connection, dataset, stack, progress)
                if files:
                    yield from run.of_files(files)
                else:
                    yield from run.between(start, end, due)
    except psycopg.Error as error:
        raise DatabaseError(f"verifying {dataset.name} failed: {one_line(error)}") from error


class _Run:
    """One dataset, in one transaction."""

    def __init__(
        self, connection: psycopg.Connection[Any], dataset: Dataset, stack: ExitStack, progress: Progress
    ) -> None:
        self._connection, self._dataset, self._template = connection, dataset, dataset.template
        self._table = compare.Table(connection, dataset.template)
        self._loads = ledger.loads(connection, dataset.name)
        self._by_number = {load.id: load for load in self._loads}
        self._held = ledger.days_held(connection, dataset.template.table)
        self._own = Reader(dataset, self._loads, progress, stack)
        self._others = Reader(dataset, self._loads, progress, stack)

    def between(self, start: date, end: date, due: Iterable[date]) -> Iterator[Verified]:
        held = [day for day in self._held if start <= day <= end]
        found = list(plan.tasks(self._template, self._loads, start, end, held))
        covered = {day for task in found for day in task.days}
        for task in sorted(found, key=lambda task: min(task.days)):
            if any(day in self._held or calendar.is_session(day) for day in task.days):
                yield self._verified(task, None)
        for run in _runs(sorted({*held, *due} - covered), covered & {*held, *due}):
            yield from self._uncovered(run)
        yield from self._different_years(start, end)

    def of_files(self, files: Iterable[AtHand]) -> Iterator[Verified]:
        """The loads of these files; of an archive, those of it as a whole or else of each file in it."""
        found = list(plan.tasks(self._template, self._loads, date.min, date.max, self._held))
        for path, inside in groupby(files, key=lambda one: one.file.path):
            first, *others = inside
            whole = File.at(path, item=first.file.item)
            sha256 = _digest(whole)
            if not first.file.member or any(load.sha256 == sha256 for load in self._loads):
                yield from self._of_file(whole, sha256, found)
                continue
            for one in (first, *others):
                if one.error is None:
                    yield from self._of_file(one.file, _digest(one.file), found)
                else:
                    yield Verified(self._dataset.name, one.file.name, "unreadable", message=str(one.error))

    def _of_file(self, file: File, sha256: str, found: Iterable[Task]) -> Iterator[Verified]:
        mine = [task for task in found if task.load.sha256 == sha256]
        for task in mine:
            yield self._verified(task, file)
        if not mine:
            loaded = any(load.sha256 == sha256 for load in self._loads)
            yield Verified(
                self._dataset.name,
                file.name,
                "superseded" if loaded else "never_loaded",
                file=file.name,
                sha256=sha256,
                message="later loads speak for all of its days"
                if loaded
                else "the ledger knows no load of these bytes",
            )

    def _verified(self, task: Task, file: File | None) -> Verified:
        load, begun = task.load, time.perf_counter()
        told = Verified(self._dataset.name, load.unit, ingestion=load.id, file=load.file, sha256=load.sha256)
        try:
            spool = self._own.rows(load, file)
            for day in sorted(task.days.keys() & {*spool.days, *self._held}):
                self._hold(told, task, spool.frames(day), day)
            for day in sorted(spool.stray_days):
                self._look_for(told, load, spool.strays_of(day), day)
        except NotCached as error:
            told.result, told.message = "not_in_cache", str(error)
        except OtherBytes as error:
            told.result, told.message = "other_bytes", str(error)
        except (FileError, NotPublished, UsageError) as error:  # bytes that an older PyB3 may have read
            told.result, told.message = "unreadable", str(error)
        told.seconds = round(time.perf_counter() - begun, 3)
        self._explain(told)
        return told

    def _hold(self, told: Verified, task: Task, frames: list[pl.DataFrame], day: date) -> None:
        newer = task.days[day]
        columns = {
            name
            for source in self._template.sources
            if source.name in newer
            for name in self._template.columns(source.format)
        } - {*self._template.key}
        frames = [frame.drop(columns, strict=False) for frame in frames]  # a frame has those of its source alone
        found = self._table.compare(frames, day)
        told.days += 1
        told.rows += found.rows
        for key in found.missing:
            told.missing += 1
            told.tell("missing", dict(zip(self._template.key, key, strict=True)))
        for row in found.differing:
            written_since = row.stored.number is not None and row.stored.number > task.load.id
            if not (written_since and self._is_anothers(told, row.stored, row.expected.keys(), day)):
                told.differing += 1
                for name, value in row.expected.items():
                    told.tell("differs", self._key(row.stored), (name, value, row.stored.values[name]))
        if not newer:  # else the newer load tells
            self._judge(told, found.extra, day)

    def _look_for(self, told: Verified, load: Load, strays: list[pl.DataFrame], day: date) -> None:
        """Rows of another session: the table may know better, but has them, unless their own day came since."""
        if any(other.id > load.id and other.first_date <= day <= other.last_date for other in self._loads):
            return
        for key in compare.expected(self._template, strays).keys() - self._table.stored(day).keys():
            told.missing += 1
            told.tell("missing", dict(zip(self._template.key, key, strict=True)))

    def _judge(self, told: Verified, rows: Iterable[compare.Stored], day: date) -> None:
        """Rows that the day's own file lacks: another's, or nobody's."""
        for stored in sorted(rows, key=lambda stored: stored.number or 0):  # a load's rows together
            if not self._is_anothers(told, stored, (), day):
                told.extra += 1
                told.tell("extra", self._key(stored))

    def _is_anothers(self, told: Verified, stored: compare.Stored, columns: Iterable[str], day: date) -> bool:
        """Whether a row is just so in the file of the load that it bears the number of; those columns among it."""
        load = self._by_number.get(stored.number or 0)
        if load is None:
            return False
        try:
            values = self._others.row(load, day, tuple(self._key(stored).values()))
        except PyB3Error:  # not at hand any more, or not to be read
            told.unchecked += 1
            return True
        if values is None or not values.keys() >= {*columns}:
            return False
        same = all(stored.values[name] == value for name, value in values.items())
        told.elsewhere += same
        return same

    def _uncovered(self, days: Iterable[date]) -> Iterator[Verified]:
        """Days that no load covers: rows there are another session's strays, or nobody's; days alike are one unit."""
        told: list[Verified] = []
        for day in days:
            one = Verified(self._dataset.name, str(day), "verified" if day in self._held else "never_loaded", days=1)
            self._judge(one, self._table.stored(day).values(), day)
            if one.extra:
                one.result, one.message = "never_loaded", "rows that no load of the ledger's has brought"
            told.append(one)
        for result, run in groupby(told, key=lambda one: (one.result, bool(one.extra))):
            first, *others = run
            for other in others:
                first.unit = f"{first.unit[:10]}..{other.unit}"
                first.days += 1
                first.extra += other.extra
                first.elsewhere += other.elsewhere
                first.unchecked += other.unchecked
                first.differences = (first.differences + other.differences)[:SHOWN]
            first.message = first.message or ("the ledger knows no load of it" if result[0] == "never_loaded" else None)
            yield first

    def _different_years(self, start: date, end: date) -> Iterator[Verified]:
        """The years that were loaded whole and have another number of rows or sessions than B3's file."""
        days = ledger.days(self._connection, self._dataset.name, self._template.table)
        for one in year_counts.different_years(self._connection, self._template, days, start, end, count_table=True):
            told = Verified(self._dataset.name, str(one.expected.year), "year_differs", message=one.message)
            told.days, told.years = one.found.sessions, [one.as_dict()]
            told.missing = max(0, one.expected.rows - one.found.rows)
            told.extra = max(0, one.found.rows - one.expected.rows)
            self._explain(told)
            yield told

    def _explain(self, told: Verified) -> None:
        if told.missing and self._table.is_guarded():
            told.message = "row-level security binds this user: its policies may hide rows"
        elif told.unchecked and told.message is None:
            told.message = f"{told.unchecked:,} rows are of other loads, whose files are not in the cache"

    def _key(self, stored: compare.Stored) -> dict[str, Any]:
        return {name: stored.values[name] for name in self._template.key}


def _digest(file: File) -> str:
    try:
        return digest_of(file)
    except OSError as error:
        raise FileError(f"{file}: {error.strerror}") from error


def _runs(days: Iterable[date], between: Iterable[date]) -> Iterator[list[date]]:
    """Days in order, parted where one of the others lies between them."""
    parted = sorted(between)
    for _, run in groupby(days, key=lambda day: bisect(parted, day)):
        yield list(run)

"""One frame out of the units that a date, a range or a year means."""

from __future__ import annotations

import logging
import sys
import warnings
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date
from functools import partial
from itertools import groupby
from pathlib import Path

import polars as pl

from . import at_hand, calendar, pipeline
from .datasets.base import Dataset
from .datasets.indexes import canonical
from .errors import LeftOut, MissingSessions, NoSession, NotPublished, PartialData, counted
from .file import File
from .parse.rejects import Rejects
from .unit import Kind, Unit

Where = pl.Expr | Callable[[pl.DataFrame], pl.DataFrame]
"""Which rows are wanted: an expression that is true of them, or a function that keeps them (`pyb3.equities`)."""

_LOG = logging.getLogger("pyb3")
_FEW = 5  # sessions of a past month that are fetched as days; more of them are fetched as the month
_AHEAD = 2  # units fetched while one is read: what bounds disk and memory


class Query:
    """A dataset, and which of its rows are wanted: `where`, and those of one `index`, which alone is asked for then.

    Rows of another session than their file's come along where `strays` are wanted. What cannot be read is set aside,
    and a PartialData warning says so; with `strict` it is an error. What else a person should know of the files is a
    warning of the logger `pyb3`.
    """

    def __init__(
        self, dataset: Dataset, where: Where | None, index: str | None, *, strict: bool = False, strays: bool = False
    ) -> None:
        self.dataset, self.where, self.index = dataset, where, canonical(index or "")
        self.strays, self.rejects, self.notes = strays, Rejects(strict=strict), list[str]()

    def of_day(self, day: date) -> pl.DataFrame:
        """Rows of one session, none where there was no session."""
        try:
            self.dataset.unit("day", day)
        except NoSession:
            return self.chosen(self.dataset.empty())
        return self.of_range(day, day)

    def of_range(self, start: date, end: date) -> pl.DataFrame:
        """Rows of the sessions from `start` to `end`, both included."""
        return _Reading(self, start, end).frame(_units(self.dataset, start, end))

    def of_year(self, year: int) -> pl.DataFrame:
        """Rows of a year, up to today."""
        end = min(date(year, 12, 31), calendar.today())
        return _Reading(self, date(year, 1, 1), end).frame(self.dataset.units_of_year(year))

    def of_file(self, path: Path, day: date | None) -> pl.DataFrame:
        """All rows of a file at hand, which is of `day` where that is given."""
        if day is None:
            return self._chosen_of(self._files(path), None)
        return self._chosen_of([File.at(path, item=self.index)], self.dataset.unit("day", day))

    def _files(self, path: Path) -> list[File]:
        """The dataset's files of an archive, older sessions first; warns of what else it contains."""
        found = at_hand.found([path], self.dataset, self.index)
        good = [one for one in found if one.error is None]
        left = [str(one.error) for one in found if one.error is not None]
        if not good:
            raise next(one.error for one in found if one.error is not None)
        for told in [*left, *(note for one in good for note in one.notes)]:
            warnings.warn(LeftOut(told), stacklevel=_caller())
        return [one.file for one in good]

    def _chosen_of(self, files: list[File], unit: Unit | None) -> pl.DataFrame:
        parts = self.parsed(files, unit)
        chosen = pl.concat(self.chosen(frame) for frame, own in parts if own or self.strays)
        self.warn()
        return chosen

    def fetch(self, unit: Unit, *, besides: Sequence[str] = ()) -> list[File]:
        """The unit's files, of the one index alone where there is one."""
        return pipeline.fetch(self.dataset, unit, item=self.index, besides=besides)

    def parsed(self, files: list[File], unit: Unit | None) -> Iterator[tuple[pl.DataFrame, bool]]:
        """Frames of a unit with all columns, and whether their rows are of the file's own session."""
        mine = Rejects(strict=self.rejects.strict)
        with pipeline.reading(files, unit, lambda: mine):
            if self.dataset.template.take == "every":  # sources complete each other's rows
                yield self.dataset.frame(files, unit, notes=self.notes, rejects=mine), True
            else:
                for batch in self.dataset.read(files, unit, notes=self.notes, rejects=mine):
                    yield batch.frame, batch.overwrite
        self.rejects.take(mine)

    def warn(self) -> None:
        """Say what could not be read."""
        found, name = self.rejects, self.dataset.name
        for note in dict.fromkeys(self.notes):
            _LOG.warning("%s: %s", name, note)
        if not found.partial:
            return
        parts = [
            *([counted(found.rows, "record") + " set aside"] if found.rows else []),
            *([counted(found.values, "value") + " not read and NULL"] if found.values else []),
            *found.gaps,
        ]
        first = next((f"; first {record}" for record in found.records), "")
        warnings.warn(PartialData(f"{name}: {'; '.join(parts)}{first}", found.records), stacklevel=_caller())

    def chosen(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The wanted rows."""
        if self.index:
            frame = frame.filter(pl.col("index_code") == self.index)
        if self.where is None:
            return frame
        return frame.filter(self.where) if isinstance(self.where, pl.Expr) else self.where(frame)


def _units(dataset: Dataset, start: date, end: date) -> list[Unit]:
    """The range as days, or as past months and years where they hold many of its days or are in the cache already."""
    kinds = {kind for source in dataset.template.sources for kind in source.kinds}
    longer: list[Kind] = [kind for kind in ("year", "month") if kind in kinds]
    if dataset.template.take == "every":  # a year's sources would not be a day's
        longer = []
    return list(_merged(dataset, dataset.units(start, end), longer))


def _merged(dataset: Dataset, days: list[Unit], kinds: list[Kind]) -> Iterator[Unit]:
    if not kinds or all(_in_cache(dataset, day) for day in days):
        yield from days
        return
    kind, *shorter = kinds
    for _, some in groupby(days, lambda day: day.date.timetuple()[: 1 if kind == "year" else 2]):
        part = list(some)
        longer = dataset.unit(kind, part[0].date)
        many = len(part) > _FEW if kind == "month" else len(part) == len(calendar.sessions(longer.date, longer.last))
        if _in_cache(dataset, longer) or (many and longer.last < calendar.today()):
            yield longer
        else:
            yield from _merged(dataset, part, shorter)


def _in_cache(dataset: Dataset, unit: Unit) -> bool:
    """Whether the file of that very period is there."""
    try:
        files = pipeline.from_cache(dataset, unit)
    except NotPublished:
        return False
    return all(dataset.template.source(file.source).period == unit.kind for file in files)


class _Reading:
    """Units read one by one, of which only the wanted rows are kept."""

    def __init__(self, query: Query, start: date, end: date) -> None:
        self.query, self.dataset, self.start, self.end = query, query.dataset, start, end
        self.rows: list[pl.DataFrame] = []
        self.strays: list[pl.DataFrame] = []  # rows of another session than their file's
        self.files: dict[Unit, list[File]] = {}
        self.missing: dict[Unit, NotPublished] = {}

    def frame(self, units: list[Unit]) -> pl.DataFrame:
        """All units as one frame. Raises NotPublished where there is none of them, SourceError, FileError."""
        self._read(units)
        if self.missing:
            reason = next(iter(self.missing.values()))
            if not self.files:
                raise reason
            days = ", ".join(map(str, self.missing))
            warnings.warn(MissingSessions(f"{self.dataset.name} lacks {days}: {reason}"), stacklevel=_caller())
        self.query.warn()
        template = self.dataset.template
        found = pl.concat([*self.rows, *self._homeless()] or [self.query.chosen(self.dataset.empty())])
        if template.take == "every":  # joined without an order; and a list of papers is shown for days on end
            found = found.unique(list(template.key), keep="last", maintain_order=True).sort(template.key)
        return found

    def _read(self, units: list[Unit]) -> None:
        for unit, fetched in _fetched(self.query, units):
            try:
                fetch, read = partial(self._files, unit, fetched), partial(self._frames, unit)
                rows, strays = pipeline.from_next_source(
                    self.dataset, unit, fetch, read, self.query.notes, strict=self.query.rejects.strict
                )
                self.rows += rows
                self.strays += strays
            except NotPublished as error:
                if unit.kind == "day" or self.dataset.template.take == "every":
                    self.missing[unit] = error
                else:  # its days may have files of their own
                    self._read(self.dataset.units(max(self.start, unit.date), min(self.end, unit.last)))

    def _files(self, unit: Unit, fetched: Future[list[File]], *, besides: Sequence[str]) -> list[File]:
        return self.query.fetch(unit, besides=besides) if besides else fetched.result()

    def _frames(self, unit: Unit, files: list[File]) -> tuple[list[pl.DataFrame], list[pl.DataFrame]]:
        """The wanted rows of a unit's files, and the rows of other sessions."""
        rows, strays = [], []
        for frame, own in self.query.parsed(files, unit):
            if unit.kind != "day":
                frame = frame.filter(pl.col("refdate").is_between(self.start, self.end))
            if own:
                rows.append(self.query.chosen(frame))
            elif self.query.strays:
                strays.append(frame)
        self.files[unit] = files
        return rows, strays

    def _homeless(self) -> Iterator[pl.DataFrame]:
        """Wanted strays that the file of their own session, where it is among the units, does not have."""
        if not self.strays:
            return
        rest = pl.concat(self.strays)
        for unit, files in self.files.items():
            if (rest["refdate"] == unit.date).any():
                for frame, own in self.query.parsed(files, unit):
                    if own:
                        rest = rest.join(frame, on=list(self.dataset.template.key), how="anti")
        yield self.query.chosen(rest)


def _fetched(query: Query, units: Iterable[Unit]) -> Iterator[tuple[Unit, Future[list[File]]]]:
    """Each unit with its files, while those of the next ones are fetched."""
    pool = ThreadPoolExecutor(_AHEAD, "fetch")
    pending: deque[tuple[Unit, Future[list[File]]]] = deque()
    try:
        for unit in units:
            pending.append((unit, pool.submit(query.fetch, unit)))
            if len(pending) > _AHEAD:
                yield pending.popleft()
        yield from pending
    finally:
        pool.shutdown(cancel_futures=True)


def _caller() -> int:
    """How far up a warning's stack the program that uses PyB3 stands."""
    frame, level = sys._getframe(1), 1
    while frame.f_back is not None and frame.f_globals.get("__package__") == __package__:
        frame, level = frame.f_back, level + 1
    return level

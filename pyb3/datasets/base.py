"""The plugin class every dataset derives from."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, datetime
from typing import Any, ClassVar

import polars as pl

from .. import calendar
from ..errors import FileError, NoSession, NotPublished, PyB3Error, UsageError, WrongDate
from ..file import File
from ..parse import readers
from ..parse.archive import Member, open_member
from ..parse.contract import Contract
from ..parse.occurrences import Occurrences
from ..parse.rejects import LINE, Rejects
from ..parse.typed import schema
from ..signature import empty_table
from ..template import Source, Template, dtype
from ..unit import Kind, Unit
from .members import chooser


@dataclass(frozen=True, slots=True)
class Batch:
    """Some rows of a unit. Rows that must not `overwrite` are loaded only where the table has none of that key.

    `whole` are values by column: the batch's file holds every row of its days that has them (an index's, say), so
    that another one in the table is gone; {} is every row, None that the file cannot be asked. `Dataset.read` fills in
    {} where a row has one source and that one file, and always the `source` and when B3 `made` the file, by its own
    words. `folded` counts rows that stand in the file again, just so, and are left out.
    """

    frame: pl.DataFrame
    overwrite: bool = True
    whole: Mapping[str, Any] | None = None
    source: str = ""
    made: datetime | None = None
    folded: int = 0


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a frame comes from: the file, its source, the name of the packed member, and the unit asked for.

    `asked` is what B3 was asked for to get the file, as far as that is known; `notes` takes what a person should know.
    `rejects` takes what cannot be loaded, and `rejected` says how many of the file's records that are so far.
    """

    file: File
    source: Source
    name: str
    unit: Unit | None
    asked: Mapping[str, Any] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    rejects: Rejects = field(default_factory=Rejects)

    @property
    def rejected(self) -> int:
        """How many of the file's records are set aside so far."""
        return self.rejects.of(self.name)


Fetch = Callable[[Source, str], File]
"""Brings one file of a source (and item): from B3, or from the cache alone."""


class Dataset:
    """One dataset: a template, and how its files become frames.

    A plain fixed-width or CSV dataset sets `filename` alone. Others override `shape` (rows of one file),
    `items` (what a source is asked for one by one) or `unit` (what a date means).
    """

    package: ClassVar[str] = "pyb3.datasets"
    filename: ClassVar[str]
    first_year: ClassVar[int] = 1986

    def __init__(self) -> None:
        self.template = Template.load(self.package, self.filename)

    @property
    def name(self) -> str:
        """The name it is registered under."""
        return self.template.name

    def unit(self, kind: Kind, day: date) -> Unit:
        """The day, month or year that holds `day`.

        Raises UsageError for the future or a kind that no source publishes, NoSession for a closed day.
        """
        first = {"day": day, "month": day.replace(day=1), "year": day.replace(month=1, day=1)}[kind]
        unit = Unit(self.name, kind, first)
        if first > calendar.today():
            raise UsageError(f"{unit} is in the future")
        if first.year < self.first_year:
            raise UsageError(f"B3 has no data of {first.year}; its files begin in {self.first_year}")
        if kind == "day" and not calendar.is_session(day):
            raise NoSession(f"{self.name} {day}: B3 held no session that day; nothing was written")
        if all(kind not in source.kinds for source in self.template.sources):
            raise UsageError(f"{self.name} has no file of a {kind}")
        return unit

    @property
    def first_day(self) -> date:
        """The first day that any source has, by the template: before it nobody need be asked."""
        floors = [source.valid_from for source in self.template.sources if not source.keeps]
        known = [floor for floor in floors if floor is not None]
        return min(known) if known and len(known) == len(floors) else date(self.first_year, 1, 1)

    def units(self, start: date, end: date) -> list[Unit]:
        """One unit for each session from `start` to `end`, both included.

        Raises UsageError where they are swapped, or before anything that B3 has.
        """
        if start > end:
            raise UsageError(f"{start} is after {end}")
        first = self.first_day
        if start.year < first.year or end < first:  # before ten thousand years of sessions are worked out
            raise self._too_early(f"{start.year if start.year < first.year else end}")
        if end.year > calendar.today().year:
            raise UsageError(f"{end} is in the future")
        return [self.unit("day", day) for day in calendar.sessions(max(start, first), end)]

    def units_of_year(self, year: int) -> list[Unit]:
        """The year as one unit where B3 has a file of it, else its sessions up to today. Raises UsageError."""
        if year < self.first_day.year:
            raise self._too_early(f"{year}")
        if year > calendar.today().year:
            raise UsageError(f"B3 has no data of {year}, which is in the future")
        if any("year" in source.kinds for source in self.template.sources):
            return [self.unit("year", date(year, 1, 1))]
        return self.units(date(year, 1, 1), min(date(year, 12, 31), calendar.today()))

    def _too_early(self, when: str) -> UsageError:
        first = self.first_day
        begin = f"in {first.year}" if (first.month, first.day) == (1, 1) else f"on {first}"
        return UsageError(f"B3 has no data of {when} for {self.name}; its files begin {begin}")

    def items(self, source: Source, unit: Unit, fetch: Fetch) -> list[str]:
        """What `source` is asked for one by one (its `each`); one nameless item where it has a single file."""
        return [""]

    def read(
        self,
        files: Sequence[File],
        unit: Unit | None = None,
        *,
        allow_incomplete: bool = False,
        notes: list[str] | None = None,
        rejects: Rejects | None = None,
    ) -> Iterator[Batch]:
        """Parse the files of a unit, or files at hand, in batches; `notes` gets what a person should know.

        Batches have the columns of their source; where a row comes from one source, the others are NULL. Errors
        of counts, trailers and checks come with a file's last batch, so nothing may be committed before the iterator
        ends. Bad records and values are set aside into `rejects` and the others are read; a strict one refuses them.
        Where files complete each other, one that cannot be read is left out. Raises FileError and its kin: what is
        wrong, in which file and line.
        """
        rows, contract = 0, Contract(self.template)
        notes = notes if notes is not None else []
        rejects = rejects if rejects is not None else Rejects()
        failed: list[PyB3Error] = []
        for file in files:
            batches = self._read_file(file, unit, allow_incomplete, notes, contract, rejects)
            if self.template.take == "every" and len(files) > 1 and not rejects.strict:
                mine, notes_of_file = rejects.apart(), list[str]()
                try:
                    batches = iter([*self._read_file(file, unit, allow_incomplete, notes_of_file, contract, mine)])
                except (FileError, NotPublished) as error:
                    failed.append(error)
                    rejects.leave_out(file.path, str(error))
                    continue
                rejects.take(mine)
                notes += notes_of_file
            for batch in batches:
                rows += batch.frame.height
                yield batch
        if rows == 0 and failed:
            raise failed[0]
        if rows == 0:
            names = ", ".join(file.name for file in files[:3])
            names += f" and {len(files) - 3:,} more" if len(files) > 3 else ""
            if unit is not None:
                raise NotPublished(f"{self.name} {unit}: no row of it in {names} (yet)")
            raise FileError(f"no record of {self.name} in {names}")
        notes += contract.verdict()

    def frame(
        self,
        files: Sequence[File],
        unit: Unit | None = None,
        *,
        allow_incomplete: bool = False,
        notes: list[str] | None = None,
        rejects: Rejects | None = None,
    ) -> pl.DataFrame:
        """The unit as one frame with the template's schema, one row a key as the table would hold it."""
        batches = self.read(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=rejects)
        frames = [batch.frame for batch in batches]
        if self.template.take == "every":
            frames = [_coalesced(frames, self.template.key)]
        return pl.concat([frame.pipe(self._completed, whole=True) for frame in frames])

    def empty(self) -> pl.DataFrame:
        """No rows, with the template's schema."""
        return pl.DataFrame(schema=schema(self.template))

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        """Make a file's rows the dataset's rows: check their dates, add what is derived. Raises WrongDate."""
        unit = origin.unit
        if unit is not None:
            inside = frame["refdate"].is_between(unit.date, unit.last)
            if not inside.all():
                if origin.source.period == unit.kind:
                    day = frame["refdate"].filter(~inside)[0]
                    raise WrongDate(f"{origin.name} holds rows of {day}, not only of {unit}")
                frame = frame.filter(inside)  # a longer file that serves one of its days
        yield Batch(frame)

    def recognise(self, member: Member, file: File) -> Source:
        """The source a file came from, by its first bytes.

        Raises FileError when it is none of this dataset's, NotPublished when it says that it is not final.
        """
        head = member.head.decode("latin-1").removeprefix("\xef\xbb\xbf")
        known = [source for source in self.template.sources if source.name == file.source]
        for source in known or self.template.sources:
            if source.absent and (said := re.search(source.absent, head)):
                raise NotPublished(f'{member.name} is not B3\'s final file, it says "{said[0]}"')
            if source.empty and re.search(source.empty, head):
                raise FileError(f"{member.name}: {empty_table(source.keeps)}")
            if re.search(source.signature, head):
                return source
        of = f"{self.name}, source {file.source}" if known else self.name
        raise FileError(f"{member.name} is not a file of {of}: it begins with {head[:40]!r}")

    def asked(self, file: File, source: Source, unit: Unit | None) -> Mapping[str, Any]:
        """What B3 was asked for to get a file, as far as that is known: from its sidecar."""
        return file.known.get("payload") or {}

    def _read_file(
        self,
        file: File,
        unit: Unit | None,
        allow_incomplete: bool,
        notes: list[str],
        contract: Contract,
        rejects: Rejects,
    ) -> Iterator[Batch]:
        with open_member(file.path, file.member, chooser(self.template, file, unit, notes)) as member:
            source = self.recognise(member, file)
            form = self.template.formats[source.format]
            member.asked = self.asked(file, source, unit)
            member.rejects, rejects.file = rejects, member.name
            origin = Origin(file, source, member.name, unit, member.asked, member.notes, rejects)
            alone = self.template.take == "first" and not source.each
            reader, records, seen = readers.get(form.reader), 0, 0
            keys, folded = Occurrences(self.template), 0
            for frame in reader(member, self.template, form, allow_incomplete=allow_incomplete):
                records += frame.height + origin.rejected - seen
                loaded = []
                for batch in self.shape(frame, origin):
                    whole = None if allow_incomplete else {} if alone else batch.whole
                    held = contract.hold(self._completed(batch.frame), member.name, rejects)
                    held = keys.number(held, member.name, rejects)
                    loaded.append(held[LINE])
                    twice, folded = keys.folded - folded, keys.folded
                    made, held = member.made, held.drop(LINE)
                    yield replace(batch, frame=held, whole=whole, source=source.name, made=made, folded=twice)
                rejects.not_loaded(frame[LINE], loaded)
                seen = origin.rejected
            rejects.judge(records + origin.rejected - seen)
            notes += [*member.notes, *rejects.remarks(), *keys.notes(member.name)]

    def _completed(self, frame: pl.DataFrame, whole: bool = False) -> pl.DataFrame:
        """The template's columns in order: all of them where a row has one source, else those the frame has."""
        there = frame.columns
        missing = [field for field in self.template.fields if field.name not in there]
        if missing and (whole or self.template.take == "first"):
            frame = frame.with_columns(pl.lit(None, dtype(field)).alias(field.name) for field in missing)
            there = frame.columns
        names = [name for name in (*(field.name for field in self.template.fields), LINE) if name in there]
        return frame if names == there else frame.select(names)


def alike(frames: Iterable[pl.DataFrame]) -> list[pl.DataFrame]:
    """The frames in their order, those of the same columns as one."""
    groups: dict[tuple[str, ...], list[pl.DataFrame]] = {}
    for frame in frames:
        groups.setdefault(tuple(frame.columns), []).append(frame)
    return [pl.concat(group) for group in groups.values()]


def _coalesced(frames: Sequence[pl.DataFrame], key: Sequence[str]) -> pl.DataFrame:
    """Frames of different columns as one row a key; of two values the first source's stays."""
    merged, *others = alike(frames) or [pl.DataFrame()]
    for other in others:
        merged = merged.join(other, on=list(key), how="full", coalesce=True, suffix="_other")
        both = [name for name in merged.columns if name.endswith("_other")]
        merged = merged.with_columns(
            pl.coalesce(name.removesuffix("_other"), name).alias(name.removesuffix("_other")) for name in both
        ).drop(both)
    return merged

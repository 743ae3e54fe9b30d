"""Which of an archive's files are a dataset's, of which session each one is, and which one a unit is read from."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from zoneinfo import ZoneInfo

from ..errors import FileError, WrongDate
from ..file import File
from ..parse.archive import Choose, Packed
from ..parse.zip_entries import listed
from ..signature import HEAD
from ..template import Source, Template
from ..unit import Unit

_BOM = "\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Part:
    """The newest version of one file of a dataset, among the files of an archive.

    `day` is the session that it is of, the first one of a longer file, which ends on `until`; `made` is when B3 made
    it: each None where its first bytes do not say it. `doubt` says what was left out where two versions have the same
    time.
    """

    packed: Packed
    source: Source
    day: date | None = None
    until: date | None = None
    made: datetime | None = None
    doubt: str = ""

    @property
    def order(self) -> tuple[date, datetime]:
        """Older sessions first, then older versions; what says no day comes last."""
        return self.day or date.max, self.made or datetime.min

    @property
    def days(self) -> int:
        """How many days it covers."""
        return 1 if self.day is None or self.until is None else (self.until - self.day).days + 1

    def covers(self, unit: Unit) -> bool:
        """Whether it has a session of the unit, by what it says of itself."""
        return self.day is not None and self.day <= unit.last and unit.date <= max(self.day, self.until or self.day)


def text_of(head: bytes) -> str:
    """A file's first bytes as text, without a byte order mark."""
    return head.decode("latin-1").removeprefix(_BOM)


def source_of(template: Template, head: bytes, *, named: bool = True) -> Source | None:
    """The source that a file's first bytes are of, None where they are not a file of this dataset.

    A source without a signature takes any file, and so only where the dataset was `named`.
    """
    start = text_of(head[:HEAD])
    sources = (source for source in template.sources if named or source.signature)
    return next((source for source in sources if re.search(source.signature, start)), None)


def parts(template: Template, packed: Iterable[Packed], *, named: bool = True) -> tuple[list[Part], list[Packed]]:
    """The dataset's files, of several versions the newest, by session; and the files that are not the dataset's.

    A file says in its first bytes when B3 made it; only of two with the same time, or with none, the name decides.
    `named` is as for `source_of`.
    """
    versions: dict[tuple[str | date, ...], list[Part]] = {}
    others = []
    for one in packed:
        source = None if one.error else source_of(template, one.head, named=named)
        if source is None:
            others.append(one)
        else:
            part, identity = _stamped(one, source)
            versions.setdefault(identity, []).append(part)
    return sorted(map(_newest, versions.values()), key=lambda part: (part.order, part.packed.name)), others


def part_of(template: Template, one: Packed, *, named: bool = True) -> Part | None:
    """A file as a part of its own, None where it is not the dataset's; `named` is as for `source_of`."""
    source = None if one.error else source_of(template, one.head, named=named)
    return None if source is None else _stamped(one, source)[0]


def _stamped(one: Packed, source: Source) -> tuple[Part, tuple[str | date, ...]]:
    """A file with its session and time, and what it has in common with its other versions alone."""
    values: dict[str, list[str]] = {}
    if source.stamp:
        for match in re.finditer(source.stamp, text_of(one.head)):
            for name, value in match.groupdict().items():
                if value is not None:
                    values.setdefault(name, []).append(value)
    days = [day for day in map(_day, values.pop("day", ())) if day is not None]
    times = [moment for moment in map(_moment, values.pop("made", ())) if moment is not None]
    item, named = source.named(File.last_part(one.name))
    # A few rows of a report carry the next session's date: the session is the day that most of them name.
    day = Counter(days).most_common(1)[0][0] if days else named
    known = day is not None and (bool(item) or not source.each)
    identity = (source.name, item, day) if known and day else (source.name, one.name)
    until = _day(values["until"][0]) if "until" in values else None
    rest = [texts[0] for texts in values.values()]
    return Part(one, source, day, until, max(times, default=None)), (*identity, *rest)


def _newest(versions: list[Part]) -> Part:
    *older, newest = sorted(versions, key=lambda part: (part.made or datetime.min, part.packed.name))
    for other in older:
        if other.made == newest.made and (other.packed.size, other.packed.head) != (
            newest.packed.size,
            newest.packed.head,
        ):
            doubt = f"{other.packed.name} is of the same session and time as {newest.packed.name}, and not read"
            return replace(newest, doubt=doubt)
    return newest


def chooser(template: Template, file: File, unit: Unit | None, notes: list[str]) -> Choose:
    """Chooses the unit's own file of an archive, and names in `notes` what else there is."""

    def choose(archive: str, packed: Sequence[Packed]) -> str:
        found, others = parts(template, packed)
        if not found:
            raise next((one.error for one in others if one.error), _nothing(archive, template.name, others))
        mine = found if unit is None else _serving(found, unit)
        if not mine:
            raise WrongDate(f"{archive} contains files of {_days(found)}, none of {unit}")
        if unit is None and len(mine) > 1:
            raise FileError(f"{archive} contains several files of {template.name}, of {_days(mine)}: say which")
        order = [source.name for source in template.sources]
        best = min(mine, key=lambda part: (part.source.name != file.source, part.days, order.index(part.source.name)))
        notes.extend(filter(None, [best.doubt]))
        left = [*(part.packed for part in found if part is not best), *others]
        if left:
            notes.append(f"{archive} also contains, not read: {listed(one.name for one in left)}")
        return best.packed.name

    return choose


def any_of(template: Template) -> Choose:
    """Chooses the dataset's newest file of an archive: for who looks at what it is alone."""

    def choose(archive: str, packed: Sequence[Packed]) -> str:
        found, others = parts(template, packed)
        if not found:
            raise _nothing(archive, template.name, others)
        return found[-1].packed.name

    return choose


def _nothing(archive: str, name: str, others: Iterable[Packed]) -> FileError:
    return FileError(f"{archive} contains no file of {name}: {listed(one.name for one in others)}")


def _serving(found: Sequence[Part], unit: Unit) -> list[Part]:
    """The files that have the unit's days; else those that do not say which days they have."""
    return [part for part in found if part.covers(unit)] or [part for part in found if part.day is None]


def _days(found: Iterable[Part]) -> str:
    return listed(dict.fromkeys(f"{part.day or part.packed.name}" for part in found))


def _day(text: str) -> date | None:
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def _moment(text: str) -> datetime | None:
    """A time by B3's clock."""
    try:
        moment = datetime.fromisoformat(text.strip())
        return moment.astimezone(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None) if moment.tzinfo else moment
    except (ValueError, OverflowError):
        return None

"""Records and values that are set aside instead of refusing their file: which, why, and their text."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from ..errors import FieldInvalid, FileError, one_line

LINE = "#line"
"""A frame's column of its records' lines (or numbers) in the file."""

SHARE, FEW = 100, 10
"""A file is refused when more than 1 of 100 of its records are bad; a small file may have 10 of them."""
MAX_RECORDS = 10_000
MAX_TEXT = 4_000
_UNREADABLE_FROM = 100  # values of a field, from which on it is clear without the rest of the file
_MAX_REASON = 300
_NO_TEXT = re.compile("[\0\ud800-\udfff]")  # characters that a PostgreSQL text cannot hold


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was set aside, or a value of it.

    `line` is the record's line in the file, or its number; `field` is B3's name of the field that is wrong, None where
    the record as a whole is. A record is `loaded` where only the value of `field` was set aside: it is NULL there.
    """

    file: str
    line: int
    field: str | None
    reason: str
    record: str
    loaded: bool = False

    def __str__(self) -> str:
        field = f", field {self.field}" if self.field else ""
        return f"{self.file} line {self.line:,}{field}: {self.reason}"


@dataclass(slots=True)
class _Seen:
    """A field's values in one file, and those among them that could not be read."""

    values: int = 0
    odd: int = 0
    first: Rejected | None = None

    @property
    def unreadable(self) -> bool:
        """Whether the field as a whole cannot be read: more of its values are odd than are not."""
        return 2 * self.odd > self.values

    @property
    def surely_unreadable(self) -> bool:
        return self.odd >= _UNREADABLE_FROM and self.unreadable


class Rejects:
    """What a unit's files hold that cannot be loaded: bad records, odd values, and gaps that keep it from being whole.

    A `strict` one takes nothing: the first bad record or odd value raises. Readers set the `file` they are in and
    `text`, a function from a record's line to its text. A record is set aside once, with the first error in it, and
    so is each value that could not be read. `gaps` are what else is missing of the unit, one line each: files that were
    `left_out` and, of an `unfinished` file, values that B3 has not published yet. `remarks` are oddities that lose
    nothing.

    A file is refused when more than 1 % of its records (or 10) are bad, or half of them; a field that is odd in most
    records counts once, as a field that could not be read, and may be one of four. A unit may have 10,000 bad records;
    of each at most 4,000 characters are kept.
    """

    def __init__(self, file: str = "", *, strict: bool = False) -> None:
        self.file, self.strict = file, strict
        self.text: Callable[[int], str] = str
        self.gaps: list[str] = []
        self.left_out: list[Path] = []
        self.unfinished = False
        self._records: dict[str, dict[int, Rejected]] = {}
        self._values: dict[str, dict[tuple[int, str], Rejected]] = {}
        self._fields: dict[str, dict[str, _Seen]] = {}
        self._remarks: dict[str, dict[str, tuple[int, str]]] = {}
        self._unused: dict[str, set[int]] = {}  # lines of records that were read and are not the unit's

    @property
    def records(self) -> list[Rejected]:
        """What was set aside, by file: records in the order in which they were found, then values."""
        files = dict.fromkeys([*self._records, *self._fields])
        return [record for file in files for record in (*self._records.get(file, {}).values(), *self._values_of(file))]

    def __len__(self) -> int:
        return len(self.records)

    def __bool__(self) -> bool:
        return True

    @property
    def partial(self) -> bool:
        """Whether the unit is not whole."""
        return bool(self.gaps or self.rows or self.values)

    def add(self, line: int, reason: str, field: str | None = None, record: str | None = None) -> None:
        """Set a record aside. Raises FileError where that is not allowed, or where there are too many."""
        found = self._rejected(line, reason, field, record)
        if self.strict:
            raise FileError(str(found))
        of_file = self._records.setdefault(self.file, {})
        if line not in of_file:
            of_file[line] = found
            self._forget_values(line)
            self._bound()

    def add_value(self, line: int, error: FieldInvalid, record: str | None = None) -> None:
        """Set a value aside; its record is loaded with NULL. Raises the error where that is not allowed."""
        if self.strict:
            raise error
        if line in self._records.get(self.file, ()):
            return  # none of it is loaded
        seen = self._seen(error.field)
        seen.odd += 1
        if seen.surely_unreadable and seen.first is not None:
            return
        found = self._rejected(line, error.reason, error.field, record, loaded=True)
        seen.first = seen.first or found
        self._values.setdefault(self.file, {}).setdefault((line, error.field), found)
        self._bound()

    def not_loaded(self, lines: pl.Series, loaded: Iterable[pl.Series]) -> None:
        """Say which of the records of these lines are loaded: values that are odd in the others are not NULL anywhere.

        The others are another day's in a longer file, or not the dataset's, or stand in the file again, just so.
        """
        if known := self._values.get(self.file):
            others = {line for line, _ in known}.intersection(lines)
            self._unused.setdefault(self.file, set()).update(others.difference(*loaded))

    def leave_out(self, path: Path, reason: str) -> None:
        """Say that a file of the unit cannot be read."""
        self.left_out.append(path)
        self.gaps.append(f"left out: {reason}")

    def count_values(self, counts: Mapping[str, int]) -> None:
        """Say how many values fields have in the records at hand, by B3's names."""
        for field, count in counts.items():
            self._seen(field).values += count

    def remark(self, field: str, what: str, line: int, text: str, count: int = 1) -> None:
        """Count an oddity that loses nothing: `what` it is, of which field if of one, line and text of the first."""
        known = self._remarks.setdefault(self.file, {})
        key = f"field {field}: {what}" if field else what
        before, first = known.get(key, (0, f"line {line:,}: {ascii(text[:40])}"))
        known[key] = before + count, first

    def remarks(self) -> Iterator[str]:
        """The oddities of the file at hand, one line each, and the fields that could not be read."""
        for what, (count, first) in self._remarks.pop(self.file, {}).items():
            times = "once" if count == 1 else f"{count:,} times"
            yield f"{self.file}, {what} ({times}, first {first})"
        for field, seen in self._odd_fields():
            if seen.unreadable and seen.first is not None and seen.first.file == self.file and seen.odd > 1:
                yield (
                    f"{self.file}, field {field} could not be read: {seen.odd:,} of {seen.values:,} values, "
                    f"first line {seen.first.line:,}: {seen.first.reason}; it is NULL there"
                )

    def apart(self) -> Rejects:
        """Rejects of the same file that may be taken over or forgotten."""
        other = Rejects(self.file, strict=self.strict)
        other.text = self.text
        return other

    def take(self, other: Rejects) -> None:
        """Take over what another has."""
        for file, records in other._records.items():
            mine = self._records.setdefault(file, {})
            for line, record in records.items():
                mine.setdefault(line, record)
        for file, values in other._values.items():
            self._values.setdefault(file, {}).update(values)
        for file, fields in other._fields.items():
            for name, seen in fields.items():
                known = self._fields.setdefault(file, {}).setdefault(name, _Seen())
                known.values, known.odd = known.values + seen.values, known.odd + seen.odd
                known.first = known.first or seen.first
        for file, remarks in other._remarks.items():
            for what, (count, first) in remarks.items():
                before, earlier = self._remarks.setdefault(file, {}).get(what, (0, first))
                self._remarks[file][what] = before + count, earlier
        for file, lines in other._unused.items():
            self._unused.setdefault(file, set()).update(lines)
        self.gaps += [gap for gap in other.gaps if gap not in self.gaps]
        self.left_out += other.left_out
        self.unfinished |= other.unfinished
        self._bound()

    @property
    def values(self) -> int:
        """How many values are set aside: they are NULL in records that are loaded."""
        return sum(seen.odd for _, seen in self._odd_fields()) - sum(
            self._is_unused(file, line) for file, values in self._values.items() for line, _ in values
        )

    @property
    def rows(self) -> int:
        """How many records are set aside."""
        return sum(map(len, self._records.values()))

    def of(self, file: str) -> int:
        """How many records of a file are set aside, those that are loaded without a value not counted."""
        return len(self._records.get(file, ()))

    def judge(self, records: int) -> None:
        """Raise FileError where too much of the file at hand is bad; it holds so many records, bad ones included."""
        rows = self.of(self.file)
        fields = self._fields.get(self.file, {})
        unreadable = [seen for seen in fields.values() if seen.odd and seen.unreadable]
        odd = {line for line, name in self._values.get(self.file, {}) if not fields[name].unreadable}
        bad = len(odd | self._records.get(self.file, {}).keys()) + len(unreadable)
        if rows > records // 2 or bad > max(FEW, records // SHARE):
            raise FileError(
                f"{self.file}: {bad:,} of {records:,} records are bad, too many to load the rest: {self._first()}"
            )
        if len(unreadable) > max(1, len(fields) // 4) or (unreadable and len(unreadable) == len(fields)):
            raise FileError(
                f"{self.file}: {len(unreadable)} of {len(fields)} fields could not be read, too many to load the rest: "
                f"{self._first()}"
            )

    def _forget_values(self, line: int) -> None:
        """A record that is set aside has no values that were loaded as NULL."""
        values, fields = self._values.get(self.file, {}), self._fields.get(self.file, {})
        for key in [key for key in values if key[0] == line]:
            forgotten, seen = values.pop(key), fields[key[1]]
            seen.odd -= 1
            if seen.first is forgotten:
                seen.first = next((value for (_, name), value in values.items() if name == key[1]), None)

    def _rejected(
        self, line: int, reason: str, field: str | None, record: str | None, *, loaded: bool = False
    ) -> Rejected:
        text = self.text(line) if record is None else record
        return Rejected(self.file, line, field, one_line(_kept(reason, _MAX_REASON)), _kept(text, MAX_TEXT), loaded)

    def _seen(self, field: str) -> _Seen:
        return self._fields.setdefault(self.file, {}).setdefault(field, _Seen())

    def _odd_fields(self) -> Iterator[tuple[str, _Seen]]:
        return ((name, seen) for fields in self._fields.values() for name, seen in fields.items() if seen.odd)

    def _values_of(self, file: str) -> Iterator[Rejected]:
        """The values of a file that were set aside, one of a field that could not be read."""
        fields = self._fields.get(file, {})
        yield from (seen.first for seen in fields.values() if seen.unreadable and seen.first is not None)
        for (line, name), record in self._values.get(file, {}).items():
            if not fields[name].unreadable and not self._is_unused(file, line):
                yield record

    def _is_unused(self, file: str, line: int) -> bool:
        """Whether a record is not loaded, so that its odd values are not NULL anywhere."""
        return line in self._unused.get(file, ()) or line in self._records.get(file, ())

    def _bound(self) -> None:
        count = sum(map(len, self._records.values())) + sum(map(len, self._values.values()))
        if count > MAX_RECORDS:
            raise FileError(f"more than {MAX_RECORDS:,} records are bad, too many to set aside: {self._first()}")

    def _first(self) -> str:
        found = [*self._records.get(self.file, {}).values(), *self._values.get(self.file, {}).values()]
        return str((found or self.records)[0])


def set_aside(rejects: Rejects, line: int, error: FileError, record: Callable[[], str]) -> None:
    """Set a record aside for the error in it. Raises the error where nothing may be set aside."""
    if rejects.strict:
        raise error
    field, reason = (error.field, error.reason) if isinstance(error, FieldInvalid) else (None, str(error))
    rejects.add(line, reason, field, record())


def located(frame: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """The frame with the lines of its records."""
    return frame.with_columns(lines.cast(pl.Int64).alias(LINE))


def _kept(text: str, limit: int) -> str:
    """The text as PostgreSQL can hold it, or its beginning and how long it is."""
    told = _NO_TEXT.sub(lambda found: f"\\x{ord(found[0]):02x}", text[: limit + 1])
    return told if len(told) <= limit else f"{told[:limit]}... ({len(text):,} characters)"

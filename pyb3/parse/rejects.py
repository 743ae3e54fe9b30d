"""Records that are set aside instead of refusing their file: which, why, and their text."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from ..errors import FieldInvalid, FileError, one_line

LINE = "#line"
"""A frame's column of its records' lines (or numbers) in the file, there while bad ones may be set aside."""

MAX_RECORDS = 10_000
MAX_TEXT = 4_000
_MAX_REASON = 300
_UNTOLD = re.compile("[\0\ud800-\udfff]")  # what PostgreSQL has no text for


@dataclass(frozen=True, slots=True)
class Rejected:
    """A record that was set aside; `line` is its line in the file, or its number, and `field` B3's name of one."""

    file: str
    line: int
    field: str | None
    reason: str
    record: str


class Rejects:
    """The records of a unit that are set aside, each once and with the first thing that is wrong with it.

    Readers say which `file` they are in, and by `text` how a record's text is had. A file of which more is bad than
    good is refused all the same, and so is a unit with more than 10,000 bad records: of each at most 4,000 characters
    are kept.
    """

    def __init__(self, file: str = "") -> None:
        self.file = file
        self.text: Callable[[int], str] = str
        self.records: list[Rejected] = []
        self._lines: dict[str, set[int]] = {}

    def __len__(self) -> int:
        return len(self.records)

    def add(self, line: int, reason: str, field: str | None = None, record: str | None = None) -> None:
        """Set a record aside. Raises FileError where there are too many."""
        text = self.text(line) if record is None else record
        reason = one_line(_kept(reason, _MAX_REASON))
        self._keep(Rejected(self.file, line, field, reason, _kept(text, MAX_TEXT)))

    def _keep(self, record: Rejected) -> None:
        lines = self._lines.setdefault(record.file, set())
        if record.line in lines:
            return
        lines.add(record.line)
        self.records.append(record)
        if len(self.records) > MAX_RECORDS:
            raise FileError(f"more than {MAX_RECORDS:,} records are bad, too many to set aside: {self._first()}")

    def apart(self) -> Rejects:
        """Rejects of the same file that may be taken over or forgotten."""
        other = Rejects(self.file)
        other.text = self.text
        return other

    def take(self, other: Rejects) -> None:
        """Set aside what another has."""
        for record in other.records:
            self._keep(record)

    def of(self, file: str) -> int:
        """How many records of a file are set aside."""
        return len(self._lines.get(file, ()))

    def judge(self, records: int) -> None:
        """Raise FileError where more than half of the records of the file at hand are bad."""
        if (bad := self.of(self.file)) > records // 2:
            raise FileError(f"{self.file}: {bad:,} of {records:,} records are bad: {self._first()}")

    def _first(self) -> str:
        first = next(record for record in self.records if record.file == self.file)
        field = f", field {first.field}" if first.field else ""
        return f"{first.file} line {first.line:,}{field}: {first.reason}"


def set_aside(rejects: Rejects | None, line: int, error: FileError, record: Callable[[], str]) -> None:
    """Set a record aside for the error in it. Raises the error where nothing may be set aside."""
    if rejects is None:
        raise error
    field, reason = (error.field, error.reason) if isinstance(error, FieldInvalid) else (None, str(error))
    rejects.add(line, reason, field, record())


def located(frame: pl.DataFrame, lines: pl.Series) -> pl.DataFrame:
    """The frame with the lines of its records."""
    return frame.with_columns(lines.cast(pl.Int64).alias(LINE))


def _kept(text: str, limit: int) -> str:
    """The text as PostgreSQL can hold it, or its beginning and how long it is."""
    told = _UNTOLD.sub(lambda found: f"\\x{ord(found[0]):02x}", text[: limit + 1])
    return told if len(told) <= limit else f"{told[:limit]}... ({len(text):,} characters)"

"""One load of a unit's files into their table: what it reads, what it does, and what it tells."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from typing import Any

import psycopg

from . import calendar, lateness
from .datasets.base import Batch, Dataset
from .errors import FileError, counted
from .fetch import age
from .file import File, combined
from .load import ledger, rejected, row_band, steady, upsert
from .parse.archive import digest_of
from .parse.rejects import Rejects
from .progress import Progress
from .unit import PARTIAL, Counts, Ended, Outcome, Unit


class Loading:
    """Files on their way into the database, and what is learnt of them while they are read.

    Of the days of the rows, stray ones of another session are left out: they are not what the file is of. Where
    records were set aside, nothing is removed for being absent.
    """

    def __init__(
        self, dataset: Dataset, files: Sequence[File], unit: Unit | None, notes: list[str], progress: Progress
    ) -> None:
        self.dataset, self.files, self.unit, self.notes = dataset, files, unit, notes
        self.first: date | None = None
        self.last: date | None = None
        self.rejects = Rejects()
        self._notes_before = len(notes)
        self._partial = False
        self._folded = 0  # rows that stand in the files again, just so
        self.made: datetime | None = None
        self._sources: list[str] = []  # as the bytes tell
        self._rows: Counter[date] = Counter()
        self._read_so_far = 0
        self._progress, self._start, self._started_at = progress, time.perf_counter(), calendar.now().astimezone(UTC)
        self._sha256 = _digest(files)

    def shortcut(self, connection: psycopg.Connection[Any], *, prune: bool, strict: bool) -> Outcome | None:
        """What became of the unit where the ledger knows its bytes, and reading them again could change nothing."""
        if self.unit is None:
            return None
        name, table = self.dataset.name, self.dataset.template.table
        with connection.transaction():
            known = ledger.same_bytes(connection, name, str(self.unit), self._sha256, table, prune=prune, strict=strict)
        if known is None:
            return None
        self.first, self.last, self.made = known.first_date, known.last_date, known.file_timestamp
        self._sources, self._partial = [known.source] if known.source else [], known.partial
        if known.partial:  # what is missing is missing still
            self.notes += known.warnings
        counts = Counts(
            rows=known.rows,
            unchanged=known.rows,
            rejected=known.rejected,
            rejected_values=known.rejected_values,
        )
        return self._written_down(connection, counts)

    def run(self, connection: psycopg.Connection[Any], *, allow_incomplete: bool, prune: bool, strict: bool) -> Outcome:
        """Read the files and load their rows. Raises FileError and its kin, DatabaseError and its kin."""
        template = self.dataset.template
        done: list[Outcome] = []

        def read() -> Iterator[Batch]:
            self.rejects = Rejects(strict=strict)  # a load may take a second try
            return self._read(allow_incomplete)

        def may_prune() -> bool:
            return prune and not self.rejects.rows

        def after(loaded: upsert.Loaded) -> None:
            rejects, counts = self.rejects, loaded.counts
            self._miss(connection)
            self._partial = rejects.partial
            counts.rejected, counts.rejected_values = rejects.rows, rejects.values
            counts.rows, counts.folded = counts.rows + self._folded, counts.folded + self._folded
            self.notes += rejects.gaps
            if loaded.gone:
                self.notes += self._told(loaded, prune)
            self.notes += row_band.outside(connection, self.dataset.name, self._rows, template.row_band)
            done.append(self._written_down(connection, loaded.counts, loaded.number))
            rejected.keep(connection, loaded.number, self.dataset.name, done[-1].unit, rejects.records)

        upsert.load(
            connection,
            template,
            read,
            prune=may_prune,
            better=lambda: template.preferred(self._sources),
            lesser=lambda: [] if self.rejects.rows else template.stood_in(self._sources),
            after=after,
            meanwhile=self._tell,
        )
        done[-1].seconds = self._seconds()  # with its commit
        return done[-1]

    def _read(self, allow_incomplete: bool) -> Iterator[Batch]:
        self.first, self.last, self._sources = None, None, []
        self._rows.clear()
        self._read_so_far = self._folded = 0
        del self.notes[self._notes_before :]
        batches = self.dataset.read(
            self.files, self.unit, allow_incomplete=allow_incomplete, notes=self.notes, rejects=self.rejects
        )
        for batch in batches:
            if batch.overwrite:
                self._rows.update(dict(batch.frame["refdate"].drop_nulls().value_counts().iter_rows()))
                self.first, self.last = min(self._rows, default=None), max(self._rows, default=None)
            if batch.made is not None:
                self.made = max(batch.made, self.made or batch.made)
            if batch.source and batch.source not in self._sources:
                self._sources.append(batch.source)
            self._read_so_far += batch.frame.height
            self._folded += batch.folded
            self._tell()
            yield batch
        if _digest(self.files) != self._sha256:
            raise FileError(f"{self.files[0]}: other bytes took its place while it was read; run it again")

    def _miss(self, connection: psycopg.Connection[Any]) -> None:
        """Look for what the session before has, and this one has not.

        It makes the unit partial: B3 may bring it later, or showed it for that day alone.
        """
        what, unit = self.dataset.steady, self.unit
        if what is None or unit is None or unit.kind != "day" or unit.date not in self._rows:
            return
        missed = steady.missed(connection, self.dataset.template.table, what, unit.date)
        later = any(source.period != "snapshot" for source in self.dataset.template.sources)
        if missed and later and age.settled(unit):
            self.notes.append(missed)  # it is B3's last word
        elif missed:
            self.rejects.gaps.append(missed)
            self.rejects.unfinished |= later

    def _tell(self) -> None:
        """Tell how far it is. Raises what whoever is told raises, which ends the load."""
        self._progress.loaded(f"{self.dataset.name} {self.unit or self.files[0].name}", self._read_so_far)

    def _written_down(self, connection: psycopg.Connection[Any], counts: Counts, number: int | None = None) -> Outcome:
        """What became of the unit, as it stands in the ledger."""
        if counts.rejected or counts.rejected_values:
            show = f"pyb3 history {self.dataset.name} --date {self.first} --rejected"
            parts = (
                counted(counts.rejected, "record") + " set aside" if counts.rejected else "",
                counted(counts.rejected_values, "value") + " not read and NULL" if counts.rejected_values else "",
            )
            self.notes.append(f"{' and '.join(filter(None, parts))}; '{show}' shows them")
        named = dict.fromkeys(file.source for file in self.files if file.source)
        span = f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"
        outcome = Outcome(
            dataset=self.dataset.name,
            unit=str(self.unit or span),
            outcome=self._ended(counts),
            refdate=self.first if self.first == self.last else None,
            source="+".join(named or self._sources) or None,
            file=str(self.files[0] if len(self.files) == 1 else self.files[0].path.parent),
            sha256=self._sha256,
            file_timestamp=self.made,
            seconds=self._seconds(),
            warnings=tuple(dict.fromkeys(self.notes)),
            exit_code=PARTIAL if self._partial else 0,
            **asdict(counts),
        )
        if self._partial and self.unit is not None and not (counts.rejected or counts.rejected_values):
            lateness.judge(outcome, self.dataset.template, self.unit)
        ledger.record(
            connection,
            outcome,
            self._started_at,
            number=number,
            files=self.files,
            first_date=self.first,
            last_date=self.last,
            day_rows=self._rows,
        )
        return outcome

    def _ended(self, counts: Counts) -> Ended:
        if self._partial:
            return "partial"
        return "loaded" if counts.inserted + counts.updated + counts.removed else "unchanged"

    def _told(self, loaded: upsert.Loaded, prune: bool) -> Iterator[str]:
        """The rows that are gone, and what becomes of them."""
        for source, number in loaded.stood_in.items():
            yield f"{counted(number, 'row')} that {source} alone had, when it stood in, removed; 'revisions' keeps them"
        stood_in = sum(loaded.stood_in.values())
        gone, removed = loaded.counts.gone - stood_in, max(0, loaded.counts.removed - stood_in)
        if not gone:
            return
        days = list(loaded.gone)
        when = f"{days[0]}" if len(days) == 1 else f"{len(days):,} days from {days[0]} to {days[-1]}"
        rows, them = ("1 row", "it") if gone == 1 else (f"{gone:,} rows", "them")
        are = {1: ("is", "was")}.get(gone, ("are", "were"))[removed > 0]
        told = f"{rows} of {when} {are} in the table and not in the file"
        if not prune:
            yield f"{told}; --prune removes {them}"
        elif self.rejects.rows:
            yield f"{told}; nothing is removed where records were set aside ({self.rejects.rows:,})"
        else:
            yield f"{told}; {removed:,} removed"

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._start, 3)


def _digest(files: Sequence[File]) -> str:
    """The file's SHA-256; of several files, that of their digests, in order. Raises FileError.

    Of the bytes themselves, which a sidecar might not be of: what the ledger says of them must be true.
    """
    digests = []
    for file in files:
        try:
            digests.append(digest_of(file))
        except OSError as error:
            raise FileError(f"{file.path}: {error.strerror}") from error
    return combined(digests)

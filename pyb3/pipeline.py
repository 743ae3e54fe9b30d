"""One unit of work: fetch, parse, load."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from datetime import UTC, date, datetime
from pathlib import Path
from typing import cast

import polars as pl
from polars.io.plugins import register_io_source

from .datasets.base import Batch, Dataset
from .errors import DatabaseError, FileError, NoSession, NotPublished, NotWritable, PyB3Error
from .fetch import cache
from .file import File, digest
from .parse.typed import schema
from .progress import SILENT, Progress
from .template import Source
from .unit import Ended, Outcome, Unit


def fetch(
    dataset: Dataset,
    unit: Unit,
    *,
    item: str = "",
    refresh: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> list[File]:
    """The unit's files, from the cache or from B3: those of one `item` (an index), or all.

    Raises NotPublished or SourceError.
    """

    def one(source: Source, item: str) -> File:
        return cache.fetch_file(dataset.template, source, unit, item, refresh=refresh, progress=progress)

    return _collected(dataset, unit, one, notes, item)


def from_cache(dataset: Dataset, unit: Unit, *, notes: list[str] | None = None) -> list[File]:
    """The unit's files without the network. Raises NotPublished when they were never fetched."""

    def one(source: Source, item: str) -> File:
        return cache.cached_file(dataset.template, source, unit, item)

    return _collected(dataset, unit, one, notes)


def parse(
    dataset: Dataset, files: Sequence[File], unit: Unit | None = None, *, allow_incomplete: bool = False
) -> pl.DataFrame:
    """The files as one frame, held against the unit's dates. Raises FileError and its kin."""
    with _read(files, unit):
        return dataset.frame(files, unit, allow_incomplete=allow_incomplete)


def write(
    dataset: Dataset, files: Sequence[File], unit: Unit | None, output: Path, *, allow_incomplete: bool = False
) -> None:
    """The files as `output`, Parquet or CSV by its ending: streamed, and whole or not at all.

    Raises FileError and its kin; NotWritable where `output` cannot be written.
    """
    failures: list[PyB3Error] = []

    def frames(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            if dataset.template.take == "every":  # sources complete each other's rows
                yield parse(dataset, files, unit, allow_incomplete=allow_incomplete)
            else:
                with _read(files, unit):
                    for batch in dataset.read(files, unit, allow_incomplete=allow_incomplete):
                        yield batch.frame
        except PyB3Error as error:
            failures.append(error)
            raise

    part = output.with_name(f".{output.name}.part")
    rows = register_io_source(frames, schema=schema(dataset.template))
    try:
        rows.sink_csv(part) if output.suffix == ".csv" else rows.sink_parquet(part)
        part.replace(output)
    except (OSError, pl.exceptions.PolarsError) as error:
        if failures:
            raise failures[0] from error
        raise NotWritable(f"cannot write {output}: {getattr(error, 'strerror', None) or error}") from error
    finally:
        part.unlink(missing_ok=True)


def load(
    dataset: Dataset,
    files: Sequence[File],
    unit: Unit | None = None,
    *,
    allow_incomplete: bool = False,
    force: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> Outcome:
    """Parse the files and load them in one transaction, with a row of the ledger; tells what was done.

    Bytes that the ledger knows are not read again, unless `force` is set: they could change nothing. Raises
    FileError and its kin for the files, DatabaseError and its kin for the server; then nothing is changed.
    """
    from .load import connect, ledger, migrate, upsert

    start, started_at = time.perf_counter(), datetime.now(UTC)
    notes = notes if notes is not None else []
    span = _Span(f"{dataset.name} {unit or files[0].path.name}", progress)
    sha256 = _digest(files)

    def read() -> Iterator[Batch]:
        yield from span.watch(dataset.read(files, unit, allow_incomplete=allow_incomplete, notes=notes))
        if _digest(files) != sha256:
            raise FileError(f"{files[0].path}: other bytes took its place while it was read; run it again")

    def outcome(counts: upsert.Counts) -> Outcome:
        return Outcome(
            dataset=dataset.name,
            unit=str(unit or span),
            outcome="loaded" if counts.inserted + counts.updated else "unchanged",
            refdate=span.first if span.first == span.last else None,
            source="+".join(dict.fromkeys(file.source for file in files if file.source)) or None,
            file=str(files[0].path if len(files) == 1 else files[0].path.parent),
            sha256=sha256,
            seconds=round(time.perf_counter() - start, 3),
            warnings=tuple(dict.fromkeys(notes)),
            **asdict(counts),
        )

    with connect.connect() as connection:
        migrate.check(connection)

        def write_down(counts: upsert.Counts, number: int | None = None) -> Outcome:
            done = outcome(counts)
            first, last = span.first, span.last
            ledger.record(connection, done, started_at, number=number, files=files, first_date=first, last_date=last)
            return done

        if unit is not None and not force:
            with connection.transaction():
                known = ledger.same_bytes(connection, dataset.name, str(unit), sha256, dataset.template.table)
            if known is not None:
                span.first, span.last = known.first_date, known.last_date
                return write_down(upsert.Counts(rows=known.rows, unchanged=known.rows))
        numbers: list[int] = []
        try:
            with _read(files, unit):
                counts = upsert.load(
                    connection,
                    dataset.template,
                    read,
                    before=lambda: numbers.append(ledger.begin(connection)),
                    after=lambda counts: write_down(counts, numbers[-1]),
                )
        except FileError as error:
            if unit is not None and files[0].known:
                error.hint = "; ".join(filter(None, (error.hint, _anew(unit))))
            raise
    return outcome(counts)


def failure(dataset: str, unit: str, error: PyB3Error) -> Outcome:
    """What became of a unit that `error` ended; written down in the ledger, where there is one to write in."""
    from .load import connect, ledger, migrate

    ended: Ended = "failed"
    if isinstance(error, NoSession):
        ended = "no_session"
    elif isinstance(error, NotPublished):
        ended = "not_published"
    facts = {"code": error.code, "message": str(error)}
    outcome = Outcome(dataset=dataset, unit=unit, outcome=ended, error=facts, exit_code=error.exit_code)
    if not isinstance(error, NoSession | DatabaseError):
        try:
            with connect.connect() as connection:
                migrate.check(connection)
                ledger.record(connection, outcome, datetime.now(UTC))
        except DatabaseError:
            pass  # the error at hand is the one to tell of
    return outcome


def _anew(unit: Unit) -> str:
    when = f"--year {unit}" if unit.kind == "year" else f"--date {unit.date}"
    command = "backfill" if unit.kind == "year" else "fetch"
    return f"run 'pyb3 {command} {unit.dataset} {when} --refresh' to get it anew"


class _Span:
    """The days that batches hold, learnt while they pass by."""

    def __init__(self, label: str, progress: Progress) -> None:
        self._label, self._progress = label, progress
        self.first: date | None = None
        self.last: date | None = None

    def __str__(self) -> str:
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"

    def watch(self, batches: Iterator[Batch]) -> Iterator[Batch]:
        self.first = self.last = None
        rows = 0
        for batch in batches:
            days = [cast(date, day) for day in (batch.frame["refdate"].min(), batch.frame["refdate"].max()) if day]
            if batch.overwrite and days:  # a stray row of another session is not what the file is of
                self.first = min([*days, *([self.first] if self.first else [])])
                self.last = max([*days, *([self.last] if self.last else [])])
            rows += batch.frame.height
            self._progress.loaded(self._label, rows)
            yield batch


def _collected(
    dataset: Dataset, unit: Unit, one: Callable[[Source, str], File], notes: list[str] | None, item: str = ""
) -> list[File]:
    def items(source: Source) -> list[str]:
        if item:
            return [item if source.each else ""]
        return dataset.items(source, unit, one)

    return cache.collect(dataset.template, unit, items, one, notes if notes is not None else [])


def _digest(files: Sequence[File]) -> str:
    """The file's sha256; of several files, that of their digests, in order. Raises FileError."""
    try:  # the bytes themselves: beside them may stand what was known of others
        digests = [digest(file.path) for file in files]
    except OSError as error:
        raise FileError(f"{error.filename}: {error.strerror}") from error
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


@contextmanager
def _read(files: Sequence[File], unit: Unit | None) -> Iterator[None]:
    """Files that are read here and refused are asked for anew by the next run."""
    try:
        yield
    except FileError:
        if unit is not None:
            for file in files:
                cache.refuse(file)
        raise

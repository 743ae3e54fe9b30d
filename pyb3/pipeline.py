"""One unit of work: fetch, parse, load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import polars as pl
from polars.io.plugins import register_io_source

from .datasets.base import Dataset
from .errors import DatabaseError, FileError, NoSession, NotPublished, NotWritable, PyB3Error, UsageError
from .fetch import cache
from .file import File
from .parse.rejects import Rejects
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
    dataset: Dataset,
    files: Sequence[File],
    unit: Unit | None = None,
    *,
    allow_incomplete: bool = False,
    notes: list[str] | None = None,
    rejects: Rejects | None = None,
) -> pl.DataFrame:
    """The files as one frame, held against the unit's dates and the template's checks. Raises FileError and its kin.

    With `rejects` bad records are set aside into them; `notes` gets what a person should know.
    """
    with _read(files, unit):
        return dataset.frame(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=rejects)


def write(
    dataset: Dataset,
    files: Sequence[File],
    unit: Unit | None,
    output: Path,
    *,
    allow_incomplete: bool = False,
    notes: list[str] | None = None,
    rejects: Rejects | None = None,
) -> None:
    """The files as `output`, Parquet or CSV by its ending: streamed, and whole or not at all.

    `notes` and `rejects` are as for `parse`. Raises FileError and its kin; NotWritable where `output` cannot be
    written.
    """
    failures: list[PyB3Error] = []
    told: dict[str, Any] = {"allow_incomplete": allow_incomplete, "notes": notes, "rejects": rejects}

    def frames(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            if dataset.template.take == "every":  # sources complete each other's rows
                yield parse(dataset, files, unit, **told)
            else:
                with _read(files, unit):
                    for batch in dataset.read(files, unit, **told):
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
    prune: bool = False,
    quarantine: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> Outcome:
    """Parse the files and load them in one transaction, with a row of the ledger; tells what was done.

    Bytes that the ledger knows are not read again, unless `force` is set: they could change nothing. Rows that the
    table holds of the files' days and the files do not are told, and removed with `prune`. With `quarantine` bad
    records are set aside into the database and the others loaded. Raises FileError and its kin for the files,
    DatabaseError and its kin for the server; then nothing is changed.
    """
    from .load import connect, migrate
    from .loading import Loading

    if prune and allow_incomplete:
        raise UsageError("--prune goes with whole files alone: a file that was cut short lacks rows that are not gone")
    loading = Loading(dataset, files, unit, notes if notes is not None else [], progress)
    with connect.connect() as connection:
        migrate.check(connection)
        if not force and (done := loading.shortcut(connection, prune=prune, quarantine=quarantine)) is not None:
            return done
        try:
            with _read(files, unit):
                return loading.run(connection, allow_incomplete=allow_incomplete, prune=prune, quarantine=quarantine)
        except FileError as error:
            if unit is not None and files[0].known:
                error.hint = "; ".join(filter(None, (error.hint, _anew(unit))))
            raise


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
    if dataset and not isinstance(error, NoSession | DatabaseError):  # a file of no dataset has no place there
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


def _collected(
    dataset: Dataset, unit: Unit, one: Callable[[Source, str], File], notes: list[str] | None, item: str = ""
) -> list[File]:
    def items(source: Source) -> list[str]:
        if item:
            return [item if source.each else ""]
        return dataset.items(source, unit, one)

    return cache.collect(dataset.template, unit, items, one, notes if notes is not None else [])


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

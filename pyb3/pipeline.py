"""One unit of work: fetch, parse, load."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, TypeVar

import polars as pl
from polars.io.plugins import register_io_source

from . import calendar, lateness, nights
from .datasets import registry
from .datasets.base import Dataset
from .errors import DatabaseError, FileError, NoSession, NotPublished, NotWritable, PyB3Error, SourceError, UsageError
from .fetch import cache
from .file import File
from .parse.rejects import Rejects
from .parse.typed import schema
from .progress import SILENT, Progress
from .template import Source
from .unit import Ended, Outcome, Unit

_T = TypeVar("_T")


def fetch(
    dataset: Dataset,
    unit: Unit,
    *,
    item: str = "",
    besides: Sequence[str] = (),
    refresh: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> list[File]:
    """The unit's files, from the cache or from B3: those of one `item` (an index), or all.

    Sources named in `besides` are not asked. Raises NotPublished or SourceError.
    """

    told = notes if notes is not None else []

    def one(source: Source, item: str) -> File:
        return cache.fetch_file(dataset.template, source, unit, item, refresh=refresh, progress=progress, notes=told)

    return _collected(dataset, unit, one, told, item, besides)


def from_cache(
    dataset: Dataset, unit: Unit, *, besides: Sequence[str] = (), notes: list[str] | None = None
) -> list[File]:
    """The unit's files without the network. Raises NotPublished when they were never fetched."""

    def one(source: Source, item: str) -> File:
        return cache.cached_file(dataset.template, source, unit, item)

    return _collected(dataset, unit, one, notes, besides=besides)


def parse(
    dataset: Dataset,
    files: Sequence[File],
    unit: Unit | None = None,
    *,
    allow_incomplete: bool = False,
    notes: list[str] | None = None,
    rejects: Rejects | None = None,
) -> pl.DataFrame:
    """The files as one frame, compared with the unit's dates and the template's checks. Raises FileError and its kin.

    `rejects` get what cannot be loaded, `notes` what a person should know.
    """
    found = rejects if rejects is not None else Rejects()
    with reading(files, unit, lambda: found):
        return dataset.frame(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=found)


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
    found = rejects if rejects is not None else Rejects()
    told: dict[str, Any] = {"allow_incomplete": allow_incomplete, "notes": notes, "rejects": found}

    def frames(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        try:
            if dataset.template.take == "every":  # sources complete each other's rows
                yield parse(dataset, files, unit, **told)
            else:
                with reading(files, unit, lambda: found):
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
    strict: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> Outcome:
    """Parse the files and load them in one transaction, with a row of the ledger; tells what was done.

    Bytes that the ledger knows are not read again, unless `force` is set: they could change nothing. Rows that the
    table holds of the files' days and the files do not are told, and removed with `prune`. Bad records and values are
    set aside into the database and the others loaded: the outcome is `partial`; with `strict` the first one is an
    error. Raises FileError and its kin for the files, DatabaseError and its kin for the server; then nothing is
    changed.
    """
    from .load import connect, migrate
    from .loading import Loading

    if prune and allow_incomplete:
        raise UsageError("--prune goes with whole files alone: a file that was cut short lacks rows that are not gone")
    loading = Loading(dataset, files, unit, notes if notes is not None else [], progress)
    with connect.connect() as connection:
        migrate.check(connection)
        if not force and (done := loading.shortcut(connection, prune=prune, strict=strict)) is not None:
            return done
        try:
            with reading(files, unit, lambda: loading.rejects):
                return loading.run(connection, allow_incomplete=allow_incomplete, prune=prune, strict=strict)
        except FileError as error:
            if unit is not None and files[0].known:
                error.hint = "; ".join(filter(None, (error.hint, _anew(unit))))
            raise


def from_next_source(
    dataset: Dataset,
    unit: Unit,
    fetched: Callable[..., list[File]],
    read: Callable[[list[File]], _T],
    notes: list[str],
    *,
    strict: bool = False,
) -> _T:
    """What `read` makes of the unit's files; where they cannot be read, of those of the next source that has it.

    So too where a longer file, such as a month's, does not hold the unit. `fetched` brings the files of any source but
    those named in `besides`. Raises the first error where no other source has the unit or where `strict`, and whatever
    else the two raise.
    """
    failed: list[str] = []
    first: FileError | NotPublished | None = None
    while True:
        try:
            files = fetched(besides=failed)
        except (NotPublished, SourceError) as error:
            if first is None:
                raise
            if isinstance(first, NotPublished):
                raise (error if isinstance(error, SourceError) else first) from error
            either = f"{', '.join(failed[1:])} cannot be read either" if failed[1:] else ""
            first.hint = "; ".join(filter(None, (first.hint, either, f"and no other source has it: {error}")))
            raise first from error
        named, before = sorted({file.source for file in files}), len(notes)
        if first is not None:
            lacks = "does not hold it" if isinstance(first, NotPublished) else "cannot be read"
            notes.append(f"{', '.join(named)} was taken instead of {', '.join(failed)}, which {lacks}: {first}")
        try:
            return read(files)
        except (FileError, NotPublished) as error:
            if isinstance(error, NotPublished) and not _longer(dataset, unit, files):
                raise
            del notes[before:]  # of files that nothing is taken of
            first = first or error
            if strict or dataset.template.take == "every" or not all(named) or set(named) <= {*failed}:
                raise first from None if first is error else error
            failed += named


def _longer(dataset: Dataset, unit: Unit, files: Sequence[File]) -> bool:
    """Whether the files are of sources whose files cover more than the unit."""
    periods = {source.name: source.period for source in dataset.template.sources}
    return all(periods.get(file.source) in ("month", "year") and periods[file.source] != unit.kind for file in files)


def failure(dataset: str, unit: str, error: PyB3Error) -> Outcome:
    """What became of a unit that `error` ended; written down in the ledger, where there is one to write in."""
    from .load import connect, ledger, migrate

    ended: Ended = "failed"
    if isinstance(error, NoSession):
        ended = "no_session"
    elif isinstance(error, NotPublished):
        ended = "not_published"
    started = calendar.now().astimezone(UTC)

    def told(error: PyB3Error) -> Outcome:
        facts = {"code": error.code, "message": str(error)}
        return Outcome(dataset=dataset, unit=unit, outcome=ended, error=facts, exit_code=error.exit_code)

    outcome, asked = told(error), Unit.written(dataset, unit)
    if asked is not None and ended == "not_published" and dataset:
        lateness.judge(outcome, registry.get(dataset).template, asked)
    if dataset and not isinstance(error, NoSession | DatabaseError):  # a file of no dataset has no place there
        try:
            with connect.connect() as connection:
                migrate.check(connection)
                before = nights.before(dataset, unit) if ended == "not_published" else []
                if before and all(ledger.absent(connection, dataset, *night) for night in before):
                    ended = "failed"
                    outcome = told(SourceError(f"{error}; {nights.MOVED}"))
                elif outcome.late is not None and asked is not None:
                    lateness.missed(outcome, 1 + ledger.misses(connection, dataset, unit, lateness.end(asked.date)))
                ledger.record(connection, outcome, started)
        except DatabaseError:
            pass  # the error at hand is the one to tell of
    return outcome


def _anew(unit: Unit) -> str:
    when = f"--year {unit}" if unit.kind == "year" else f"--date {unit.date}"
    command = "backfill" if unit.kind == "year" else "fetch"
    return f"run 'pyb3 {command} {unit.dataset} {when} --refresh' to get it anew"


def _collected(
    dataset: Dataset,
    unit: Unit,
    one: Callable[[Source, str], File],
    notes: list[str] | None,
    item: str = "",
    besides: Sequence[str] = (),
) -> list[File]:
    def items(source: Source) -> list[str]:
        if item:
            return [item if source.each else ""]
        return dataset.items(source, unit, one)

    return cache.collect(dataset.template, unit, items, one, notes if notes is not None else [], besides)


@contextmanager
def reading(files: Sequence[File], unit: Unit | None, rejects: Callable[[], Rejects]) -> Iterator[None]:
    """Files that are read here and refused, left out or not finished are asked for again by the next run.

    `rejects` gives what was set aside of them, when all is read.
    """
    try:
        yield
    except FileError:
        if unit is not None:
            for file in files:
                cache.refuse(file)
        raise
    except NotPublished:
        if unit is not None:
            for file in files:
                cache.too_early(file, unit)
        raise
    if unit is not None:
        found = rejects()
        for file in files:
            if file.path in found.left_out:
                cache.refuse(file)
            elif found.unfinished:
                cache.unfinished(file)

"""fetch, parse, load, ingest, backfill."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..errors import NoSession, PyB3Error, UsageError
from ..unit import PARTIAL
from . import files as at_hand
from . import options, show
from .progress import bars

if TYPE_CHECKING:
    from ..datasets.base import Dataset
    from ..file import File
    from ..unit import Outcome, Unit


def fetch(
    dataset: options.Name,
    date: options.Date = None,
    refresh: options.Refresh = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Bring one session's bytes into the cache and print where they lie.

    Example: pyb3 fetch futures --date last
    """
    from .. import pipeline
    from ..datasets import registry

    show.talk(quiet, verbose)
    plugin = registry.get(dataset)
    if date is None:
        raise UsageError("say which session with --date")
    notes: list[str] = []
    with bars(quiet) as progress:
        unit = plugin.unit("day", options.day(date))
        files = pipeline.fetch(plugin, unit, refresh=refresh, progress=progress, notes=notes)
    for note in notes:
        show.notice(note)
    for file in files:
        print(file.path)


def parse(
    dataset: options.NameOrFiles = None,
    date: options.Date = None,
    file: options.Files = None,
    index: options.Item = "",
    output: Annotated[Path | None, typer.Option("--output", "-o", help="Write x.parquet or x.csv instead.")] = None,
    allow_incomplete: options.Incomplete = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Show one session, or the files at hand of one dataset, as a frame, or write it to a file; no database.

    Example: pyb3 parse futures --date 2024-01-15 --output futures.parquet
    """
    from .. import pipeline
    from ..datasets import registry
    from ..parse.rejects import Rejects

    show.talk(quiet, verbose)
    if output is not None and output.suffix not in (".parquet", ".csv"):
        raise UsageError(f"{output} ends neither in .parquet nor in .csv")
    notes: list[str] = []
    rejects = Rejects(strict=strict)

    def read(files: list[File]) -> None:
        nonlocal rejects
        rejects = Rejects(strict=strict)
        told: dict[str, Any] = {"allow_incomplete": allow_incomplete, "notes": notes, "rejects": rejects}
        if output is None:
            show.frame(pipeline.parse(plugin, files, unit, **told))
        else:
            pipeline.write(plugin, files, unit, output, **told)

    unit: Unit | None
    if file:
        plugin, files, unit, notes = at_hand.to_parse(dataset, file, _day(date), index)
        read(files)
    else:
        plugin = registry.get(_required(dataset))
        unit = _unit(plugin, _day(date), index)
        with bars(quiet) as progress:
            fetch = partial(pipeline.fetch, plugin, unit, progress=progress, notes=notes)
            pipeline.from_next_source(plugin, unit, fetch, read, notes, strict=strict)
    if not quiet:
        show.rejected(rejects.records)
        for note in [*notes, *rejects.gaps]:
            show.notice(note)
    if rejects.partial:
        raise typer.Exit(PARTIAL)


def load(
    dataset: options.NameOrFiles = None,
    date: options.Date = None,
    file: options.Files = None,
    index: options.Item = "",
    as_json: options.Json = False,
    force: options.Force = False,
    prune: options.Prune = False,
    allow_incomplete: options.Incomplete = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Load one session from the cache, or files at hand, into the database; no network.

    Example: pyb3 load cotahist --date 2024-01-15
    """
    from .. import pipeline

    show.talk(quiet, verbose)
    how = partial(pipeline.load, force=force, prune=prune, allow_incomplete=allow_incomplete, strict=strict)
    _run(dataset, date, file, index, pipeline.from_cache, how, as_json, quiet, strict)


def ingest(
    dataset: options.Names = None,
    date: options.Date = None,
    file: options.Files = None,
    index: options.Item = "",
    as_json: options.Json = False,
    refresh: options.Refresh = False,
    force: options.Force = False,
    prune: options.Prune = False,
    allow_incomplete: options.Incomplete = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Fetch, parse and load one session; running it twice changes nothing.

    With --file, files at hand are loaded instead, each recognised by its content, older sessions first. Of an archive
    every session is a unit of its own.

    Example: pyb3 ingest futures --date 2024-01-15
    """

    from .. import pipeline

    show.talk(quiet, verbose)
    find = partial(pipeline.fetch, refresh=refresh)
    how = partial(pipeline.load, force=force, prune=prune, allow_incomplete=allow_incomplete, strict=strict)
    _run(dataset, date, file, index, find, how, as_json, quiet, strict)


def backfill(
    dataset: options.Name,
    year: Annotated[list[int] | None, typer.Option("--year", help="A whole year; may be given more than once.")] = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day.")] = None,
    last: Annotated[
        int | None, typer.Option("--last", min=1, max=1000, help="The last so many sessions that B3 still keeps.")
    ] = None,
    missing: Annotated[
        bool,
        typer.Option("--missing", help="Sessions that the database lacks: since its first one, or --from and --to."),
    ] = False,
    jobs: Annotated[int, typer.Option("--jobs", "-j", min=1, max=16, help="Units loaded at once.")] = 1,
    as_json: options.Json = False,
    refresh: options.Refresh = False,
    force: options.Force = False,
    prune: options.Prune = False,
    strict: options.Strict = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Ingest many sessions, or whole years; the next is fetched while one is loaded.

    Example: pyb3 backfill cotahist --year 2019
    """
    from .. import backfill as work
    from ..datasets import registry

    show.talk(quiet, verbose)
    plugin = registry.get(dataset)
    between = (options.day(start) if start else None, options.day(end) if end else None)
    if missing:
        if year or last:
            raise UsageError("--missing goes with --from and --to alone")
        from .. import coverage

        units = coverage.missing_units(plugin, *between)
    elif sum(map(bool, (year, start or end, last))) != 1 or bool(start) != bool(end):
        raise UsageError("say one of --year, --from with --to, --last, and --missing")
    elif last:
        units = work.latest(plugin, last)
    elif year:
        units = [unit for one in dict.fromkeys(year) for unit in plugin.units_of_year(one)]
    else:
        first, final = between
        assert first is not None and final is not None
        units = plugin.units(first, final)
        if not units:
            raise NoSession(f"{dataset}: B3 held no session from {start} to {end}; nothing was written")
    results = []
    with bars(quiet) as progress:
        for result in work.backfill(
            plugin,
            units,
            jobs=jobs,
            refresh=refresh,
            force=force,
            prune=prune,
            strict=strict,
            progress=progress,
        ):
            results.append(result)
            show.outcome(result, as_json=as_json, quiet=quiet)
    if not (as_json or quiet):
        show.summary(results)
    show.end(results)


def _required(dataset: str | None) -> str:
    if dataset is None:
        raise UsageError("say which dataset; 'pyb3 datasets' lists them. Files at hand need none: --file")
    return dataset


def _unit(plugin: Dataset, day: dt.date | None, index: str) -> Unit:
    """The unit of a date. Raises UsageError where none is named."""
    if day is None:
        raise UsageError("say which session with --date, or which file with --file")
    if index:
        raise UsageError("--index says what a --file is of; without one every index is asked for")
    return plugin.unit("day", day)


def _day(text: str | None) -> dt.date | None:
    return None if text is None else options.day(text)


def _run(
    dataset: str | None,
    date: str | None,
    paths: list[Path] | None,
    index: str,
    find: Callable[..., list[File]],
    load: Callable[..., Outcome],
    as_json: bool,
    quiet: bool,
    strict: bool,
) -> None:
    """Load one unit of each dataset, or every file, and show what became of it; one may fail and the others go on."""
    results = []
    with bars(quiet) as progress:
        load = partial(load, progress=progress)
        if paths:
            units = _files(dataset, _day(date), paths, index, load)
        else:
            units = _units(dataset, _day(date), index, find, load, strict)
        for result in units:
            results.append(result)
            show.outcome(result, as_json=as_json, quiet=quiet)
    if not (as_json or quiet):
        show.summary(results)
    show.end(results)


def _units(
    dataset: str | None,
    day: dt.date | None,
    index: str,
    find: Callable[..., list[File]],
    load: Callable[..., Outcome],
    strict: bool,
) -> Iterator[Outcome]:
    from .. import pipeline
    from ..datasets import registry

    for name in registry.names() if dataset == "all" else [_required(dataset)]:
        try:
            plugin = registry.get(name)
            notes: list[str] = []
            unit = _unit(plugin, day, index)
            fetch = partial(find, plugin, unit, notes=notes)
            read = partial(_read, load, plugin, unit, notes)
            yield pipeline.from_next_source(plugin, unit, fetch, read, notes, strict=strict)
        except UsageError:
            raise
        except PyB3Error as error:
            yield pipeline.failure(name, str(day), error)


def _read(load: Callable[..., Outcome], plugin: Dataset, unit: Unit, notes: list[str], files: list[File]) -> Outcome:
    return load(plugin, files, unit, notes=notes)


def _files(
    dataset: str | None, day: dt.date | None, paths: list[Path], index: str, load: Callable[..., Outcome]
) -> Iterator[Outcome]:
    from .. import pipeline

    everything = at_hand.to_load(dataset, paths, day, index)
    for one in everything:
        name = one.dataset.name if one.dataset is not None else ""
        try:
            if one.error is not None:
                raise one.error
            yield load(one.dataset, [one.file], at_hand.unit_of(one, day), notes=one.notes)
        except PyB3Error as error:
            if isinstance(error, UsageError) and len(everything) == 1:
                raise
            yield pipeline.failure(name, str(day or one.file), error)

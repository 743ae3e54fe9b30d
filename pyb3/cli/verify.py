"""pyb3 verify: the table, held against the files it was loaded from."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from .. import calendar
from ..errors import NoSession, UsageError
from ..unit import Unit
from . import files as at_hand
from . import options, show
from .progress import bars

if TYPE_CHECKING:
    from ..datasets.base import Dataset
    from ..progress import Progress
    from ..verification import Verified

_DIFFERS = 4
_SHOWN = 50
_WORDS = {
    "not_in_cache": "file not in cache",
    "other_bytes": "cache has another file",
    "never_loaded": "never loaded",
    "year_differs": "not B3's number of rows or sessions",
}
_STYLES = {"verified": "green", "never_loaded": "yellow", "not_in_cache": "yellow", "superseded": "yellow"}


def verify(
    dataset: Annotated[str | None, typer.Argument(metavar="[DATASET]", help="One dataset; else all.")] = None,
    date: options.Date = None,
    start: Annotated[str | None, typer.Option("--from", metavar="DATE", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--to", metavar="DATE", help="Last day.")] = None,
    year: Annotated[int | None, typer.Option("--year", help="A whole year.")] = None,
    file: options.Files = None,
    index: options.Item = "",
    as_json: options.Json = False,
    quiet: options.Quiet = False,
    verbose: options.Verbose = False,
) -> None:
    """Read the cached files of what was loaded once more, and compare the tables with them, row by row and exactly.

    A year that was loaded whole is also counted, and compared with the rows and sessions that B3's file of the year
    has, where these are known.

    Nothing is written, and B3 is not asked. Exits 4 when something differs or cannot be verified.

    Example: pyb3 verify cotahist --year 2019
    """
    from .. import verification
    from ..datasets import registry

    show.talk(quiet, verbose)
    if sum(map(bool, (date, start or end, year, file))) > 1 or bool(start) != bool(end):
        raise UsageError("say one of --date, --from with --to, --year and --file, or nothing for all that was loaded")
    if index and not file:
        raise UsageError("--index says what a --file is of")
    first, last = _span(date, start, end, year)
    results: list[Verified] = []

    def units(progress: Progress) -> Iterator[Verified]:
        if file:
            yield from verification.of_files(file, at_hand.named(dataset), item=index, progress=progress)
            return
        for name in [dataset] if dataset else registry.names():
            plugin = registry.get(name)
            due = _due(plugin, first, last, asked=date is not None) if date or start or year else []
            yield from verification.verify(plugin, first, last, due=due, progress=progress)

    with bars(quiet) as progress:
        for one in units(progress):
            results.append(one)
            if as_json:
                show.objects([one.as_dict()])
    if not results and (date or start or year):
        raise NoSession("B3 held no session in that time, and nothing was loaded")
    if not results:
        show.notice("nothing was loaded yet")
        raise typer.Exit(_DIFFERS)
    if not (as_json or quiet):
        _draw(results)
    if any(one.result != "verified" for one in results):
        raise typer.Exit(_DIFFERS)


def _span(date: str | None, start: str | None, end: str | None, year: int | None) -> tuple[dt.date, dt.date]:
    """The days asked for; all there are where none are named. Raises UsageError."""
    if year is not None:
        if not dt.MINYEAR <= year <= dt.MAXYEAR:
            raise UsageError(f"{year} is no year")
        return dt.date(year, 1, 1), dt.date(year, 12, 31)
    if date or (start and end):
        first, last = options.day(date or start or ""), options.day(date or end or "")
        if first > last:
            raise UsageError(f"{first} is after {last}")
        return first, last
    return dt.date.min, dt.date.max


def _due(plugin: Dataset, first: dt.date, last: dt.date, *, asked: bool) -> list[dt.date]:
    """Sessions that should have been loaded: today's is where it is `asked` for, and what no source has is not."""
    today = calendar.today()
    days = calendar.sessions(first, min(last, today if asked else today - dt.timedelta(1)))
    return [day for day in days if plugin.template.sources_for(Unit(plugin.name, "day", day), today)]


def _draw(results: list[Verified]) -> None:
    counts = ("rows", "missing", "differing", "extra")
    drawn = show.table(("dataset", "unit", "result", *counts, "message"), numbers=counts)
    for one in results:
        values = [f"{getattr(one, name):,}" for name in counts]
        result = _WORDS.get(one.result, one.result)
        drawn.add_row(one.dataset, one.unit, result, *values, one.message, style=_STYLES.get(one.result, "red"))
    show.draw(drawn)
    columns = ("dataset", "row", "", "column", "file", "table")
    differences = [
        (one.dataset, " ".join(it.key.values()), it.kind, it.column, it.file, it.table)
        for one in results
        for it in one.differences
    ]
    if differences:
        show.rows(columns, differences[:_SHOWN], "The first differences")

"""B3's datasets as Polars frames; no database, no settings."""

from __future__ import annotations

from datetime import date
from os import PathLike
from pathlib import Path

import polars as pl

from . import calendar, pipeline
from .datasets import registry
from .errors import NoSession, UsageError
from .file import File

Day = date | str


def cotahist_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
) -> pl.DataFrame:
    """Quotes of one session, of the sessions from `start` to `end`, of a `year`, or of a `file` at hand.

    Columns are those of `pyb3 datasets show cotahist`; prices are Decimal in the row's `currency`. A day
    without a session gives an empty frame with the schema. Raises NotPublished, SourceError, FileError.
    Source: COTAHIST_D, COTAHIST_M and COTAHIST_A.
    """
    return _get("cotahist", date, start, end, year, file)


def futures_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
) -> pl.DataFrame:
    """Listed futures of one session, of the sessions from `start` to `end`, of a `year`, or of a `file` at hand.

    Columns are those of `pyb3 datasets show futures`; prices and rates are Decimal. A day without a session
    gives an empty frame with the schema. Raises NotPublished, SourceError, FileError.
    Source: price report SPRD, else PR.
    """
    return _get("futures", date, start, end, year, file)


def _get(
    name: str,
    day: Day | None,
    start: Day | None,
    end: Day | None,
    year: int | None,
    file: str | PathLike[str] | None,
    item: str = "",
) -> pl.DataFrame:
    dataset = registry.get(name)
    if sum(choice is not None for choice in (day, start, year, file)) != 1 or (start is None) != (end is None):
        raise UsageError("give one of date, start with end, year, or file")
    if file is not None:
        return pipeline.parse(dataset, [File.at(Path(file), item=item)])
    if year is not None:
        units = dataset.units_of_year(year)
    elif start is not None and end is not None:
        units = dataset.units(calendar.as_date(start), calendar.as_date(end))
    else:
        try:
            units = [dataset.unit("day", calendar.as_date(day or ""))]
        except NoSession:
            units = []
    frames = [pipeline.parse(dataset, pipeline.fetch(dataset, unit), unit) for unit in units]
    return pl.concat(frames) if frames else dataset.empty()

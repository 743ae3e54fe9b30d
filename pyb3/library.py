"""B3's datasets as Polars frames; no database, no settings."""

from __future__ import annotations

from datetime import date
from os import PathLike
from pathlib import Path

import polars as pl

from . import calendar, pipeline
from .datasets import registry
from .errors import NoSession, UsageError
from .parse.typed import schema
from .unit import Unit


def cotahist_get(
    date: date | str | None = None,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
) -> pl.DataFrame:
    """Quotes of one session, of the sessions from `start` to `end`, of a `year`, or of a `file` at hand.

    Columns are those of `pyb3 datasets show cotahist`; prices are Decimal in the row's `currency`. A day
    without a session gives an empty frame with the schema. Raises NotPublished, SourceError, FileError.
    Source: COTAHIST_D and COTAHIST_A.
    """
    return _get("cotahist", date, start, end, year, file)


def futures_get(
    date: date | str | None = None,
    *,
    start: date | str | None = None,
    end: date | str | None = None,
    file: str | PathLike[str] | None = None,
) -> pl.DataFrame:
    """Listed futures of one session, of the sessions from `start` to `end`, or of a `file` at hand.

    Columns are those of `pyb3 datasets show futures`; prices and rates are Decimal. A day without a session
    gives an empty frame with the schema. Raises NotPublished, SourceError, FileError.
    Source: price report SPRD, else PR.
    """
    return _get("futures", date, start, end, None, file)


def _get(
    name: str,
    day: date | str | None,
    start: date | str | None,
    end: date | str | None,
    year: int | None,
    file: str | PathLike[str] | None,
) -> pl.DataFrame:
    dataset = registry.get(name)
    if sum(choice is not None for choice in (day, start, year, file)) != 1 or (start is None) != (end is None):
        raise UsageError("give one of date, start with end, year, or file")
    if file is not None:
        return pipeline.parse(dataset, Path(file), None).frame
    units: list[Unit]
    if year is not None:
        units = [pipeline.unit_of_year(dataset, year)]
    elif start is not None and end is not None:
        units = [pipeline.unit_of_day(dataset, d) for d in calendar.sessions(_date(start), _date(end))]
    else:
        assert day is not None
        try:
            units = [pipeline.unit_of_day(dataset, _date(day))]
        except NoSession:
            units = []
    frames = [pipeline.parse(dataset, pipeline.fetch(dataset, unit), unit).frame for unit in units]
    return pl.concat(frames) if frames else pl.DataFrame(schema=schema(dataset.template))


def _date(value: date | str) -> date:
    return value if isinstance(value, date) else calendar.parse_date(value)

"""B3's datasets as Polars frames; no database, no settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

import polars as pl

from . import calendar
from .calendar import Day
from .datasets import registry
from .errors import UsageError
from .option_chains import has_index_options, option_chain
from .template import Field, dtype

if TYPE_CHECKING:
    from .frames import Where

_Function = TypeVar("_Function", bound=Callable[..., object])


def _documented(function: _Function) -> _Function:
    """Add to a function's docstring what all datasets share, and the columns, out of the dataset's template."""
    template = registry.get(function.__name__.removesuffix("_get")).template
    columns = "\n".join(f"- `{field.name}` ({_type(field)}): {field.description}" for field in template.fields)
    words, _, examples = inspect.cleandoc(function.__doc__ or "").partition("\n>>> ")
    sources = ", else ".join(source.name for source in template.sources)
    if template.take == "every":
        sources = sources.replace(", else ", " with ")
    parts = (words.rstrip(), _SHARED, f"Source: {sources}.", f"Columns:\n\n{columns}", f"Examples:\n\n>>> {examples}")
    function.__doc__ = "\n\n".join(parts)
    return function


def _type(field: Field) -> str:
    return f"Decimal(38, {field.decimals})" if field.type == "decimal" else str(dtype(field))


_SHARED = """
Takes one `date`, or `start` with `end` (both included), or a `year`, or a `file` at hand, which may be held against a
`date`; of an archive, the files of every session in it are read, and a LeftOut warning names what is not. A day is a
date or written as 2024-01-15. `where` chooses rows while files are read, so that a year is never held whole: an
expression, or a function from frame to frame such as `pyb3.equities`. Files come from the cache where they are there.
A day without a session gives an empty frame with all columns; sessions of a range or year that B3 has no file of are
left out, with a MissingSessions warning that names them. Records that cannot be read are left out and values are NULL,
with a PartialData warning whose `rejected` has them; with `strict` the first one is an error. What else is odd in a
file is a warning of the logger `pyb3`. Raises NotPublished where B3 has no file of any of them, SourceError, FileError,
UsageError.
""".strip()


@_documented
def cotahist_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    strict: bool = False,
) -> pl.DataFrame:
    """Quotes of the cash, odd-lot, term and option markets, since 1986; prices are Decimal in the row's `currency`.

    >>> cotahist_get("2024-01-15").height
    500
    >>> cotahist_get("2024-12-25").height
    0
    """
    return _get("cotahist", date, start, end, year, file, where, strict=strict)


@_documented
def futures_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    strict: bool = False,
    strays: bool = False,
) -> pl.DataFrame:
    """Listed futures, single-stock futures included, with settlement prices and rates as Decimal.

    A report can carry a few rows of another session. They come along with `strays` alone, unless that session's own
    file is read too and has them.

    >>> futures_get("2024-01-15", where=pl.col("symbol") == "DI1F27").select("symbol", "maturity_date").rows()
    [('DI1F27', datetime.date(2027, 1, 4))]
    """
    return _get("futures", date, start, end, year, file, where, strict=strict, strays=strays)


@_documented
def yield_curves_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    strict: bool = False,
) -> pl.DataFrame:
    """Market rates for swaps: every curve and vertex, since 2005. `pyb3.yield_curve` takes one curve out of them.

    >>> curves = yield_curves_get("2024-01-15")
    >>> {"PRE", "DIC", "DOC"} <= set(curves["curve_code"])
    True
    """
    return _get("yield_curves", date, start, end, year, file, where, strict=strict)


@_documented
def index_historical_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    index: str | None = None,
    strict: bool = False,
) -> pl.DataFrame:
    """Daily values of B3's indexes, or of the one `index`, which takes one request to B3 instead of forty.

    A `year` has the values of index statistics alone, one file an index; a `date` or a range adds what the index
    report of each session knows. With a `file` of one index, `index` says which where its name does not.

    >>> index_historical_get("2024-01-15", index="IBOV").select("index_code", "currency").rows()
    [('IBOV', 'BRL')]
    """
    return _get("index_historical", date, start, end, year, file, where, index, strict=strict)


@_documented
def index_composition_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    index: str | None = None,
    strict: bool = False,
) -> pl.DataFrame:
    """Members of B3's indexes, or of the one `index`, by portfolio: current, theoretical, and as papers are listed.

    B3 shows the last session alone: of an earlier one there is what was fetched on its day and is in the cache. With
    a `file` of one index, `index` says which where its name does not, and `date` of which day a theoretical one is.

    >>> index_composition_get("2024-12-25").columns[:4]
    ['refdate', 'index_code', 'portfolio', 'symbol']
    """
    return _get("index_composition", date, start, end, year, file, where, index, strict=strict)


@_documented
def symbols_get(
    date: Day | None = None,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
    file: str | PathLike[str] | None = None,
    where: Where | None = None,
    strict: bool = False,
) -> pl.DataFrame:
    """Instruments of every market and segment, as registered on a day: more than 100,000 a session.

    >>> symbols_get("2024-01-15", where=pl.col("symbol") == "PETR4").select("symbol", "asset").rows()
    [('PETR4', 'PETR')]
    """
    return _get("symbols", date, start, end, year, file, where, strict=strict)


def symbol_history_get(
    symbol: str,
    *,
    start: Day | None = None,
    end: Day | None = None,
    year: int | None = None,
) -> pl.DataFrame:
    """A symbol's quotes by session, from `start` to `end` or of a `year`, with the columns of `cotahist_get`.

    Prices are as published: not adjusted for dividends or splits. Raises what `cotahist_get` raises.

    >>> history = symbol_history_get("PETR4", start="2024-01-15", end="2024-01-19")
    >>> history["refdate"].n_unique(), history["symbol"].unique().to_list()
    (5, ['PETR4'])
    """
    wanted = pl.col("symbol") == symbol
    return cotahist_get(start=start, end=end, year=year, where=wanted).sort("refdate", maintain_order=True)


def option_chain_get(underlying: str, date: Day) -> pl.DataFrame:
    """The options on a share, unit, fund or index on a day, as `pyb3.option_chain` has them.

    An index has its close from the day's `index_historical_get`; a paper without a trade on the day has none. Empty on
    a day without a session. Raises what `cotahist_get` raises, and UsageError where there are no options on
    `underlying`.

    >>> option_chain_get("PETR4", "2024-01-15")["underlying"].unique().to_list()
    ['PETR4']
    """
    quotes = cotahist_get(date)
    if has_index_options(quotes, underlying):
        return option_chain(quotes, underlying, index_historical_get(date, index=underlying))
    return option_chain(quotes, underlying)


def _get(
    name: str,
    day: Day | None,
    start: Day | None,
    end: Day | None,
    year: int | None,
    file: str | PathLike[str] | None,
    where: Where | None,
    index: str | None = None,
    *,
    strict: bool = False,
    strays: bool = False,
) -> pl.DataFrame:
    from . import frames  # the network comes with it

    asked = sum(choice is not None for choice in (day if file is None else None, start, year, file))
    if asked != 1 or (start is None) != (end is None):
        raise UsageError("give one of date, start with end, year, or file")
    query = frames.Query(registry.get(name), where, index, strict=strict, strays=strays)
    if file is not None:
        return query.of_file(Path(file), None if day is None else calendar.as_date(day))
    if year is not None:
        return query.of_year(year)
    if start is not None and end is not None:
        return query.of_range(calendar.as_date(start), calendar.as_date(end))
    return query.of_day(calendar.as_date(day or ""))

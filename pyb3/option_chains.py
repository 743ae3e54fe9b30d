"""Options among the quotes of COTAHIST, each beside the close of its underlying."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import Literal

import polars as pl

from .errors import UsageError
from .securities import FUND, SHARE, UNIT, Frame, kind

_KINDS = {70: "call", 80: "put"}
_ON = {
    "shares": kind().str.contains(f"{SHARE}|{UNIT}"),
    "funds": kind() == FUND,
    "indexes": pl.col("bdi_code").is_in(["74", "75"]),
}
# Markets of a paper, and what its ticker ends in there: cash, odd lots, terms, block lots.
_LOTS = {10: "", 20: "F", 30: "T", 21: "Q"}
# What the number of a ticker says of the paper's ISIN: true of every paper with options on 2021-06-25 and 2022-02-03.
_KINDS_OF_NUMBERS = {
    "3": "ACNOR", "4": "ACNPR", "5": "ACNPA", "6": "ACNPB", "11": "CDA|UNT|CTF",
    "31": "BDR", "32": "BDR", "33": "BDR", "34": "BDR", "35": "BDR", "39": "BDR",
}  # fmt: skip
_CHAIN = (
    "refdate symbol option_type strike maturity_date underlying underlying_close "
    "open high low average close best_bid best_ask trades quantity volume isin"
).split()


def options(quotes: Frame, on: Literal["shares", "funds", "indexes"] | None = None) -> Frame:
    """Options (market types 70 and 80) with their `option_type`, `call` or `put`; all, or those on one kind.

    `quotes` are rows of `cotahist_get`; all their columns stay. `on` takes those on `shares` and units, on `funds`
    (ETFs) or on `indexes`. Exercises of options are not among them.

    >>> quotes = cotahist_get("2024-01-15")
    >>> options(quotes)["option_type"].unique().sort().to_list()
    ['call', 'put']
    >>> options(quotes, on="indexes")["symbol"].str.head(4).unique().to_list()
    ['IBOV']
    """
    market = pl.col("market_type")
    found = quotes.filter(market.is_in(list(_KINDS)), *([_ON[on]] if on else []))
    return found.with_columns(option_type=market.replace_strict(_KINDS, return_dtype=pl.String))


def option_chain(
    quotes: pl.DataFrame, underlying: str, underlying_close: Decimal | pl.DataFrame | None = None
) -> pl.DataFrame:
    """The options on `underlying`, by maturity, strike and type, each with the underlying's close of the session.

    An option's ISIN is its underlying's: PETR4's options are those of PETR4, not of PETR3. An index has no quote
    in the cash market: its close is `underlying_close`, or that of rows of `index_historical_get`, else NULL. On a day
    without a trade in the underlying the close is NULL too, and the options are those with the ISIN that the paper has
    on another day, in its odd lots or terms, or that its ticker means (PETR4: preferred shares of PETR). Prices are
    Decimal. Raises UsageError where `quotes` hold neither `underlying` nor options on it.

    >>> chain = option_chain(cotahist_get("2024-01-15"), "PETR4")
    >>> chain.select("symbol", "option_type", "strike", "underlying_close").columns
    ['symbol', 'option_type', 'strike', 'underlying_close']
    >>> chain["underlying_close"].n_unique()
    1
    """
    found = options(quotes)
    paper = pl.col("symbol") == underlying
    cash = quotes.filter(pl.col("market_type") == 10, paper)
    if quotes.is_empty():
        found = found.with_columns(underlying_close="close")
    elif has_index_options(quotes, underlying):
        found = _with_close(found.filter(_on_index(underlying)), underlying, underlying_close)
    else:
        found = found.filter(_on_paper(quotes, underlying))
        if found.is_empty() and cash.is_empty():
            raise UsageError(f"these quotes hold neither {underlying} in the cash market nor options on it")
        close = cash.select("refdate", underlying_close="close").unique("refdate", keep="first", maintain_order=True)
        found = found.join(close, on="refdate", how="left")
    chain = found.with_columns(underlying=pl.lit(underlying)).select(_CHAIN)
    return chain.sort("refdate", "maturity_date", "strike", "option_type", "symbol")


def has_index_options(quotes: pl.DataFrame, underlying: str) -> bool:
    """Whether `quotes` hold options on an index of that name."""
    return not options(quotes).filter(_on_index(underlying)).is_empty()


def _on_index(index: str) -> pl.Expr:
    """B3 names an index in its options' ISIN: BRIBOVINDM18."""
    return pl.col("isin").str.starts_with(f"BR{index}IND")


def _on_paper(quotes: pl.DataFrame, underlying: str) -> pl.Expr:
    """Options of the paper's ISIN: as its quotes in any market have it, else as its ticker means it."""
    lots = pl.any_horizontal(
        (pl.col("market_type") == market) & (pl.col("symbol") == underlying + ending)
        for market, ending in _LOTS.items()
    )
    known = quotes.filter(lots)["isin"].drop_nulls().unique()
    if len(known):
        return pl.col("isin").is_in(known.implode())
    root, number = underlying[:4], underlying[4:]
    kinds = _KINDS_OF_NUMBERS.get(number)
    return pl.lit(False) if kinds is None else pl.col("isin").str.contains(f"^BR{re.escape(root)}({kinds})")


def _with_close(found: pl.DataFrame, index: str, close: Decimal | pl.DataFrame | None) -> pl.DataFrame:
    dtype = found.schema["close"]
    if isinstance(close, pl.DataFrame):
        # The index report's close, else the value of index statistics.
        value = pl.coalesce("close", "value").cast(dtype)
        days = close.filter(pl.col("index_code") == index).select("refdate", underlying_close=value)
        return found.join(days, on="refdate", how="left")
    return found.with_columns(pl.Series("underlying_close", [close] * found.height, dtype))

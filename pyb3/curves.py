"""Curves of one shape, out of futures and out of B3's swap rates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext

import polars as pl

from .day_count import business_days
from .errors import UsageError

CONTEXT = Context(prec=34, rounding=ROUND_HALF_EVEN)  # what derived values are computed in, never in floats
DECIMALS = 9  # to which they are rounded
VALUE = pl.Decimal(38, DECIMALS)

SCHEMA = {
    "refdate": pl.Date(),
    "curve_code": pl.String(),
    "symbol": pl.String(),
    "maturity_date": pl.Date(),
    "calendar_days": pl.Int64(),
    "business_days": pl.Int64(),
    "price": VALUE,
    "rate": VALUE,
}

COMPOUND_252 = frozenset({"DI1", "DAP", "OC1", "PRE", "DIC", "DIM", "SLP", "APR"})
LINEAR_360 = frozenset({"DDI", "DOC", "DOL", "DCO", "ACC", "LIB", "EUC"})
_PRICES = frozenset({"PTX", "EUR", "JPY", "INP", "BRP"})


def futures_curve(futures: pl.DataFrame, commodity: str) -> pl.DataFrame:
    """The curve of a commodity's futures, by maturity: DI1, DAP, OC1, DDI and DCO as rates, DOL and others as prices.

    `futures` are rows of `futures_get`, of one day or more. `price` is the settlement price as published; `rate`
    is the settlement rate as published (% a year), else that which the unit price means: for DI1, DAP and OC1
    (100000 / price) ** (252 / business_days) - 1, for DDI and DCO (100000 / price - 1) * 360 / calendar_days,
    computed in decimal with 34 digits and rounded half-even to 9 decimals. It is NULL for contracts settled in
    prices alone, and on the day of maturity itself. Raises UsageError for a commodity whose maturities are not
    certain.

    >>> curve = futures_curve(futures_get("2024-01-15"), "DI1")
    >>> curve.columns
    ['refdate', 'curve_code', 'symbol', 'maturity_date', 'calendar_days', 'business_days', 'price', 'rate']
    >>> curve["symbol"][0], curve["maturity_date"][0]
    ('DI1G24', datetime.date(2024, 2, 1))
    """
    rows = futures.filter(pl.col("commodity") == commodity)
    if rows["maturity_date"].has_nulls():
        raise UsageError(f"the maturities of {commodity} are not certain, so they make no curve")
    rate_of = _RATES.get(commodity)
    found = []
    for refdate, symbol, maturity, price, rate in rows.select(
        "refdate", "symbol", "maturity_date", "price", "settlement_rate"
    ).iter_rows():
        calendar_days, days = (maturity - refdate).days, business_days(refdate, maturity)
        if rate is None and price and rate_of is not None and days > 0:
            with localcontext(CONTEXT):
                rate = rounded(rate_of(price, days, calendar_days))
        found.append((refdate, commodity, symbol, maturity, calendar_days, days, price, rate))
    return pl.DataFrame(found, SCHEMA, orient="row").sort("refdate", "maturity_date")


def yield_curve(yield_curves: pl.DataFrame, curve_code: str) -> pl.DataFrame:
    """One of B3's curves (PRE, DIC, DOC, ...), by maturity, in the shape of `futures_curve`.

    `yield_curves` are rows of `yield_curves_get`, of one day or more. Values are as published: % a year in
    `rate`, or, for PTX, EUR, JPY, INP and BRP, in `price`. `maturity_date` is `refdate` and the calendar days. Of
    vertices that fall on the same day the fixed one stands, with the lowest code.

    >>> curve = yield_curve(yield_curves_get("2024-01-15"), "PRE")
    >>> curve.schema == futures_curve(futures_get("2024-01-15"), "DI1").schema
    True
    """
    value, nothing = pl.col("rate").cast(VALUE), pl.lit(None, VALUE)
    priced = curve_code in _PRICES
    return (
        yield_curves.filter(pl.col("curve_code") == curve_code)
        .sort("refdate", "calendar_days", "vertex_kind", "vertex_code")
        .unique(["refdate", "calendar_days"], keep="first", maintain_order=True)
        .with_columns(
            symbol=pl.lit(None, pl.String),
            maturity_date=pl.col("refdate") + pl.duration(days="calendar_days"),
            price=value if priced else nothing,
            rate=nothing if priced else value,
        )
        .select(list(SCHEMA))
    )


def _compound(price: Decimal, days: int, calendar_days: int) -> Decimal:
    return ((100_000 / price) ** (Decimal(252) / days) - 1) * 100


def _linear(price: Decimal, days: int, calendar_days: int) -> Decimal:
    return (100_000 / price - 1) * 36_000 / calendar_days


_RATES: dict[str, Callable[[Decimal, int, int], Decimal]] = {
    "DI1": _compound,
    "DAP": _compound,
    "OC1": _compound,
    "DDI": _linear,
    "DCO": _linear,
}


def rounded(value: Decimal) -> Decimal:
    """`value` at nine decimals, half to even."""
    return value.quantize(Decimal(1).scaleb(-DECIMALS), context=CONTEXT)

"""Curves of one shape, out of futures and out of B3's swap rates."""

from __future__ import annotations

from collections.abc import Callable
from decimal import ROUND_HALF_EVEN, Context, Decimal, localcontext
from typing import Literal

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

# What a rate of a curve means: compounded over business days of 252 a year, or linear over calendar days of 360.
# DPL is a coupon of IPCA: on 2019-09-10 B3's own vertices lie on compounded forwards between the maturities of DAP.
COMPOUND_252 = frozenset({"DI1", "DAP", "OC1", "PRE", "DIC", "DIM", "SLP", "APR", "DPL"})
LINEAR_360 = frozenset({"DDI", "DOC", "DOL", "DCO", "ACC", "DCL", "LIB", "EUC"})


def futures_curve(futures: pl.DataFrame, commodity: str) -> pl.DataFrame:
    """The curve of a commodity's futures, by maturity: DI1, DAP, OC1, DDI and DCO as rates, DOL and others as prices.

    `futures` are rows of `futures_get`, of one day or more. `price` is the settlement price as published; `rate`
    is the settlement rate as published (% a year), else that which the unit price means: for DI1, DAP and OC1
    (100000 / price) ** (252 / business_days) - 1, for DDI and DCO (100000 / price - 1) * 360 / calendar_days,
    computed in decimal with 34 digits and rounded half-even to 9 decimals. It is NULL for contracts settled in
    prices alone, and on the day of maturity itself. Raises UsageError where a contract has no `maturity_date`;
    `with_maturities` takes it from the list of symbols.

    >>> curve = futures_curve(futures_get("2024-01-15"), "DI1")
    >>> curve.columns
    ['refdate', 'curve_code', 'symbol', 'maturity_date', 'calendar_days', 'business_days', 'price', 'rate']
    >>> curve["symbol"][0], curve["maturity_date"][0]
    ('DI1G24', datetime.date(2024, 2, 1))
    """
    rows = futures.filter(pl.col("commodity") == commodity)
    if rows["maturity_date"].has_nulls():
        unknown = rows.filter(pl.col("maturity_date").is_null())["symbol"][0]
        raise UsageError(
            f"the maturities of {commodity} are not certain ({unknown} has none), so they make no curve; "
            "with_maturities(futures, symbols) takes them from the list of symbols"
        )
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


def yield_curve(
    yield_curves: pl.DataFrame, curve_code: str, *, quantity: Literal["rate", "price"] | None = None
) -> pl.DataFrame:
    """One of B3's curves (PRE, DIC, DOC, ...), by maturity, in the shape of `futures_curve`.

    `yield_curves` are rows of `yield_curves_get`, of one day or more. Values are as published: % a year in `rate`, or a
    price or level in `price` (PTX, INP, ...), in the column where the rows have them. Rows of a curve that is not known
    to be either have theirs in `value`: `quantity` then says which it is. `maturity_date` is `refdate` and the calendar
    days. Of vertices that fall on the same day the fixed one stands, with the lowest code. Raises UsageError for a
    curve with its values in `value` where `quantity` is not given.

    >>> curve = yield_curve(yield_curves_get("2024-01-15"), "PRE")
    >>> curve.schema == futures_curve(futures_get("2024-01-15"), "DI1").schema
    True
    """
    rows = yield_curves.filter(pl.col("curve_code") == curve_code)
    columns = {name: rows[name].cast(VALUE) for name in ("rate", "price", "value") if name in rows.columns}
    unclaimed = columns.pop("value", None)
    if unclaimed is not None and unclaimed.count():
        if quantity not in ("rate", "price"):
            raise UsageError(
                f"{curve_code} is not known to be a curve of rates or of prices: give quantity='rate' or 'price'"
            )
        claimed = columns.get(quantity, unclaimed)
        columns[quantity] = claimed.zip_with(claimed.is_not_null(), unclaimed)
    nothing = pl.Series([None] * rows.height, dtype=VALUE)
    return (
        rows.with_columns(
            symbol=pl.lit(None, pl.String),
            maturity_date=pl.col("refdate") + pl.duration(days="calendar_days"),
            price=columns.get("price", nothing),
            rate=columns.get("rate", nothing),
        )
        .sort("refdate", "calendar_days", "vertex_kind", "vertex_code")
        .unique(["refdate", "calendar_days"], keep="first", maintain_order=True)
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

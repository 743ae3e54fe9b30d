"""A curve's value at days between its vertices."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, localcontext
from typing import Literal

import polars as pl

from .curves import COMPOUND_252, CONTEXT, LINEAR_360, VALUE, rounded
from .errors import UsageError

Method = Literal["flat_forward", "linear"]


def interpolate(
    curve: pl.DataFrame, days: Iterable[int], *, method: Method | None = None, extrapolate: bool = False
) -> pl.DataFrame:
    """The curve's rate, or price, at each of `days` from its `refdate`.

    `curve` is one curve of one day, of `futures_curve` or `yield_curve`. `flat_forward`, for rates of 252 business
    days (DI1, DAP, PRE, DIC, ...) and for prices (DOL futures), keeps the forward rate between two vertices
    constant; `days` are business days. `linear`, for linear rates of 360 days (DDI, DOC, DCO, ...), draws a
    straight line between two rates; `days` are calendar days. Without `method` the curve's code decides.

    A vertex gives its value as it stands, other days are computed in decimal with 34 digits and rounded half-even
    to 9 decimals. Days outside the vertices are refused unless `extrapolate`: then the first rate holds before
    the first vertex, and after the last one the last forward rate (`flat_forward`) or the last rate (`linear`).
    Vertices without a value are passed over. Raises UsageError.

    >>> curve = futures_curve(futures_get("2024-01-15"), "DI1")
    >>> interpolate(curve, [21, 252]).columns
    ['refdate', 'curve_code', 'business_days', 'rate']
    """
    refdate, code = _identity(curve)
    quantity = "rate" if curve["rate"].count() else "price"
    chosen = method or _method(code, quantity)
    axis = "business_days" if chosen == "flat_forward" else "calendar_days"
    vertices = curve.filter(pl.col(quantity).is_not_null(), pl.col(axis) > 0).sort("calendar_days")
    vertices = vertices.unique(axis, keep="last", maintain_order=True)
    if vertices.is_empty():
        raise UsageError(f"{code} of {refdate} has no vertex with a value")
    line = _Line(vertices[axis].to_list(), vertices[quantity].to_list(), _SCALES[chosen, quantity])
    wanted = [int(day) for day in days]
    outside = [day for day in wanted if day < 1 or not (extrapolate or line.first <= day <= line.last)]
    if outside:
        raise UsageError(
            f"{code} of {refdate} runs from {line.first} to {line.last} {axis.replace('_', ' ')}, "
            f"not to {outside[0]}; extrapolate=True goes beyond (from day 1 on)"
        )
    values = pl.Series(quantity, [line.at(day) for day in wanted], VALUE)
    return pl.DataFrame(
        {"refdate": [refdate] * len(wanted), "curve_code": [code] * len(wanted), axis: wanted, quantity: values},
        {"refdate": pl.Date, "curve_code": pl.String, axis: pl.Int64, quantity: VALUE},
    )


def _identity(curve: pl.DataFrame) -> tuple[object, str]:
    found = curve.select("refdate", "curve_code").unique()
    if found.height != 1:
        raise UsageError(f"interpolate takes one curve of one day at a time; this frame holds {found.height}")
    return found.row(0)


def _method(code: str, quantity: str) -> Method:
    if quantity == "price" or code in COMPOUND_252:
        return "flat_forward"
    if code in LINEAR_360:
        return "linear"
    raise UsageError(f"the convention of {code} is not known here: give method='flat_forward' or 'linear'")


@dataclass(frozen=True, slots=True)
class _Scale:
    """What is straight between two vertices, from a value and a day and back; whether its last slope goes on."""

    height: Callable[[Decimal, int], Decimal]
    value: Callable[[Decimal, int], Decimal]
    goes_on: bool = True


def _compounding(rate: Decimal, days: int) -> Decimal:
    """The logarithm of what a rate makes of 1 in so many business days; 252 of them are left out: they cancel."""
    return (1 + rate / 100).ln() * days


def _compounded(height: Decimal, days: int) -> Decimal:
    return ((height / days).exp() - 1) * 100


_SCALES = {
    ("flat_forward", "rate"): _Scale(_compounding, _compounded),
    ("flat_forward", "price"): _Scale(lambda price, _: price.ln(), lambda height, _: height.exp()),
    ("linear", "rate"): _Scale(lambda rate, _: rate, lambda height, _: height, goes_on=False),
    ("linear", "price"): _Scale(lambda price, _: price, lambda height, _: height, goes_on=False),
}


@dataclass(frozen=True, slots=True)
class _Line:
    """Straight lines between vertices, in a scale."""

    days: Sequence[int]
    values: Sequence[Decimal]
    scale: _Scale

    @property
    def first(self) -> int:
        return self.days[0]

    @property
    def last(self) -> int:
        return self.days[-1]

    def at(self, day: int) -> Decimal:
        place = bisect_left(self.days, day)
        if place < len(self.days) and self.days[place] == day:
            return self.values[place]
        if place == 0:
            return self.values[0]
        if place == len(self.days):
            if place == 1 or not self.scale.goes_on:
                return self.values[-1]
            place -= 1
        with localcontext(CONTEXT):
            left, right = self.days[place - 1], self.days[place]
            low, high = (self.scale.height(self.values[n], self.days[n]) for n in (place - 1, place))
            return rounded(self.scale.value(low + (high - low) * (day - left) / (right - left), day))

"""A curve's value at days between its vertices."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal, localcontext
from typing import Literal

import polars as pl

from .curves import COMPOUND_252, CONTEXT, LINEAR_360, VALUE, rounded
from .day_count import business_days
from .errors import UsageError

Method = Literal["flat_forward", "flat_forward_252", "flat_forward_360", "linear"]

# Curves of linear rates whose vertices B3 fills by flat forward (formula 1.4.3 of its manual of curves): so are those
# of 2019-09-10 between the maturities of DDI, within 0.0082. The others (LIB, EUC) are not filled from DDI.
_FLAT_FORWARD_360 = LINEAR_360 - {"LIB", "EUC"}


def interpolate(
    curve: pl.DataFrame, days: Iterable[int], *, method: Method | None = None, extrapolate: bool = False
) -> pl.DataFrame:
    """The curve's rate, or price, at each of `days` from its `refdate`.

    `curve` is one curve of one day, of `futures_curve` or `yield_curve`. The methods are:

    `flat_forward_252`, as B3 does for rates of 252 business days (DI1, DAP, PRE, DIC, ...): the forward rate between
    two vertices is constant, compounded over business days. `days` are business days.

    `flat_forward_360`, as B3 does for linear rates of 360 days (DDI, DOC, DOL of swaps, DCO, ACC, DCL): what 1 becomes,
    1 + rate * calendar days / 36000, grows by a constant factor for each business day. `days` are calendar days.

    `linear`: a straight line between two values over calendar days, for LIB and EUC. `days` are calendar days.

    `flat_forward`: for rates `flat_forward_360` where the curve's rates are linear ones, else `flat_forward_252`; for
    prices (DOL futures, PTX, ...) constant growth over business days. `days` are as these methods have them.

    Without `method` the curve's code decides.

    A vertex gives its value as it stands, other days are computed in decimal with 34 digits and rounded half-even
    to 9 decimals. Days outside the vertices are refused unless `extrapolate`: then the first rate holds before
    the first vertex, and after the last one the last forward rate (as B3 goes on) or, with `linear`, the last rate.
    Vertices without a value are passed over. Raises UsageError.

    >>> curve = futures_curve(futures_get("2024-01-15"), "DI1")
    >>> interpolate(curve, [21, 252]).columns
    ['refdate', 'curve_code', 'business_days', 'rate']
    """
    refdate, code = _identity(curve)
    quantity: Literal["rate", "price"] = "rate" if curve["rate"].count() else "price"
    scale = _scale(code, quantity, method)
    axis = scale.axis
    vertices = curve.filter(pl.col(quantity).is_not_null(), pl.col(axis, scale.place) > 0).sort("calendar_days")
    vertices = vertices.unique(axis, keep="last", maintain_order=True)
    if vertices.is_empty():
        raise UsageError(f"{code} of {refdate} has no vertex with a value")
    line = _Line(vertices[axis].to_list(), vertices[scale.place].to_list(), vertices[quantity].to_list(), scale)
    wanted = [int(day) for day in days]
    outside = [day for day in wanted if day < 1 or not (extrapolate or line.first <= day <= line.last)]
    if outside:
        raise UsageError(
            f"{code} of {refdate} runs from {line.first} to {line.last} {axis.replace('_', ' ')}, "
            f"not to {outside[0]}; extrapolate=True goes beyond (from day 1 on)"
        )
    values = pl.Series(quantity, [line.at(day, _place(refdate, day, scale)) for day in wanted], VALUE)
    return pl.DataFrame(
        {"refdate": [refdate] * len(wanted), "curve_code": [code] * len(wanted), axis: wanted, quantity: values},
        {"refdate": pl.Date, "curve_code": pl.String, axis: pl.Int64, quantity: VALUE},
    )


def _identity(curve: pl.DataFrame) -> tuple[date, str]:
    found = curve.select("refdate", "curve_code").unique()
    if found.height != 1:
        raise UsageError(f"interpolate takes one curve of one day at a time; this frame holds {found.height}")
    refdate, code = found.row(0)
    return refdate, code


@dataclass(frozen=True, slots=True)
class _Scale:
    """What is straight between two vertices.

    `height` makes it of a value and its day, `value` is the way back. Days are counted on `axis`, the line is straight
    over `place`. `goes_on`: the last slope goes on behind the last vertex.
    """

    height: Callable[[Decimal, int], Decimal]
    value: Callable[[Decimal, int], Decimal]
    axis: Literal["business_days", "calendar_days"]
    place: Literal["business_days", "calendar_days"]
    goes_on: bool = True


def _compounding(rate: Decimal, days: int) -> Decimal:
    """The logarithm of what a rate makes of 1 in so many business days; 252 of them are left out: they cancel."""
    return _logarithm(1 + rate / 100, rate) * days


def _compounded(height: Decimal, days: int) -> Decimal:
    return ((height / days).exp() - 1) * 100


def _capitalising(rate: Decimal, days: int) -> Decimal:
    """The logarithm of what a linear rate makes of 1 in so many calendar days."""
    return _logarithm(1 + rate * days / 36_000, rate)


def _capitalised(height: Decimal, days: int) -> Decimal:
    return (height.exp() - 1) * 36_000 / days


def _logarithm(factor: Decimal, value: Decimal) -> Decimal:
    if factor <= 0:
        raise UsageError(f"a value of {value.normalize():f} allows no flat forward; give method='linear'")
    return factor.ln()


_SCALES = {
    ("flat_forward_252", "rate"): _Scale(_compounding, _compounded, "business_days", "business_days"),
    ("flat_forward_360", "rate"): _Scale(_capitalising, _capitalised, "calendar_days", "business_days"),
    ("flat_forward", "price"): _Scale(
        lambda price, _: _logarithm(price, price), lambda height, _: height.exp(), "business_days", "business_days"
    ),
    **{
        ("linear", quantity): _Scale(
            lambda value, _: value, lambda height, _: height, "calendar_days", "calendar_days", goes_on=False
        )
        for quantity in ("rate", "price")
    },
}


def _scale(code: str, quantity: Literal["rate", "price"], method: Method | None) -> _Scale:
    """The scale of a method, or of the way that B3 goes for a curve."""
    chosen: str | None = method
    if chosen is None and quantity == "price":
        chosen = "flat_forward"
    elif chosen is None and code in COMPOUND_252:
        chosen = "flat_forward_252"
    elif chosen is None and code in LINEAR_360:
        chosen = "flat_forward_360" if code in _FLAT_FORWARD_360 else "linear"
    elif chosen == "flat_forward" and quantity == "rate":
        chosen = "flat_forward_360" if code in LINEAR_360 else "flat_forward_252"
    if chosen is None:
        ways = "'flat_forward_252', 'flat_forward_360' or 'linear'"
        raise UsageError(f"the convention of {code} is not known here: give method={ways}")
    if (chosen, quantity) not in _SCALES:
        ways = " or ".join(repr(name) for name, kind in _SCALES if kind == quantity)
        raise UsageError(f"method {chosen!r} does not work between {quantity}s such as those of {code}; use {ways}")
    return _SCALES[chosen, quantity]


def _place(refdate: date, day: int, scale: _Scale) -> int:
    return day if scale.place == scale.axis else business_days(refdate, refdate + timedelta(day))


@dataclass(frozen=True, slots=True)
class _Line:
    """Straight lines between vertices, in a scale: each has its day, its place on the line and its value."""

    days: Sequence[int]
    places: Sequence[int]
    values: Sequence[Decimal]
    scale: _Scale

    @property
    def first(self) -> int:
        return self.days[0]

    @property
    def last(self) -> int:
        return self.days[-1]

    def at(self, day: int, place: int) -> Decimal:
        number = bisect_left(self.days, day)
        if number < len(self.days) and self.days[number] == day:
            return self.values[number]
        if number == 0:
            return self.values[0]
        if number == len(self.days):
            if number == 1 or not self.scale.goes_on:
                return self.values[-1]
            number -= 1
        with localcontext(CONTEXT):
            left, right = self.places[number - 1], self.places[number]
            low, high = (self.scale.height(self.values[n], self.days[n]) for n in (number - 1, number))
            if right == left:  # a Saturday and its Monday are one business day: nothing lies between them
                return rounded(self.scale.value(low, day))
            return rounded(self.scale.value(low + (high - low) * (place - left) / (right - left), day))

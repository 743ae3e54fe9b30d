"""Interest rate curves of a day, each from one rule, so that every file that shows them agrees."""

from __future__ import annotations

import math
from datetime import date
from functools import lru_cache

from .dates import business_days
from .draws import Draws, walk


def overnight(day: date) -> float:
    """The DI of a day, % a year: it moves by steps, as the rate the central bank sets does."""
    meeting = date.fromordinal(day.toordinal() // 45 * 45)
    return max(2.0, round((11.25 + walk("overnight", meeting, 0.05)) * 4) / 4 - 0.10)


@lru_cache(maxsize=512)
def _shape(curve: str, day: date, seed: int) -> tuple[float, float, float]:
    """Level, slope and hump of a curve over the short rate."""
    bump = Draws(curve, day, seed).around(0.02)
    return (
        walk(f"{curve} level", day, 0.012) + bump,
        walk(f"{curve} slope", day, 0.02) + bump,
        walk(f"{curve} hump", day, 0.02),
    )


def _nelson(curve: str, day: date, seed: int, years: float, short: float, long: float) -> float:
    level, slope, hump = _shape(curve, day, seed)
    decay = (1 - math.exp(-years / 1.5)) / (years / 1.5)
    return short + level + (long + slope) * (1 - decay) + hump * (decay - math.exp(-years / 1.5))


def fixed(day: date, maturity: date, seed: int = 0) -> float:
    """DI x pré, % a year of 252 business days, three decimals: what DI1 settles at and the PRE curve shows."""
    years = max(1, business_days(day, maturity)) / 252
    return round(max(0.5, _nelson("fixed", day, seed, years, overnight(day), 0.6)), 3)


def real(day: date, maturity: date, seed: int = 0) -> float:
    """DI x IPCA, % a year of 252 business days: what DAP settles at."""
    years = max(1, business_days(day, maturity)) / 252
    return round(_nelson("real", day, seed, years, 6.2, 0.4), 3)


def dollar(day: date, maturity: date, seed: int = 0) -> float:
    """DI x dollar, % a year, linear over 360 days; hundreds of per cent, of either sign, over a day or two."""
    days = max(1, (maturity - day).days)
    surprise = Draws("ptax", day, seed).around(60.0) / days
    return round(_nelson("dollar", day, seed, days / 360, 5.0, 0.7) + surprise, 3)


def clean_dollar(day: date, maturity: date, seed: int = 0) -> float:
    """The clean dollar coupon: the same without the day's surprise in the exchange rate. What FRC settles at."""
    return round(_nelson("dollar", day, seed, max(1, (maturity - day).days) / 360, 5.0, 0.7), 2)


def unit_price(rate: float, day: date, maturity: date, *, linear: bool = False) -> float:
    """What 100,000 at maturity is worth on a day, to the cent."""
    if linear:
        return round(100_000 / (1 + rate / 100 * (maturity - day).days / 360), 2)
    return round(100_000 / float((1 + rate / 100) ** (business_days(day, maturity) / 252)), 2)

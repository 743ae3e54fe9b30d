"""Days that B3's files count: banking days, options' maturities, the month letters of tickers."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator
from datetime import date, timedelta
from functools import lru_cache

from dateutil.easter import easter  # type: ignore[import-untyped]

from pyb3.calendar import previous_session
from pyb3.maturity import maturity_date

LETTERS = "FGHJKMNQUVXZ"


# The law that made 20 November a national holiday from 2024 on: counts made before it do not know of it, and B3's
# business days of 2023-02-02 for the contracts of 2025 on are one a year more than those of 2025-02-03.
_LAW = date(2023, 12, 21)


@lru_cache
def _banking_days(year: int, law: bool) -> list[int]:
    fixed = [(1, 1), (4, 21), (5, 1), (9, 7), (10, 12), (11, 2), (11, 15), (12, 25)]
    if law and year >= 2024:
        fixed.append((11, 20))
    closed = {date(year, month, day) for month, day in fixed}
    closed |= {easter(year) + timedelta(days) for days in (-48, -47, -2, 60)}  # Carnival, Good Friday, Corpus Christi
    days = (date(year, 1, 1) + timedelta(n) for n in range(366))
    return [day.toordinal() for day in days if day.year == year and day.weekday() < 5 and day not in closed]


@lru_cache
def _before(year: int, law: bool) -> int:
    """Banking days from 1980 to the year before."""
    return 0 if year <= 1980 else _before(year - 1, law) + len(_banking_days(year - 1, law))


def _position(day: date, law: bool) -> int:
    return _before(day.year, law) + bisect_left(_banking_days(day.year, law), day.toordinal())


def business_days(start: date, end: date) -> int:
    """Banking days from `start` until `end`, as rates of 252 days a year count them: 24 and 31 December are among
    them, though B3 is closed."""
    law = start >= _LAW
    return _position(end, law) - _position(start, law)


def previous(day: date) -> date:
    """The session before `day`."""
    return previous_session(day - timedelta(1))


def next_month(year: int, month: int) -> tuple[int, int]:
    return year + month // 12, month % 12 + 1


def months_from(day: date) -> Iterator[tuple[int, int]]:
    """Year and month, from that of `day` on."""
    year, month = day.year, day.month
    while True:
        yield year, month
        year, month = next_month(year, month)


def code(year: int, month: int) -> str:
    """`F27` for January 2027."""
    return f"{LETTERS[month - 1]}{year % 100:02}"


def option_maturity(year: int, month: int) -> date:
    """Third Friday (until April 2021, third Monday), or the session before it."""
    weekday = 4 if (year, month) >= (2021, 5) else 0
    first = date(year, month, 1)
    return previous_session(first + timedelta((weekday - first.weekday()) % 7 + 14))


@lru_cache(maxsize=1 << 16)
def future_maturity(symbol: str, year: int, month: int) -> date:
    """Maturity of a future: by B3's rule where one is known, the option's day for single stocks, else the 20th."""
    known = maturity_date(symbol)
    if known is not None:
        return known
    return option_maturity(year, month) if len(symbol) == 8 else previous_session(date(year, month, 20))

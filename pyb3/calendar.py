"""B3's session days, by rule: the national holidays of the `holidays` package and B3's own closings."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from .errors import UsageError

# Closings the package lacks: (month, day), first and last year, and years that were sessions all the same.
_CLOSINGS: tuple[tuple[int, int, int, int, frozenset[int]], ...] = (
    (1, 25, 1990, 2021, frozenset()),  # São Paulo's day; B3 has kept it as a session since 2022
    (7, 9, 1998, 2021, frozenset({2020})),  # Constitutionalist revolution; moved in 2020
    (11, 20, 2004, 2019, frozenset()),  # Black consciousness; national from 2024
    (12, 24, 1990, 9999, frozenset()),
    (12, 31, 1990, 9999, frozenset()),
)

_EXTRA_CLOSINGS = frozenset({date(2014, 6, 12)})  # opening of the World Cup in São Paulo


@cache
def _closed(year: int) -> frozenset[date]:
    from holidays import financial_holidays

    days = set(financial_holidays("BVMF", years=year))
    days |= {
        date(year, month, day)
        for month, day, first, last, open_years in _CLOSINGS
        if first <= year <= last and year not in open_years
    }
    if year <= 2017:  # the year's last weekday was a bank holiday when the 31st fell on a weekend
        last = date(year, 12, 31)
        days.add(last - timedelta(max(0, last.weekday() - 4)))
    if year < 2000:  # the package closes Maundy Thursday, on which B3 traded
        days -= {day - timedelta(1) for day in days if day.month in (3, 4) and day.weekday() == 4}
    return frozenset(days | {day for day in _EXTRA_CLOSINGS if day.year == year})


def today() -> date:
    """The day it is at B3, in São Paulo."""
    return datetime.now(ZoneInfo("America/Sao_Paulo")).date()


def parse_date(text: str) -> date:
    """`2024-01-15` as a date. Raises UsageError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date; write it as 2024-01-15") from error


def as_date(value: date | str) -> date:
    """A date, or one written as `2024-01-15`. Raises UsageError."""
    return value if isinstance(value, date) else parse_date(value)


def is_session(day: date) -> bool:
    """Whether B3 traded on `day`."""
    return day.weekday() < 5 and day not in _closed(day.year)


def sessions(start: date, end: date) -> list[date]:
    """Session days from `start` to `end`, both included."""
    days = (start + timedelta(n) for n in range((end - start).days + 1))
    return [day for day in days if is_session(day)]


def next_session(day: date) -> date:
    """`day` itself where it is a session, else the first session after it."""
    while not is_session(day):
        day += timedelta(1)
    return day


def previous_session(day: date) -> date:
    """`day` itself where it is a session, else the last session before it."""
    while not is_session(day):
        day -= timedelta(1)
    return day

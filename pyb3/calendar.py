"""B3's session days: the holidays of the `holidays` package, and one table of what it lacks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cache
from zoneinfo import ZoneInfo

from .errors import UsageError

Day = date | str
"""A day: a date, or one written as `2024-01-15`."""

KNOWN_FROM = date(1990, 1, 1)
"""From here on each session is known. Before, the data itself is the calendar: a session is a day that may have
been one, and only what law or the files themselves show as closed is closed."""


@dataclass(frozen=True, slots=True)
class _Yearly:
    """A day of the year on which B3 was closed, though it was no national holiday."""

    month: int
    day: int
    first: int
    last: int
    reason: str
    sessions: frozenset[int] = frozenset()

    def dates(self, year: int) -> set[date]:
        closed = self.first <= year <= self.last and year not in self.sessions
        return {date(year, self.month, self.day)} if closed else set()


_YEARLY = (
    _Yearly(1, 25, 1990, 2021, "São Paulo's birthday, a city holiday that B3 has not kept since 2022"),
    _Yearly(7, 9, 1997, 2021, "Constitutionalist revolution, a state holiday from 1997", frozenset({2020})),
    _Yearly(11, 20, 2004, 2019, "Black consciousness, in the city of São Paulo; a national holiday from 2024"),
    _Yearly(12, 24, 1990, 9999, "Christmas Eve"),
    _Yearly(12, 31, 1990, 9999, "New Year's Eve"),
)
_ASH_WEDNESDAY_CLOSED_UNTIL = 1996  # from 1997 on a session that begins at 13:00

# The 1990s are as the calendar Brazil/BMF of the R package bizdays has them, and as Ibovespa's daily values (from
# 1993) bear out; exchange-calendars lacks these days, Ash Wednesdays and Maundy Thursdays.
_SINGLE = {
    date(1986, 2, 28): "Cruzado plan; the file of 1986 goes from 02-27 to 03-04",
    date(1986, 3, 3): "Cruzado plan",
    date(1989, 1, 16): "Summer plan; the file of 1989 goes from 01-13 to 01-18",
    date(1989, 1, 17): "Summer plan",
    date(1990, 3, 14): "Collor plan; the file of 1990 goes from 03-13 to 03-19",
    date(1990, 3, 15): "Collor plan",
    date(1990, 3, 16): "Collor plan",
    date(1990, 10, 3): "general election",
    date(1991, 2, 1): "second Collor plan",
    date(1994, 7, 1): "first day of the real; the file of 1994 goes from 06-30 to 07-04",
    date(1994, 10, 3): "general election",
    date(1996, 10, 3): "municipal election",
    date(2014, 6, 12): "opening of the World Cup in São Paulo",
}

# From 1985 to 1990 law 7,320 moved holidays to Mondays, but for these.
_NEVER_MOVED = (
    "Confraternização Universal",
    "Sexta-feira Santa",
    "Dia do Trabalhador",
    "Independência do Brasil",
    "Natal",
)


@cache
def _closed(year: int) -> frozenset[date]:
    from holidays import financial_holidays  # 250 countries: a tenth of a second

    national = financial_holidays("BVMF", years=year, language="pt_BR")
    single = {day for day in _SINGLE if day.year == year}
    if year < KNOWN_FROM.year:
        return frozenset(single.union(*(national.get_named(name) for name in _NEVER_MOVED)))
    days = single.union(national, *(closing.dates(year) for closing in _YEARLY))
    if year <= _ASH_WEDNESDAY_CLOSED_UNTIL:
        days.add(max(national.get_named("Carnaval")) + timedelta(1))
    last = date(year, 12, 31)  # where it falls on a weekend, the Friday before is closed
    days.add(last - timedelta(max(0, last.weekday() - 4)))
    return frozenset(days)


def zone() -> ZoneInfo:
    """The time zone of São Paulo."""
    return ZoneInfo("America/Sao_Paulo")


def now() -> datetime:
    """The time it is at B3, in São Paulo."""
    return datetime.now(zone())


def moment(day: date, clock: time) -> datetime:
    """A time of a day at B3, in São Paulo."""
    return datetime.combine(day, clock, tzinfo=zone())


def today() -> date:
    """The day it is at B3, in São Paulo."""
    return now().date()


def parse_date(text: str) -> date:
    """`2024-01-15` as a date. Raises UsageError."""
    try:
        return date.fromisoformat(text)
    except ValueError as error:
        raise UsageError(f"{text!r} is not a date; write it as 2024-01-15") from error


def as_date(value: Day) -> date:
    """A date, the date of a datetime, or one written as `2024-01-15`. Raises UsageError."""
    if isinstance(value, datetime):
        return value.date()
    return value if isinstance(value, date) else parse_date(value)


def is_session(day: date) -> bool:
    """Whether B3 traded on `day`; before 1990, whether it may have."""
    return day.weekday() < 5 and day not in _closed(day.year)


def sessions(start: Day, end: Day) -> list[date]:
    """Session days from `start` to `end`, both included; before 1990, the days that may have been sessions.

    >>> [str(day) for day in sessions("2024-12-20", "2025-01-03")]
    ['2024-12-20', '2024-12-23', '2024-12-26', '2024-12-27', '2024-12-30', '2025-01-02', '2025-01-03']
    """
    first, last = as_date(start), as_date(end)
    days = (first + timedelta(n) for n in range((last - first).days + 1))
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

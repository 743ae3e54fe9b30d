"""The business days that Brazilian rates of 252 days a year are counted in."""

from __future__ import annotations

from bisect import bisect_left
from datetime import date, timedelta
from functools import cache

from .calendar import Day, as_date

# Law 14,759 of 2023 made 20 November a national holiday from 2024 on. Counts made before this day do not know of
# it: B3's business days of 2023-02-02 for contracts of 2025 on are one a year more than those of 2025-02-03.
_LAW_COUNTED_FROM = date(2023, 12, 26)
_FIRST_YEAR = 1986


def business_days(start: Day, end: Day) -> int:
    """Business days from `start` until `end`, as B3 and ANBIMA count them: `start` is counted, `end` is not.

    They are the weekdays that are no national holiday, Carnival Monday or Tuesday, Good Friday or Corpus Christi;
    not B3's sessions: São Paulo's holidays, 24 and 31 December are business days. `start` is also the day the
    count is made on, and knows only the holidays that were law by then. Negative where `end` is before `start`.
    Raises UsageError.

    >>> business_days("2025-02-03", "2026-01-02")  # DI1F26 on 2025-02-03
    230
    >>> business_days("2023-02-02", "2026-01-02")  # as B3 counted DI1F26 on 2023-02-02, without 20 November
    733
    """
    first, last = as_date(start), as_date(end)
    law = first >= _LAW_COUNTED_FROM
    return _position(last, law) - _position(first, law)


@cache
def _days(year: int, law: bool) -> list[int]:
    from holidays import financial_holidays

    named = financial_holidays("BVMF", years=year, language="pt_BR")
    closed = set(named)
    for exchange_only in ("Véspera de Natal", "Último dia útil do ano"):
        closed -= set(named.get_named(exchange_only))
    if not law:
        closed -= set(named.get_named("Consciência Negra"))
    days = (date(year, 1, 1) + timedelta(n) for n in range(366))
    return [day.toordinal() for day in days if day.year == year and day.weekday() < 5 and day not in closed]


@cache
def _before(year: int, law: bool) -> int:
    """Business days from 1986 to the year before; negative for years before 1986."""
    if year < _FIRST_YEAR:
        return _before(year + 1, law) - len(_days(year, law))
    return _before(year - 1, law) + len(_days(year - 1, law)) if year > _FIRST_YEAR else 0


def _position(day: date, law: bool) -> int:
    return _before(day.year, law) + bisect_left(_days(day.year, law), day.toordinal())

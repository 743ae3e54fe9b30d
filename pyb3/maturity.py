"""B3's maturity codes and rules: from a futures ticker to its maturity date."""

from __future__ import annotations

import re
from datetime import date, timedelta

from .calendar import Day, as_date, next_session, sessions
from .errors import UsageError

MONTHS = "FGHJKMNQUVXZ"
_OLD_MONTHS = "JAN FEV MAR ABR MAI JUN JUL AGO SET OUT NOV DEZ".split()
_CODE = re.compile(rf"(?P<month>[{MONTHS}])(?P<year>\d\d)|(?P<old_month>{'|'.join(_OLD_MONTHS)})(?P<old_year>\d)")
_TICKER = re.compile(rf"(?P<commodity>[A-Z0-9]{{3}})(?P<code>{_CODE.pattern})")
_FIRST_SESSION = frozenset(
    "DI1 DOL WDO DDI DDM DCO OC1 FRC FRO BRI T10 WEU AUD CAD CHF CLP CNY EUR GBP JPY MXN NZD TRY ZAR".split()
)
_FIFTEENTH = frozenset({"DAP", "IAP", "CCM"})
_WEDNESDAY = frozenset({"IND", "WIN"})
_LAST_SESSION = frozenset({"BGI", "ETH"})
_SIXTH_BEFORE_LAST = frozenset({"ICF", "KFE"})


def maturity_code(day: Day, *, old: bool = False) -> str:
    """The code of the month that holds `day`: a letter and two digits, or `old`, as tickers had it before 2006.

    Raises UsageError.

    >>> maturity_code("2025-01-02"), maturity_code("2005-01-03", old=True)
    ('F25', 'JAN5')
    """
    day = as_date(day)
    if old:
        return f"{_OLD_MONTHS[day.month - 1]}{day.year % 10}"
    return f"{MONTHS[day.month - 1]}{day:%y}"


def maturity_month(code: str, refdate: Day | None = None) -> date:
    """The first day of the month that a maturity code means, `F25` or, as before 2006, `JAN5`.

    `refdate` is a day on which the contract was listed: it settles the decade of an old code (without it,
    2000-2009) and the century of a new one (without it, 2000-2099). Raises UsageError.

    >>> maturity_month("F25")
    datetime.date(2025, 1, 1)
    >>> maturity_month("JAN0"), maturity_month("JAN0", "2004-05-03")
    (datetime.date(2000, 1, 1), datetime.date(2010, 1, 1))
    """
    match = _CODE.fullmatch(code)
    if match is None:
        raise UsageError(f"{code!r} is no maturity code; one is written as F25, or before 2006 as JAN5")
    listed = None if refdate is None else as_date(refdate)
    if match["month"]:
        year, month = 2000 + int(match["year"]), MONTHS.index(match["month"]) + 1
        if listed is not None and year < listed.year - 50:
            year += 100
        return date(year, month, 1)
    year, month = 2000 + int(match["old_year"]), _OLD_MONTHS.index(match["old_month"]) + 1
    if listed is not None:  # the first such month that is not past
        year = listed.year + (year - listed.year) % 10
        if (year, month) < (listed.year, listed.month):
            year += 10
    return date(year, month, 1)


def maturity_date(symbol: str, refdate: Day | None = None) -> date | None:
    """Maturity of a futures ticker such as `DI1F27`, by B3's rule for its family.

    `refdate` is a day on which the contract was listed, as in `maturity_month`. None where the ticker is no
    future or no rule of its family is certain.

    >>> maturity_date("DI1F27"), maturity_date("DAPF27"), maturity_date("INDG27")
    (datetime.date(2027, 1, 4), datetime.date(2027, 1, 15), datetime.date(2027, 2, 17))
    >>> maturity_date("PETR4")
    """
    match = _TICKER.fullmatch(symbol)
    if match is None:
        return None
    first = maturity_month(match["code"], refdate)
    end = (first + timedelta(31)).replace(day=1) - timedelta(1)
    family = match["commodity"]
    if family in _FIRST_SESSION:
        return next_session(first)
    if family in _FIFTEENTH:
        return next_session(first.replace(day=15))
    if family in _WEDNESDAY:
        middle = first.replace(day=15)
        nearest = min((middle + timedelta(n) for n in range(-3, 4)), key=lambda day: day.weekday() != 2)
        return next_session(nearest)
    if family in _LAST_SESSION:
        return sessions(first, end)[-1]
    if family in _SIXTH_BEFORE_LAST:
        return sessions(first, end)[-7]
    return None

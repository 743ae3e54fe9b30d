"""B3's maturity rules: from a futures ticker to its maturity date."""

from __future__ import annotations

import re
from datetime import date, timedelta

from .calendar import next_session, sessions

MONTHS = "FGHJKMNQUVXZ"
_TICKER = re.compile(rf"(?P<commodity>[A-Z0-9]{{3}})(?P<month>[{MONTHS}])(?P<year>\d\d)")
_FIRST_SESSION = frozenset(
    "DI1 DOL WDO DDI DDM DCO OC1 FRC FRO BRI T10 WEU AUD CAD CHF CLP CNY EUR GBP JPY MXN NZD TRY ZAR".split()
)
_FIFTEENTH = frozenset({"DAP", "IAP", "CCM"})
_WEDNESDAY = frozenset({"IND", "WIN"})
_LAST_SESSION = frozenset({"BGI", "ETH"})
_SIXTH_BEFORE_LAST = frozenset({"ICF", "KFE"})


def maturity_date(symbol: str, refdate: date | None = None) -> date | None:
    """Maturity of a futures ticker such as `DI1F27`, by B3's rule for its family.

    `refdate` settles the century: the first maturity at or after it; without it, 2000-2099.
    None where the ticker is no future or no rule of its family is certain.
    """
    match = _TICKER.fullmatch(symbol)
    if match is None:
        return None
    year, month = 2000 + int(match["year"]), MONTHS.index(match["month"]) + 1
    if refdate is not None and year < refdate.year - 50:
        year += 100
    first = date(year, month, 1)
    end = date(year + month // 12, month % 12 + 1, 1) - timedelta(1)
    family = match["commodity"]
    if family in _FIRST_SESSION:
        return next_session(first)
    if family in _FIFTEENTH:
        return next_session(date(year, month, 15))
    if family in _WEDNESDAY:
        middle = date(year, month, 15)
        nearest = min((middle + timedelta(n) for n in range(-3, 4)), key=lambda d: d.weekday() != 2)
        return next_session(nearest)
    if family in _LAST_SESSION:
        return sessions(first, end)[-1]
    if family in _SIXTH_BEFORE_LAST:
        return sessions(first, end)[-7]
    return None

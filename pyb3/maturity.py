"""B3's maturity codes and rules: from a futures ticker to its maturity date."""

from __future__ import annotations

import re
from datetime import date, timedelta

import polars as pl

from .calendar import Day, as_date, is_session, next_session, previous_session, sessions
from .errors import UsageError

MONTHS = "FGHJKMNQUVXZ"
_OLD_MONTHS = "JAN FEV MAR ABR MAI JUN JUL AGO SET OUT NOV DEZ".split()
_CODE = re.compile(rf"(?P<month>[{MONTHS}])(?P<year>\d\d)|(?P<old_month>{'|'.join(_OLD_MONTHS)})(?P<old_year>\d)")
_TICKER = re.compile(rf"(?P<commodity>[A-Z0-9]{{3}})(?P<code>{_CODE.pattern})")
_FIRST_SESSION = frozenset("DI1 DOL WDO DDI DDM DCO OC1 FRC FRO BRI T10 CLP".split())

# Currencies in reais: the first session of the month until the contracts of August 2025, then the third Tuesday (B3's
# page on the change of 2025-06-02). On 2026-01-12 all contracts of January 2026 were still listed. CLP did not change;
# CAN (a pair in dollars) has a rule of its own, which is not known here.
_CURRENCIES = frozenset("AUD CAD CHF CNY EUR GBP JPY MXN NZD TRY WEU ZAR".split())
_THIRD_TUESDAY_FROM = date(2025, 9, 1)

# BIT's contract has the session before where the last Friday is not a session: 2027-12-30 for Friday 2027-12-31.
_LAST_FRIDAY = frozenset({"BIT", "ETR", "SOL"})
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

    `refdate` is a day on which the contract was listed, as in `maturity_month`. None where the ticker is not a
    future's, or where no rule of its family is certain: also for a currency whose third Tuesday is not a session
    (EURG26: Carnival), since B3 does not say whether the day before or after stands for it. `with_maturities` takes the
    date from the list of symbols then.

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
    if family in _CURRENCIES and first >= _THIRD_TUESDAY_FROM:
        tuesday = first + timedelta((1 - first.weekday()) % 7 + 14)
        return tuesday if is_session(tuesday) else None
    if family in _FIRST_SESSION or family in _CURRENCIES:
        return next_session(first)
    if family in _FIFTEENTH:
        return next_session(first.replace(day=15))
    if family in _WEDNESDAY:
        middle = first.replace(day=15)
        nearest = min((middle + timedelta(n) for n in range(-3, 4)), key=lambda day: day.weekday() != 2)
        return next_session(nearest)
    if family in _LAST_SESSION:
        return sessions(first, end)[-1]
    if family in _LAST_FRIDAY:
        return previous_session(end - timedelta((end.weekday() - 4) % 7))
    if family in _SIXTH_BEFORE_LAST:
        return sessions(first, end)[-7]
    return None


def with_maturities(futures: pl.DataFrame, symbols: pl.DataFrame) -> pl.DataFrame:
    """Futures with each maturity that is known: by the rule of the family, else as the day's list of symbols has it.

    `futures` are rows of `futures_get`, `symbols` rows of `symbols_get` of the same days. Where a row's
    `maturity_date` is NULL it becomes the expiration date of its ticker in the FUTURE market on its `refdate`; it stays
    NULL where the list has no such ticker, or has it with two dates. The added column `maturity_source` says where the
    date is from: `rule`, `symbols`, or NULL. `futures_curve` works with the result. In the database the view
    `futures_with_maturities` is the same. Raises UsageError where a frame lacks a column.

    >>> futures = with_maturities(futures_get("2024-01-15"), symbols_get("2024-01-15"))
    >>> futures.filter(symbol="DI1F27").select("maturity_date", "maturity_source").row(0)
    (datetime.date(2027, 1, 4), 'rule')
    >>> futures["maturity_date"].null_count()
    0
    """
    for name, frame, needed in (("futures", futures, _OF_FUTURES), ("symbols", symbols, _OF_SYMBOLS)):
        if missing := [column for column in needed if column not in frame.columns]:
            raise UsageError(f"{name} lacks the column {', '.join(missing)}; give rows of {name}_get")
    # For equities B3 has the segment in the column of the market, and the market in that of the segment.
    listed = symbols.filter(
        pl.any_horizontal(pl.col("market", "segment") == "FUTURE"), pl.col("maturity_date").is_not_null()
    )
    of_day = (
        listed.group_by("refdate", "symbol")
        .agg(_listed=pl.col("maturity_date").first(), _dates=pl.col("maturity_date").n_unique())
        .filter(pl.col("_dates") == 1)
        .drop("_dates")
    )
    found = futures.join(of_day, on=["refdate", "symbol"], how="left", maintain_order="left")
    by_rule, by_list = pl.col("maturity_date").is_not_null(), pl.col("_listed").is_not_null()
    return found.with_columns(
        maturity_date=pl.coalesce("maturity_date", "_listed"),
        maturity_source=pl.when(by_rule).then(pl.lit("rule")).when(by_list).then(pl.lit("symbols")),
    ).drop("_listed")


_OF_FUTURES = ("refdate", "symbol", "maturity_date")
_OF_SYMBOLS = ("refdate", "symbol", "segment", "market", "maturity_date")

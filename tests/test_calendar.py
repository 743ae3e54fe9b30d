"""Sessions are the days B3 traded on, business days those that its rates are counted in."""

from __future__ import annotations

import csv
import gzip
import json
import re
import subprocess
import sys
import time
import zipfile
from datetime import date, timedelta
from pathlib import Path

import exchange_calendars
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyb3
from pyb3 import calendar
from pyb3.calendar import is_session, next_session, previous_session, sessions
from pyb3.datasets import registry
from pyb3.day_count import business_days
from pyb3.errors import UsageError

NEXT_YEAR = calendar.today().year + 1

# Weekdays of the 1990s that exchange-calendars takes for sessions. The calendar Brazil/BMF of the R package bizdays
# closes each of them, and so do Ibovespa's daily values, as far as they reach back (from 1993 on): none changed.
CLOSED_IN_THE_1990S = {
    "Ash Wednesday, until 1996": "1990-02-28 1991-02-13 1992-03-04 1993-02-24 1994-02-16 1995-03-01 1996-02-21",
    "Maundy Thursday, until 1999": (
        "1990-04-12 1991-03-28 1992-04-16 1993-04-08 1994-03-31 1995-04-13 1996-04-04 1997-03-27 1998-04-09 1999-04-01"
    ),
    "economic plans": "1990-03-14 1990-03-15 1990-03-16 1991-02-01 1994-07-01",
    "elections": "1990-10-03 1994-10-03 1996-10-03",
    "state holiday, from 1997": "1997-07-09",
}


def days(text: str) -> list[date]:
    return [date.fromisoformat(day) for day in text.split()]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # of pandas, in exchange-calendars
def test_sessions_are_those_of_the_exchange_calendar_but_for_the_1990s() -> None:
    known = exchange_calendars.get_calendar("BVMF", start="1990-01-01", end=f"{NEXT_YEAR}-12-31")
    theirs = {day.date() for day in known.sessions}
    ours = set(sessions(date(1990, 1, 1), date(NEXT_YEAR, 12, 31)))
    assert ours - theirs == set()
    assert theirs - ours == {day for text in CLOSED_IN_THE_1990S.values() for day in days(text)}


def test_there_are_as_many_sessions_as_days_in_b3s_yearly_files() -> None:
    # A public project that keeps the 41 files counts 10,059 days from 1986-01-02 to 2026-09-18, and 248 in 2023. Of
    # the days before 1990 that may have been sessions, about one in twenty was not.
    whole = sessions("1990-01-01", "2026-09-18")
    assert 970 < 10_059 - len(whole) < 980
    assert len(sessions("1986-01-01", "1989-12-31")) > 10_059 - len(whole)
    assert len(sessions("2023-01-01", "2023-12-31")) == 248


def test_each_year_has_the_sessions_that_b3s_file_of_it_has() -> None:
    years = {one.year: one for one in registry.get("cotahist").template.years}
    assert sorted(years) == list(range(1986, 2026))
    for year, file in years.items():
        days = sessions(date(year, 1, 1), date(year, 12, 31))
        if year >= calendar.KNOWN_FROM.year:
            assert (len(days), days[0], days[-1]) == (file.sessions, file.first, file.last)
        else:  # days that may have been sessions
            assert len(days) >= file.sessions and {file.first, file.last} <= set(days)


@pytest.mark.parametrize(
    ("day", "traded", "why"),
    [
        ("1986-02-28", False, "Cruzado plan"),
        ("1989-01-17", False, "Summer plan"),
        ("1990-03-15", False, "Collor plan"),
        ("1994-07-01", False, "first day of the real"),
        ("1994-07-04", True, "first session in reais"),
        ("1996-02-21", False, "Ash Wednesday, closed until 1996"),
        ("1997-02-12", True, "Ash Wednesday, a session from 1997"),
        ("1999-04-01", False, "Maundy Thursday, closed until 1999"),
        ("2000-04-20", True, "Maundy Thursday, a session from 2000"),
        ("2001-09-11", True, "a session cut short"),
        ("2014-06-12", False, "opening of the World Cup in São Paulo"),
        ("2015-02-18", True, "Ash Wednesday"),
        ("2024-02-12", False, "Carnival Monday"),
        ("2024-02-13", False, "Carnival Tuesday"),
        ("2024-02-14", True, "Ash Wednesday"),
        ("2024-03-29", False, "Good Friday"),
        ("2024-05-30", False, "Corpus Christi"),
        ("2021-01-25", False, "São Paulo's birthday"),
        ("2022-01-25", True, "São Paulo's birthday, kept no more"),
        ("1996-07-09", True, "9 July, no holiday yet"),
        ("1997-07-09", False, "9 July, a state holiday"),
        ("2019-07-09", False, "9 July"),
        ("2020-07-09", True, "9 July, moved for the pandemic"),
        ("2021-07-09", False, "9 July"),
        ("2024-07-09", True, "9 July, kept no more"),
        ("2003-11-20", True, "20 November, no holiday yet"),
        ("2019-11-20", False, "20 November, a city holiday"),
        ("2020-11-20", True, "20 November, moved for the pandemic"),
        ("2023-11-20", True, "20 November, kept no more"),
        ("2024-11-20", False, "20 November, a national holiday"),
        ("2025-11-20", False, "20 November"),
        ("2010-12-24", False, "Christmas Eve"),
        ("2024-12-24", False, "Christmas Eve"),
        ("2024-12-30", True, "last session of the year"),
        ("2024-12-31", False, "New Year's Eve"),
        ("2016-12-30", False, "Friday before a New Year's Eve on Saturday"),
        ("2023-12-29", False, "Friday before a New Year's Eve on Sunday"),
        ("2024-01-13", False, "Saturday"),
        (f"{NEXT_YEAR}-12-25", False, "Christmas"),
    ],
)
def test_special_days(day: str, traded: bool, why: str) -> None:
    assert is_session(date.fromisoformat(day)) is traded, why


def test_before_1990_a_day_that_may_have_been_a_session_is_one() -> None:
    # Law 7,320 of 1985 moved holidays to Mondays: 21 April 1987, a Tuesday, was a working day.
    assert is_session(date(1987, 4, 20)) and is_session(date(1987, 4, 21))
    closed = {
        day for year in (1987, 1988) for n in range(366)
        if (day := date(year, 1, 1) + timedelta(n)).year == year and day.weekday() < 5 and not is_session(day)
    }  # fmt: skip
    assert closed == set(
        days("1987-01-01 1987-04-17 1987-05-01 1987-09-07 1987-12-25 1988-01-01 1988-04-01 1988-09-07")
    )


def test_every_date_in_b3s_files_is_a_session(real: Path) -> None:
    found = set()
    for path in sorted((real / "cotahist").iterdir()):
        if path.suffix == ".ZIP":
            with zipfile.ZipFile(path) as archive:
                text = archive.read(archive.namelist()[0]).decode("latin-1")
        else:
            text = path.read_text("latin-1")
        found |= {date.fromisoformat(line[2:10]) for line in text.splitlines() if line.startswith("01")}
    with gzip.open(real / "futures/PR180102.xml.gz", "rt") as stream:
        found |= set(days(" ".join(re.findall(r"<Dt>([\d-]+)</Dt>", stream.read()))))
    for path in sorted((real / "futures").glob("SPRD*.zip")):
        found |= set(pyb3.futures_get(file=path)["refdate"])
    text = (real / "yield_curves/TaxaSwap_20141212.txt").read_text("latin-1")
    found |= {date.fromisoformat(line[11:19]) for line in text.splitlines()}
    page = json.loads((real / "index_historical/IndexStatistics_IBOV_2022.json").read_text())
    values = {
        date(2022, month, row["day"])
        for row in page["results"]
        for month in range(1, 13)
        if row[f"rateValue{month}"] is not None
    }
    assert values == set(sessions("2022-01-01", "2022-12-31"))
    found |= values
    assert len(found) > 255 and [day for day in sorted(found) if not is_session(day)] == []


def test_maturities_b3_published_are_sessions(real: Path) -> None:
    with (real / "futures/maturities_20150102.csv").open() as stream:
        listed = [row for row in csv.DictReader(stream) if pyb3.maturity_date(row["symbol"], "2015-01-02")]
    assert len(listed) > 100
    assert [row["symbol"] for row in listed if not is_session(date.fromisoformat(row["maturity_date"]))] == []


@given(st.dates(date(1990, 1, 1), date(NEXT_YEAR, 12, 31)))
def test_next_and_previous_sessions_enclose_a_day_closely(day: date) -> None:
    before, after = previous_session(day), next_session(day)
    assert before <= day <= after and is_session(before) and is_session(after)
    assert (before == day == after) is is_session(day)
    assert sessions(before, after) == ([day] if is_session(day) else [before, after])
    assert (after - before).days <= 7


def test_forty_years_of_sessions_take_no_time() -> None:
    sessions("1986-01-01", f"{NEXT_YEAR}-12-31")  # each year's holidays once
    start = time.perf_counter()
    assert len(sessions("1986-01-01", f"{NEXT_YEAR}-12-31")) > 10_000
    assert time.perf_counter() - start < 0.5


def test_a_weekend_is_known_without_the_list_of_holidays() -> None:
    code = (
        "import sys; from datetime import date; from pyb3.calendar import is_session;"
        "assert not is_session(date(2024, 1, 13)); print('holidays' in sys.modules)"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True).stdout == "False\n"


def test_a_date_that_is_none_is_refused() -> None:
    with pytest.raises(UsageError, match="'2024-02-30' is not a date; write it as 2024-01-15"):
        sessions("2024-02-30", "2024-03-01")


@pytest.mark.parametrize("name", ["SPRD230202", "SPRD250203"])
def test_business_days_are_those_of_futures(real: Path, name: str) -> None:
    with (real / f"futures/{name}.expected.csv").open() as stream:
        rows = [row for row in csv.DictReader(stream) if row["business_days"]]
    assert len(rows) > 160
    for row in rows:
        assert business_days(row["refdate"], row["maturity_date"]) == int(row["business_days"]), row["symbol"]


def test_business_days_are_those_of_swap_rates(real: Path) -> None:
    curves = pyb3.yield_curves_get(file=real / "yield_curves/TaxaSwap_20141212.txt")
    assert curves.height == 348
    for refdate, calendar_days, counted in curves.select("refdate", "calendar_days", "business_days").rows():
        assert business_days(refdate, refdate + timedelta(calendar_days)) == counted, calendar_days


def test_business_days_are_no_sessions_when_only_the_exchange_or_the_city_rests() -> None:
    for day in days("2021-01-25 2019-07-09 2019-11-20 2024-12-24 2024-12-31"):
        assert not is_session(day) and business_days(day, day + timedelta(1)) == 1
    for day in days("2024-02-13 2024-05-30 2024-11-20 2024-12-25"):
        assert business_days(day, day + timedelta(1)) == 0


def test_a_count_knows_20_november_only_once_it_was_law() -> None:
    november = date(2024, 11, 1), date(2024, 12, 1)
    before, after = (
        business_days(day, november[1]) - business_days(day, november[0]) for day in ("2023-12-22", "2023-12-26")
    )
    assert (before, after) == (20, 19)


DATES = st.dates(date(1990, 1, 1), date(2090, 12, 31))


@given(DATES, DATES)
def test_business_days_count_forth_and_back(start: date, end: date) -> None:
    count = business_days(start, end)
    weekdays = pl.select(pl.business_day_count(min(start, end), max(start, end))).item()
    assert abs(count) <= weekdays and (count >= 0) is (start <= end or count == 0)
    if start >= date(2023, 12, 26) and end >= date(2023, 12, 26):
        assert count == -business_days(end, start)

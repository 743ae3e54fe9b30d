"""A year that was loaded whole has the rows and sessions of B3's file, or status and verify name it."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from pathlib import Path

import pytest

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.load import connect, ledger, year_counts
from pyb3.template import Year

SESSIONS = 248  # of 2023
SIMULATED = date(2023, 1, 2), date(2023, 12, 28)

Facts = Callable[..., Year]


@pytest.fixture
def facts(monkeypatch: pytest.MonkeyPatch) -> Facts:
    """Make these the numbers of B3's file of 2023: the simulator's year is shorter than B3's."""

    def given(rows: int, sessions: int = SESSIONS, first: date = SIMULATED[0], last: date = SIMULATED[1]) -> Year:
        year, dataset = Year(2023, rows, sessions, first, last), registry.get("cotahist")
        monkeypatch.setattr(dataset, "template", replace(dataset.template, years=(year,)))
        return year

    return given


@pytest.fixture
def loaded(pyb3, database, simulator, monkeypatch) -> int:
    """The rows of 2023, which is loaded from the file of the year; today is the first day of 2024."""
    simulator.rows = 40
    rows: int = pyb3("backfill cotahist --year 2023 --json").json["rows"]
    new_year = datetime(2024, 1, 1, 12, tzinfo=calendar.now().tzinfo)
    monkeypatch.setattr(calendar, "now", lambda: new_year)
    return rows


def test_the_template_has_the_numbers_that_were_counted_in_b3s_files(real: Path) -> None:
    with (real / "cotahist/cotahist_years.csv").open() as file:
        counted = [tuple(row.values()) for row in csv.DictReader(file)]
    years = registry.get("cotahist").template.years
    assert [tuple(map(str, (y.year, y.rows, y.sessions, y.first, y.last))) for y in years] == counted
    assert len(years) == 40


def test_a_year_with_b3s_numbers_is_not_named(pyb3, loaded: int, facts: Facts) -> None:
    facts(loaded)
    status = pyb3("status cotahist --json")
    assert (status.code, status.json["years"], status.json["missing"]) == (0, [], [])
    verified = pyb3("verify cotahist --year 2023 --json")
    assert (verified.code, verified.json["result"], verified.json["years"]) == (0, "verified", [])


def test_a_simulated_year_is_named_with_the_numbers_of_b3s_file(pyb3, loaded: int) -> None:
    status = pyb3("status cotahist --json")
    sessions = {"sessions": SESSIONS, "first": "2023-01-02", "last": "2023-12-28"}
    year = {
        "year": 2023,
        "expected": {"rows": 2_257_424} | sessions,
        "found": {"rows": loaded} | sessions | {"rejected": 0},
    }
    assert (status.code, status.json["years"], status.json["missing"]) == (4, [year], [])
    verified = pyb3("verify cotahist --year 2023 --json")
    by_result = {one["result"]: one for one in verified.objects}
    assert verified.code == 4 and by_result.keys() == {"verified", "year_differs"}
    found = by_result["year_differs"]
    assert (found["unit"], found["years"], found["missing"]) == ("2023", [year], 2_257_424 - loaded)
    words = f"{loaded:,} rows, B3's file has 2,257,424"
    assert words in found["message"] and words in pyb3("status cotahist").out and words in pyb3("verify cotahist").out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"rows": 1}, "rows, B3's file has"),
        ({"sessions": 247}, "248 sessions, B3's file has 247"),
        ({"first": date(2023, 1, 3), "sessions": 247}, "first session 2023-01-02, in B3's file 2023-01-03"),
        ({"last": date(2023, 12, 29)}, "last session 2023-12-28, in B3's file 2023-12-29"),
    ],
)
def test_each_number_that_differs_is_named(pyb3, loaded: int, facts: Facts, change: dict, words: str) -> None:
    facts(loaded + change.pop("rows", 0), **change)
    answer = pyb3("status")
    assert answer.code == 4
    assert words in answer.out


def test_a_row_that_was_deleted_is_named_by_verify_which_counts_the_table(
    pyb3, database, loaded: int, facts: Facts
) -> None:
    facts(loaded)
    database.execute(
        "DELETE FROM cotahist WHERE ctid = (SELECT ctid FROM cotahist_2023 LIMIT 1) AND refdate < '2024-01-01'"
    )
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (loaded - 1,)
    verified = pyb3("verify cotahist --json")
    assert verified.code == 4
    [found] = [one for one in verified.objects if one["result"] == "year_differs"]
    assert (found["years"][0]["found"]["rows"], found["missing"]) == (loaded - 1, 1)
    assert pyb3("status cotahist --json").json["years"] == [], "the ledger knows what was loaded"


def test_without_the_ledgers_numbers_the_table_is_counted(pyb3, database, loaded: int, facts: Facts) -> None:
    facts(loaded + 1)
    database.execute("UPDATE ingestions SET day_rows = NULL")
    [year] = pyb3("status cotahist --json").json["years"]
    assert year["found"]["rows"] == loaded


def test_records_that_were_set_aside_are_named_as_the_reason(pyb3, database, loaded: int, facts: Facts) -> None:
    facts(loaded + 2)
    database.execute("UPDATE ingestions SET rejected = 2")
    answer = pyb3("status cotahist")
    assert answer.code == 4
    assert "2 records set aside, see 'pyb3 history cotahist --rejected'" in answer.out
    assert "--refresh" not in answer.out, "downloading it again would bring the same"
    assert pyb3("status cotahist --json").json["years"][0]["found"]["rejected"] == 2


def test_the_newest_load_of_a_day_counts(pyb3, database, simulator, loaded: int, facts: Facts) -> None:
    before = database.execute("SELECT count(*) FROM cotahist WHERE refdate = '2023-06-15'").fetchone()[0]
    simulator.rows = 90
    day = pyb3("ingest cotahist --date 2023-06-15 --json").json["rows"]
    assert day > before
    facts(loaded - before + day)
    assert pyb3("status cotahist --json").json["years"] == []


def test_a_year_of_which_sessions_are_missing_is_only_incomplete(pyb3, database, simulator, facts: Facts) -> None:
    facts(1_000)
    pyb3("ingest cotahist --date 2023-06-14")
    pyb3("ingest cotahist --date 2023-06-15")
    status = pyb3("status cotahist --json")
    assert status.json["years"] == [] and status.json["missing"]
    facts(999, 2, date(2023, 6, 14), date(2023, 6, 15))  # with these two the year is whole
    [year] = pyb3("status cotahist --json").json["years"]
    assert year["found"]["sessions"] == 2


def test_the_file_of_a_year_that_had_not_ended_yet_is_not_the_whole_year(
    pyb3, database, loaded: int, facts: Facts
) -> None:
    facts(loaded)
    database.execute("DELETE FROM cotahist WHERE refdate > '2023-06-30'")
    assert pyb3("status cotahist --json").json["years"] != []
    database.execute("UPDATE ingestions SET ended_at = '2024-01-01 02:00+00'")  # the last evening of 2023 at B3
    assert pyb3("status cotahist --json").json["years"] == []


def test_a_range_has_the_years_that_lie_in_it_alone(pyb3, loaded: int, facts: Facts) -> None:
    facts(loaded + 1)
    template = registry.get("cotahist").template
    with connect.connect() as connection:
        days = ledger.days(connection, "cotahist", template.table)

        def found(*between: date) -> list[int]:
            years = year_counts.different_years(connection, template, days, *between)
            return [one.expected.year for one in years]

        assert found() == found(date(2023, 1, 1)) == found(date(2020, 1, 1), date(2023, 12, 31)) == [2023]
        assert found(date(2023, 1, 2)) == found(date(2023, 1, 1), date(2023, 12, 30)) == []
    assert pyb3("verify cotahist --from 2023-01-02 --to 2023-12-31").code == 0

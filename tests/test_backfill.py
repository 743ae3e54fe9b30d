"""Many sessions, or whole years: each unit whole or not at all, one that fails does not stop the others."""

from __future__ import annotations

from datetime import date, time
from pathlib import Path

import pytest

from pyb3 import calendar, settings
from pyb3.fetch import cache

FROM, TO = date(2024, 1, 2), date(2024, 1, 12)
DAYS = calendar.sessions(FROM, TO)
RANGE = f"--from {FROM} --to {TO}"


def _days(database, table: str) -> dict[date, int]:
    return dict(database.execute(f"SELECT refdate, count(*) FROM {table} GROUP BY 1 ORDER BY 1").fetchall())


def test_backfill_of_a_year_is_one_file(pyb3, database, simulator) -> None:
    done = pyb3("backfill cotahist --year 2019 --json")
    assert done.code == 0, done.err
    assert (done.json["unit"], done.json["outcome"]) == ("2019", "loaded")
    assert list(_days(database, "cotahist")) == calendar.sessions(date(2019, 1, 1), date(2019, 12, 31))
    assert done.json["inserted"] == done.json["rows"] == sum(_days(database, "cotahist").values())
    again = pyb3("backfill cotahist --year 2019 --json").json
    assert (again["outcome"], again["unchanged"]) == ("unchanged", done.json["rows"])
    assert len(simulator.requests) == 1


def test_backfill_of_several_years(pyb3, database, simulator) -> None:
    simulator.rows = 40
    done = pyb3("backfill cotahist --year 1999 --year 2001 --year 1999 --json")
    assert [one["unit"] for one in done.objects] == ["1999", "2001"]
    assert {day.year for day in _days(database, "cotahist")} == {1999, 2001}


@pytest.mark.parametrize("jobs", [1, 2, 4])
def test_backfill_of_a_range_loads_its_sessions(pyb3, database, simulator, jobs: int) -> None:
    simulator.rows = 50
    done = pyb3(f"backfill futures {RANGE} --jobs {jobs} --json")
    assert done.code == 0, done.err
    assert [one["unit"] for one in done.objects] == [str(day) for day in DAYS], "in order, whoever is done first"
    assert _days(database, "futures") == dict.fromkeys(DAYS, 50)
    again = pyb3(f"backfill futures {RANGE} --jobs {jobs} --json")
    assert {one["outcome"] for one in again.objects} == {"unchanged"}
    assert len(simulator.requests) == len(DAYS)


def test_backfill_shows_totals(pyb3, database, simulator) -> None:
    simulator.rows = 50
    shown = pyb3(f"backfill futures {RANGE}").out
    total = next(line for line in shown.splitlines() if "units" in line)
    assert total.split()[:5] == [str(len(DAYS)), "units", "450", "450", "0"]


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_unit_that_fails_does_not_stop_the_others(process, pyb3, database, simulator, jobs: int) -> None:
    simulator.rows = 50
    bad = DAYS[3]
    simulator.exchange.absent += ["filelist=PR", "TradeInformation", "/bdi/"]  # the next sources
    path = Path(pyb3(f"fetch futures --date {bad}").out.strip())
    path.write_bytes(path.read_bytes()[:-99])
    done = process(f"backfill futures {RANGE} --jobs {jobs} --json")
    assert done.code == 4
    assert done.err.count("\n") == 1
    assert done.err.startswith(f"pyb3: futures {bad}: "), done.err
    failed = {one["unit"]: one["error"]["code"] for one in done.objects if one["outcome"] == "failed"}
    assert failed == {str(bad): "file"}
    assert _days(database, "futures") == {day: 50 for day in DAYS if day != bad}
    path.unlink()
    assert pyb3(f"backfill futures {RANGE} --json").code == 0, "what failed is made good by the same command"
    assert _days(database, "futures") == dict.fromkeys(DAYS, 50)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_database_that_refuses_ends_the_backfill(refused, bare_database, simulator, jobs: int) -> None:
    simulator.rows = 50
    refused(f"backfill futures --from 2024-01-02 --to 2024-12-30 --jobs {jobs}", 7, "run 'pyb3 db upgrade'")
    assert len(simulator.requests) < 20, "no other unit would fare better"


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        ("", 2, "say one of --year"),
        ("--from 2024-01-02", 2, "--from with --to"),
        ("--to 2024-01-02", 2, "--from with --to"),
        ("--year 2024 --from 2024-01-02 --to 2024-01-03", 2, "say one of"),
        ("--from 2024-01-03 --to 2024-01-02", 2, "2024-01-03 is after 2024-01-02"),
        ("--from 2024-01-02 --to 2024-02-30", 2, "'2024-02-30' is not a date"),
        ("--from 2024-01-02 --to 2999-01-02", 2, "is in the future"),
        ("--year 1985", 2, "B3 has no data of 1985"),
        ("--year 2999", 2, "B3 has no data of 2999"),
        ("--year next", 2, "--year"),
        ("--year 2019 --jobs 0", 2, "--jobs"),
        ("--from 2024-01-06 --to 2024-01-07", 3, "no session from 2024-01-06 to 2024-01-07"),
    ],
)
def test_a_backfill_of_nothing_is_refused(refused, database, simulator, options: str, code: int, words: str) -> None:
    refused(f"backfill cotahist {options}", code, words)
    assert simulator.requests == []
    assert not settings.cache_dir().exists()


def test_a_file_that_many_sessions_are_read_from_is_not_replaced_while_it_is_read(
    pyb3, database, simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The last session needs the index statistics anew; the sessions before it are read from the same files."""
    for night in (25, 26, 27):
        at = calendar.moment(date(2026, 11, night), time(21, 40))
        monkeypatch.setattr(calendar, "now", lambda at=at: at)
        simulator.today = date(2026, 11, night)
        before = len(simulator.requests)
        answer = pyb3("backfill index_historical --last 5 --json")
        assert answer.code == 0, answer.err
        assert {unit["outcome"] for unit in answer.objects} <= {"loaded", "unchanged"}
        asked = [path for path in simulator.requests[before:] if "indexStatisticsProxy" in path]
        assert len(asked) == len(set(asked)), "each index is asked for once a run"


def test_refresh_asks_for_a_file_of_many_sessions_once(pyb3, database, simulator) -> None:
    pyb3("backfill index_historical --last 5")
    before = len(simulator.requests)
    cache._asked.clear()  # what one run knows of what it asked for
    cache._absent.clear()
    assert pyb3("backfill index_historical --last 5 --refresh").code == 0
    asked = [path for path in simulator.requests[before:] if "indexStatisticsProxy" in path]
    assert len(asked) == len(set(asked)) > 30

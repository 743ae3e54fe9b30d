"""A session that is missing is judged by the hours since it ended, before midnight and after it alike."""

from __future__ import annotations

import csv
import re
import zipfile
from collections.abc import Callable
from datetime import date, datetime, time, timedelta
from pathlib import Path

import psycopg
import pytest

from pyb3 import calendar, lateness
from pyb3.datasets import registry
from pyb3.fetch import cache
from pyb3.unit import Outcome, Unit
from tests.conftest import Answer
from tests.support.simulator import Simulator

DAY = calendar.previous_session(calendar.today() - timedelta(1))
BEFORE = calendar.previous_session(DAY - timedelta(1))
NEXT = DAY + timedelta(1)
Run = Callable[[date, str, str], Answer]


@pytest.fixture
def run(pyb3: Callable[[str], Answer], monkeypatch: pytest.MonkeyPatch) -> Run:
    """`pyb3 LINE` as a run of its own, at a time of a day in São Paulo."""

    def at(day: date, clock: str, line: str) -> Answer:
        cache._asked.clear()
        cache._absent.clear()
        moment = calendar.moment(day, time.fromisoformat(clock))
        monkeypatch.setattr(calendar, "now", lambda: moment)
        return pyb3(line)

    return at


@pytest.fixture(autouse=True)
def missing(simulator: Simulator) -> None:
    """B3 has published the sessions before DAY, not DAY."""
    simulator.rows = 40
    simulator.today = BEFORE


def _last(answer: Answer) -> tuple[int, str, str, bool, float, int]:
    unit = answer.objects[-1]
    facts = ("unit", "outcome", "late", "hours_since_session", "missed_runs")
    return (answer.code, *(unit[fact] for fact in facts))  # type: ignore[return-value]


def test_the_same_state_is_told_the_same_before_and_after_midnight(run: Run, database: psycopg.Connection) -> None:
    line = "backfill cotahist --last 3 --json"
    day = str(DAY)
    assert _last(run(DAY, "21:40", line)) == (0, day, "not_published", False, 3.7, 1)
    assert _last(run(DAY, "23:59", line)) == (0, day, "not_published", False, 6.0, 2)
    assert _last(run(NEXT, "00:30", line)) == (0, day, "not_published", False, 6.5, 3)
    assert _last(run(NEXT, "07:29", line)) == (0, day, "not_published", False, 13.5, 4)


def test_a_late_session_ends_with_three_and_the_third_run_that_misses_it_with_four(
    run: Run, database: psycopg.Connection, simulator: Simulator
) -> None:
    line = "backfill cotahist --last 3 --json"
    day = str(DAY)
    assert _last(run(NEXT, "07:30", line)) == (3, day, "not_published", True, 13.5, 1)
    assert _last(run(NEXT, "08:00", line)) == (3, day, "not_published", True, 14.0, 2)
    assert _last(run(NEXT, "08:30", line)) == (4, day, "not_published", True, 14.5, 3)
    assert run(NEXT, "08:30", f"ingest cotahist --date {DAY}").code == 4
    simulator.today = DAY
    answer = run(NEXT, "08:45", line)
    assert (answer.code, answer.objects[-1]["outcome"]) == (0, "loaded")
    assert "late" not in answer.objects[-1]


def test_runs_of_the_evening_count_once_the_session_is_late(run: Run, database: psycopg.Connection) -> None:
    line = "backfill cotahist --last 3 --json"
    codes = [run(day, at, line).code for day, at in ((DAY, "20:35"), (DAY, "22:35"), (DAY, "23:25"), (NEXT, "02:05"))]
    assert codes == [0, 0, 0, 0]
    assert _last(run(NEXT, "07:35", line)) == (4, str(DAY), "not_published", True, 13.6, 5)


def test_price_reports_are_late_two_hours_after_their_final_version(run: Run, database: psycopg.Connection) -> None:
    line = "backfill futures --last 3 --json"
    assert _last(run(DAY, "22:59", line)) == (0, str(DAY), "not_published", False, 5.0, 1)
    assert _last(run(DAY, "23:00", line)) == (3, str(DAY), "not_published", True, 5.0, 2)


def test_before_nine_a_run_does_not_ask_for_the_session_that_has_not_begun(
    run: Run, database: psycopg.Connection, simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    for clock, last in (("02:05", BEFORE), ("08:59", BEFORE), ("09:00", DAY)):
        answer = run(DAY, clock, "backfill cotahist --last 2 --json")
        assert answer.objects[-1]["unit"] == str(last), clock
    assert (answer.code, answer.objects[-1]["late"], answer.objects[-1]["hours_since_session"]) == (0, False, -9.0)


def test_an_older_session_that_is_missing_fails_at_once(
    run: Run, database: psycopg.Connection, simulator: Simulator
) -> None:
    simulator.today = calendar.previous_session(BEFORE - timedelta(1))
    answer = run(DAY, "21:40", "backfill cotahist --last 3 --json")
    assert answer.code == 4
    assert [unit.get("late") for unit in answer.objects] == [None, True, False]


def test_status_calls_a_session_missing_from_the_hour_at_which_it_is_late(
    run: Run, database: psycopg.Connection
) -> None:
    run(DAY, "20:35", "backfill cotahist --last 3 --json")
    assert run(DAY, "23:59", "status cotahist").code == 0
    assert run(NEXT, "07:29", "status cotahist").code == 0
    status = run(NEXT, "07:30", "status cotahist --json")
    assert (status.code, status.json["missing"], status.json["behind"]) == (4, [str(DAY)], 1)
    filled = run(NEXT, "00:30", "backfill cotahist --missing --json")
    assert [unit["unit"] for unit in filled.objects] == [str(DAY)], "what is not late yet is asked for all the same"


def test_stale_says_how_many_sessions_a_dataset_is_behind(run: Run, database: psycopg.Connection) -> None:
    run(DAY, "20:35", "backfill cotahist --last 3 --json")
    later = calendar.next_session(NEXT)
    assert run(NEXT, "07:29", "status --stale 0").code == 0
    behind = run(NEXT, "07:30", "status cotahist --stale 0 --json")
    assert (behind.code, behind.json) == (
        4,
        {"dataset": "cotahist", "last": str(BEFORE), "behind": 1, "stale": True},
    )
    assert run(NEXT, "07:30", "status cotahist --stale 1").code == 0
    assert run(later, "23:59", "status --stale 1").code == 0
    of_any = run(later + timedelta(1), "07:30", "status --stale 1 --json")
    assert of_any.code == 4
    stale = {one["dataset"]: (one["behind"], one["stale"]) for one in of_any.objects}
    assert stale.pop("cotahist") == (2, True)
    assert set(stale.values()) == {(None, False)}, "datasets that nobody loads"
    assert run(NEXT, "07:30", "status futures --stale 5").code == 4, "no session at all, and it is named"


def test_stale_of_an_empty_database_is_no_good_sign(run: Run, database: psycopg.Connection) -> None:
    assert run(NEXT, "07:30", "status --stale 5").code == 4
    assert run(NEXT, "07:30", "status --stale -1").code == 2


def test_no_hour_that_is_on_record_is_late(real: Path) -> None:
    with (real / "cases" / "late_cotahist.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 8
    seen = 0
    for row in rows:
        day = date.fromisoformat(row["session"])
        limit = lateness.due(registry.get("cotahist").template, day)
        assert limit == calendar.moment(day + timedelta(1), time(7, 30))
        absent = re.search(r"still at (\d\d:\d\d) of Saturday", row["evidence"])
        out = re.search(r"(?:out|stamped|there at) (?:\d\d:\d\d-)?(\d\d:\d\d)", row["evidence"])
        assert absent or out, row
        hour = time.fromisoformat((absent or out)[1])  # type: ignore[index]
        assert calendar.moment(day + timedelta(1 if absent else 0), hour) < limit
        seen += 1
    assert seen == 8


def test_a_price_report_that_is_not_settled_yet_waits_until_it_is_late(
    run: Run, database: psycopg.Connection, simulator: Simulator, real: Path
) -> None:
    day = date(2021, 4, 23)
    with zipfile.ZipFile(real / "cases/PR210423.first.zip") as archive:
        text = archive.read(archive.namelist()[0])
    simulator.today = day
    simulator.exchange.absent.append("filelist=SPRD210423")
    simulator.faults = [{"kind": "change", "where": "filelist=PR210423", "change": lambda _: text, "times": 9}]
    line = "backfill futures --last 2 --json"
    evening = run(day, "20:35", line)
    assert [unit["outcome"] for unit in evening.objects] == ["loaded", "partial"]
    assert (evening.code, evening.objects[-1]["late"]) == (0, False)
    night = run(day, "23:25", line)
    assert (night.code, night.objects[-1]["outcome"], night.objects[-1]["late"]) == (4, "partial", True)


def test_a_session_with_odd_values_does_not_wait() -> None:
    odd = Outcome(dataset="futures", unit=str(DAY), outcome="partial", late=False, rejected_values=1, exit_code=4)
    good = Outcome(dataset="futures", unit=str(BEFORE), outcome="loaded")
    assert lateness.exit_code([good, odd]) == 4
    odd.rejected_values = 0
    assert lateness.exit_code([good, odd]) == 0
    assert lateness.exit_code([odd]) == 4, "one unit has its own code"


def test_a_month_or_year_is_not_late() -> None:
    outcome = Outcome(dataset="cotahist", unit="2019", outcome="not_published", exit_code=3)
    lateness.judge(outcome, registry.get("cotahist").template, Unit("cotahist", "year", date(2019, 1, 1)))
    assert (outcome.late, outcome.hours_since_session) == (None, None)
    assert not {"late", "hours_since_session", "missed_runs"} & outcome.as_dict().keys()


def test_the_last_session_is_the_one_that_has_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    friday = date(2026, 10, 9)
    for moment, last in (
        (datetime(2026, 10, 9, 17, 59), date(2026, 10, 8)),
        (datetime(2026, 10, 9, 18, 0), friday),
        (datetime(2026, 10, 10, 0, 8), friday),
        (datetime(2026, 10, 11, 23, 0), friday),
        (datetime(2026, 10, 13, 2, 0), friday),  # Monday was a holiday
        (datetime(2026, 10, 13, 18, 0), date(2026, 10, 13)),
    ):
        monkeypatch.setattr(calendar, "now", lambda moment=moment: moment.replace(tzinfo=calendar.zone()))
        assert lateness.last_session() == last


def test_the_jobs_page_and_githubs_annotations_say_how_late_it_is(
    run: Run, database: psycopg.Connection, tmp_path: Path
) -> None:
    path, line = tmp_path / "outcomes.jsonl", "backfill cotahist --last 3 --json"
    path.write_text(run(DAY, "23:59", line).out)
    assert run(DAY, "23:59", f"summary {path} --annotations").out == (
        f"::notice title=cotahist::{DAY} not published 6.0 hours after the session, missed by 1 run, not late yet\n"
    )
    assert "| not_published |" in run(DAY, "23:59", f"summary {path}").out
    path.write_text(run(NEXT, "07:35", line).out)
    told = f"{DAY} not published 13.6 hours after the session, missed by 2 runs"
    assert run(NEXT, "07:35", f"summary {path} --annotations").out == f"::warning title=cotahist::{told}\n"
    page = run(NEXT, "07:35", f"summary {path}").out
    assert "| not_published, late |" in page
    assert f"```text\ncotahist {told}" in page.replace(f"cotahist {DAY}: ", f"cotahist {DAY} ")
    assert "::" not in page

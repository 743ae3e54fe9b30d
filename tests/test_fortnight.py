"""A fortnight of nights, hour by hour: B3's hours, GitHub's delays, and what is in the tables in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path

import psycopg
import pytest

from chaos import fortnights
from pyb3 import calendar
from tests.support import fortnight
from tests.support.hours import MEASURED, Hours
from tests.support.simulator import Simulator


@pytest.fixture
def runner(database: psycopg.Connection, simulator: Simulator, tmp_path: Path) -> Iterator[fortnight.Runner]:
    folder = tmp_path / "runner"
    folder.mkdir()
    made = fortnight.Runner(simulator, os.environ["DATABASE_URL"], folder)
    yield made
    made.close()


def test_nothing_that_b3_showed_in_a_fortnight_is_lost(
    runner: fortnight.Runner, database: psycopg.Connection, tmp_path: Path
) -> None:
    kept = fortnights.lived(fortnights.SHORT, runner, database, tmp_path / "right")
    fortnights.hold(kept)
    assert kept.diary.issues, "the blocked hour opens an issue, and the next good run closes it"
    assert [what for _, what in kept.diary.issues][-1] == "closed"
    table = fortnights.table(kept)
    assert len(table.splitlines()) == 2 + len(kept.sessions())


def test_cron_lines_are_read_as_github_reads_them() -> None:
    first, last = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 8, tzinfo=UTC)
    nights = [f"{at:%a %d %H:%M}" for at in fortnight.due("40 0 * * 2-5", first, last)]
    assert nights == ["Tue 01 00:40", "Wed 02 00:40", "Thu 03 00:40", "Fri 04 00:40"]
    assert [at.day for at in fortnight.due("5 5,6 * * 6", first, last)] == [5, 5]


def test_a_run_that_github_starts_late_or_never_is_so_in_the_simulation() -> None:
    first, last = datetime(2026, 9, 1, tzinfo=UTC), datetime(2026, 9, 4, tzinfo=UTC)
    runs = fortnight.starts(["40 0 * * *"], first, last, [7, None, 392])
    assert [run.at and f"{run.at:%d %H:%M}" for run in runs] == ["31 21:47", None, "03 04:12"]


def _at(day: int, text: str) -> datetime:
    return datetime.fromisoformat(f"2026-09-{day:02}T{text}").replace(tzinfo=calendar.zone())


@pytest.mark.parametrize(
    ("source", "day", "at", "versions"),
    [
        ("COTAHIST_D", 8, _at(8, "20:26"), 0),  # 404, as it was seen
        ("COTAHIST_D", 8, _at(8, "21:08"), 1),
        ("COTAHIST_D", 4, _at(5, "00:08"), 0),
        ("COTAHIST_D", 11, _at(11, "21:59"), 0),
        ("COTAHIST_D", 11, _at(11, "23:17"), 1),
        ("COTAHIST_D", 7, _at(8, "12:00"), 0),  # a holiday
        ("SPRD", 8, _at(8, "18:10"), 1),
        ("SPRD", 8, _at(8, "19:28"), 2),
        ("SPRD", 8, _at(8, "20:31"), 3),
        ("TradeInformationConsolidated", 8, _at(8, "23:59"), 0),
    ],
)
def test_the_simulator_keeps_the_hours_that_were_measured(source: str, day: int, at: datetime, versions: int) -> None:
    assert Hours().has(source, date(2026, 9, day), at) == versions


@pytest.mark.parametrize(
    ("hours", "at", "shown"),
    [
        (Hours(turn="18:30"), _at(8, "18:29"), 4),  # the 5th to the 7th are a weekend and a holiday
        (Hours(turn="18:30"), _at(8, "18:30"), 8),
        (Hours(turn="18:30"), _at(9, "03:00"), 8),
        (Hours(turn="07:00"), _at(8, "07:00"), 8),
        (Hours(turn="20:00", ahead=True), _at(8, "20:00"), 9),
        (Hours(turn="20:00", ahead=True), _at(4, "20:00"), 8),
    ],
)
def test_the_index_pages_turn_at_an_hour(hours: Hours, at: datetime, shown: int) -> None:
    assert hours.page(at) == date(2026, 9, shown)


def test_the_measured_days_are_those_of_the_record() -> None:
    late = [day for day, text in MEASURED.items() if text.startswith("+") or text > "21:40"]
    assert [f"{day:%m-%d}" for day in late] == ["09-04", "09-11", "09-25", "09-30", "10-09"]

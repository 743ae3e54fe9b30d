"""A fortnight of nights, hour by hour: B3's hours, GitHub's delays, and what is in the tables in the end."""

from __future__ import annotations

import os
from collections.abc import Iterator
from datetime import date, datetime, time
from pathlib import Path

import psycopg
import pytest

from pyb3 import calendar
from tests.support import fortnight
from tests.support.faults import Fault
from tests.support.hours import Hours, Mood
from tests.support.promises import Promises
from tests.support.simulator import Simulator


def _at(day: int, hour: int, minute: int = 0) -> datetime:
    return calendar.moment(date(2026, 9, day), time(hour, minute))


@pytest.fixture
def runner(database: psycopg.Connection, simulator: Simulator, tmp_path: Path) -> Iterator[fortnight.Runner]:
    simulator.rows = simulator.exchange.yearly_rows = 40
    folder = tmp_path / "runner"
    folder.mkdir()
    made = fortnight.Runner(simulator, os.environ["DATABASE_URL"], folder)
    yield made
    made.close()


def test_nothing_that_b3_showed_in_a_fortnight_is_lost(
    runner: fortnight.Runner, database: psycopg.Connection, simulator: Simulator, tmp_path: Path
) -> None:
    """Tuesday 1 to Saturday 12 September 2026: Monday the 7th is a holiday, both Fridays' COTAHIST are late."""
    simulator.exchange.hours = Hours()
    runs = fortnight.starts(runner.schedule, _at(1, 12), _at(12, 12), [7, 35, 7, None, 392, 7])
    kept = Promises(runner.run(runs), simulator, database, tmp_path / "right")
    for job in kept.diary.jobs:
        print(f"{job.at:%a %d %H:%M} {job.dataset} {job.code} {job.seconds:.1f}", sum(job.asked.values()), job.warnings)
    for name in ("lost", "unknown", "twice", "unreported"):
        print(name, *getattr(kept, name)(), sep="\n  ")

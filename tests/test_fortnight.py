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


# Most runs that GitHub does not deliver are dropped for good; those that come are late by what was measured.
DELAYS = (None, 7, None, None, 392, None, None, 35, None, None)
MOODS = (
    Mood(_at(3, 22, 30), _at(4, 0), Fault(status=403), name="403 to everything"),
    Mood(_at(8, 20), _at(8, 22), Fault("html", where="sistemaswebb3"), name="HTML with 200 from the index pages"),
    Mood(_at(9, 0), _at(12, 0), Fault(status=404, where="sistemaswebb3"), times=1, name="404 once"),
    Mood(_at(9, 0), _at(12, 0), Fault(status=504, where="pesquisapregao"), times=2, name="504 twice"),
)


def test_nothing_that_b3_showed_in_a_fortnight_is_lost(
    runner: fortnight.Runner, database: psycopg.Connection, simulator: Simulator, tmp_path: Path
) -> None:
    """Monday 31 August to Saturday 12 September 2026: the 7th is a holiday, both Fridays' COTAHIST are late."""
    simulator.exchange.hours = Hours(moods=MOODS)
    runs = fortnight.starts(runner.schedule, calendar.moment(date(2026, 8, 31), time(12)), _at(12, 12), DELAYS)
    kept = Promises(runner.run(runs), simulator, database, tmp_path / "right")
    for job in kept.diary.jobs:
        print(f"{job.at:%a %d %H:%M} {job.dataset} {job.code} {job.seconds:.1f}", sum(job.asked.values()), job.warnings)
    for name in ("lost", "unknown", "twice", "unreported"):
        print(name, *getattr(kept, name)(), sep="\n  ")
    print([(f"{a:%d %H:%M}", w) for a, w in kept.diary.issues])

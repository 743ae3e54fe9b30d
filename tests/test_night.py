"""The runs of one night: each brings what is missing, and what is loaded and settled is not asked for again."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, time, timedelta

import psycopg
import pytest

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.fetch import cache
from tests.conftest import Answer
from tests.support.simulator import Simulator

DAY = calendar.previous_session(calendar.today() - timedelta(1))
BEFORE = calendar.previous_session(DAY - timedelta(1))
AFTER = DAY + timedelta(1)
NIGHT = [(DAY, "20:35"), (DAY, "22:35"), (DAY, "23:25"), (AFTER, "02:05"), (AFTER, "07:35")]
Run = Callable[[str, date, str], tuple[Answer, int]]


@pytest.fixture
def run(pyb3: Callable[[str], Answer], simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """The command of a night's run, at a time of a day in São Paulo; its answer, and the requests that it made."""
    simulator.rows = 40

    def at(dataset: str, day: date, clock: str) -> tuple[Answer, int]:
        cache._asked.clear()
        cache._absent.clear()
        moment = calendar.moment(day, time.fromisoformat(clock))
        monkeypatch.setattr(calendar, "now", lambda: moment)
        before = len(simulator.requests)
        return pyb3(f"backfill {dataset} --last 10 --json"), len(simulator.requests) - before

    return at


# The index pages have nothing for four of the simulator's 41 indexes, which each run asks for again.
LIMITS = {
    "cotahist": [1, 0, 0, 0, 0],
    "futures": [1, 1, 0, 0, 0],  # a price report that came before 21:00 is asked for again
    "yield_curves": [1, 0, 0, 0, 0],
    "symbols": [2, 0, 0, 0, 0],
    "index_historical": [43, 41, 41, 41, 4],  # a year's file is whole when the day is over
    "index_composition": [81, 4, 4, 4, 4],
}


@pytest.mark.parametrize("dataset", registry.names())
def test_what_is_loaded_and_settled_is_not_asked_for_again(
    run: Run, database: psycopg.Connection, simulator: Simulator, dataset: str
) -> None:
    simulator.today = BEFORE
    for day, clock in ((BEFORE, "20:35"), (BEFORE + timedelta(1), "02:05")):
        assert run(dataset, day, clock)[0].code == 0
    simulator.today = DAY
    made = []
    for number, (day, clock) in enumerate(NIGHT):
        answer, requests = run(dataset, day, clock)
        assert answer.code == 0, answer.err
        last = answer.objects[-1]
        assert (last["unit"], last["outcome"]) == (str(DAY), "unchanged" if number else "loaded"), clock
        assert {unit["outcome"] for unit in answer.objects[:-1]} <= {"unchanged"}, clock
        made.append(requests)
    assert all(few <= limit for few, limit in zip(made, LIMITS[dataset], strict=True)), made
    assert made[0] > 0


@pytest.mark.parametrize("dataset", registry.names())
@pytest.mark.parametrize("delivered", [2, 3, 4])
def test_one_run_of_the_night_is_enough(
    run: Run, database: psycopg.Connection, simulator: Simulator, dataset: str, delivered: int
) -> None:
    simulator.today = DAY
    answer, _ = run(dataset, *NIGHT[delivered])
    assert answer.code == 0, answer.err
    assert (answer.objects[-1]["unit"], answer.objects[-1]["outcome"]) == (str(DAY), "loaded")
    table = registry.get(dataset).template.table
    assert database.execute(f"SELECT count(*) > 0 FROM {table} WHERE refdate = %s", (DAY,)).fetchone() == (True,)


def test_nights_without_any_run_are_made_up_for(run: Run, database: psycopg.Connection, simulator: Simulator) -> None:
    earlier = calendar.sessions(DAY - timedelta(30), DAY)[-5]
    simulator.today = earlier
    run("futures", earlier, "23:25")
    simulator.today = DAY
    answer, requests = run("futures", *NIGHT[-1])
    assert answer.code == 0, answer.err
    assert [unit["outcome"] for unit in answer.objects] == ["unchanged"] * 6 + ["loaded"] * 4
    assert requests == 4

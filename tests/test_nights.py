"""Every dataset, night after night: what is loaded at which hour, and what is asked of B3 again.

The clock is the process's own, in UTC. B3 shows a session from 20:00 in São Paulo on.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.fetch import cache

DATASETS = registry.names()
HOURS = ("00:40", "01:30", "03:10", "10:30")
TURNS = {
    "a week": ("2026-11-24", "2026-11-25", "2026-11-26", "2026-11-27"),
    "a weekend": ("2026-11-27", "2026-11-28", "2026-12-01", "2026-12-02"),
    "a month": ("2026-09-30", "2026-10-01", "2026-10-02"),
    "a year": ("2026-12-30", "2026-12-31", "2027-01-05", "2027-01-06"),
}
TRIED = [("a week", hour) for hour in HOURS] + [("a weekend", "03:10")]
TRIED += [(turn, hour) for turn in ("a month", "a year") for hour in ("00:40", "10:30")]


@dataclass
class Nights:
    """PyB3 at a time, and what became of a session."""

    database: Any
    simulator: Any
    pyb3: Callable[[str], Any]
    monkeypatch: pytest.MonkeyPatch

    def at(self, utc: str) -> date:
        """Set the clock, for PyB3 and for B3; gives the last session whose data may be out."""
        moment = datetime.fromisoformat(utc).replace(tzinfo=UTC).astimezone(calendar.zone())
        self.monkeypatch.setattr(calendar, "now", lambda: moment)
        for known in (cache._asked, cache._absent):
            known.clear()  # each run is a process of its own
        self.simulator.today = calendar.previous_session((moment - timedelta(hours=20)).date())
        return self.simulator.today

    def ingest(self, dataset: str, session: date) -> dict[str, Any]:
        return self.pyb3(f"ingest {dataset} --date {session} --json").json

    def asked(self, work: Callable[[], Any]) -> int:
        before = len(self.simulator.requests)
        work()
        return len(self.simulator.requests) - before

    def missing(self, dataset: str, session: date) -> list[str]:
        """What a whole session has and the table lacks."""
        table = registry.get(dataset).template.table
        wanted = {"index_historical": ["value", "open"], "index_composition": ["current", "theoretical", "listed"]}
        counts = {
            "index_historical": "count(value), count(open)",
            "index_composition": ", ".join(
                f"count(*) FILTER (WHERE portfolio = '{kind}')" for kind in ("current", "theoretical", "listed")
            ),
        }
        query = f"SELECT {counts.get(dataset, 'count(*)')} FROM {table} WHERE refdate = %s"
        found = self.database.execute(query, (session,)).fetchone()
        return [name for name, count in zip(wanted.get(dataset, ["rows"]), found, strict=True) if not count]


@pytest.fixture
def nights(database, simulator, pyb3, monkeypatch: pytest.MonkeyPatch) -> Nights:
    simulator.rows, simulator.exchange.yearly_rows = 40, 2
    return Nights(database, simulator, pyb3, monkeypatch)


@pytest.mark.parametrize(("turn", "hour"), TRIED)
@pytest.mark.parametrize("dataset", DATASETS)
def test_each_night_loads_its_session_whole(nights: Nights, dataset: str, turn: str, hour: str) -> None:
    for night in TURNS[turn]:
        session = nights.at(f"{night} {hour}")
        done = nights.ingest(dataset, session)
        assert done["outcome"] in ("loaded", "unchanged"), (night, done)
        assert nights.missing(dataset, session) == [], (night, done["warnings"])


@pytest.mark.parametrize("turn", ["a week", "a year"])
@pytest.mark.parametrize("dataset", DATASETS)
def test_a_morning_and_an_evening_run_load_two_sessions(nights: Nights, dataset: str, turn: str) -> None:
    first, second = ("2026-11-25", "2026-11-26") if turn == "a week" else ("2027-01-04", "2027-01-05")
    morning = nights.at(f"{first} 10:30")
    assert nights.ingest(dataset, morning)["outcome"] == "loaded"
    today = date.fromisoformat(first)
    assert nights.ingest(dataset, today)["outcome"] == "not_published", "the session has not begun"
    evening = nights.at(f"{first} 23:50")
    assert (morning, evening) == (calendar.previous_session(today - timedelta(1)), today)
    done = nights.ingest(dataset, evening)
    assert done["outcome"] == "loaded" and nights.missing(dataset, evening) == [], done
    nights.at(f"{second} 10:30")
    assert nights.ingest(dataset, evening)["outcome"] in ("loaded", "unchanged")
    assert nights.missing(dataset, evening) == []


# Requests of the runs at 21:40, 22:30, 00:10 and 07:30, after a run at 20:30 in São Paulo: what came before its
# source's last version is asked for again, and nothing else. Of 41 indexes B3 has nothing for 4, which each run asks.
AGAIN = {
    "cotahist": (0, 0, 0, 0),
    "futures": (1, 0, 0, 0),
    "index_composition": (4, 4, 4, 4),
    "index_historical": (41, 41, 41, 4),
    "symbols": (0, 0, 0, 0),
    "yield_curves": (0, 0, 0, 0),
}


@pytest.mark.parametrize("dataset", DATASETS)
def test_what_is_asked_again_in_the_runs_of_one_night(nights: Nights, dataset: str) -> None:
    session = nights.at("2026-11-25 23:30")
    first = nights.asked(lambda: nights.ingest(dataset, session))
    again, outcomes = [], []
    for moment in ("2026-11-26 00:40", "2026-11-26 01:30", "2026-11-26 03:10", "2026-11-26 10:30"):
        nights.at(moment)
        again.append(nights.asked(lambda: outcomes.append(nights.ingest(dataset, session)["outcome"])))
    assert first > 0 and tuple(again) == AGAIN[dataset], dataset
    assert outcomes == ["unchanged"] * 4


def test_the_matrix_knows_every_dataset() -> None:
    assert set(AGAIN) == set(DATASETS)

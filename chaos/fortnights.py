"""Two weeks of nights by the workflow's own hours, with B3's hours and moods, and GitHub's delays."""

from __future__ import annotations

import random
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, time
from pathlib import Path
from typing import Any

import psycopg

from pyb3 import calendar
from tests.support import fortnight
from tests.support.faults import Fault
from tests.support.hours import Hours, Mood
from tests.support.promises import Promises

from .ground import ground
from .report import Result, claim

_DATASETS = ("cotahist", "futures", "yield_curves", "symbols", "index_historical", "index_composition")
# Requests of a job that finds nothing new: the statistics of 41 indexes are asked for until the day is over.
_MOST_IDLE = {"index_historical": 60, "index_composition": 10}
_MOST_OF_NIGHT = 150  # of one job without --refresh, in the long run


def _at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=calendar.zone())


@dataclass(frozen=True)
class Scene:
    """Some weeks: their days, B3's hours in them, and how late each run starts, or that it does not."""

    name: str
    first: date
    last: date
    hours: Hours
    delays: Sequence[int | None]


def _moods(*, html: str, blocked: str, until: str) -> tuple[Mood, ...]:
    first, last = _at("2026-01-01"), _at("2027-12-31")
    return (
        Mood(_at(blocked), _at(until), Fault(status=403), name="403 to everything"),
        Mood(_at(html), _at(html[:11] + "23:59"), Fault("html", where="sistemaswebb3"), name="HTML with 200"),
        Mood(first, last, Fault(status=404, where="sistemaswebb3"), times=1, name="404 once"),
        Mood(first, last, Fault(status=504, where="pesquisapregao"), times=2, name="504 twice"),
    )


# Monday 7 September is a holiday, and COTAHIST is late on both Fridays: after midnight on the 4th, 23:17 on the 11th.
_SEPTEMBER = date(2026, 8, 31), date(2026, 9, 14)
_TURN = date(2026, 12, 21), date(2027, 1, 8)
_SEPTEMBER_MOODS = _moods(blocked="2026-09-03T20:00", until="2026-09-03T22:00", html="2026-09-10T20:00")
SHORT = Scene(
    "September",
    date(2026, 8, 31),
    date(2026, 9, 12),
    Hours(moods=_SEPTEMBER_MOODS),
    (None, None, 7, None, None, 392, None, None, None, 35, None, None, None),
)


def _drawn(seed: int, delivered: float) -> list[int | None]:
    """Delays of GitHub's, of runs of which that part is delivered."""
    draws = random.Random(seed)
    return [draws.choice(fortnight.MEASURED_DELAYS) if draws.random() < delivered else None for _ in range(97)]


def scenes(seed: int) -> list[Scene]:
    """The long ones: pages that turn at other hours, a turn of the year, and GitHub at its worst."""
    year = _moods(blocked="2026-12-22T20:00", until="2026-12-22T23:00", html="2027-01-05T20:00")
    return [
        Scene("a fortnight of September", *_SEPTEMBER, Hours(moods=_SEPTEMBER_MOODS), _drawn(seed, 0.8)),
        Scene("index pages that turn in the morning", *_SEPTEMBER, Hours(turn="07:00"), _drawn(seed + 1, 0.5)),
        Scene("index pages of the next session", *_SEPTEMBER, Hours("20:00", ahead=True), _drawn(seed + 2, 0.5)),
        Scene("one run in nine is delivered", *_SEPTEMBER, Hours(), _drawn(seed + 3, 0.11)),
        Scene("the turn of the year", *_TURN, Hours(moods=year), _drawn(seed + 4, 0.5)),
        Scene(
            "the last session of a year is first asked for in the next one",
            *_TURN,
            Hours(late={("COTAHIST_D", date(2026, 12, 30)): "+23:30", ("COTAHIST_A", date(2026, 12, 30)): "+23:30"}),
            [None if 30 <= number < 50 else 7 for number in range(97)],
        ),
    ]


def lived(scene: Scene, runner: fortnight.Runner, database: psycopg.Connection[Any], folder: Path) -> Promises:
    """Run the scene's nights on a set clock."""
    simulator = runner.simulator
    simulator.rows = simulator.exchange.yearly_rows = 40
    simulator.exchange.hours = scene.hours
    first, last = calendar.moment(scene.first, time(12)), calendar.moment(scene.last, time(12))
    runs = fortnight.starts(runner.schedule, first, last, scene.delays)
    return Promises(runner.run(runs), simulator, database, folder)


def hold(kept: Promises) -> None:
    """Raise Broken where a promise of the fortnight is not kept."""
    for what in (kept.lost, kept.unknown, kept.twice, kept.unreported, kept.forgotten):
        found = what()
        claim(not found, "; ".join(found))
    for job in kept.diary.jobs:
        outcomes = {unit["outcome"] for unit in job.units.values()}
        asked = job.asked.total()
        if outcomes <= {"unchanged"} and not job.refreshed and not job.code:
            most = _MOST_IDLE.get(job.dataset, 3)
            claim(asked <= most, f"{job.dataset} at {job.at:%a %d %H:%M}: {asked} requests for nothing new")
        claim(asked <= _MOST_OF_NIGHT, f"{job.dataset} at {job.at:%a %d %H:%M}: {asked} requests")


def table(kept: Promises) -> str:
    """A line a session: since when B3 had it, and when it was in the table as a whole."""
    lines = ["| session | COTAHIST at B3 | " + " | ".join(_DATASETS) + " |\n", "|---" * (2 + len(_DATASETS)) + "|\n"]
    for session in kept.sessions():
        cells = [f"{session:%a %d %b}", _hour(kept.hours.versions("COTAHIST_D", session)[-1], session)]
        for dataset in _DATASETS:
            at = kept.diary.loaded_at(dataset, session)
            cells.append(_hour(at, session) if at else "not shown" if not kept.ever(dataset, session) else "LOST")
        lines.append(f"| {' | '.join(cells)} |\n")
    return "".join(lines)


def _hour(at: datetime, session: date) -> str:
    return f"{at:%H:%M}" if at.date() == session else f"{at:%a %d %H:%M}"


def words(kept: Promises) -> str:
    """How many runs there were, how often B3 was asked, and what was reported."""
    diary = kept.diary
    delivered = [start for start in diary.starts if start.at is not None]
    asked: Counter[str] = Counter()
    for job in diary.jobs:
        asked[job.dataset] += job.asked.total()
    failed = sum(bool(job.code) for job in diary.jobs)
    warned = sum(bool(job.warnings) and not job.code for job in diary.jobs)
    issues = Counter(what for _, what in diary.issues)
    return (
        f"{len(delivered)} of {len(diary.starts)} runs were delivered, {len(diary.jobs)} jobs; B3 was asked "
        f"{asked.total():,} times ({', '.join(f'{name} {count:,}' for name, count in asked.items())}). "
        f"{failed} jobs failed, {warned} warned; an issue was opened {issues['opened']} times and closed "
        f"{issues['closed']} times."
    )


def nights(runs: int, seed: int) -> list[Result]:
    """Every scene, in a database of its own; the first one's table goes into the page."""
    results = []
    for number, scene in enumerate(scenes(seed)):
        with ground() as place, tempfile.TemporaryDirectory() as folder:
            work = Path(folder) / "runner"
            work.mkdir()
            runner = fortnight.Runner(place.simulator, place.address, work)
            try:
                kept = lived(scene, runner, place.look, Path(folder) / "right")
            finally:
                runner.close()
            hold(kept)
            results.append(
                Result(
                    f"nights: {scene.name}",
                    1,
                    "what B3 showed at a delivered run is in the tables as B3 had it, nothing else is; every miss is"
                    " reported; a run that finds nothing new asks for almost nothing",
                    f"held; {words(kept)}",
                    "" if number else f"{words(kept)}\n\n{table(kept)}",
                )
            )
    return results

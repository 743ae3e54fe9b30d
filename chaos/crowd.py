"""Many processes at once: the same day, overlapping years, and the first start of the server."""

from __future__ import annotations

import random
from collections import Counter
from datetime import date

from pyb3.calendar import sessions

from .ground import DATA, DAY, Ended, Ground, ground
from .report import Result, claim, counted

_YEARS = (2021, 2022)


def same_day(runs: int, seed: int) -> list[Result]:
    """Two, then eight processes load the same day."""
    chance, seen = random.Random(seed), Counter[str]()
    with ground(rows=2_000) as place:
        for number in range(runs):
            many, name = (2, 8)[number % 2], chance.choice(DATA)
            place.keep(name, 0, f"ingest {name} --date {DAY}")
            place.put_back(None)
            flags = [chance.choice(("", " --refresh", " --force")) for _ in range(many)]
            ends = _at_once(place, [f"ingest {name} --date {DAY} --json{flag}" for flag in flags])
            units = [end.plain(0).objects[0] for end in ends]
            loaded = [unit for unit in units if unit["outcome"] == "loaded"]
            claim(len(loaded) == 1, f"{len(loaded)} of {many} say that they loaded the day")
            claim(all(unit["rows"] == loaded[0]["inserted"] for unit in units), "one was told of other rows")
            seen += Counter(unit["outcome"] for unit in units)
            place.whole(name, (DAY,))
    asserted = "each ends in 0; one is told that it loaded the day, the others that nothing was new; no row twice"
    return [Result("2 and 8 processes, one day", runs, asserted, f"held; told: {counted(seen)}")]


def overlapping(runs: int, seed: int) -> list[Result]:
    """Four processes load overlapping years, in either order."""
    chance, seen = random.Random(seed), Counter[str]()
    days = tuple(day for year in _YEARS for day in sessions(date(year, 1, 1), date(year, 12, 31)))
    years = [f"--year {year}" for year in _YEARS]
    with ground(rows=400, yearly_rows=8) as place:
        place.keep("years", 0, f"backfill cotahist {' '.join(years)}")
        for _ in range(runs):
            place.put_back(None)
            lines = []
            for _ in range(4):
                order = chance.sample(years, chance.choice((1, 2, 2)))
                lines.append(f"backfill cotahist {' '.join(order)} --jobs {chance.choice((1, 2))} --json")
            lines[0] = f"backfill cotahist {' '.join(years)} --json"  # so that every year is loaded by somebody
            for end in _at_once(place, lines):
                seen += Counter(unit["outcome"] for unit in end.plain(0).objects)
            place.whole("years", days)
    asserted = "each ends in 0, no deadlock comes through, tables equal to an undisturbed run's"
    return [Result("4 processes, overlapping years", runs, asserted, f"held; told: {counted(seen)}")]


def first_start(runs: int, seed: int) -> list[Result]:
    """Eight processes are the first at once: they make the server, start it and upgrade it."""
    for _ in range(runs):
        with ground(prepare=False) as place:
            for end in _at_once(place, ["db upgrade"] * 6 + ["db start"] * 2):
                end.plain(0)
            place.done("db check")
    asserted = "each ends in 0, and the schema is the newest"
    return [Result("8 processes, first start and `db upgrade`", runs, asserted, "held")]


def _at_once(place: Ground, lines: list[str]) -> list[Ended]:
    return [process.ended() for process in [place.start(line) for line in lines]]

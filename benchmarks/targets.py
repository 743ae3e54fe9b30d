"""What each figure is to be, in one table."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .results import Result


@dataclass(frozen=True)
class Target:
    """`ours` is at most `most` of `floor`, or, where there is no floor, at most `most` in `unit`."""

    figure: str
    what: str
    ours: str
    floor: str = ""
    most: float = 1.0
    unit: str = "s"

    def reached(self, results: Mapping[str, Result]) -> float | None:
        """Ours as it is held against `most`; None where it was not measured."""
        if self.figure not in results:
            return None
        ours = results[self.figure].value(self.ours)
        if not self.floor:
            return ours
        floor = results[self.figure].value(self.floor)
        return ours / floor if ours is not None and floor else None


TARGETS = (
    Target("year", "A year from ZIP to committed", "first.seconds", "migrated.seconds"),
    Target("year", "The same", "first.seconds", "keyed.seconds"),
    Target("year", "The same again, all read (`--force`)", "again.seconds", "first.seconds", 0.6),
    Target("year", "WAL of that", "again.wal", "first.wal", 0.05, "MB"),
    Target("year", "Peak memory of the first load", "first.peak", most=700, unit="MB"),
    Target("parse", "A year to typed frames", "frames.seconds", "inflate.seconds"),
    Target("parse", "Peak memory, a year to Parquet", "parquet.peak", most=600, unit="MB"),
    Target("daily", "A day of 17,000 rows", "day.seconds", most=1.0),
    Target("daily", "`pyb3 --help`", "help.seconds", most=0.25),
    Target("report", "A full price report to the futures' frame", "frame.seconds", "walk.seconds", 1.5),
    Target("report", "Peak memory of that", "frame.peak", most=300, unit="MB"),
    Target("scale", "The 20th year of 20, a row", "year_20.microseconds", "year_1.microseconds", 1.3, "µs"),
    Target("scale", "One symbol's ten years", "symbol_years.milliseconds", most=20, unit="ms"),
    Target("scale", "One session", "session.milliseconds", most=50, unit="ms"),
    Target("backfill", "A month of sessions over HTTP, `--jobs 1`", "jobs_1.seconds", "apart.seconds"),
    Target("backfill", "The same, `--jobs 2`", "jobs_2.seconds", "jobs_1.seconds"),
    Target("backfill", "Peak memory, a year of sessions over HTTP", "long.peak", "jobs_1.peak", 1.3, "MB"),
)

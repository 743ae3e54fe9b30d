"""Which load speaks for which day: the newest that covers it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

from ..load.ledger import Load
from ..template import Template
from ..unit import Unit


@dataclass(frozen=True, slots=True)
class Task:
    """A load and the days it speaks for, each with the sources that newer loads speak for there."""

    load: Load
    days: dict[date, frozenset[str]] = field(default_factory=dict)


def tasks(template: Template, loads: Sequence[Load], start: date, end: date, held: Sequence[date]) -> Iterator[Task]:
    """The loads that speak for a day from `start` to `end`, the newest first; `held` are days the table has rows of.

    A load covers its unit; a day that is in no unit is covered by the newest load with rows from before to after it,
    as a list of papers that bears an earlier date. Where each source brings columns of its own, an older load goes
    on speaking for the sources that newer ones had not.
    """
    spoken: dict[date, frozenset[str]] = {}
    waiting = set(held)
    found: dict[int, Task] = {}
    for load in loads:
        unit = Unit.written(template.name, load.unit)
        sources = frozenset(load.source.split("+"))
        first, last = (unit.date, unit.last) if unit else (load.first_date, load.last_date)
        task = found[load.id] = Task(load)
        for day in _days(max(first, start), min(last, end)):
            newer = spoken.get(day)
            if newer is None or (template.take == "every" and sources - newer):
                task.days[day] = newer or frozenset()
                spoken[day] = (newer or frozenset()) | sources
                waiting.discard(day)
    for load in loads:
        for day in sorted(waiting):
            if max(load.first_date, start) <= day <= min(load.last_date, end):
                found[load.id].days[day] = frozenset()
                waiting.discard(day)
    yield from (task for task in found.values() if task.days)


def _days(first: date, last: date) -> Iterator[date]:
    for number in range((last - first).days + 1):
        yield first + timedelta(number)

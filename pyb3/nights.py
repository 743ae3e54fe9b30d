"""Nights without what B3 shows for a session alone: from the third one on that is a failure."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from . import calendar
from .fetch import cache
from .unit import Unit

MOVED = (
    "nor was it there on the two sessions before: its page may have moved, or bear another date than is expected;"
    " 'pyb3 doctor' looks at it"
)
_BEFORE = 2  # sessions
_DUE = time(18)  # by B3's clock: a session's data are out from then on


def before(dataset: str, unit: str) -> list[tuple[str, datetime, datetime]]:
    """The units of the sessions before one that B3 does not have, each with the time in which it showed that one.

    None where B3 keeps what it publishes, or where the unit is not yet due or was asked for too late.
    """
    from .datasets import registry

    asked, sources = Unit.written(dataset, unit), registry.get(dataset).template.sources
    if asked is None or asked.kind != "day" or any(source.period != "snapshot" for source in sources):
        return []
    if calendar.now() < calendar.moment(asked.date, _DUE) or all(cache.gone(source, asked) for source in sources):
        return []
    found, day = [], asked.date
    for _ in range(_BEFORE):
        day, following = calendar.previous_session(day - timedelta(1)), day
        found.append((str(Unit(dataset, "day", day)), calendar.moment(day, _DUE), calendar.moment(following, _DUE)))
    return found

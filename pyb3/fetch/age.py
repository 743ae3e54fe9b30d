"""Whether a file in the cache is too old for what is asked of it: by São Paulo's clock, and the source's hours."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta

from .. import calendar
from ..file import File
from ..template import Source
from ..unit import Unit

_DAY = timedelta(1)
_OUT = timedelta(hours=18)  # of the day: the earliest file of a session was seen at 18:10


def fetched_at(file: File) -> datetime | None:
    """When the file came, by the clock at B3; None for a file at hand."""
    text = file.known.get("fetched_at")
    if text is None:
        return None
    at = datetime.fromisoformat(text)
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).astimezone(calendar.zone())


def early(file: File, source: Source, unit: Unit) -> bool:
    """Whether the file came before the last version of it was out: B3 has added to it, or corrected it, since.

    A session's own file has its last version at the source's `final_at`, where that is known. A longer file grows with
    each session: it is whole for a session by `final_at`, or where that is not known when the session's day is over. A
    page of the last session alone may show the one before until the evening, where it bears no date that tells.
    """
    fetched = fetched_at(file)
    if fetched is None or (source.period == "day" and not source.final_at):
        return False
    if source.period == "snapshot":
        told = source.dated or source.after
        return not told and unit.kind == "day" and fetched < calendar.moment(unit.date, time.min) + _OUT
    session, final = _asked(unit), source.last_version
    over = calendar.moment(session, final) if final else calendar.moment(session + _DAY, time.min)
    return fetched < over


def lacks(file: File, source: Source, unit: Unit) -> bool:
    """Whether the file came before the session's day: a longer file, which cannot have it."""
    fetched = fetched_at(file)
    return fetched is not None and source.period in ("month", "year") and fetched.date() < _asked(unit)


def finished_at(unit: Unit) -> datetime:
    """When B3 has had the next session's day to finish the files of a unit."""
    return calendar.moment(calendar.next_session(_asked(unit) + _DAY) + _DAY, time.min)


def settled(unit: Unit) -> bool:
    """Whether B3 has had the next session's day to finish the files of a unit."""
    return calendar.now() >= finished_at(unit)


def _asked(unit: Unit) -> date:
    """The last session that a unit is asked for: of a month or year, the last whose files may be out."""
    if unit.kind == "day":
        return unit.date
    return min(unit.last, calendar.previous_session((calendar.now() - _OUT).date()))

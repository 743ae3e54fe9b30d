"""B3 by the hour: from what time on each source has a session, and what is wrong with its answers meanwhile.

Times are São Paulo's. Those of COTAHIST_D and of the price reports were measured; of the other sources no hour is on
record, and theirs are likely ones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta

from pyb3.calendar import is_session, moment, next_session, previous_session, sessions

from .faults import Fault

_DAY = timedelta(1)
# What public projects measured in 2026: 20:42 to 23:17, once after midnight, latest on Fridays. Of the Friday of 4
# September it is known that the file was not out at 00:08, of the 14th that it was out by 21:30, of three days 21:44 to
# 21:51.
MEASURED = {
    date(2026, 9, 4): "+00:30",
    date(2026, 9, 8): "21:08",
    date(2026, 9, 11): "23:17",
    date(2026, 9, 14): "21:30",
    date(2026, 9, 25): "21:48",
    date(2026, 9, 30): "21:48",
    date(2026, 10, 8): "20:42",
    date(2026, 10, 9): "21:48",
}
_OF_WEEKDAY = ("21:08", "21:30", "20:42", "21:48", "23:17")  # on other days
# When the versions of a session's file come, the last of which is final; + is the day after the session.
_VERSIONS: Mapping[str, Sequence[str]] = {
    "SPRD": ("18:10", "19:28", "20:31"),  # the first without settlements
    "PR": ("18:10", "19:28", "20:31"),
    "SPRE": ("18:10", "19:28", "20:31"),
    "IR": ("18:55",),
    "TS": ("19:40",),
    "IN": ("07:10", "18:40"),
    "InstrumentsConsolidated": ("08:00", "20:10"),  # `Parcial` until then
    "TradeInformationConsolidated": ("+08:30",),
    "BDI": ("+08:00",),
    "IndexStatistics": ("18:45",),
}


@dataclass(frozen=True, slots=True)
class Mood:
    """Answers that B3 gives from `start` until `end` to the requests that the fault meets: `times`, or all of them."""

    start: datetime
    end: datetime
    fault: Fault
    times: int | None = None
    name: str = ""

    def at(self, now: datetime) -> bool:
        return self.start <= now < self.end


@dataclass(frozen=True)
class Hours:
    """When B3 has what.

    The index pages show one session alone, from `turn` of its day on; where they are `ahead`, from `turn` of the
    session before. `late` are files that came at another time than their source's usual one. With `own_year` a day's
    own COTAHIST goes when its year is over.
    """

    turn: str = "18:30"
    ahead: bool = False
    late: Mapping[tuple[str, date], str] = field(default_factory=dict)
    moods: Sequence[Mood] = ()
    own_year: bool = True

    def versions(self, source: str, day: date) -> list[datetime]:
        """When each version of a session's file came."""
        if (source, day) in self.late:
            return [_at(day, self.late[source, day])]
        if source in ("COTAHIST_D", "COTAHIST_A"):  # the year's file was seen to follow the day's
            return [_at(day, MEASURED.get(day, _OF_WEEKDAY[day.weekday()]))]
        return [_at(day, text) for text in _VERSIONS[source]]

    def has(self, source: str, day: date, now: datetime) -> int:
        """How many versions of a session's file there are."""
        if not is_session(day) or (source == "COTAHIST_D" and self.own_year and now.year > day.year):
            return 0
        return sum(at <= now for at in self.versions(source, day))

    def whole(self, source: str, day: date, now: datetime) -> bool:
        """Whether the last version of a session's file is there."""
        return self.has(source, day, now) == len(self.versions(source, day))

    def latest(self, source: str, now: datetime) -> date:
        """The last session that a source has whole."""
        days = sessions(now.date() - timedelta(14), now.date())
        return max(day for day in days if self.versions(source, day)[-1] <= now)

    def month(self, first: date, now: datetime) -> date | None:
        """The last session of a month's COTAHIST, which comes when the month is over: on the next one's first day."""
        last = previous_session((first + timedelta(31)).replace(day=1) - _DAY)
        return last if (now.year, now.month) > (first.year, first.month) else None

    def page(self, now: datetime) -> date:
        """The session that the index pages show."""
        turned = now.time() >= time.fromisoformat(self.turn)
        shown = previous_session(now.date() if turned else now.date() - _DAY)
        return next_session(shown + _DAY) if self.ahead else shown


def _at(day: date, text: str) -> datetime:
    """`21:08` of a day, or `+08:30` of the day after."""
    return moment(day + _DAY if text.startswith("+") else day, time.fromisoformat(text.removeprefix("+")))

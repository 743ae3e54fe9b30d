"""Whether a session that is missing should be there by now: decided here alone, by the hours since the session."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

from . import calendar
from .template import Template
from .unit import PARTIAL, Outcome, Unit

RUNS = 3
"""The run that fails because of a late session: so many have missed it, this one included."""

_DAY = timedelta(1)
_END = time(18)  # B3's earliest file of a session was seen at 18:10
# Where no hour is known, a file may come through the night: COTAHIST came between 20:42 and 23:17 on eight days of
# September and October 2026, and on one Friday after 00:08.
_MORNING = time(7, 30)
_AFTER_FINAL = timedelta(hours=2)  # price reports are final at 21:00; none was seen after 20:31 (September 2026)


def end(session: date) -> datetime:
    """When a session ended: from then on its files may be published."""
    return calendar.moment(session, _END)


def due(template: Template, session: date) -> datetime:
    """When a session's file should be there: until then a file that is missing is not late.

    Two hours after `final_at` of the source that is preferred, else at 07:30 of the day after the session.
    """
    for source in template.sources:
        if source.valid_to is None or source.valid_to >= session:
            if source.last_version is not None:
                return calendar.moment(session, source.last_version) + _AFTER_FINAL
            break
    return calendar.moment(session + _DAY, _MORNING)


def last_session() -> date:
    """The last session that has ended."""
    now = calendar.now()
    return calendar.previous_session(now.date() if now >= end(now.date()) else now.date() - _DAY)


def last_due(template: Template) -> date:
    """The last session whose file should be there by now."""
    session = last_session()
    while due(template, session) > calendar.now():
        session = calendar.previous_session(session - _DAY)
    return session


def judge(outcome: Outcome, template: Template, unit: Unit) -> None:
    """Write down whether an outcome's session is late, and how many hours ago it ended; a month or year has neither."""
    if unit.kind == "day":
        now = calendar.now()
        outcome.late = now >= due(template, unit.date)
        outcome.hours_since_session = round((now - end(unit.date)).total_seconds() / 3600, 1)


def missed(outcome: Outcome, runs: int) -> None:
    """Write down how many runs have missed a session that is not published: too many fail, where it is late."""
    outcome.missed_runs = runs
    if outcome.late and runs >= RUNS and outcome.unit == str(last_session()):
        outcome.exit_code = PARTIAL


def waits(outcome: Outcome) -> bool:
    """Whether B3 has time left for what is missing: the session is not published or not finished, and not late.

    A session with odd records or values does not wait: the next run reads the same.
    """
    odd = outcome.rejected or outcome.rejected_values
    return outcome.late is False and (outcome.outcome == "not_published" or (outcome.outcome == "partial" and not odd))


def exit_code(outcomes: Sequence[Outcome]) -> int:
    """The exit code of a run: of one unit its own, of many the one that the worst of them asks for.

    0: nothing is wrong, or B3 has time left. 3: the units of one day have no data, or the last session alone is late.
    4: a unit failed, is partial, an older session is missing, or `RUNS` runs have missed the last one.
    """
    codes = {outcome.exit_code for outcome in outcomes}
    if codes <= {0}:
        return 0
    if len(outcomes) == 1 or (codes == {3} and len({outcome.unit for outcome in outcomes}) == 1):
        return codes.pop()
    wrong = [outcome for outcome in outcomes if outcome.exit_code and not waits(outcome)]
    if not wrong:
        return 0
    last = str(last_session())
    return 3 if all(one.outcome == "not_published" and one.exit_code == 3 and one.unit == last for one in wrong) else 4

"""Is this machine's clock right, and is São Paulo's time known?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from ..errors import DatabaseError
from ..fetch.peek import Greeting
from .examination import Examination
from .finding import OTHER, Finding, failed, ok, skipped, warning

_DOUBTFUL = timedelta(minutes=1)
_WRONG = timedelta(hours=1)  # by then days are mistaken for others
_ZONE = "America/Sao_Paulo"


def check(examination: Examination) -> Iterator[Finding]:
    """The zone, and the clock against those of B3's hosts and of the database."""
    try:
        yield ok("time zone", f"{_ZONE} is known; it is {datetime.now(ZoneInfo(_ZONE)):%Y-%m-%d %H:%M} there")
    except ZoneInfoNotFoundError:
        yield failed("time zone", f"{_ZONE} is not known", "install tzdata: pip install tzdata", OTHER)
    yield _hosts(examination)
    yield _server(examination)


def _hosts(examination: Examination) -> Finding:
    if examination.offline:
        return skipped("hosts", "--offline")
    greetings = [found for found in examination.greetings.values() if isinstance(found, Greeting)]
    ahead = [greeting.ahead for greeting in greetings if greeting.ahead is not None]
    if not ahead:
        return skipped("hosts", "no host said what time it is")
    return _compared("hosts", "the hosts'", sorted(ahead)[len(ahead) // 2])  # one host's may be wrong


def _server(examination: Examination) -> Finding:
    try:
        connection = examination.database()
    except DatabaseError:
        return skipped("database", "there is no database to ask")
    asked = datetime.now(UTC)
    row = connection.execute("SELECT clock_timestamp()").fetchone()
    middle = asked + (datetime.now(UTC) - asked) / 2
    return _compared("database", "the database's", row[0] - middle) if row else skipped("database", "no answer")


def _compared(subject: str, whose: str, ahead: timedelta) -> Finding:
    off = abs(ahead)
    said = f"this machine's clock is {_words(off)} {'behind' if ahead > timedelta() else 'ahead of'} {whose}"
    advice = "set the clock right, by NTP (timedatectl set-ntp true); days and certificates are judged by it"
    if off >= _WRONG:
        return failed(subject, said, advice, OTHER)
    if off >= _DOUBTFUL:
        return warning(subject, said, advice)
    return ok(subject, f"this machine's clock agrees with {whose} within {max(1, round(off.total_seconds()))} s")


def _words(off: timedelta) -> str:
    seconds = round(off.total_seconds())
    for size, unit in ((86_400, "days"), (3_600, "hours"), (60, "minutes")):
        if seconds >= 2 * size:
            return f"{round(seconds / size):,} {unit}"
    return f"{seconds} seconds"

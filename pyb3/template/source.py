"""Where B3 publishes one kind of file, how to ask for it, and how to know it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime, time
from string import Formatter
from typing import Any

from ..unit import Unit

PERIODS = ("day", "month", "year", "snapshot")
REQUESTS = ("get", "post", "token", "base64")


@dataclass(frozen=True, slots=True)
class Source:
    """Where B3 publishes one kind of file, how to ask for it, and how to know it.

    `period` is what one file covers; `serves` names the units it can answer for (by default its own period: a
    year's file can serve one of its days). `url`, `file` and `payload` are patterns over `date` (the period's
    first day) and, where `each` is set, `item`. `request` is how B3 wants to be asked: `get`, `post` (JSON),
    `token` (a token first) or `base64` (JSON in the path). `signature` is a regular expression that the first
    4 KiB of the unpacked file match; one that matches `absent` says that B3 has no file, or no final one, yet.
    `stamp` is a regular expression that is looked for throughout the first 64 KiB, to tell the files of an archive
    apart. Its groups, each in whatever match has it: `day`, the session (the first one of a longer file), written
    20240115 or 2024-01-15; `until`, the last one; `made`, when B3 made the file; any other is part of what the file
    is: files that differ in it, or in `until`, are not versions of one.
    A source reaches back `keeps` days, and is asked for any unit only when that is `delay` days old, so that the
    sources before it have had their time; 0 is no limit. A longer file of `closed_months` is asked for a day only when
    the day's month is over: until then B3 has the day's own file, or none.

    A `snapshot` shows the last session alone: what was fetched on its day serves that day for ever. `dated`, a
    pattern over `date`, is what an answer of that date holds; another is refused and not kept, but for one of the next
    session: such a page shows what will be valid then. A `late` one is asked for the session before also in the small
    hours of the next session's day: the dataset compares its answer with the dated one. A source that comes
    `after` another is asked only for the items that one had. `sample` is an item that it has always had, to see by
    whether it still answers.

    `final_at` is the time in São Paulo by which the last version of a session's file is out, in the evening of the
    session: a file that was fetched earlier is asked for again. An answer that matches `empty` is an error of the
    source: B3 has the table, and shows none of its rows. Where `always_200`, B3 answers 200 also for what it does not
    have, so that a 404 is an error that may pass. A `counted` answer is a list under `results` that says under `page`
    how many rows and pages there are; where its payload has a `pageNumber`, page after page is asked for. `catalogue`
    is the address where B3 lists the tables that it has, among them the one that the payload names.
    `seen` is the newest session of a real file of it that was read whole, None where there was none; `evidence` says in
    words what else is known of it, and from whom.
    """

    name: str
    period: str
    format: str
    url: str
    file: str
    signature: str = ""
    absent: str = ""
    stamp: str = ""
    request: str = "get"
    container: str = "zip"
    payload: Mapping[str, Any] | None = None
    each: str = ""
    sample: str = ""
    after: str = ""
    dated: str = ""
    late: bool = False
    serves: tuple[str, ...] = ()
    keeps: int = 0
    closed_months: bool = False
    delay: int = 0
    final_at: str = ""
    empty: str = ""
    always_200: bool = False
    counted: bool = False
    catalogue: str = ""
    valid_from: date | None = None
    valid_to: date | None = None
    seen: date | None = None
    evidence: str = ""

    @property
    def last_version(self) -> time | None:
        """`final_at` as a time of the day."""
        return time.fromisoformat(self.final_at) if self.final_at else None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds of units it can answer for."""
        return self.serves or (self.period,)

    def can_serve(self, unit: Unit, today: date) -> bool:
        """Whether this source has, or had, units of that kind and time."""
        age: int = (today - unit.last).days
        return (
            unit.kind in self.kinds
            and (self.valid_from is None or unit.last >= self.valid_from)
            and (self.valid_to is None or unit.date <= self.valid_to)
            and (not self.keeps or age <= self.keeps)
            and not (self.closed_months and unit.kind == "day" and _month(unit.date) >= _month(today))
            and (not self.delay or age >= self.delay)
        )

    def covering(self, unit: Unit) -> date:
        """The first day of this source's period that holds the unit."""
        match self.period:
            case "month":
                return unit.date.replace(day=1)
            case "year":
                return unit.date.replace(month=1, day=1)
            case _:
                return unit.date

    def named(self, filename: str) -> tuple[str, date | None]:
        """The item and date in a file's name, where this source's files are named so; else "" and None."""
        pattern, written = "", ""
        for literal, name, spec, _ in Formatter().parse(self.file):
            pattern += re.escape(literal)
            if name == "item":
                pattern += r"(?P<item>[^\W_]+)"
            elif name == "date":
                written = spec or ""
                digits = re.sub("%[dmy]", "[0-9]{2}", re.escape(written).replace("%Y", "[0-9]{4}"))
                pattern += f"(?P<date>{digits})"
        found = re.fullmatch(pattern, filename)
        if found is None:
            return "", None
        parts = found.groupdict()
        try:
            return parts.get("item", ""), datetime.strptime(parts["date"], written).date() if written else None
        except (ValueError, re.error):  # eight digits that are no date, or a pattern that names the day twice
            return "", None


def _month(day: date) -> tuple[int, int]:
    return day.year, day.month


def check_pattern(pattern: str, *, once: bool) -> None:
    """Raise ValueError where it is none over `date` and `item`, or names one of them twice where it may not."""
    names = []
    for _, name, spec, conversion in Formatter().parse(pattern):
        if name is not None:
            names.append(name)
            if name not in ("date", "item") or conversion or (spec and (name == "item" or "{" in spec)):
                raise ValueError(f"{{{name}}} is neither {{date}}, in a format, nor {{item}}")
    if once and len(set(names)) < len(names):
        raise ValueError("a name stands twice")
    pattern.format(date=date(2024, 1, 15), item="IBOV")

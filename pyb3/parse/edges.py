"""The first and last lines of a file of records: what they say of it, and whether it is whole by them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from ..errors import Incomplete
from .archive import Member
from .regular import Block


@dataclass(slots=True)
class Lines:
    """The lines of a file: all of them, and those that are blank."""

    count: int = 0
    blank: int = 0


class Edge:
    """A header or a trailer: its pattern, and what it held once it was met."""

    def __init__(self, label: str, pattern: str) -> None:
        self._label = label
        self._pattern = re.compile(pattern.encode() + rb" *\r?")
        self.found: dict[str, str] = {}

    def match(self, line: Block) -> bool:
        if match := self._pattern.fullmatch(line):
            self.found = {name: text.decode("latin-1") for name, text in match.groupdict().items()}
        return match is not None

    def unusual(self, name: str, usual: Mapping[str, str]) -> Iterator[str]:
        """A line for each group whose text is not the usual one."""
        for group, pattern in usual.items():
            text = self.found.get(group)
            if text is not None and not re.fullmatch(pattern, text):
                yield f"{name}: its {self._label} has the {group} {text.strip()!r}, which PyB3 does not know"


def check_complete(
    member: Member,
    lines: Lines,
    header: Edge | None,
    trailer: Edge,
    counts: Sequence[str],
    allow_incomplete: bool,
) -> None:
    """Compare the trailer with what was read."""
    name = member.name
    if not trailer.found:
        if allow_incomplete:
            return
        raise Incomplete(f"{name} ends after {lines.count:,} lines without a trailer")
    if header is not None:
        for group in ("name", "date"):
            first, last = header.found.get(group), trailer.found.get(group)
            if first != last:
                member.notes.append(f"{name}: its header has the {group} {first}, its trailer {last}")
    announced = int(trailer.found["records"])
    whole = {"lines": lines.count, "records": lines.count - 1 - (header is not None)}
    if not any(announced in (whole[what], whole[what] - lines.blank) for what in counts) and not allow_incomplete:
        raise Incomplete(f"{name} holds {whole['records']:,} records, its trailer says {announced:,}")


def made_at(member: Member, header: Edge) -> datetime | None:
    """When B3 made the file, by its header; a date that is not one is noted."""
    try:
        return datetime.strptime(header.found["date"], "%Y%m%d")
    except ValueError:
        member.notes.append(f'{member.name}: its header has the date "{header.found["date"]}", which is not a date')
        return None

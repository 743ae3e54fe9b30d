"""The scenarios by name, and how often each runs in the whole campaign."""

from __future__ import annotations

from collections.abc import Callable

from . import answers, crowd, fortnights, full, hostile, killed, server
from .report import Result

Scenario = Callable[[int, int], list[Result]]

SCENARIOS: dict[str, tuple[Scenario, int]] = {
    "program": (killed.program, 500),
    "server": (server.killed, 50),
    "connection": (server.cut, 50),
    "first-start": (server.first_start, 5),
    "same-day": (crowd.same_day, 10),
    "years": (crowd.overlapping, 5),
    "upgrade": (crowd.first_start, 2),
    "disk": (full.disks, 1),
    "answers": (answers.b3, 1),
    "files": (hostile.files, 1),
    "redirects": (hostile.redirects, 1),
    "templates": (hostile.templates, 1),
    "nights": (fortnights.nights, 1),
    "arguments": (hostile.arguments, 1),
}

"""What a run reported: the units that --json printed, and what is wrong with them."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

from ..errors import UsageError, one_line

FACTS = ("dataset", "unit", "outcome")
NUMBERS = ("rows", "inserted", "updated", "unchanged", "seconds")
_DAYS = 3  # from then on days say more than hours
_GOOD = ("loaded", "unchanged", "no_session")


def units(lines: Iterable[str]) -> list[dict[str, Any]]:
    """The units of --json's lines. Raises UsageError for a line that is something else."""
    return [_unit(line) for line in lines if line.strip()]


def _unit(line: str) -> dict[str, Any]:
    try:
        unit = json.loads(line)
    except ValueError:
        unit = None
    if not isinstance(unit, dict) or not unit.keys() >= {*FACTS, *NUMBERS}:
        raise UsageError(f"{line.strip()[:60]!r} is not a unit as --json prints it")
    return unit


def waits(unit: Mapping[str, Any]) -> bool:
    """Whether a unit is not there, or not finished, and B3 has time left for it."""
    odd = unit.get("rejected") or unit.get("rejected_values")
    return unit.get("late") is False and unit["outcome"] in ("not_published", "partial") and not odd


def wrong(unit: Mapping[str, Any]) -> bool:
    """Whether somebody should look at a unit."""
    return unit["outcome"] not in _GOOD and not waits(unit)


def _long(hours: float) -> str:
    return f"{hours:.1f} hours" if hours < _DAYS * 24 else f"{hours / 24:,.0f} days"


def message(unit: Mapping[str, Any]) -> str:
    """What is wrong with a unit, or what it waits for, as one line without its name."""
    runs = unit.get("missed_runs")
    hours = unit.get("hours_since_session")
    since = "" if hours is None else f"{_long(hours)} after the session"
    missed = f"missed by {runs} run{'s' if runs > 1 else ''}" if runs else ""
    early = "" if unit.get("late") is not False else "not late yet"
    what = {"not_published": "not published", "partial": "partial", "failed": "failed"}.get(unit["outcome"], "")
    facts = ", ".join(filter(None, [f"{what} {since}".strip(), missed, early]))
    why = (unit.get("error") or {}).get("message") if unit["outcome"] == "failed" else None
    why = why or (next(iter(unit.get("warnings", ())), None) if unit["outcome"] == "partial" else None)
    return f"{facts}: {one_line(why)}" if why else facts

"""pyb3 summary: what --json printed, as a table for a page."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Annotated, Any

import typer

from ..errors import UsageError, one_line
from ..unit import SELDOM

_FACTS = ("dataset", "unit", "outcome")
_NUMBERS = ("rows", "inserted", "updated", "unchanged", "seconds")


def summary(
    outcomes: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What --json printed; - is stdin.")],
) -> None:
    """Show the units that --json printed as a Markdown table: for a job's page, an issue or a mail.

    Example: pyb3 backfill futures --last 10 --json | pyb3 summary -
    """
    units = [_unit(line) for line in outcomes if line.strip()]
    print("\n".join(_markdown(units)) if units else "Nothing was done.")


def _unit(line: str) -> dict[str, Any]:
    try:
        unit = json.loads(line)
    except ValueError:
        unit = None
    if not isinstance(unit, dict) or not unit.keys() >= {*_FACTS, *_NUMBERS}:
        raise UsageError(f"{line.strip()[:60]!r} is no unit as --json prints it")
    return unit


def _markdown(units: list[dict[str, Any]]) -> Iterable[str]:
    *counts, seconds = _NUMBERS
    numbers = [*counts, *(name for name in SELDOM if any(unit.get(name) for unit in units)), seconds]
    yield f"| {' | '.join([*_FACTS, *numbers])} |"
    yield f"|{'---|' * len(_FACTS)}{'---:|' * len(numbers)}"
    for unit in units:
        yield _row([str(unit[name]) for name in _FACTS], [unit.get(name, 0) for name in numbers])
    if len(units) > 1:
        totals = [sum(unit.get(name, 0) for unit in units) for name in numbers]
        yield _row(["", f"{len(units):,} units", ""], totals)
    if told := [line for unit in units for line in _told(unit)]:
        yield "\n```text"  # as text: a page of B3's may be quoted in it
        yield from (line.replace("```", "'''") for line in told)
        yield "```"


def _row(facts: list[str], numbers: list[int | float]) -> str:
    shown = [f"{number:,.2f}" if isinstance(number, float) else f"{number:,}" for number in numbers]
    return f"| {' | '.join([*(fact.replace('|', '/') for fact in facts), *shown])} |"


def _told(unit: dict[str, Any]) -> Iterable[str]:
    error = unit.get("error") or {}
    for message in [*filter(None, [error.get("message")]), *unit.get("warnings", ())]:
        yield f"{unit['dataset']} {unit['unit']}: {one_line(message)}"

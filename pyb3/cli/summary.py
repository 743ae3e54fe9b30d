"""pyb3 summary: what --json printed, as a table for a page, or as GitHub's annotations."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, Any

import typer

from ..errors import one_line
from ..unit import SELDOM
from . import report


def summary(
    outcomes: Annotated[typer.FileText, typer.Argument(metavar="FILE", help="What --json printed; - is stdin.")],
    annotations: Annotated[
        bool, typer.Option("--annotations", help="Print GitHub's ::error, ::warning and ::notice lines instead.")
    ] = False,
) -> None:
    """Show the units that --json printed as a Markdown table: for a job's page, an issue or a mail.

    A session that is not published is named below the table, with the hours since the session and whether it is late.

    Example: pyb3 backfill futures --last 10 --json | pyb3 summary -
    """
    units = report.units(outcomes)
    if annotations:
        for line in _annotations(units):
            print(line)
        return
    print("\n".join(_markdown(units)) if units else "Nothing was done.")


def _annotations(units: list[dict[str, Any]]) -> Iterable[str]:
    """One line a unit: an error for a failure, a warning for what is late or partial, a notice for what B3 owes yet."""
    for unit in units:
        if report.wrong(unit):
            level = "error" if unit["outcome"] == "failed" else "warning"
        elif report.waits(unit):
            level = "notice"
        else:
            continue
        yield f"::{level} title={_escaped(unit['dataset'])}::{_data(str(unit['unit']))} {_data(report.message(unit))}"


def _data(text: str) -> str:
    """Text as a workflow command holds it."""
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _escaped(text: str) -> str:
    """Text as a property of a workflow command holds it."""
    return _data(text).replace(":", "%3A").replace(",", "%2C")


def _markdown(units: list[dict[str, Any]]) -> Iterable[str]:
    *counts, seconds = report.NUMBERS
    numbers = [*counts, *(name for name in SELDOM if any(unit.get(name) for unit in units)), seconds]
    yield f"| {' | '.join([*report.FACTS, *numbers])} |"
    yield f"|{'---|' * len(report.FACTS)}{'---:|' * len(numbers)}"
    for unit in units:
        facts = [str(unit[name]) for name in report.FACTS]
        if unit.get("late"):
            facts[-1] += ", late"
        yield _row(facts, [unit.get(name, 0) for name in numbers])
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
    lateness = report.message(unit) if unit["outcome"] == "not_published" and "late" in unit else None
    for message in [*filter(None, [lateness, error.get("message")]), *unit.get("warnings", ())]:
        yield f"{unit['dataset']} {unit['unit']}: {one_line(message)}"

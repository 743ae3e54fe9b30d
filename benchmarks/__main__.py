"""python -m benchmarks [FIGURE ...] [--rows N] [--runs N]: measure, print and keep; `page` writes what is kept."""

from __future__ import annotations

import argparse
import sys
from datetime import UTC, datetime
from pathlib import Path

from . import machine, page, results
from .figures import FIGURES
from .machine import FOLDER, Failed, Server, TimedOut
from .results import Measured, Result
from .targets import TARGETS

_PAGE = Path(__file__).parents[1] / "docs" / "performance.md"


def main() -> int:
    """Measure what is asked for, all of it by default; or write the page from what was measured last.

    1 where a figure failed.
    """
    arguments = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    names = ", ".join(FIGURES)
    arguments.add_argument("figure", nargs="*", choices=[*FIGURES, "page", []], help=f"of: {names} (all); or page")
    arguments.add_argument("--rows", type=int, help="rows of a year (2,500,000; 2,000,000 for each of twenty)")
    arguments.add_argument("--runs", type=int, default=5, help="runs whose median is told (5)")
    chosen = arguments.parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    kept, failed = FOLDER / "results", False
    if measured := [name for name in chosen.figure or FIGURES if name != "page"]:
        server = Server()
        for name in measured:
            result = _measured(server, name, chosen.rows, chosen.runs)
            results.write(kept, result)
            failed = failed or bool(result.get("failed").note)
    if "page" in chosen.figure:
        page.write(_PAGE, results.read(kept))
    return int(failed)


def _measured(server: Server, name: str, rows: int | None, runs: int) -> Result:
    figure = FIGURES[name]
    rows = rows or figure.rows
    print(f"\n{name}: {figure.measure.__doc__}", flush=True)
    date, facts = datetime.now(UTC).isoformat(timespec="minutes"), machine.facts()
    found: list[Measured] = []
    try:
        for one in figure.measure(server, rows, runs):
            found.append(one)
            print(f"  {one.what:50} {one}", flush=True)
    except (Failed, TimedOut) as error:  # the figures after it are measured all the same
        found.append(Measured("failed", "failed", note=str(error)))
        print(f"  failed: {error}", flush=True)
    command = f"python -m benchmarks {name} --rows {rows} --runs {runs}"
    result = Result(name, date, command, runs, facts, machine.versions(server), found)
    for target in TARGETS:
        if target.figure == name and (reached := target.reached({name: result})) is not None:
            of = " of the floor" if target.floor else f" {target.unit}"
            print(f"  {target.what + ':':50} {reached:.2f}{of}, {target.most:g} at most")
    return result


sys.exit(main())

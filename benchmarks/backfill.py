"""Many sessions over HTTP: whether fetching, parsing and loading overlap, and whether memory is bounded."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator
from datetime import date

from . import data
from .machine import PYB3, Failed, Run, Server, in_turn, timed
from .results import Measured

_MONTH = (date(2024, 3, 1), date(2024, 3, 28))
_YEAR = (date(2023, 1, 2), date(2023, 12, 28))
_WIRE = 0.5  # seconds a file is on its way
_FETCH = """
import sys
from concurrent.futures import ThreadPoolExecutor
from datetime import date
from functools import partial
from pyb3 import pipeline
from pyb3.datasets import registry
dataset = registry.get("cotahist")
units = dataset.units(*map(date.fromisoformat, sys.argv[1:]))
list(ThreadPoolExecutor(2).map(partial(pipeline.fetch, dataset, refresh=True), units))
"""


def backfill(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """A month of sessions over HTTP, each file half a second on its way: fetching alone, loading alone, and both, one
    job and two; then the memory that a year of sessions takes."""
    from tests.support.faults import Fault
    from tests.support.simulator import running

    with running(rows=max(40, rows // data.DAYS)) as simulator:
        simulator.faults.append(Fault("slow", where="COTAHIST", times=10**9, seconds=_WIRE))
        os.environ["PYB3_MIRROR"] = simulator.url
        try:
            many = {"rows": _loaded(server, _MONTH, "--refresh")[1]}  # and the simulator has made its files
            fetched, cached, one, two = in_turn(
                runs,
                lambda: timed((sys.executable, "-c", _FETCH, *map(str, _MONTH))),
                lambda: _loaded(server, _MONTH)[0],
                lambda: _loaded(server, _MONTH, "--refresh")[0],
                lambda: _loaded(server, _MONTH, "--refresh", "--jobs", "2")[0],
            )
            yield Measured("fetch", "a month fetched alone, two files at a time", many | fetched.values())
            yield Measured("cached", "a month loaded from the cache, `--jobs 1`", many | cached.values())
            apart = fetched.seconds + cached.seconds
            yield Measured("apart", "fetched, then loaded from the cache", {"seconds": apart})
            yield Measured("jobs_1", "a month over HTTP, `--jobs 1`", many | one.values())
            yield Measured("jobs_2", "a month over HTTP, `--jobs 2`", many | two.values())
            simulator.faults.clear()
            run, count = _loaded(server, _YEAR, "--refresh")
            yield Measured("long", "a year of sessions over HTTP, `--jobs 1`", {"rows": count, **run.values()})
        finally:
            del os.environ["PYB3_MIRROR"]


def _loaded(server: Server, between: tuple[date, date], *options: str) -> tuple[Run, int]:
    """What it took to load these days into the empty table, and how many rows there were."""
    server.empty()
    command = (*PYB3, "backfill", "cotahist", "--from", str(between[0]), "--to", str(between[1]), "--quiet", "--json")
    run = timed((*command, *options), server)
    outcomes = [json.loads(line) for line in run.output.splitlines()]
    if others := [one["unit"] for one in outcomes if one["outcome"] != "loaded"]:
        raise Failed(f"not loaded: {', '.join(others)}")
    return run, sum(one["inserted"] for one in outcomes)

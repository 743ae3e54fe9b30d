"""The figures: each is a list of what was measured, the floor beside ours, from runs in turn."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

from . import data
from .machine import FOLDER, PYB3, Run, Server, middle, timed

Row = tuple[str, str, str]
"""What, how much, and what it is to be held against."""

_COLUMNS = "SELECT string_agg(quote_ident(attname), ', ' ORDER BY attnum) FROM pg_attribute"


def year(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """A year from ZIP to committed, again, and with 1,000 rows changed; psql \\copy of a ready CSV beside it."""
    file, other, csv = data.year(rows), data.changed(rows), FOLDER / "year.csv"
    ingest = (*PYB3, "ingest", "cotahist", "--force", "--quiet", "--file")
    server.empty()
    timed((*ingest, file))
    found = server.connection.execute(
        _COLUMNS + " WHERE attrelid = 'cotahist'::regclass AND attnum > 0 AND attname <> 'ingestion_id'"
    ).fetchone()
    columns = found[0] if found else ""
    psql = (server.psql, server.url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c")
    timed((*psql, f"\\copy (SELECT {columns} FROM cotahist) TO '{csv}' (FORMAT csv)"))  # noqa: S608
    floors, keyed, firsts, agains, changes = [], [], [], [], []
    for _ in range(runs):
        server.empty()
        floors.append(timed((*psql, f"\\copy cotahist ({columns}) FROM '{csv}' (FORMAT csv)"), server))
        server.connection.execute("CREATE TABLE keyed (LIKE cotahist)")
        key = "(refdate, symbol, bdi_code, market_type, term_days)"
        server.connection.execute(f"ALTER TABLE keyed ADD PRIMARY KEY {key}")
        keyed.append(timed((*psql, f"\\copy keyed ({columns}) FROM '{csv}' (FORMAT csv)"), server))
        server.connection.execute("DROP TABLE keyed")
        server.empty()
        firsts.append(timed((*ingest, file), server))
        server.settle()
        agains.append(timed((*ingest, file), server))
        changes.append(timed((*ingest, other), server))
    floor, bare, first = middle(floors), middle(keyed), middle(firsts)
    again, change = middle(agains), middle(changes)
    yield "psql \\copy into the migrated table", _run(floor, rows), "the floor"
    yield "psql \\copy into a table with the key alone", _run(bare, rows), _times(bare, floor) + " of the floor"
    yield "year, first load", _run(first, rows), _times(first, floor) + " of the floor"
    yield "year, again", _run(again, rows), f"{_times(again, first)} of the first, WAL {again.wal / first.wal:.2%}"
    yield "year, 1,000 rows changed", _run(change, rows), f"{_times(change, first)} of the first"


def parse(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """ZIP to typed frames, and to Parquet; Python's zipfile inflating it beside."""
    file, output = data.year(rows), FOLDER / "year.parquet"
    inflate = (
        "import sys, zipfile; archive = zipfile.ZipFile(sys.argv[1]); member = archive.open(archive.namelist()[0])\n"
        "while member.read(1 << 20): pass"
    )
    frames = (
        "import sys; from pathlib import Path; from pyb3.datasets import registry; from pyb3.file import File\n"
        "for batch in registry.get('cotahist').read([File.at(Path(sys.argv[1]))]): pass"
    )
    both = _in_turn(
        runs,
        lambda: timed((sys.executable, "-c", inflate, file)),
        lambda: timed((sys.executable, "-c", frames, file)),
        lambda: timed((*PYB3, "parse", "cotahist", "--file", file, "--output", output)),
    )
    floor, ours, parquet = both
    yield "zipfile inflates the year", _run(floor, rows), "the floor"
    yield "year to typed frames", _run(ours, rows), _times(ours, floor) + " of the floor"
    yield "year to Parquet", _run(parquet, rows), _times(parquet, floor) + " of the floor"


def daily(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """A day of 17,000 rows that is on disk, and --help: whole processes."""
    ingest = (*PYB3, "ingest", "cotahist", "--date", str(data.DAY), "--quiet", "--file", data.day())
    taken = []
    for _ in range(runs):
        server.empty()
        taken.append(timed(ingest, server))
    yield "day of 17,000 rows", _run(middle(taken), 17_000), "1.0 s at most"
    helps = [timed((*PYB3, "--help")) for _ in range(runs)]
    yield "pyb3 --help", _run(middle(helps), 0), "0.25 s at most"


def report(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """A full PR of 150 MB to a typed frame; lxml walking its elements beside."""
    file = data.price_report()
    walk = (
        "import sys; from lxml import etree\n"
        "for _, element in etree.iterparse(sys.argv[1], events=('end',)): element.clear()"
    )
    frames = (
        "import sys; from pathlib import Path; from pyb3.datasets import registry; from pyb3.file import File\n"
        "for batch in registry.get('futures').read([File.at(Path(sys.argv[1]))]): pass"
    )
    floor, ours = _in_turn(
        runs,
        lambda: timed((sys.executable, "-c", walk, file)),
        lambda: timed((sys.executable, "-c", frames, file)),
    )
    size = file.stat().st_size / 1e6
    yield f"lxml walks {size:,.0f} MB of PR", _run(floor, 0), "the floor"
    yield "PR to a typed frame", _run(ours, 0), _times(ours, floor) + " of the floor"


def scale(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """Twenty years one after another, and the queries people run at the end; each load is run once."""
    server.empty()
    ingest = (*PYB3, "ingest", "cotahist", "--force", "--quiet", "--file")
    first: Run | None = None
    for number, of in enumerate(range(2005, 2025), 1):
        run = timed((*ingest, data.year(rows, of)), server)
        first = first or run
        data.year(rows, of).unlink()
        if number in (1, 2, 5, 10, 20):
            yield f"year {number} of 20, {rows:,} rows each", _run(run, rows), _times(run, first) + " of the first"
    server.settle()
    symbol = "SELECT * FROM cotahist WHERE symbol = 'PETR4' AND refdate BETWEEN '2010-01-01' AND '2019-12-31'"
    session = "SELECT * FROM cotahist WHERE refdate = '2015-06-15'"
    for what, query, most in (("one symbol's ten years", symbol, 20), ("one session", session, 50)):
        times = [_milliseconds(server, query) for _ in range(runs + 1)][1:]
        yield what, f"{sorted(times)[len(times) // 2]:.1f} ms", f"{most} ms at most"


def _milliseconds(server: Server, query: str) -> float:
    found = server.connection.execute(f"EXPLAIN (ANALYZE, FORMAT json) {query}").fetchone()
    assert found is not None
    return float(found[0][0]["Planning Time"] + found[0][0]["Execution Time"])


def backfill(server: Server, rows: int, runs: int) -> Iterator[Row]:
    """A month of sessions over HTTP from the simulator, one job and two."""
    from tests.support.simulator import running

    with running() as simulator:
        os.environ["PYB3_MIRROR"] = simulator.url
        command = (*PYB3, "backfill", "cotahist", "--from", "2024-03-01", "--to", "2024-03-28", "--refresh", "--quiet")
        taken: list[Run] = []
        for jobs in ("1", "2"):
            found = []
            for _ in range(runs):
                server.empty()
                found.append(timed((*command, "--jobs", jobs), server))
            taken.append(middle(found))
            against = "" if jobs == "1" else _times(taken[1], taken[0]) + " of one job"
            yield f"backfill of a month, --jobs {jobs}", _run(taken[-1], 0), against
        del os.environ["PYB3_MIRROR"]


ALL: dict[str, Callable[[Server, int, int], Iterator[Row]]] = {
    "year": year,
    "parse": parse,
    "daily": daily,
    "report": report,
    "backfill": backfill,
    "scale": scale,
}


def _in_turn(runs: int, *commands: Callable[[], Run]) -> list[Run]:
    found: list[list[Run]] = [[] for _ in commands]
    for _ in range(runs):
        for kept, command in zip(found, commands, strict=True):
            kept.append(command())
    return [middle(kept) for kept in found]


def _run(run: Run, rows: int) -> str:
    rate = f"{rows / run.seconds / 1e3:,.0f} thousand rows/s, " if rows else ""
    wal = f", WAL {run.wal:,.1f} MB" if run.wal else ""
    return f"{run.seconds:.2f} s, {rate}CPU {run.cpu:.1f} s, peak {run.peak:,.0f} MB{wal}"


def _times(ours: Run, floor: Run) -> str:
    return f"{ours.seconds / floor.seconds:.2f}"


def prepared() -> Path:
    """The benchmarks' folder, made."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    return FOLDER

"""Twenty years in the table: what the next one takes, and the queries people run."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from datetime import date
from statistics import median
from time import perf_counter
from typing import Any, LiteralString, NamedTuple

from . import data
from .load import ingest
from .machine import FOLDER, Server
from .results import Measured

YEARS = range(2005, 2025)
_BYTES_A_ROW = 400  # with the indexes, some 330, and the WAL that waits for a checkpoint


class Query(NamedTuple):
    """A query that people run, its values apart from it."""

    name: str
    what: str
    text: LiteralString
    values: tuple[Any, ...]


QUERIES = (
    Query(
        "symbol_years",
        "one symbol's ten years",
        "SELECT * FROM cotahist WHERE symbol = %s AND refdate BETWEEN %s AND %s ORDER BY refdate",
        ("PETR4", date(2010, 1, 1), date(2019, 12, 31)),
    ),
    Query("symbol", "one symbol, all years", "SELECT * FROM cotahist WHERE symbol = %s ORDER BY refdate", ("PETR4",)),
    Query("session", "one session", "SELECT * FROM cotahist WHERE refdate = %s", (date(2015, 6, 15),)),
    Query(
        "chain",
        "an option chain of a day",
        "SELECT symbol, maturity_date, strike, market_type, close, trades FROM cotahist WHERE refdate = %s"
        " AND market_type IN (70, 80) AND symbol LIKE %s ORDER BY maturity_date, strike, market_type",
        (date(2015, 6, 15), "PETR%"),
    ),
)


def scale(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """Twenty years one after another, each loaded once, and the queries people run at the end."""
    free = shutil.disk_usage(FOLDER).free
    fitting = min(rows, int(free * 0.9) // (len(YEARS) * _BYTES_A_ROW) // data.DAYS * data.DAYS)
    smaller = f"{rows:,} would not fit into {free / 1e9:,.0f} GB of free disk" if fitting < rows else ""
    yield Measured("size", "rows of each year", {"rows": fitting}, smaller)
    server.empty()
    try:
        yield from _years(server, fitting)
        server.settle()
        size = server.value("SELECT sum(pg_total_relation_size(relid)) FROM pg_partition_tree('cotahist')")
        yield Measured("table", "the table with its indexes", {"gigabytes": float(str(size)) / 1e9})
        for query in QUERIES:
            yield _asked(server, query, runs)
    finally:
        server.empty()


def _years(server: Server, rows: int) -> Iterator[Measured]:
    for number, of in enumerate(YEARS, 1):
        file, many = data.year(rows, of), data.count(rows, of)
        server.connection.execute("CHECKPOINT")
        run = ingest(server, file, inserted=many)
        file.unlink()
        values = {"rows": many, **run.values(), "microseconds": run.seconds / many * 1e6}
        if run.server_cpu is not None:
            values["server_microseconds"] = run.server_cpu / many * 1e6
        yield Measured(f"year_{number}", f"year {number} of {len(YEARS)}", values)


def _asked(server: Server, query: Query, runs: int) -> Measured:
    """Milliseconds until all rows are at the client, by a prepared statement that ran before; those until they are
    Python's values come after. Planning and execution are the server's own, by EXPLAIN."""
    answers, values, rows = [], [], 0
    for _ in range(runs + 1):
        start = perf_counter()
        cursor = server.connection.execute(query.text, query.values, prepare=True)
        answered = perf_counter()
        rows = len(cursor.fetchall())
        answers.append(answered - start)
        values.append(perf_counter() - answered)
    explained = server.connection.execute(
        b"EXPLAIN (ANALYZE, SUMMARY, FORMAT json) " + query.text.encode(), query.values
    ).fetchone()
    assert explained is not None
    plan = explained[0][0]
    return Measured(
        query.name,
        query.what,
        {
            "rows": rows,
            "milliseconds": median(answers[1:]) * 1e3,
            "to_python": median(values[1:]) * 1e3,
            "planning": plan["Planning Time"],
            "execution": plan["Execution Time"],
        },
    )

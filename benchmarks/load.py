"""A year and a day into the table."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

from psycopg import sql

from pyb3.datasets import registry

from . import data
from .machine import FOLDER, PYB3, Failed, Run, Server, middle, timed
from .results import Measured

INGEST = (*PYB3, "ingest", "cotahist", "--force", "--quiet", "--json", "--file")


def year(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """A year from ZIP to committed, again, and with 1,000 rows changed; psql \\copy of a ready CSV beside it."""
    file, other, csv = data.year(rows), data.changed(rows), FOLDER / "year.csv"
    differing, rows = data.differing(rows), data.count(rows)
    server.empty()
    ingest(server, file)
    found = server.connection.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'cotahist'::regclass AND attnum > 0"
        " AND NOT attisdropped AND attname <> 'ingestion_id' ORDER BY attnum"
    )
    columns = sql.SQL(", ").join(sql.Identifier(name) for (name,) in found).as_string()
    psql = (server.psql, server.url, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-c")
    timed((*psql, f"\\copy (SELECT {columns} FROM cotahist) TO '{csv}' (FORMAT csv)"))  # noqa: S608
    migrated, keyed, first, again, changed = [], [], [], [], []
    for _ in range(runs):
        server.empty()
        server.make_year(2024)
        migrated.append(timed((*psql, f"\\copy cotahist ({columns}) FROM '{csv}' (FORMAT csv)"), server))
        _with_the_key_alone(server)
        keyed.append(timed((*psql, f"\\copy keyed ({columns}) FROM '{csv}' (FORMAT csv)"), server))
        server.connection.execute("DROP TABLE keyed")
        server.empty()
        first.append(ingest(server, file, inserted=rows))
        server.settle()
        again.append(ingest(server, file, unchanged=rows))
        changed.append(ingest(server, other, unchanged=rows - differing, updated=differing))
    csv.unlink()
    yield _of(rows, "migrated", "`psql \\copy`, the migrated table", migrated)
    yield _of(rows, "keyed", "`psql \\copy`, a table with the key alone", keyed)
    yield _of(rows, "first", "first load", first)
    yield _of(rows, "again", "again, all read", again)
    yield _of(rows, "changed", "again, 1,000 rows changed", changed)


def daily(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """A day of 17,000 rows that is on disk, and --help: whole processes."""
    file, taken = data.day(), []
    for _ in range(runs):
        server.empty()
        taken.append(ingest(server, file, inserted=data.DAY_ROWS))
    yield _of(data.DAY_ROWS, "day", "a day from ZIP to committed", taken)
    bare = [timed((sys.executable, "-c", "pass")) for _ in range(runs)]
    yield Measured("python", "Python itself, doing nothing", middle(bare).values())
    helps = [timed((*PYB3, "--help")) for _ in range(runs)]
    yield Measured("help", "pyb3 --help", middle(helps).values())


def ingest(server: Server, file: Path, **expected: int) -> Run:
    """Load a file. Raises Failed where other counts come out than are expected."""
    run = timed((*INGEST, file), server)
    outcome = json.loads(run.output)
    if (counts := {name: outcome[name] for name in expected}) != expected:
        raise Failed(f"{file.name}: {counts} where {expected} was expected")
    return run


def _with_the_key_alone(server: Server) -> None:
    server.connection.execute("DROP TABLE IF EXISTS keyed")
    server.connection.execute("CREATE TABLE keyed (LIKE cotahist)")
    key = sql.SQL(", ").join(map(sql.Identifier, registry.get("cotahist").template.key))
    server.connection.execute(sql.SQL("ALTER TABLE keyed ADD PRIMARY KEY ({})").format(key))


def _of(rows: int, name: str, what: str, runs: list[Run]) -> Measured:
    return Measured(name, what, {"rows": rows, **middle(runs).values()})

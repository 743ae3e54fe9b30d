"""What others take for the same file, each as its users would call it, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from psycopg import sql

from . import data
from .load import ingest
from .machine import FOLDER, PYB3, Failed, Run, Server, TimedOut, middle, timed
from .results import Measured

_SCRIPTS = Path(__file__).with_name("others")
_LIMIT = 1_800  # seconds for a run, and for an installation


@dataclass(frozen=True)
class Peer:
    """A script in `others` that prints how many rows it has read, and the packages it works with.

    `ends` says what it makes of the file; `table` is where its rows are then. Those that take many minutes for
    a year are given one of `share` parts of it.
    """

    script: str
    what: str
    packages: tuple[str, ...]
    ends: str
    table: tuple[str, ...] = ()
    share: int = 1


PEERS = (
    Peer(
        "pandas_read_fwf",
        "pandas `to_sql`",
        ("pandas", "sqlalchemy", "psycopg[binary]"),
        "PostgreSQL, floats, appended",
        ("peer",),
        25,
    ),
    Peer(
        "sqlalchemy_upsert",
        "SQLAlchemy upsert",
        ("sqlalchemy", "psycopg[binary]"),
        "PostgreSQL",
        ("peer",),
        25,
    ),
    Peer("dlt_merge", "dlt merge", ("dlt[postgres]",), "PostgreSQL", ("peer_dlt", "cotahist"), 25),
    Peer("brasa_import", "brasa", ("brasa-marketdata",), "Parquet, floats", share=10),
    Peer("b3cotahist_frame", "b3cotahist", ("b3cotahist",), "a pandas frame, floats"),
    Peer("b3fileparser_pandas", "b3fileparser, pandas", ("b3fileparser",), "a pandas frame, floats", share=5),
    Peer("b3fileparser_polars", "b3fileparser, Polars", ("b3fileparser",), "a Polars frame, floats"),
)


def peers(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """PyB3 with the whole year, others with a part of it that they end in minutes, scaled to the year."""
    file, output, many = data.year(rows), FOLDER / "year.parquet", data.count(rows)
    loaded, parsed = [], []
    for _ in range(runs):
        server.empty()
        loaded.append(ingest(server, file, inserted=many))
        parsed.append(timed((*PYB3, "parse", "cotahist", "--quiet", "--file", file, "--output", output)))
    server.empty()
    output.unlink()
    load, parse = middle(loaded), middle(parsed)
    yield _of("pyb3_load", "PyB3", load, many, many, "PostgreSQL")
    yield _of("pyb3_parse", "PyB3 `parse`", parse, many, many, "Parquet")
    for peer in PEERS:
        try:
            yield _measured(server, peer, rows, runs)
        except (Failed, TimedOut) as error:
            yield Measured(peer.script, peer.what, note=str(error)[:200])


def _measured(server: Server, peer: Peer, rows: int, runs: int) -> Measured:
    python, part = _environment(peer), max(data.DAYS, rows // peer.share)
    # The smallest file tells what a process takes to start, which a whole year would take once.
    starts, found = [], []
    for _ in range(runs):
        starts.append(_run_of(server, peer, python, data.DAYS))
        found.append(_run_of(server, peer, python, part))
    _drop(server)
    note = f"{peer.ends}; {_versions(python, peer.packages)}"
    return _of(peer.script, peer.what, middle(found), data.count(part), data.count(rows), note, middle(starts).seconds)


def _run_of(server: Server, peer: Peer, python: Path, rows: int) -> Run:
    file = data.year(rows)
    text = file.with_suffix(".TXT")
    if not text.exists():
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(file), str(file.parent)], check=True)
    _empty(server)
    run = timed((python, "-E", _SCRIPTS / f"{peer.script}.py", text, file, server.address), server, _LIMIT)
    _check(server, peer, run, data.count(rows))
    return run


def _check(server: Server, peer: Peer, run: Run, rows: int) -> None:
    """Raises Failed where it has not read, or the table does not hold, every row."""
    if (read := int(run.output.split()[-1])) != rows:
        raise Failed(f"reads {read:,} of {rows:,} rows")
    if peer.table:
        query = sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(*peer.table))
        row = server.connection.execute(query).fetchone()
        if row != (rows,):
            raise Failed(f"{row[0] if row else 0:,} of {rows:,} rows are in the table")


def _of(name: str, what: str, run: Run, rows: int, year: int, note: str, start: float = 0.0) -> Measured:
    """With what a year of rows takes, of which `start` does not grow with them."""
    seconds = run.seconds + max(0.0, run.seconds - start) * (year - rows) / rows
    scaled = {"year_seconds": seconds, "rows_per_second": year / seconds}
    return Measured(name, what, {"rows": rows, **run.values(), **scaled}, note)


def _empty(server: Server) -> None:
    """Tables as those who do not make their own find them: as PyB3's, without partitions."""
    _drop(server)
    server.connection.execute("CREATE TABLE peer (LIKE cotahist INCLUDING INDEXES)")
    server.connection.execute("ALTER TABLE peer DROP COLUMN ingestion_id")
    server.connection.execute("CHECKPOINT")


def _drop(server: Server) -> None:
    server.connection.execute("DROP TABLE IF EXISTS peer")
    for schema in ("peer_dlt", "peer_dlt_staging"):
        server.connection.execute(sql.SQL("DROP SCHEMA IF EXISTS {} CASCADE").format(sql.Identifier(schema)))


def _environment(peer: Peer) -> Path:
    """The Python of an environment that holds the peer's packages, newest versions. Raises Failed."""
    folder = FOLDER / "peers" / "-".join(peer.packages).replace("[", "-").replace("]", "")
    python, ready = folder / "bin" / "python", folder / "ready"
    if not ready.exists():
        _run([sys.executable, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *peer.packages])
        ready.touch()
    return python


def _versions(python: Path, packages: Sequence[str]) -> str:
    names = [package.partition("[")[0] for package in packages]
    code = "import sys; from importlib.metadata import version; print(*map(version, sys.argv[1:]))"
    found = _run([str(python), "-c", code, *names]).split()
    return ", ".join(f"{name} {number}" for name, number in zip(names, found, strict=True))


def _run(command: list[str]) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_LIMIT)
    except subprocess.TimeoutExpired as error:
        raise TimedOut(f"not installed within {_LIMIT:,} s") from error
    if done.returncode:
        raise Failed(f"does not install: {(done.stderr.strip() or 'no word of why').splitlines()[-1]}")
    return done.stdout

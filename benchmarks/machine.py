"""Commands timed as whole processes, and the embedded server they work on."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import psycopg

FOLDER = Path(os.environ.get("PYB3_BENCHMARKS") or ".benchmarks").resolve()
PYB3 = (sys.executable, "-m", "pyb3")


@dataclass(frozen=True)
class Run:
    """Wall seconds, processor seconds and peak MB of a process, and MB of WAL written meanwhile."""

    seconds: float
    cpu: float
    peak: float
    wal: float = 0.0


def timed(command: Sequence[str | Path], server: Server | None = None) -> Run:
    """Run a command to its end. Raises CalledProcessError with what it printed."""
    before = server.position() if server else 0
    with (FOLDER / "output.txt").open("wb") as output:
        start = time.perf_counter()
        process = subprocess.Popen(list(map(str, command)), stdout=output, stderr=subprocess.STDOUT)
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - start
    if code := os.waitstatus_to_exitcode(status):
        raise subprocess.CalledProcessError(code, list(command), (FOLDER / "output.txt").read_text())
    wal = (server.position() - before) / 1e6 if server else 0.0
    return Run(seconds, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024, wal)


def middle(runs: Sequence[Run]) -> Run:
    """The medians of some runs."""
    return Run(*(median(getattr(run, name) for run in runs) for name in ("seconds", "cpu", "peak", "wal")))


class Server:
    """An embedded PostgreSQL with its default settings, migrated, in the benchmarks' folder."""

    def __init__(self) -> None:
        from pyb3.load import connect, embedded, migrate

        os.environ |= {"PYB3_HOME": str(FOLDER / "home"), "PYB3_CACHE_DIR": str(FOLDER / "cache")}
        os.environ.pop("DATABASE_URL", None)
        os.environ["DATABASE_URL"] = self.url = connect.url()
        migrate.upgrade()
        self.psql = str(embedded.psql())
        self.connection = psycopg.connect(self.url, autocommit=True)

    def position(self) -> int:
        row = self.connection.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()
        return int(row[0]) if row else 0

    def empty(self) -> None:
        self.connection.execute("TRUNCATE cotahist, ingestions")
        self.connection.execute("CHECKPOINT")

    def settle(self) -> None:
        """What autovacuum does within a minute of a load."""
        self.connection.execute("VACUUM ANALYZE cotahist")
        self.connection.execute("CHECKPOINT")

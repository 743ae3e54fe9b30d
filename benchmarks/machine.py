"""Commands timed as whole processes, the embedded server they work on, and what machine it is."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path
from statistics import median
from typing import LiteralString

import psycopg
from psycopg import sql

FOLDER = Path(os.environ.get("PYB3_BENCHMARKS") or ".benchmarks").resolve()
PYB3 = (sys.executable, "-m", "pyb3")
_LIMIT = 3600  # seconds after which a command is given up, where nothing else is said
_ROOT = Path(__file__).parents[1]


class TimedOut(Exception):
    """A command took longer than it was given."""


class Failed(Exception):
    """A command ended with an error: its last line."""


@dataclass(frozen=True)
class Run:
    """What a command took: seconds by the clock, processor seconds of it and of the server, peak MB of its largest
    process, MB of WAL; and what it printed."""

    seconds: float
    cpu: float
    peak: float
    wal: float | None = None
    server_cpu: float | None = None
    output: str = ""

    def values(self) -> dict[str, float]:
        """The figures that are known, by name."""
        return {name: value for name, value in asdict(self).items() if isinstance(value, float)}


def timed(command: Sequence[str | Path], server: Server | None = None, limit: int = _LIMIT) -> Run:
    """Run a command to its end. Raises Failed, and TimedOut after `limit` seconds."""
    output, errors = FOLDER / "output.txt", FOLDER / "errors.txt"
    helper = (sys.executable, "-I", "-S", Path(__file__).with_name("measured.py"), limit, output, errors)
    wal, cpu = (server.position(), server.cpu()) if server else (0, None)
    done = subprocess.run([str(part) for part in (*helper, *command)], stdout=subprocess.PIPE, text=True, check=True)
    taken = json.loads(done.stdout)
    if taken.pop("ended"):
        raise TimedOut(f"given up after {limit:,} s")
    said = output.read_text(errors="replace")
    if taken.pop("code"):
        lines = (errors.read_text(errors="replace").strip() or said.strip()).splitlines()
        raise Failed(lines[-1] if lines else "no word of why")
    if server:
        taken["wal"] = (server.position() - wal) / 1e6
        if cpu is not None and (after := server.cpu()) is not None:
            taken["server_cpu"] = after - cpu
    return Run(**taken, output=said)


def middle(runs: Sequence[Run]) -> Run:
    """The medians of some runs, and what the last one printed."""
    known = [run.values() for run in runs]
    return Run(**{name: median(run[name] for run in known) for name in known[0]}, output=runs[-1].output)


def in_turn(runs: int, *commands: Callable[[], Run]) -> list[Run]:
    """The medians of commands run one after another, again and again: a slow moment of the machine strikes them all."""
    found: list[list[Run]] = [[] for _ in commands]
    for _ in range(runs):
        for kept, command in zip(found, commands, strict=True):
            kept.append(command())
    return [middle(kept) for kept in found]


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

    @property
    def address(self) -> str:
        """An address for those who ask for a host, a port and a password by name; libpq takes the host after the `?`,
        which is the socket's folder."""
        info = self.connection.info
        host = "127.0.0.1" if info.host.startswith("/") else info.host
        return f"postgresql://{info.user}:none@{host}:{info.port}/{info.dbname}?host={info.host}"

    def value(self, query: LiteralString) -> object:
        """The first value that a query gives."""
        row = self.connection.execute(query).fetchone()
        return row[0] if row else None

    def position(self) -> int:
        """Bytes of WAL written since ever."""
        return int(str(self.value("SELECT pg_current_wal_insert_lsn() - '0/0'")))

    def cpu(self) -> float | None:
        """Processor seconds of the server's processes, ended ones too; None where /proc does not tell."""
        folder = Path(str(self.value("SHOW data_directory")))
        for _ in range(5):
            try:
                main = (folder / "postmaster.pid").read_text().split()[0]
                # user and system; of the main process also those of the children it has waited for
                ticks = sum(_numbers(main)[11:15])
                for child in Path(f"/proc/{main}/task/{main}/children").read_text().split():
                    ticks += sum(_numbers(child)[11:13])
            except OSError:  # a child ended meanwhile, and its time is the main process's from now on
                continue
            return ticks / os.sysconf("SC_CLK_TCK")
        return None

    def empty(self) -> None:
        """Tables as after the migration: no year of cotahist is there."""
        for table in ("ingestions", "revisions", "rejected_rows"):
            self.connection.execute(sql.SQL("TRUNCATE {}").format(sql.Identifier(table)))
        years = (
            "SELECT relname FROM pg_inherits JOIN pg_class c ON c.oid = inhrelid WHERE inhparent = 'cotahist'::regclass"
        )
        for (name,) in self.connection.execute(years).fetchall():
            self.connection.execute(sql.SQL("DROP TABLE {}").format(sql.Identifier(name)))
        self.connection.execute("CHECKPOINT")

    def make_year(self, year: int) -> None:
        """An empty year of cotahist, with its indexes: what a tool that makes none needs."""
        self.connection.execute("SELECT cotahist_new_year(%s)", (year,))
        self.connection.execute("SELECT cotahist_attach_year(%s)", (year,))

    def settle(self) -> None:
        """What autovacuum does within a minute of a load."""
        self.connection.execute("VACUUM ANALYZE cotahist")
        self.connection.execute("CHECKPOINT")


def _numbers(process: str) -> list[int]:
    """The fields of /proc/PID/stat behind the name, from the third on."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return [0, *map(int, fields[1:])]


def facts() -> dict[str, str | int | float]:
    """What machine this is, and how busy it is."""
    return {
        "processor": _processor(),
        "cores": os.cpu_count() or 0,
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "system": f"{platform.system()} {platform.release().partition('-')[0]}",
        "load_average": round(os.getloadavg()[0], 2),
    }


def versions(server: Server) -> dict[str, str]:
    """Of what was measured."""
    commit = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=_ROOT, capture_output=True, text=True)
    at = f" ({commit.stdout.strip()})" if commit.returncode == 0 else ""
    found = {"PyB3": version("pyb3") + at, "Python": platform.python_version()}
    found |= {name: version(name) for name in ("polars", "psycopg", "isal", "lxml")}
    return found | {"PostgreSQL": str(server.value("SHOW server_version"))}


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), platform.machine())

"""Where a scenario takes place: an embedded server, a simulator, a cache, and `pyb3` as processes of its own."""

from __future__ import annotations

import atexit
import json
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pyb3.calendar import previous_session, today
from pyb3.file import digest, read_sidecar
from tests.support.simulator import Simulator, running

from .report import claim

ROOT = Path(__file__).resolve().parents[1]
DAYS = tuple(date(2024, 1, day) for day in (8, 9, 10, 11, 12))  # five sessions
DAY = DAYS[0]
YOUNG = previous_session(today() - timedelta(3))  # no other file than its own has it yet
DATA = ("cotahist", "futures")  # fixed width, and XML in a ZIP in a ZIP
_SETTINGS = ("DATABASE_URL", "PYB3_SCHEMA", "PYB3_MIRROR", "PYB3_RETRIES", "PGPASSWORD")


@dataclass(frozen=True, slots=True)
class Ended:
    """What a process printed, and how it ended: its exit code, seconds, and peak memory in MB."""

    code: int
    out: str
    err: str
    seconds: float = 0.0
    peak: float = 0.0

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]

    def plain(self, *codes: int, words: str = "") -> Ended:
        """Assert one of the exit codes, and one line on stderr that tells of an error, without a trace."""
        claim(self.code in codes, f"exit code {self.code} is none of {codes}: {self.err[-500:]}")
        claim("Traceback" not in self.out + self.err, self.err)
        if self.code:
            lines = self.err.splitlines()
            claim(len(lines) == 1 and lines[0].startswith("pyb3: ") and len(lines[0]) > 12, f"not one line: {self.err}")
            claim(len(lines[0]) < 2_000, f"a line of {len(lines[0]):,} characters")
        claim(words in self.err, f"no {words!r} in: {self.err[-500:]}")
        return self


class Process:
    """`pyb3 LINE` in a process group of its own."""

    def __init__(self, line: str, environment: Mapping[str, str]) -> None:
        self._files = tempfile.TemporaryFile(), tempfile.TemporaryFile()
        self._began = time.monotonic()
        command = [sys.executable, "-m", "pyb3", *shlex.split(line)]
        out, err = self._files
        self._popen = subprocess.Popen(
            command, stdout=out, stderr=err, stdin=subprocess.DEVNULL, env=dict(environment), cwd=ROOT,
            start_new_session=True,
        )  # fmt: skip
        self.pid = self._popen.pid
        self._status: tuple[int, float] | None = None

    def signal(self, number: int) -> None:
        """To the whole group, where it is there still."""
        if not self.over:
            with suppress(ProcessLookupError):
                os.killpg(self.pid, number)

    @property
    def over(self) -> bool:
        return self._reaped(os.WNOHANG)

    def _reaped(self, option: int = 0) -> bool:
        if self._status is None:
            pid, status, usage = os.wait4(self.pid, option)
            if pid:
                self._popen.returncode = os.waitstatus_to_exitcode(status)
                self._status = self._popen.returncode, usage.ru_maxrss / 1024
        return self._status is not None

    def ended(self, within: float = 120.0) -> Ended:
        """Wait for its end. Raises Broken where it does not come."""
        until = time.monotonic() + within
        while not self.over:
            if time.monotonic() > until:
                self.signal(signal.SIGKILL)
                self._reaped()
                claim(False, f"no end within {within:.0f} seconds")
            time.sleep(0.005)
        assert self._status is not None
        code, peak = self._status
        texts = []
        for file in self._files:
            file.seek(0)
            texts.append(file.read().decode("utf-8", "replace"))
            file.close()
        return Ended(code, *texts, seconds=time.monotonic() - self._began, peak=peak)


@dataclass
class Ground:
    """A folder with a home and a cache, a simulator, and an open connection for looking on.

    `variables` are added to a process's environment. Without a DATABASE_URL among them it finds the embedded server
    by itself, as a user's would.
    """

    folder: Path
    simulator: Simulator
    variables: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._look: psycopg.Connection[Any] | None = None
        self._caches: dict[str, Path] = {}

    @property
    def home(self) -> Path:
        return self.folder / "home"

    @property
    def cache(self) -> Path:
        return self.folder / "cache"

    def environment(self, **variables: str) -> dict[str, str]:
        base = {name: value for name, value in os.environ.items() if name not in _SETTINGS}
        own = {
            "PYB3_HOME": str(self.home),
            "PYB3_CACHE_DIR": str(self.cache),
            "PYB3_MIRROR": self.simulator.url,
            "PYB3_RETRIES": "3",
            "PYTHONPATH": str(ROOT),
            "NO_COLOR": "1",
        }
        return base | own | self.variables | variables

    def start(self, line: str, **variables: str) -> Process:
        return Process(line, self.environment(**variables))

    def run(self, line: str, within: float = 120.0, **variables: str) -> Ended:
        return self.start(line, **variables).ended(within)

    def done(self, line: str, **variables: str) -> Ended:
        """A normal run: it must succeed."""
        return self.run(line, **variables).plain(0)

    @property
    def address(self) -> str:
        """The embedded server's address, looked up once."""
        if "address" not in self.__dict__:
            self.__dict__["address"] = self.done("db start", DATABASE_URL="").out.strip()
        return str(self.__dict__["address"])

    @property
    def look(self) -> psycopg.Connection[Any]:
        """A connection of ours, by its name no backend of the program's; opened anew after the server was killed."""
        if self._look is None or self._look.closed:
            address = make_conninfo("", **conninfo_to_dict(self.address) | {"application_name": "chaos"})
            self._look = psycopg.connect(address, autocommit=True)
        return self._look

    def forget(self) -> None:
        """The server is dead: look anew the next time."""
        if self._look is not None:
            self._look.close()
        self._look = None

    def ask(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        return self.look.execute(sql.SQL(query), values or None).fetchall()  # type: ignore[arg-type]

    def backends(self) -> list[tuple[str, str]]:
        """State and query of each backend but ours."""
        return [
            (state or "", query or "")
            for state, query in self.ask(
                "SELECT state, query FROM pg_stat_activity"
                " WHERE backend_type = 'client backend' AND application_name <> 'chaos'"
            )
        ]

    def keep(self, name: str, seed: int, line: str, before: str | None = None) -> None:
        """An undisturbed run after what `before` kept; its tables go into a schema, its cache into a folder."""
        if name in self._caches:
            return
        self.put_back(before)
        self.simulator.seed = seed
        self.done(line)
        self.look.execute(sql.SQL("CREATE SCHEMA {}").format(sql.Identifier(name)))
        for table in self.tables():
            copied = sql.SQL("CREATE TABLE {0}.{1} AS SELECT * FROM public.{1}")
            self.look.execute(copied.format(sql.Identifier(name), sql.Identifier(table)))
        self._caches[name] = self.folder / f"cache-{name}"
        shutil.copytree(self.cache, self._caches[name])

    def put_back(self, name: str | None) -> None:
        """Make tables and cache what was kept; empty where that is None."""
        for table, columns in self.tables().items():
            self.look.execute(sql.SQL("DELETE FROM public.{}").format(sql.Identifier(table)))
            if name is not None:
                self.look.execute(
                    sql.SQL("INSERT INTO public.{0} ({2}) SELECT {2} FROM {1}.{0}").format(
                        sql.Identifier(table),
                        sql.Identifier(name),
                        sql.SQL(", ").join(map(sql.Identifier, columns)),
                    )
                )
        shutil.rmtree(self.cache, ignore_errors=True)
        if name is not None:
            shutil.copytree(self._caches[name], self.cache)

    def datasets(self) -> list[str]:
        """Tables of data that bear the numbers of ingestions, and are named as their dataset."""
        known = {"ingestion_id", "refdate"}
        return [name for name, columns in self.tables().items() if known <= set(columns) and name != "revisions"]

    def tables(self) -> dict[str, list[str]]:
        """The tables of the schema and their columns, but Alembic's."""
        found: dict[str, list[str]] = {}
        for table, column in self.ask(
            "SELECT c.relname, a.attname FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid"
            " WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND NOT c.relispartition"
            " AND a.attnum > 0 AND NOT a.attisdropped AND c.relname <> 'alembic_version' ORDER BY 1, a.attnum"
        ):
            found.setdefault(table, []).append(column)
        return found

    # What must hold after a fault and one normal run.

    def equal(self, schema: str, days: tuple[date, ...] = DAYS) -> int:
        """The tables are those of an undisturbed run, row by row, on these days; tells how many rows."""
        rows = 0
        for table, columns in self.tables().items():
            if "refdate" not in columns:
                continue
            told = [name for name in columns if name not in ("ingestion_id", "old_ingestion_id", "revised_at")]
            parts = {
                "columns": sql.SQL(", ").join(map(sql.Identifier, told)),
                "ours": sql.Identifier("public", table),
                "theirs": sql.Identifier(schema, table),
                "days": sql.Literal(list(days)),
            }
            query = sql.SQL(
                "WITH a AS (SELECT {columns} FROM {ours}),"
                " b AS (SELECT {columns} FROM {theirs} WHERE refdate = ANY({days}))"
                " SELECT (SELECT count(*) FROM (SELECT * FROM a EXCEPT ALL SELECT * FROM b) x),"
                " (SELECT count(*) FROM (SELECT * FROM b EXCEPT ALL SELECT * FROM a) x), (SELECT count(*) FROM a)"
            ).format(**parts)
            more, fewer, count = self.look.execute(query).fetchone() or (0, 0, 0)
            claim(not more and not fewer, f"{table}: {more:,} rows too many or other, {fewer:,} missing")
            rows += count
        return rows

    def honest(self) -> None:
        """The ledger tells no lie: rows bear numbers that exist, and its counts are those of the tables."""
        for name in self.datasets():
            ident = sql.Identifier(name)
            query = sql.SQL(
                "SELECT (SELECT count(*) FROM {0} t LEFT JOIN ingestions i ON i.id = t.ingestion_id"
                "  WHERE i.id IS NULL OR i.dataset <> {1} OR i.outcome NOT IN ('loaded', 'partial')"
                "  OR t.refdate NOT BETWEEN i.first_date AND i.last_date),"
                " (SELECT coalesce(sum(inserted - removed), 0) - (SELECT count(*) FROM {0})"
                "  FROM ingestions WHERE dataset = {1}),"
                " (SELECT count(*) FROM ingestions i JOIN LATERAL"
                "  (SELECT count(*) AS n FROM {0} t WHERE t.ingestion_id = i.id) c ON true WHERE dataset = {1}"
                "  AND CASE WHEN EXISTS (SELECT FROM ingestions l WHERE l.dataset = i.dataset AND l.id > i.id"
                "   AND l.updated + l.removed > 0 AND l.first_date <= i.last_date AND l.last_date >= i.first_date)"
                "  THEN c.n > i.inserted + i.updated ELSE c.n <> i.inserted + i.updated END)"
            ).format(ident, sql.Literal(name))
            strays, surplus, wrong = self.look.execute(query).fetchone() or (0, 0, 0)
            claim(not strays, f"{name}: {strays:,} rows bear a number that the ledger does not tell of so")
            claim(not surplus, f"{name}: the ledger counts {surplus:+,} more rows inserted than there are")
            claim(not wrong, f"{name}: {wrong:,} ingestions count other rows than bear their number")

    def sound(self) -> None:
        """The cache holds whole files alone, each with its sidecar and the digest that it says.

        Parts that a kill has left are younger than a quarter of an hour here: they are no harm.
        """
        for path in sorted(self.cache.rglob("*")):
            if path.is_file() and not path.name.startswith(".part-") and path.suffix != ".json":
                known = read_sidecar(path)
                claim(known, f"{path.name} has no sidecar")
                claim(digest(path) == known["sha256"], f"{path.name} is not what its sidecar says")
                claim(path.stat().st_size == known["size"], f"{path.name} has another size than its sidecar says")

    def quiet(self) -> None:
        """Nothing of the program is left in the server: no backend, lock, transaction or staging table."""
        self.wait(lambda: not self.backends(), "a backend is left", 15.0)
        query = (
            "SELECT (SELECT count(*) FROM pg_locks WHERE locktype = 'advisory'),"
            " (SELECT count(*) FROM pg_class WHERE relname LIKE 'pyb3_%'), (SELECT count(*) FROM pg_prepared_xacts)"
        )
        claim(self.ask(query) == [(0, 0, 0)], "an advisory lock, a staging table or a prepared transaction is left")

    def whole(self, schema: str, days: tuple[date, ...] = DAYS) -> int:
        """All of it; tells how many rows there are."""
        self.quiet()
        rows = self.equal(schema, days)
        self.honest()
        self.sound()
        return rows

    def wait(self, true: Callable[[], object], words: str, seconds: float = 30.0) -> None:
        until = time.monotonic() + seconds
        while not true():
            claim(time.monotonic() < until, words)
            time.sleep(0.01)

    def close(self) -> None:
        self.forget()
        if (self.home / "postgres").exists():
            self.run("db stop", DATABASE_URL="")


def parts(cache: Path) -> list[Path]:
    """What downloads have not finished."""
    return [path for path in cache.rglob(".part-*")] if cache.exists() else []


@contextmanager
def ground(rows: int = 2_000, prepare: bool = True, **exchange: Any) -> Iterator[Ground]:
    """A ground of its own, its server migrated where `prepare`; taken away in the end. Its settings are the usual."""
    folder = _folder()
    try:
        with running(rows=rows, **exchange) as simulator:
            made = Ground(folder, simulator)
            if prepare:
                made.home.mkdir()
                # Its files are another user's where root runs it.
                subprocess.run(["cp", "-a", str(_migrated()), str(made.home / "postgres")], check=True)
            try:
                yield made
            finally:
                made.close()
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _folder() -> Path:
    folder = Path(tempfile.mkdtemp(prefix="pyb3-chaos-"))
    folder.chmod(0o755)  # the server of root is another user's
    return folder


_making = Lock()


def _migrated() -> Path:
    """A server's folder with the newest schema, made once."""
    with _making:
        return _made_once()


@cache
def _made_once() -> Path:
    folder = _folder()
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    with running() as simulator:
        first = Ground(folder, simulator)
        first.done("db upgrade")
        first.close()
    return first.home / "postgres"

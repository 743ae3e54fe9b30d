"""The embedded server, the simulator, and `pyb3` as its users type it."""

from __future__ import annotations

import contextlib
import io
import itertools
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, settings
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pyb3 import calendar
from tests.support.simulator import Simulator, running

ROOT = Path(__file__).resolve().parents[1]
_SETTINGS = ("DATABASE_URL", "PYB3_SCHEMA", "PYB3_MIRROR", "PYB3_RETRIES", "PYB3_NOTIFY_URL", "PGPASSWORD")
_numbers = itertools.count()

# A machine that others use too is no reason to fail. `pytest --hypothesis-profile long` looks for longer.
settings.register_profile("pyb3", max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("long", settings.get_profile("pyb3"), max_examples=5_000)
settings.load_profile("pyb3")


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """One more than there are processors: tests wait for servers and processes a quarter of their time."""
    return (os.cpu_count() or 1) + 1


@dataclass(frozen=True)
class Answer:
    """What a command printed, and its exit code."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        return json.loads(self.out)

    @property
    def objects(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.splitlines()]


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Folders of the test's own, and nothing of the machine's settings."""
    for name in _SETTINGS:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PYB3_CACHE_DIR", str(tmp_path / "cache"))
    monkeypatch.setenv("PYB3_HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NO_COLOR", "1")
    noon = calendar.now().replace(hour=12)  # some pages of B3's are another session's in the small hours
    monkeypatch.setattr(calendar, "now", lambda: noon)
    yield
    if (tmp_path / "home/postgres/postmaster.pid").exists():  # the command under test has started one
        spawn("db stop", PYB3_HOME=str(tmp_path / "home"))
    if (client := sys.modules.get("pyb3.fetch.client")) and client._client.cache_info().currsize:
        client._client().http.close()
        client._client.cache_clear()


@pytest.fixture(scope="session")
def real() -> Path:
    """The folder of B3's own files."""
    folder = Path(os.environ.get("PYB3_REAL_DATA") or ROOT / "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"B3's real files are not in {folder}; set PYB3_REAL_DATA")
    return folder.resolve()


@pytest.fixture
def home(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder for an embedded server; pytest's own is closed to the user that serves root."""
    with served_home() as folder:
        monkeypatch.setenv("PYB3_HOME", str(folder))
        yield folder


@contextlib.contextmanager
def served_home() -> Iterator[Path]:
    """A PYB3_HOME whose server, if any, is stopped in the end."""
    folder = Path(tempfile.mkdtemp(prefix="pyb3-home-"))
    folder.chmod(0o755)  # as the user that serves root needs it, and root is told
    try:
        yield folder
    finally:
        answer = spawn("db stop", PYB3_HOME=str(folder))
        shutil.rmtree(folder)
        assert answer.code == 0, answer.err


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Address of an embedded server that lives as long as the test run, or of the one at PYB3_TEST_SERVER."""
    if lent := os.environ.get("PYB3_TEST_SERVER"):
        yield lent
        return
    with served_home() as folder:
        answer = spawn("db start", PYB3_HOME=str(folder))
        assert answer.code == 0, answer.err
        address = answer.out.strip()
        with psycopg.connect(address, autocommit=True) as admin:
            for setting in ("fsync", "synchronous_commit", "full_page_writes"):  # nothing here outlives the run
                admin.execute(f"ALTER SYSTEM SET {setting} = off")
            admin.execute("SELECT pg_reload_conf()")
        yield address


@pytest.fixture
def trusting(server: str) -> str:
    """The server where it is the embedded one, which asks nobody for a password and whose files are at hand."""
    if os.environ.get("PYB3_TEST_SERVER"):
        pytest.skip("the server at PYB3_TEST_SERVER asks for passwords, and its files are its own")
    return server


@pytest.fixture(scope="session")
def migrated(server: str) -> str:
    """Name of a database with the newest schema, which tests have copies of."""
    name = "migrated" + os.environ.get("PYTEST_XDIST_WORKER", "")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")  # of an earlier run on a server that was lent
        admin.execute(f"CREATE DATABASE {name}")
    answer = spawn("db upgrade", DATABASE_URL=at(server, name))
    assert answer.code == 0, answer.err
    return name


def at(server: str, database: str, **parts: str) -> str:
    """The address of another database, or user, of the same server."""
    return make_conninfo("", **conninfo_to_dict(server) | {"dbname": database} | parts)


@contextlib.contextmanager
def _database(server: str, template: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        monkeypatch.setenv("DATABASE_URL", at(server, name))
        with psycopg.connect(at(server, name), autocommit=True) as connection:
            yield connection
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def database(server: str, migrated: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """A migrated database of the test's own, at DATABASE_URL."""
    with _database(server, migrated, monkeypatch) as connection:
        yield connection


@pytest.fixture
def bare_database(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """An empty database of the test's own, at DATABASE_URL."""
    with _database(server, "template0", monkeypatch) as connection:
        yield connection


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """B3 on this machine; PyB3 asks it instead."""
    with running() as server:
        monkeypatch.setenv("PYB3_MIRROR", server.url)
        monkeypatch.setenv("PYB3_RETRIES", "3")
        yield server


@pytest.fixture
def recent() -> date:
    """A session so young that only its own day's file has it."""
    return calendar.previous_session(calendar.today() - timedelta(3))


def spawn(line: str, **variables: str) -> Answer:
    """`pyb3 LINE` in a process of its own."""
    command = [sys.executable, "-m", "pyb3", *shlex.split(line)]
    environment = os.environ | variables
    if "PYB3_HOME" in variables:
        environment.pop("DATABASE_URL", None)
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, env=environment)
    return Answer(done.returncode, done.stdout, done.stderr)


@pytest.fixture
def process() -> Callable[[str], Answer]:
    """`pyb3 LINE` as it is typed: a process of its own, its real exit code."""
    return spawn


@pytest.fixture
def pyb3(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], Answer]:
    """`pyb3 LINE` in this process, which is quicker and makes warnings errors."""
    from pyb3.cli import main

    def run(line: str) -> Answer:
        monkeypatch.setattr(sys, "argv", ["pyb3", *shlex.split(line)])
        out, err = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err), pytest.raises(SystemExit) as end:
            main()
        return Answer(int(end.value.code or 0), out.getvalue(), err.getvalue())

    return run


@pytest.fixture
def refused(pyb3: Callable[[str], Answer]) -> Callable[[str, int, str], Answer]:
    """`pyb3 LINE` ends in that exit code, and one line on stderr that holds those words."""

    def run(line: str, code: int, words: str, pyb3: Callable[[str], Answer] = pyb3) -> Answer:
        answer = pyb3(line)
        assert answer.code == code, answer
        assert re.search(words, answer.err), answer.err
        assert answer.err.startswith("pyb3: ") and answer.err.count("\n") == 1, answer.err
        assert "Traceback" not in answer.out + answer.err
        return answer

    return run

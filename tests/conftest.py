"""The embedded server, the simulator, and `pyb3` as its users type it."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest

from tests.support.simulator import Simulator, running


@pytest.fixture(scope="session")
def real() -> Path:
    folder = Path(os.environ.get("PYB3_REAL_DATA") or "../shared/data")
    if not folder.is_dir():
        pytest.skip(f"B3's real files are not in {folder}; set PYB3_REAL_DATA")
    return folder.resolve()


@pytest.fixture(scope="session")
def home(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("home")


@pytest.fixture(scope="session")
def server(home: Path) -> Iterator[str]:
    """Address of an embedded server that lives as long as the test run."""
    os.environ["PYB3_HOME"] = str(home)
    os.environ.pop("DATABASE_URL", None)
    from pyb3.load import connect

    yield connect.url()
    connect.stop()


@pytest.fixture
def database(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[psycopg.Connection]:
    """An empty database of its own for each test, at DATABASE_URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}")
        parts = psycopg.conninfo.conninfo_to_dict(server) | {"dbname": name}
        monkeypatch.setenv("DATABASE_URL", psycopg.conninfo.make_conninfo("", **parts))
        with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
            yield connection
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)")


_numbers = iter(range(10**6))


@pytest.fixture
def simulator(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Simulator]:
    with running() as server:
        monkeypatch.setenv("PYB3_MIRROR", server.url)
        monkeypatch.setenv("PYB3_CACHE_DIR", str(tmp_path / "cache"))
        monkeypatch.setenv("PYB3_RETRIES", "3")
        yield server


class Answer:
    """What a command printed, and its exit code."""

    def __init__(self, done: subprocess.CompletedProcess[str]) -> None:
        self.code, self.out, self.err = done.returncode, done.stdout, done.stderr

    @property
    def json(self) -> dict:
        return json.loads(self.out)


@pytest.fixture
def pyb3() -> Callable[[str], Answer]:
    def run(line: str) -> Answer:
        command = [sys.executable, "-m", "pyb3", *shlex.split(line)]
        return Answer(subprocess.run(command, capture_output=True, text=True, timeout=120))

    return run

"""What is installed works: our wheel in an empty folder, and another package's dataset beside it."""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
import sysconfig
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path

import psycopg
import pytest

from pyb3.load import migrate
from tests.conftest import ROOT, Answer
from tests.support import generate


def _run(command: list[str | Path], folder: Path, **variables: str) -> Answer:
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"} | variables
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=120)
    return Answer(done.returncode, done.stdout, done.stderr)


def _built(kind: str, source: Path, folder: Path) -> Path:
    """The wheel or sdist of a source tree, made by its build backend with nothing downloaded."""
    answer = _run([sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder], source)
    assert answer.code == 0, answer.err
    [package] = folder.iterdir()
    return package


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _built("sdist", ROOT, tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def wheel(sdist: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Made from the sdist, so that one lacks nothing that the other needs."""
    folder = tmp_path_factory.mktemp("source")
    with tarfile.open(sdist) as archive:
        archive.extractall(folder, filter="data")
    [source] = folder.iterdir()
    return _built("wheel", source, tmp_path_factory.mktemp("wheel"))


class Installed:
    """A virtual environment with packages of its own, and all that they need from this one."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.bin = folder / "bin"
        subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
        place = sysconfig.get_path("purelib", vars={"base": str(folder), "platbase": str(folder)})
        # A path here, unlike one that Python was started with, brings no further .pth files: not this checkout's.
        (Path(place) / "needs.pth").write_text(sysconfig.get_path("purelib") + "\n")

    def install(self, package: Path) -> None:
        pip = [sys.executable, "-m", "pip", "--python", self.bin / "python", "install"]
        answer = _run([*pip, "--no-deps", "--no-index", "--no-build-isolation", package], self.folder)
        assert answer.code == 0, answer.err

    def pyb3(self, line: str, folder: Path) -> Answer:
        return _run([self.bin / "pyb3", *shlex.split(line)], folder)


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Installed:
    made = Installed(tmp_path_factory.mktemp("installed"))
    made.install(wheel)
    return made


@pytest.fixture
def pyb3(installed: Installed, tmp_path: Path) -> Callable[[str], Answer]:
    """The installed `pyb3` in a folder with nothing in it."""
    folder = tmp_path / "empty"
    folder.mkdir()
    return lambda line: installed.pyb3(line, folder)


def test_a_wheel_carries_what_it_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())
    revisions = {path.name for path in (ROOT / "migrations" / "versions").glob("*.py")}
    assert {f"pyb3/migrations/versions/{name}" for name in revisions} <= names
    assert {"pyb3/py.typed", "pyb3/alembic.ini", "pyb3/migrations/env.py", "pyb3/datasets/cotahist.yaml"} <= names
    inside = {name.split("/")[0] for name in names}
    assert inside == {"pyb3", next(name for name in inside if name.endswith(".dist-info"))}, "and nothing else"


def test_the_wheel_of_the_sdist_is_the_wheel_of_the_checkout(wheel: Path, tmp_path: Path) -> None:
    own = _built("wheel", ROOT, tmp_path)
    with zipfile.ZipFile(wheel) as one, zipfile.ZipFile(own) as other:
        assert sorted(one.namelist()) == sorted(other.namelist())
        for name in one.namelist():
            assert one.read(name) == other.read(name) or name.endswith("RECORD"), name


def test_the_installed_program_migrates_and_ingests_in_an_empty_folder(
    pyb3, installed: Installed, bare_database: psycopg.Connection, simulator
) -> None:
    where = _run([installed.bin / "python", "-c", "import pyb3; print(pyb3.__file__)"], installed.folder)
    assert where.out.startswith(str(installed.folder)), "it is not the checkout that runs"

    assert pyb3("db upgrade").code == 0
    assert pyb3("db current").out.strip() == migrate.HEAD
    first = pyb3("ingest futures --date 2024-01-15 --json")
    assert first.code == 0, first.err
    assert (first.json["outcome"], first.json["inserted"]) == ("loaded", simulator.rows)
    assert pyb3("ingest futures --date 2024-01-15 --json").json["outcome"] == "unchanged"
    assert pyb3("db downgrade base").code == 0
    assert bare_database.execute("SELECT to_regclass('futures')").fetchone() == (None,)


OUTSIDE = {
    "pyproject.toml": """\
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"

[project]
name = "outside-prices"
version = "1.0"
dependencies = ["pyb3"]

[project.entry-points."pyb3.datasets"]
outside_prices = "outside_prices:Prices"

[tool.hatch.build.targets.wheel]
packages = ["outside_prices"]
""",
    "outside_prices/__init__.py": """\
from pyb3.datasets.base import Dataset


class Prices(Dataset):
    package = "outside_prices"
    filename = "prices.yaml"
""",
    "outside_prices/prices.yaml": """\
name: outside_prices
description: "Another firm's prices"
table: outside_prices
key: [refdate, symbol]
formats:
  lines:
    reader: fixed_width
    width: 22
    record: "01"
sources:
  - name: PRICES
    period: day
    format: lines
    url: "https://bvmf.bmfbovespa.com.br/prices/{date:%Y%m%d}.zip"
    file: "PRICES{date:%Y%m%d}.zip"
    signature: "^01"
fields:
  - {name: refdate, b3: DATE, at: [3, 8], type: date, nullable: false, description: "Session date"}
  - {name: symbol, b3: CODE, at: [11, 5], type: text, nullable: false, description: "Ticker"}
  - {name: price, b3: PRICE, at: [16, 7], type: decimal, decimals: 2, description: "Price"}
""",
}


@pytest.fixture(scope="module")
def outside(installed: Installed, tmp_path_factory: pytest.TempPathFactory) -> None:
    """Another firm's package, installed beside ours."""
    source = tmp_path_factory.mktemp("outside")
    for name, text in OUTSIDE.items():
        (source / name).parent.mkdir(exist_ok=True)
        (source / name).write_text(text)
    installed.install(source)


@pytest.mark.usefixtures("outside")
def test_another_packages_dataset_goes_from_file_to_table(
    pyb3, bare_database: psycopg.Connection, tmp_path: Path
) -> None:
    assert pyb3("db upgrade").code == 0
    assert "outside_prices" in {one["dataset"] for one in pyb3("datasets --json").objects}
    (tmp_path / "day.zip").write_bytes(
        generate.zipped("DAY.TXT", b"0120240115ABCDE0001234\r\n0120240115FGHIJ       \r\n")
    )
    line = f"ingest outside_prices --file {tmp_path}/day.zip --json"

    early = pyb3(line)
    assert early.code == 7 and "outside_prices" in early.err, "its table is its author's to make"

    made = pyb3("datasets show outside_prices --sql")
    assert made.code == 0, made.err
    bare_database.execute(made.out)
    first, second = pyb3(line), pyb3(line)
    assert first.code == 0, first.err
    assert (first.json["outcome"], first.json["unit"], first.json["inserted"]) == ("loaded", "2024-01-15", 2)
    assert (second.json["outcome"], second.json["unchanged"]) == ("unchanged", 2)
    rows = bare_database.execute("SELECT symbol, price::text FROM outside_prices ORDER BY symbol").fetchall()
    assert rows == [("ABCDE", "12.34"), ("FGHIJ", None)]
    comment = "SELECT obj_description('outside_prices'::regclass), col_description('outside_prices'::regclass, 3)"
    assert bare_database.execute(comment).fetchone() == ("Another firm's prices", "Price (B3: PRICE)")

    numbers = (
        "SELECT DISTINCT ingestion_id = (SELECT min(id) FROM ingestions),"
        " col_description('outside_prices'::regclass, 4) FROM outside_prices"
    )
    assert bare_database.execute(numbers).fetchall() == [(True, "The ingestion that wrote the row last")]

    assert pyb3("db downgrade base").code == 0
    assert bare_database.execute("SELECT count(*) FROM outside_prices").fetchone() == (2,), "ours leave it alone"

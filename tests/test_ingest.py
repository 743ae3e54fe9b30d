"""One session from B3's bytes into its table: fetch, parse, load, and all three at once."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pyb3 import calendar, futures_get
from pyb3.datasets import registry
from tests.support import generate

DAY = date(2024, 1, 15)
DATASETS = ["cotahist", "futures"]
MADE = {"cotahist": generate.cotahist, "futures": lambda days, rows: generate.price_report(days[0], rows)}
COUNTS = ("rows", "inserted", "updated", "unchanged")


def _count(database, table: str) -> int:
    return database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]


@pytest.mark.parametrize("name", DATASETS)
def test_a_second_ingest_of_a_day_writes_nothing(pyb3, database, simulator, name: str) -> None:
    first = pyb3(f"ingest {name} --date {DAY} --json").json
    written = database.execute(f"SELECT max(xmin::text::bigint) FROM {name}").fetchone()
    second = pyb3(f"ingest {name} --date {DAY} --json").json
    assert first["outcome"] == "loaded"
    assert [first[count] for count in COUNTS] == [500, 500, 0, 0]
    assert second["outcome"] == "unchanged"
    assert [second[count] for count in COUNTS] == [500, 0, 0, 500]
    assert _count(database, name) == 500
    assert database.execute(f"SELECT max(xmin::text::bigint) FROM {name}").fetchone() == written
    assert len(simulator.requests) == 1, "the second comes from the cache"


@pytest.mark.parametrize("name", DATASETS)
def test_an_ingest_tells_programs_what_it_did(pyb3, database, simulator, name: str) -> None:
    answer = pyb3(f"ingest {name} --date {DAY} --json")
    done = answer.json
    assert (answer.code, answer.err) == (0, "")
    assert {"dataset", "unit", "refdate", "source", "file", "sha256", "rejected", "seconds", *COUNTS} < done.keys()
    assert (done["dataset"], done["unit"], done["refdate"]) == (name, "2024-01-15", "2024-01-15")
    assert done["source"] == registry.get(name).template.sources[0].name
    assert Path(done["file"]).is_file()
    assert len(done["sha256"]) == 64
    assert "error" not in done


def test_people_are_shown_a_table(pyb3, database, simulator) -> None:
    answer = pyb3(f"ingest cotahist --date {DAY}")
    row = next(line for line in answer.out.splitlines() if "2024-01-15" in line)
    assert row.split()[:7] == ["cotahist", "2024-01-15", "loaded", "500", "500", "0", "0"]
    assert pyb3(f"ingest cotahist --date {DAY} --quiet").out == ""


def test_a_republished_day_updates_only_what_differs(pyb3, database, simulator, tmp_path: Path) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    old = database.execute("SELECT symbol, volume, xmin::text FROM cotahist").fetchall()
    lines = generate.cotahist([DAY], 500).decode().split("\r\n")
    for number in (7, 99, 500):
        lines[number] = lines[number][:170] + f"{number:018}" + lines[number][188:]
    (tmp_path / "again.TXT").write_bytes("\r\n".join(lines).encode())
    again = pyb3(f"ingest cotahist --file {tmp_path}/again.TXT --json").json
    assert [again[count] for count in COUNTS] == [500, 0, 3, 497]
    new = database.execute("SELECT symbol, volume, xmin::text FROM cotahist").fetchall()
    assert len(set(new) - set(old)) == 3, "the others are not even touched"


def test_a_day_that_b3_corrects_arrives_with_refresh(pyb3, database, simulator) -> None:
    pyb3(f"ingest futures --date {DAY}")
    simulator.seed = 1
    kept = pyb3(f"ingest futures --date {DAY} --json").json
    anew = pyb3(f"ingest futures --date {DAY} --refresh --json").json
    assert kept["unchanged"] == 500
    assert (anew["inserted"], anew["unchanged"]) == (0, 500 - anew["updated"])
    assert anew["updated"] > 400


def test_a_row_of_another_session_never_overwrites(pyb3, database, simulator, tmp_path: Path) -> None:
    report, day = generate.price_report(DAY, 50), b"<Dt>2024-01-15</Dt>"
    place = report.rindex(day, 0, report.index(b"<TckrSymb>DI1F25<"))
    stray = report[:place] + b"<Dt>2024-01-16</Dt>" + report[place + len(day) :]
    (tmp_path / "stray.xml").write_bytes(stray)
    query = "SELECT price FROM futures WHERE refdate = '2024-01-16' AND symbol = 'DI1F25'"

    first = pyb3(f"ingest futures --file {tmp_path}/stray.xml --json").json
    assert (first["rows"], first["inserted"], first["refdate"]) == (50, 50, "2024-01-15")
    early = database.execute(query).fetchall()
    assert len(early) == 1, "nor does it vanish"

    pyb3("ingest futures --date 2024-01-16")
    known = database.execute(query).fetchall()
    assert known != early, "its own session's file knows it better"

    second = pyb3(f"ingest futures --file {tmp_path}/stray.xml --json").json
    assert (second["updated"], second["kept"], second["unchanged"]) == (0, 1, 49)
    assert database.execute(query).fetchall() == known


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("packed", ["bare", "zip", "zip in zip", "lower-case ending"])
def test_a_file_at_hand_is_ingested_however_it_is_packed(
    pyb3, database, tmp_path: Path, name: str, packed: str
) -> None:
    data = MADE[name]([DAY], 20)
    path = tmp_path / {"bare": "x.TXT", "lower-case ending": "x.zip"}.get(packed, "x.ZIP")
    if packed != "bare":
        data = generate.zipped("inner.TXT", data)
    if packed == "zip in zip":
        data = generate.zipped("inner.ZIP", data)
    path.write_bytes(data)
    done = pyb3(f"ingest {name} --file {path} --json").json
    assert (done["outcome"], done["inserted"], done["unit"]) == ("loaded", 20, "2024-01-15")
    assert _count(database, name) == 20


def test_each_step_can_be_taken_alone(pyb3, database, simulator, tmp_path: Path) -> None:
    fetched = pyb3(f"fetch cotahist --date {DAY}")
    path = Path(fetched.out.strip())
    assert (path.name, fetched.code) == ("COTAHIST_D15012024.ZIP", 0)
    assert path.with_name(path.name + ".json").is_file()

    parsed = pyb3(f"parse cotahist --file {path}")
    assert "shape: (500, 27)" in parsed.out
    assert _count(database, "cotahist") == 0, "fetch and parse touch no table"

    simulator.requests.clear()
    loaded = pyb3(f"load cotahist --date {DAY} --json").json
    assert loaded["inserted"] == 500
    assert simulator.requests == [], "load needs no network"


@pytest.mark.parametrize("ending", ["parquet", "csv"])
def test_parse_writes_what_the_library_returns(pyb3, simulator, tmp_path: Path, ending: str) -> None:
    output = tmp_path / f"x.{ending}"
    answer = pyb3(f"parse futures --date {DAY} --output {output}")
    assert answer.code == 0, answer.err
    frame = futures_get(DAY)
    if ending == "parquet":
        written = pl.read_parquet(output)
    else:
        written = pl.read_csv(output, schema_overrides=frame.schema)
    assert written.equals(frame)
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_two_processes_load_the_same_day_once(database, simulator, pyb3) -> None:
    simulator.rows = 5_000
    pyb3(f"fetch cotahist --date {DAY}")
    command = [sys.executable, "-m", "pyb3", "load", "cotahist", "--date", str(DAY), "--json"]
    both = [subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) for _ in range(2)]
    said = [process.communicate(timeout=60) for process in both]
    assert [process.returncode for process in both] == [0, 0], said
    assert _count(database, "cotahist") == 5_000
    done = [json.loads(out) for out, _ in said]
    assert sorted(one["inserted"] for one in done) == [0, 5_000]
    assert sorted(one["unchanged"] for one in done) == [0, 5_000]


def test_last_is_the_last_session(pyb3, database, simulator) -> None:
    answer = pyb3("ingest futures --date last --json")
    assert answer.json["unit"] == str(calendar.previous_session(calendar.today()))


def test_all_datasets_go_on_when_one_fails(pyb3, database, simulator, recent: date) -> None:
    broken = Path(pyb3(f"fetch cotahist --date {recent}").out.strip())
    broken.write_bytes(b"no ZIP any more")
    answer = pyb3(f"ingest all --date {recent} --json")
    outcomes = {one["dataset"]: one["outcome"] for one in answer.objects}
    assert list(outcomes) == registry.names()
    assert outcomes["cotahist"] == "failed"
    assert outcomes["futures"] == "loaded"
    assert answer.code == 4

"""Rows of one file that share a key and differ are all loaded, numbered in `occurrence`; migrations keep the first."""

from __future__ import annotations

import warnings
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pyb3 import cotahist_get, futures_get
from pyb3.datasets import registry
from tests.support import generate

DAY = date(2024, 1, 15)
NAME = "COTAHIST_D15012024.TXT"


@pytest.fixture
def case(real: Path):
    def path(name: str) -> Path:
        if not (real / "cases" / name).is_file():
            pytest.skip(f"there is no {name} in {real / 'cases'}")
        return real / "cases" / name

    return path


def quotes(folder: Path, *others: str, without: int = 0) -> Path:
    """20 quotes, the first of them once more under each of these names, and without so many of those that share it."""
    lines = generate.cotahist([DAY], 20).decode().split("\r\n")
    same = [lines[1], *(lines[1][:27] + name.ljust(12) + lines[1][39:] for name in others)][without:]
    records = [*same, *lines[2:-2]]
    trailer = lines[-2][:31] + f"{len(records) + 2:011}" + lines[-2][42:]
    path = folder / NAME
    path.write_bytes("\r\n".join([lines[0], *records, trailer, ""]).encode())
    return path


def names(database) -> list[tuple[int, str]]:
    """What the rows of the ticker that stands twice differ in."""
    twice = "SELECT symbol FROM cotahist ORDER BY occurrence DESC LIMIT 1"
    rows = "SELECT occurrence, company_name FROM cotahist WHERE symbol = (" + twice + ") ORDER BY occurrence"
    return database.execute(rows).fetchall()


def test_the_two_rows_of_1986_that_share_a_whole_key_are_both_there(pyb3, database, case) -> None:
    line = f"ingest cotahist --file {case('COTAHIST.A1986')} --date 1986-10-10 --json"
    first = pyb3(line)
    assert (first.code, first.json["outcome"], first.json["inserted"]) == (0, "loaded", 2)
    assert any("1 row has the key of a different row" in warning for warning in first.json["warnings"])
    held = database.execute("SELECT occurrence, quantity, volume, close, trades FROM cotahist ORDER BY occurrence")
    assert held.fetchall() == [
        (1, 39_000_000, Decimal("74100.00"), Decimal("1.90"), 1),
        (2, 190_000_000, Decimal("356460.00"), Decimal("1.75"), 4),
    ]
    for again in (pyb3(line).json, pyb3(f"{line} --force").json):
        assert (again["outcome"], again["unchanged"], again["inserted"], again["gone"]) == ("unchanged", 2, 0, 0)
    assert pyb3("verify cotahist --from 1986-10-10 --to 1986-10-10 --json").json["result"] == "not_in_cache"
    verified = pyb3(f"verify cotahist --file {case('COTAHIST.A1986')} --json").json
    assert (verified["result"], verified["rows"]) == ("verified", 2)


@pytest.mark.parametrize(
    ("name", "dataset", "rows"), [("COTAHIST.A1986", "cotahist", 2), ("SPRD_duplicate_ticker.zip", "futures", 4)]
)
def test_library_and_table_have_the_same_rows(pyb3, database, case, name: str, dataset: str, rows: int) -> None:
    pyb3(f"ingest {dataset} --file {case(name)}")
    columns = ", ".join(f'"{field.name}"' for field in registry.get(dataset).template.fields)
    held = database.execute(f"SELECT {columns} FROM {dataset} ORDER BY symbol, occurrence").fetchall()
    get = {"cotahist": cotahist_get, "futures": futures_get}[dataset]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert get(file=case(name)).sort("symbol", "occurrence").rows() == held
    assert len(held) == rows


def test_a_republished_file_in_which_the_second_is_gone(pyb3, database, tmp_path: Path) -> None:
    assert pyb3(f"ingest cotahist --file {quotes(tmp_path, 'SECOND')} --json").json["inserted"] == 21
    assert [number for number, _ in names(database)] == [1, 2]
    path = quotes(tmp_path)
    done = pyb3(f"ingest cotahist --file {path} --json").json
    assert (done["outcome"], done["unchanged"], done["gone"], done["removed"]) == ("unchanged", 20, 1, 0)
    done = pyb3(f"ingest cotahist --file {path} --prune --json").json
    assert (done["outcome"], done["unchanged"], done["gone"], done["removed"]) == ("loaded", 20, 1, 1)
    removed = database.execute("SELECT (key->>'occurrence')::int, old->>'company_name' FROM revisions").fetchall()
    assert removed == [(2, "SECOND")]
    assert database.execute("SELECT count(*), max(occurrence) FROM cotahist").fetchone() == (20, 1)


def test_a_republished_file_in_which_the_first_is_gone(pyb3, database, tmp_path: Path) -> None:
    pyb3(f"ingest cotahist --file {quotes(tmp_path, 'SECOND')}")
    [(_, before), _] = names(database)
    done = pyb3(f"ingest cotahist --file {quotes(tmp_path, 'SECOND', without=1)} --prune --json").json
    assert (done["unchanged"], done["updated"], done["gone"], done["removed"]) == (19, 1, 1, 1)
    old = "SELECT change, (key->>'occurrence')::int, old->>'company_name' FROM revisions ORDER BY 2"
    assert database.execute(old).fetchall() == [("updated", 1, before), ("removed", 2, "SECOND")]
    assert database.execute("SELECT count(*), max(occurrence) FROM cotahist").fetchone() == (20, 1)
    assert database.execute("SELECT count(*) FROM cotahist WHERE company_name = 'SECOND'").fetchone() == (1,)
    shown = pyb3(f"history cotahist --date {DAY} --json").objects[0]["revisions"]
    assert [(row["change"], row["key"]["occurrence"]) for row in shown] == [("updated", 1), ("removed", 2)]


def test_three_rows_and_one_that_stands_twice_just_so(pyb3, database, tmp_path: Path) -> None:
    done = pyb3(f"ingest cotahist --file {quotes(tmp_path, 'SECOND', 'THIRD', 'SECOND')} --json").json
    assert (done["rows"], done["inserted"], done["folded"]) == (23, 22, 1)
    assert [number for number, _ in names(database)] == [1, 2, 3]
    assert pyb3(f"verify cotahist --file {tmp_path / NAME} --json").json["result"] == "verified"


def test_a_downgrade_keeps_the_first_of_them_and_an_upgrade_brings_the_others_back(
    pyb3, database, tmp_path: Path
) -> None:
    path = quotes(tmp_path, "SECOND")
    text = generate.replace_field(path.read_bytes(), 12, "DATPRE", b"20240230")
    path.write_bytes(generate.replace_field(text, 13, "INDOPC", b"X"))
    line = f"ingest cotahist --file {path} --date {DAY} --json"
    assert pyb3(line).json["inserted"] == 20
    first = generate.replace_field(path.read_bytes(), 2, "PREULT", b"0000000001234")
    path.write_bytes(generate.replace_field(first, 3, "PREULT", b"0000000004321"))
    assert pyb3(line).json["updated"] == 2

    assert pyb3("db downgrade 0008").code == 0
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (19,)
    assert database.execute("SELECT count(*) FROM cotahist WHERE company_name = 'SECOND'").fetchone() == (0,)
    outcomes = "SELECT outcome, rejected FROM ingestions ORDER BY id"
    assert database.execute(outcomes).fetchall() == [("loaded", 1), ("loaded", 1)]
    aside = "SELECT ingestion_id, line, field FROM rejected_rows ORDER BY 1, 2"
    assert database.execute(aside).fetchall() == [(1, 12, "DATPRE"), (2, 12, "DATPRE")]
    kept = database.execute("SELECT key ? 'occurrence', (old->>'close')::numeric FROM revisions").fetchall()
    assert [has for has, _ in kept] == [False], "the change of the row that is kept is kept"

    assert pyb3("db upgrade").code == 0
    assert database.execute(outcomes).fetchall() == [("partial", 1), ("partial", 1)]
    assert database.execute(aside).fetchall() == [(1, 12, "DATPRE"), (2, 12, "DATPRE")]
    assert pyb3("status cotahist --json").json["partial"] == [str(DAY)]
    ((change,),) = [
        one["revisions"] for one in pyb3(f"history cotahist --date {DAY} --json").objects if one["revisions"]
    ]
    assert (change["key"]["occurrence"], change["columns"]["close"]["new"]) == (1, "12.34")
    again = pyb3(line)
    assert (again.code, again.json["outcome"], again.json["inserted"], again.json["unchanged"]) == (4, "partial", 1, 19)
    assert [number for number, _ in names(database)] == [1, 2]


def test_futures_and_portfolios_go_through_the_revisions_down_and_up(pyb3, database, simulator) -> None:
    simulator.rows = 30
    for line in (
        f"futures --date {DAY}",
        f"yield_curves --date {DAY}",
        "symbols --date last",
        "index_composition --date last",
    ):
        assert pyb3(f"ingest {line}").code == 0
    tables = ("futures", "yield_curves", "symbols", "index_composition")
    whole = {
        table: database.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t").fetchone()
        for table in tables
    }
    assert pyb3("db downgrade 0008").code == 0
    assert pyb3("db upgrade").code == 0
    for table in tables:
        columns = ", ".join(f'"{field.name}"' for field in registry.get(table).template.fields)
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone()[0] > 0, columns
    for line in (
        f"futures --date {DAY}",
        f"yield_curves --date {DAY}",
        "symbols --date last",
        "index_composition --date last",
    ):
        done = pyb3(f"ingest {line} --force --json").json
        assert (done["outcome"], done["inserted"], done["updated"]) == ("unchanged", 0, 0), done
    assert {
        table: database.execute(f"SELECT md5(string_agg(t::text, '|' ORDER BY t::text)) FROM {table} t").fetchone()
        for table in tables
    } == whole

"""The evening's first price report lacks settlements: its unit is partial, and the next run brings the rest."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from pyb3.fetch import cache
from tests.conftest import Answer
from tests.support import generate

DAY = date(2021, 4, 23)
INGEST = f"ingest futures --date {DAY} --json"
FAMILIES = "26 futures are not settled yet: DAP (17), ISP (3), OZ1 (2), PCARO (2), WSP (2)"
COUNTS = ("rows", "inserted", "updated", "unchanged", "kept")


def _report(path: Path) -> bytes:
    if not path.is_file():
        pytest.skip(f"there is no {path}")
    with zipfile.ZipFile(path) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


@pytest.fixture
def run(pyb3) -> Callable[[str], Answer]:
    """`pyb3 LINE` as a run of its own: within one run B3 is asked for a file once."""

    def fresh(line: str) -> Answer:
        cache._asked.clear()
        return pyb3(line)

    return fresh


@pytest.fixture
def evening(real: Path, simulator) -> None:
    """B3 publishes the report of 2021-04-23 as it stood at 18:10, then as at 19:51; that day's SPRD is not there."""
    simulator.exchange.absent.append("filelist=SPRD")
    for path in (real / "cases/PR210423.first.zip", real / "futures/PR210423.newest.zip"):
        text = _report(path)
        simulator.faults.append({"kind": "change", "where": "filelist=PR210423", "change": lambda _, text=text: text})


def test_the_second_run_of_the_evening_updates_what_was_not_settled(run, database, simulator, evening) -> None:
    first = run(INGEST)
    done = first.json
    assert (first.code, done["outcome"], done["source"]) == (4, "partial", "PR")
    assert [done[count] for count in COUNTS] == [545, 545, 0, 0, 0]
    assert (done["rejected"], done["rejected_values"]) == (0, 0)
    (told,) = [warning for warning in done["warnings"] if "settled yet" in warning]
    assert told.endswith(f": {FAMILIES}")
    assert f"futures {DAY}: {told}" in first.err
    situations = "SELECT settlement_situation, count(*) FROM futures GROUP BY 1 ORDER BY 1"
    assert database.execute(situations).fetchall() == [("F", 526), ("U", 19)]
    blank = (
        "SELECT commodity, count(*) FROM futures WHERE refdate = %s AND price IS NULL AND settlement_rate IS NULL"
        " GROUP BY 1 ORDER BY 1"
    )
    families = [("DAP", 17), ("ISP", 3), ("OZ1", 2), ("PCARO", 2), ("WSP", 2)]
    assert database.execute(blank, (DAY,)).fetchall() == families
    status = run("status futures --json")
    assert (status.code, status.json["partial"]) == (4, [str(DAY)])

    second = run(INGEST)
    assert (second.code, second.json["outcome"]) == (0, "loaded")
    assert [second.json[count] for count in COUNTS] == [545, 0, 50, 495, 0]
    assert not any("settled yet" in warning for warning in second.json["warnings"])
    assert database.execute(situations).fetchall() == [("F", 545)]
    assert database.execute(blank, (DAY,)).fetchall() == []
    settled = "SELECT symbol, price, settlement_rate FROM futures WHERE symbol IN ('DAPF22', 'DAPF23') AND refdate = %s"
    assert sorted(database.execute(settled, (DAY,)).fetchall()) == [
        ("DAPF22", Decimal("99830.58"), Decimal("0.23")),
        ("DAPF23", Decimal("97284.9"), Decimal("1.6")),
    ]
    changed = "SELECT left(key->>'symbol', 3), count(*) FROM revisions GROUP BY 1 ORDER BY 1"
    of_families = [("DAP", 17), ("FRC", 24), ("ISP", 3), ("OZ1", 2), ("PCA", 2), ("WSP", 2)]
    assert database.execute(changed).fetchall() == of_families, "volumes of FRC came in too"

    ledger = "SELECT outcome, rows, inserted, updated, unchanged, kept, warnings FROM ingestions ORDER BY id"
    one, two = database.execute(ledger).fetchall()
    assert one[:-1] == ("partial", 545, 545, 0, 0, 0) and told in one[-1]
    assert two[:-1] == ("loaded", 545, 0, 50, 495, 0)
    assert run("status futures --json").json["partial"] == []

    asked = [path for path in simulator.requests if "filelist=PR" in path]
    assert len(asked) == 2, "no --refresh is needed"
    third = run(INGEST)
    assert (third.code, third.json["outcome"]) == (0, "unchanged")
    assert [path for path in simulator.requests if "filelist=PR" in path] == asked, (
        "a whole file is not asked for again"
    )


def test_a_backfill_of_the_evening_ends_with_four_until_it_is_settled(run, database, evening) -> None:
    line = f"backfill futures --from {DAY} --to {DAY} --json"
    first, second = run(line), run(line)
    assert (first.code, first.json["outcome"]) == (4, "partial")
    assert any(warning.endswith(FAMILIES) for warning in first.json["warnings"])
    assert (second.code, second.json["outcome"], second.json["updated"]) == (0, "loaded", 50)


def test_the_same_unsettled_bytes_are_partial_and_told_again(pyb3, database, real: Path, tmp_path: Path) -> None:
    path = tmp_path / "PR210423.zip"
    path.write_bytes(generate.zipped("report.xml", _report(real / "cases/PR210423.first.zip"), DAY))
    line = f"load futures --file {path} --date {DAY} --json"
    first, second = pyb3(line), pyb3(line)
    assert [answer.code for answer in (first, second)] == [4, 4]
    assert (second.json["outcome"], second.json["updated"], second.json["rows"]) == ("partial", 0, 545)
    for answer in (first, second):
        assert any(warning.endswith(FAMILIES) for warning in answer.json["warnings"]), answer.json["warnings"]

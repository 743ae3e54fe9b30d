"""What the benchmarks keep, and what they make of it on the page."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from lxml import etree

from benchmarks import page, results
from benchmarks.plot import Bar, bars
from benchmarks.results import Measured, Result
from benchmarks.targets import TARGETS, Target
from tests.conftest import ROOT

MACHINE = {"processor": "a processor", "cores": 2, "memory_gb": 24, "system": "Linux 6", "load_average": 0.1}
YEAR = Result(
    figure="year",
    date="2026-01-02T03:04+00:00",
    command="python -m benchmarks year --rows 2500000 --runs 5",
    runs=5,
    machine=MACHINE,
    versions={"PyB3": "0.1.0 (abc1234)", "PostgreSQL": "18.4"},
    measured=[
        Measured("migrated", "`psql \\copy`", {"rows": 100, "seconds": 10.0, "wal": 5.0}),
        Measured("first", "first load", {"rows": 100, "seconds": 12.5, "wal": 1000.0}),
        Measured("again", "again", {"rows": 100, "seconds": 5.0, "wal": 0.1}, "a note"),
    ],
)
PEERS = replace(
    YEAR,
    figure="peers",
    measured=[
        Measured(
            "slow",
            "A & B",
            {"rows": 10, "seconds": 5.0, "peak": 99.0, "year_seconds": 500.0, "rows_per_second": 2.0},
            "Parquet; slow 1.0",
        ),
        Measured("broken", "broken", note="fails in its own words"),
        Measured(
            "pyb3_load",
            "PyB3",
            {"rows": 1000, "seconds": 5.0, "peak": 300.0, "year_seconds": 5.0, "rows_per_second": 200.0},
            "PostgreSQL",
        ),
    ],
)


def test_what_is_kept_is_read_again(tmp_path: Path) -> None:
    results.write(tmp_path, YEAR)
    results.write(tmp_path, PEERS)
    assert results.read(tmp_path) == {"year": YEAR, "peers": PEERS}


def test_a_figure_measured_anew_takes_the_place_of_the_one_before(tmp_path: Path) -> None:
    results.write(tmp_path, YEAR)
    results.write(tmp_path, replace(YEAR, runs=1))
    assert results.read(tmp_path)["year"].runs == 1


def test_a_measured_thing_is_shown_with_its_rate_and_units() -> None:
    shown = str(Measured("x", "x", {"rows": 2_500_000, "seconds": 10.0, "peak": 300.25, "milliseconds": 1.5}, "noted"))
    assert shown == "10.00 s (250,000 rows/s), peak 300.2 MB, milliseconds 1.5, noted"


@pytest.mark.parametrize(
    ("target", "reached"),
    [
        (Target("year", "", "first.seconds", "migrated.seconds"), 1.25),
        (Target("year", "", "first.wal", most=600, unit="MB"), 1000.0),
        (Target("year", "", "first.peak", most=600, unit="MB"), None),
        (Target("year", "", "first.seconds", "absent.seconds"), None),
        (Target("scale", "", "first.seconds"), None),
    ],
)
def test_a_target_is_held_against_its_floor_or_a_limit(target: Target, reached: float | None) -> None:
    assert target.reached({"year": YEAR}) == reached


def test_the_table_says_what_is_met_missed_and_not_measured() -> None:
    lines = page.targets({"year": YEAR}).splitlines()
    first, keyed, again, wal = lines[2:6]
    assert first == "| A year from ZIP to committed | 12.5 s | `psql \\copy`: 10.0 s | 1.25 | 1 | **missed** |"
    assert keyed.endswith("| 1 | not measured |")
    assert again == "| The same again, all read (`--force`) | 5.00 s | first load: 12.5 s | 0.40 | 0.6 | met |"
    assert wal == "| WAL of that | 0.10 MB | first load: 1,000 MB | 0.0001 | 0.05 | met |"
    assert len(lines[2:]) == len(TARGETS)


def test_figures_of_one_machine_and_versions_are_told_together() -> None:
    elsewhere = replace(PEERS, machine=MACHINE | {"cores": 64})
    assert page.machine({"year": YEAR, "peers": PEERS}).count("Measured on") == 1
    told = page.machine({"year": YEAR, "peers": elsewhere}).replace("\n", " ")
    assert told.count("Measured on 2026-01-02") == 2
    assert "64 cores of a processor, 24 GB, Linux 6; PyB3 0.1.0 (abc1234), PostgreSQL 18.4. `python -m" in told


def test_others_are_told_quickest_first_and_a_failure_in_its_own_words() -> None:
    rows = page.peers({"peers": PEERS}).splitlines()
    assert rows[4] == "| PyB3 | PostgreSQL | 5.00 s | 200 | 300 MB | 1,000 rows | |"
    assert rows[5] == "| A & B | Parquet | 500 s | 2 | 99 MB | 10 rows | slow 1.0 |"
    assert rows[6].startswith("| broken | fails: fails in its own words |")


def test_twenty_years_are_told_by_row_and_queries_by_milliseconds() -> None:
    query = {"rows": 2500, "milliseconds": 12.0, "planning": 1.5, "execution": 6.0, "to_python": 20.0}
    measured = [
        Measured("size", "rows of each year", {"rows": 1_000_000}, "2,000,000 would not fit"),
        Measured("year_1", "year 1 of 20", {"seconds": 8.0, "microseconds": 8.0}),
        Measured("year_3", "year 3 of 20", {"seconds": 8.0, "microseconds": 8.0}),
        Measured("year_20", "year 20 of 20", {"seconds": 10.0, "microseconds": 10.0, "server_microseconds": 7.0}),
        Measured("table", "the table", {"gigabytes": 7.0}),
        Measured("session", "one session", query),
    ]
    text = page.scale({"scale": replace(YEAR, figure="scale", measured=measured)})
    assert "1,000,000 quotes each (2,000,000 would not fit)" in text
    assert "| year 20 of 20 | 10.0 s | 10.0 µs | 7.0 µs | 1.25 |" in text
    assert "year 3 " not in text
    assert "| one session | 2,500 | 12.0 ms | 1.5 ms | 6.0 ms | 20.0 ms |" in text


def test_the_page_keeps_its_other_text(tmp_path: Path) -> None:
    path = tmp_path / "page.md"
    places = "\n".join(f"<!-- {name} -->\nold\n<!-- /{name} -->\n" for name in page.PLACES)
    path.write_text(f"before\n{places}after\n")
    page.write(path, {"year": YEAR, "peers": PEERS})
    once = path.read_text()
    assert once.startswith("before\n<!-- machine -->\nMeasured on") and once.endswith("<!-- /scale -->\nafter\n")
    assert "old" not in once
    page.write(path, {"year": YEAR, "peers": PEERS})
    assert path.read_text() == once
    assert etree.fromstring((tmp_path / "page.svg").read_bytes()).tag.endswith("svg")


def test_a_page_without_a_place_is_refused() -> None:
    with pytest.raises(ValueError, match="no place for peers"):
        page.between("<!-- peers -->\n", "peers", "")


def test_the_projects_page_has_every_place() -> None:
    text = (ROOT / "docs" / "performance.md").read_text("utf-8")
    for name in page.PLACES:
        assert "told" in page.between(text, name, "told\n")


@pytest.mark.parametrize("most", [12.0, 10.0, 900.0])
def test_a_bar_is_as_long_as_the_logarithm_of_its_seconds(most: float) -> None:
    root = etree.fromstring(bars("A < B", [Bar("slow & sure", most), Bar("ours", 1.0, True)]).encode())
    widths = {bar.get("class"): float(bar.get("width")) for bar in root.iterfind(".//{*}rect")}
    assert 0 < widths["ours"] < widths["other"] <= 380
    ticks = [float(text.text.replace(",", "")) for text in root.iterfind(".//{*}text[@class='tick']")]
    assert (
        ticks[0] < 1.0
        and ticks[-1] >= most
        and all(after == 10 * before for before, after in zip(ticks, ticks[1:], strict=False))
    )

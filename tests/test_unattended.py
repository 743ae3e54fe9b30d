"""What a machine runs at night: the last sessions, exit codes that tell a delay from a fault, a page that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path

import psycopg
import pytest

from pyb3 import calendar
from tests.conftest import Answer
from tests.support.simulator import Simulator

Command = Callable[[str], Answer]


def _sessions(count: int) -> list[str]:
    today = calendar.today()
    return [str(day) for day in calendar.sessions(today - timedelta(60), today)[-count:]]


@pytest.fixture(autouse=True)
def quick(simulator: Simulator) -> None:
    simulator.rows = 40


def test_the_last_sessions_end_with_todays(pyb3: Command, database: psycopg.Connection) -> None:
    answer = pyb3("backfill futures --last 3 --json")
    assert answer.code == 0, answer.err
    assert [unit["unit"] for unit in answer.objects] == _sessions(3)
    assert {unit["outcome"] for unit in answer.objects} == {"loaded"}


def test_only_a_day_that_went_missing_is_written_again(pyb3: Command, database: psycopg.Connection) -> None:
    pyb3("backfill yield_curves --last 3")
    missed = _sessions(3)[1]
    database.execute("DELETE FROM yield_curves WHERE refdate = %s", (missed,))
    units = pyb3("backfill yield_curves --last 3 --json").objects
    assert {unit["unit"] for unit in units if unit["outcome"] == "loaded"} == {missed}
    assert sum(unit["inserted"] for unit in units) == units[1]["rows"]


def test_a_session_that_is_not_published_yet_is_no_fault_of_the_nights_before(
    pyb3: Command, database: psycopg.Connection, simulator: Simulator
) -> None:
    if not calendar.is_session(calendar.today()):
        pytest.skip("today is no session")
    simulator.today = calendar.today() - timedelta(1)
    answer = pyb3("backfill futures --last 3 --json")
    assert [unit["outcome"] for unit in answer.objects] == ["loaded", "loaded", "not_published"]
    assert answer.code == 0
    assert pyb3("backfill futures --last 1").code == 3


def test_a_source_that_has_gone_is_a_fault_and_not_a_delay(
    pyb3: Command, database: psycopg.Connection, simulator: Simulator
) -> None:
    simulator.faults = [{"status": 404, "times": 1000}]
    answer = pyb3("backfill cotahist --last 3 --json")
    assert {unit["outcome"] for unit in answer.objects} == {"not_published"}
    assert answer.code == 4


def test_a_page_that_shows_the_last_session_alone_is_asked_for_no_other(
    pyb3: Command, database: psycopg.Connection
) -> None:
    answer = pyb3("backfill index_composition --last 5 --json")
    assert answer.code == 0, answer.err
    assert [unit["unit"] for unit in answer.objects] == _sessions(1)


@pytest.mark.parametrize(
    "options", ["--last 3 --year 2023", "--last 3 --from 2024-01-15 --to last", "--from last", "--last 0", ""]
)
def test_the_days_of_a_backfill_are_said_in_one_way(pyb3: Command, options: str) -> None:
    assert pyb3(f"backfill futures {options}").code == 2


def test_what_json_printed_becomes_a_table_for_a_page(
    pyb3: Command, database: psycopg.Connection, tmp_path: Path
) -> None:
    outcomes = tmp_path / "outcomes.jsonl"
    outcomes.write_text(pyb3("backfill futures --last 2 --json").out)
    first, last = _sessions(2)
    lines = pyb3(f"summary {outcomes}").out.splitlines()
    assert lines[:2] == [
        "| dataset | unit | outcome | rows | inserted | updated | unchanged | seconds |",
        "|---|---|---|---:|---:|---:|---:|---:|",
    ]
    assert lines[2].startswith(f"| futures | {first} | loaded | ")
    assert lines[3].startswith(f"| futures | {last} | loaded | ")
    assert lines[4].startswith("|  | 2 units |  | ")
    assert len({line.count("|") for line in lines}) == 1


def test_a_failed_units_error_stands_below_the_table_as_text(pyb3: Command, tmp_path: Path) -> None:
    unit = dict.fromkeys(("rows", "inserted", "updated", "unchanged"), 0) | {"seconds": 0.0}
    unit |= {"dataset": "futures", "unit": "2024-01-15", "outcome": "failed", "warnings": ["odd"]}
    unit["error"] = {"code": "source", "message": "B3 answers\n```</b> | <script>"}
    (tmp_path / "outcomes.jsonl").write_text(json.dumps(unit) + "\n\n")
    table, text = pyb3(f"summary {tmp_path}/outcomes.jsonl").out.split("\n\n")
    assert table.count("\n") == 2
    assert text == "```text\nfutures 2024-01-15: B3 answers '''</b> | <script>\nfutures 2024-01-15: odd\n```\n"


@pytest.mark.parametrize("text", ["not json", "[1]", "{}", '{"dataset": "futures"}'])
def test_a_summary_of_something_else_is_refused(
    refused: Callable[[str, int, str], Answer], tmp_path: Path, text: str
) -> None:
    (tmp_path / "outcomes.jsonl").write_text(text)
    refused(f"summary {tmp_path}/outcomes.jsonl", 2, "is not a unit as --json prints it")


def test_a_summary_of_nothing_says_so(pyb3: Command, tmp_path: Path) -> None:
    (tmp_path / "outcomes.jsonl").touch()
    assert pyb3(f"summary {tmp_path}/outcomes.jsonl").out == "Nothing was done.\n"
    assert pyb3(f"summary {tmp_path}/nowhere").code == 2

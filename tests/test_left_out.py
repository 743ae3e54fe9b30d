"""An index whose page cannot be read costs that index: the others are loaded, and the next run asks for it again."""

from __future__ import annotations

import base64
import json
from datetime import date
from pathlib import Path

import pytest

from pyb3 import PartialData, calendar, index_composition_get, index_historical_get, settings
from pyb3.errors import FileError
from pyb3.fetch import cache
from tests.test_revisions import without_last

DATASET = "index_composition"
COUNT = "SELECT index_code, portfolio, count(*) FROM index_composition GROUP BY 1, 2 ORDER BY 1, 2"
ODD = ("IMOB", "current")


@pytest.fixture
def day() -> date:
    """The session that B3's pages show."""
    return calendar.previous_session(calendar.today())


def page(code: str, day: date) -> Path:
    return settings.cache_dir() / DATASET / f"GetPortfolioDay_{code}_{day:%Y%m%d}.json"


def odd(path: Path) -> bytes:
    """Let a page of the cache say nothing of its papers; what it said before."""
    before = path.read_bytes()
    answer = json.loads(before)
    assert answer.pop("results")
    path.write_text(json.dumps(answer))
    return before


@pytest.fixture
def fetched(pyb3, simulator, day: date) -> Path:
    """All pages are in the cache, and that of IMOB's current portfolio is odd."""
    assert pyb3(f"fetch {DATASET} --date last").code == 0
    odd(page("IMOB", day))
    return page("IMOB", day)


def test_an_index_that_is_odd_costs_that_index(pyb3, database, fetched: Path, day: date) -> None:
    answer = pyb3(f"load {DATASET} --date last --json")
    done = answer.json
    assert (answer.code, done["outcome"]) == (4, "partial")
    assert (done["rejected"], done["rejected_values"], done["gone"]) == (0, 0, 0)
    (told,) = [warning for warning in done["warnings"] if "left out" in warning]
    assert told.startswith(f"left out: {fetched.name}"), told
    assert f"{DATASET} {day}: {told}" in answer.err
    partly = {row[:2]: row[2] for row in database.execute(COUNT).fetchall()}
    assert ODD not in partly and sum(partly.values()) == done["rows"]
    assert {("IBOV", "current"), ("IMOB", "theoretical"), ("IMOB", "listed")} <= partly.keys()
    ledger = "SELECT outcome, rejected, warnings FROM ingestions"
    assert database.execute(ledger).fetchall() == [("partial", 0, done["warnings"])]
    assert pyb3("status index_composition --json").json["partial"] == [str(day)]
    verified = pyb3(f"verify {DATASET} --json")
    assert (verified.code, {one["result"] for one in verified.objects}) == (0, {"verified"})


def test_the_same_pages_are_partial_again_and_say_why(pyb3, database, fetched: Path) -> None:
    first = pyb3(f"load {DATASET} --date last --json").json
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyb3.datasets.base.Dataset.read", None)  # reading would fail
        answer = pyb3(f"load {DATASET} --date last --json")
    assert (answer.code, answer.json["outcome"]) == (4, "partial")
    assert (answer.json["unchanged"], answer.json["rows"]) == (first["rows"], first["rows"])
    assert answer.json["warnings"] == first["warnings"]


def test_the_next_run_asks_for_that_index_and_is_whole(pyb3, database, simulator, fetched: Path) -> None:
    pyb3(f"ingest {DATASET} --date last")
    asked = len(simulator.requests)
    cache._asked.clear()  # a run of its own
    answer = pyb3(f"ingest {DATASET} --date last --json")
    assert (answer.code, answer.json["outcome"]) == (0, "loaded")
    pages = [json.loads(base64.b64decode(path.rpartition("/")[2])) for path in simulator.requests[asked:]]
    codes = [page["index"] for page in pages if "index" in page]
    assert codes.count("IMOB") == 1 and "IBOV" not in codes, "what can be read is in the cache"
    members = dict(
        database.execute(
            "SELECT portfolio, count(*) FROM index_composition WHERE index_code = 'IMOB' GROUP BY 1"
        ).fetchall()
    )
    assert answer.json["inserted"] == members["current"] == members["theoretical"]
    assert pyb3("status index_composition --json").json["partial"] == []


def test_strict_refuses_the_day_for_one_index(refused, database, fetched: Path) -> None:
    refused(f"load {DATASET} --date last --strict", 6, fetched.name)
    assert database.execute("SELECT count(*) FROM index_composition").fetchone() == (0,)


def test_prune_removes_what_other_indexes_lost_and_nothing_of_the_odd_one(pyb3, database, simulator, day: date) -> None:
    whole = pyb3(f"ingest {DATASET} --date last --json").json
    before = {row[:2]: row[2] for row in database.execute(COUNT).fetchall()}
    odd(page("IMOB", day))
    path = page("BDRX", day)
    path.write_bytes(without_last(path.read_bytes()))
    answer = pyb3(f"load {DATASET} --date last --prune --json")
    done = answer.json
    assert (answer.code, done["outcome"]) == (4, "partial")
    assert (done["updated"], done["gone"], done["removed"]) == (1, 1, 1)
    assert done["unchanged"] == whole["rows"] - 2 - before[ODD]
    after = {row[:2]: row[2] for row in database.execute(COUNT).fetchall()}
    assert after == before | {("BDRX", "current"): before["BDRX", "current"] - 1}


def test_the_library_returns_the_other_indexes_and_warns(fetched: Path, day: date) -> None:
    with pytest.warns(PartialData, match=f"^{DATASET}: left out: {fetched.name}") as caught:
        members = index_composition_get(day)
    (warning,) = [one for one in caught if isinstance(one.message, PartialData)]
    assert warning.message.rejected == []
    current = members.filter(portfolio="current")["index_code"]
    assert "IMOB" not in current and "IBOV" in current
    with pytest.raises(FileError, match=fetched.name):
        index_composition_get(day, strict=True)


def test_a_page_of_the_one_index_that_was_asked_for_is_an_error(fetched: Path, day: date) -> None:
    with pytest.warns(PartialData, match="left out"):
        members = index_composition_get(day, index="IMOB")
    assert set(members["portfolio"]) == {"theoretical", "listed"}


def test_a_year_of_indexes_is_loaded_without_the_odd_one(pyb3, database, simulator) -> None:
    assert pyb3("fetch index_historical --date 2023-05-03").code == 0
    path = settings.cache_dir() / "index_historical" / "IndexStatistics_IMOB_2023.json"
    odd(path)
    answer = pyb3("backfill index_historical --year 2023 --json")
    assert (answer.code, answer.json["outcome"]) == (4, "partial")
    assert any(warning.startswith(f"left out: {path.name}") for warning in answer.json["warnings"])
    codes = {code for (code,) in database.execute("SELECT DISTINCT index_code FROM index_historical").fetchall()}
    assert "IMOB" not in codes and {"IBOV", "SMLL"} <= codes
    with pytest.warns(PartialData, match=path.name):
        assert "IMOB" not in index_historical_get(year=2023)["index_code"]


def test_a_unit_of_which_no_page_can_be_read_is_refused(pyb3, database, simulator, day: date) -> None:
    pyb3(f"fetch {DATASET} --date last")
    for path in (settings.cache_dir() / DATASET).glob("Get*[0-9].json"):
        path.write_bytes(path.read_bytes()[:-20])
    answer = pyb3(f"load {DATASET} --date last --json")
    assert (answer.code, answer.json["outcome"]) == (6, "failed")
    assert database.execute("SELECT count(*) FROM index_composition").fetchone() == (0,)
    assert "left out" not in answer.err

"""A file that cannot be read leads to the next source, and a warning names both; nothing is hidden, nothing is kept."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import date

import polars as pl
import pytest

from pyb3 import futures_get
from pyb3.errors import FileError
from pyb3.fetch import cache
from tests.support import generate

DAY = date(2024, 1, 15)
INGEST = f"ingest futures --date {DAY} --json"
INSTEAD = "PR was taken instead of SPRD, which cannot be read: "
OTHERS = ["TradeInformation", "/bdi/"]


def cut(text: bytes) -> bytes:
    """The report as far as the middle."""
    return text[: len(text) // 2]


def damage(simulator, *sources: str, times: int = 1, change: Callable[[bytes], bytes] = cut) -> None:
    for source in sources:
        where = f"filelist={source}2"
        simulator.faults.append({"kind": "change", "where": where, "change": change, "times": times})


def asked(simulator) -> list[str]:
    """The files of sessions that were asked for."""
    return [path.rpartition("filelist=")[2] for path in simulator.requests if "filelist=" in path]


def test_a_report_that_cannot_be_read_leads_to_the_next_source(pyb3, database, simulator) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD")
    answer = pyb3(INGEST)
    done = answer.json
    assert (answer.code, done["outcome"], done["source"], done["inserted"]) == (0, "loaded", "PR", 50)
    (told,) = done["warnings"]
    assert told.startswith(INSTEAD + "BVBG.187") and "line " in told, told
    assert answer.err == f"pyb3: futures {DAY}: {told}\n"
    assert asked(simulator) == ["SPRD240115.zip", "PR240115.zip"]
    assert database.execute("SELECT source, count(*) FROM futures GROUP BY 1").fetchall() == [("PR", 50)]
    ledger = "SELECT outcome, source, warnings, error_code FROM ingestions"
    assert database.execute(ledger).fetchall() == [("loaded", "PR", [told], None)]


def test_the_next_run_asks_for_the_better_source_again(pyb3, database, simulator) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD")
    pyb3(INGEST)
    cache._asked.clear()  # a run of its own
    answer = pyb3(INGEST)
    assert (answer.code, answer.json["source"], answer.json["outcome"]) == (0, "SPRD", "loaded")
    assert (answer.json["updated"], answer.json["warnings"], answer.err) == (50, [], "")
    assert asked(simulator) == ["SPRD240115.zip", "PR240115.zip", "SPRD240115.zip"]
    assert database.execute("SELECT source, count(*) FROM futures GROUP BY 1").fetchall() == [("SPRD", 50)]


def test_what_was_read_of_the_refused_report_is_not_told_of_the_other(pyb3, database, simulator) -> None:
    simulator.rows = 50

    def odd(text: bytes) -> bytes:
        return cut(text.replace(b"<CreDtAndTm>2024-01-15T", b"<CreDtAndTm>2024-13-15T"))

    damage(simulator, "SPRD", change=odd)
    (told,) = pyb3(INGEST).json["warnings"]
    assert told.startswith(INSTEAD)


def test_where_no_source_can_be_read_the_first_error_is_told(pyb3, database, simulator) -> None:
    simulator.exchange.absent += OTHERS
    damage(simulator, "SPRD", "PR")
    answer = pyb3(INGEST)
    done = answer.json
    assert (answer.code, done["outcome"], done["error"]["code"]) == (6, "failed", "file")
    message = done["error"]["message"]
    assert message.startswith("BVBG.187") and "BVBG.086" not in message, message
    assert "; PR cannot be read either; and no other source has it: " in message
    assert answer.err.count("\n") == 1
    assert database.execute("SELECT count(*) FROM futures").fetchone() == (0,)
    assert asked(simulator) == ["SPRD240115.zip", "PR240115.zip"]


def test_where_no_other_source_has_it_the_error_says_so(refused, database, simulator) -> None:
    simulator.exchange.absent += ["filelist=PR", *OTHERS]
    damage(simulator, "SPRD")
    refused(f"ingest futures --date {DAY}", 6, "BVBG.187.* --refresh' to get it anew; and no other source has it: ")


def test_a_source_that_fails_besides_does_not_hide_the_first_error(refused, database, simulator) -> None:
    simulator.exchange.absent += OTHERS
    damage(simulator, "SPRD")
    simulator.faults += [{"where": "filelist=PR2", "status": 503, "retry_after": 0, "times": 9}]
    refused(f"ingest futures --date {DAY}", 6, "BVBG.187.*and no other source has it: .*503")


def test_strict_takes_no_other_source(refused, database, simulator) -> None:
    damage(simulator, "SPRD")
    refused(f"ingest futures --date {DAY} --strict", 6, "BVBG.187")
    assert asked(simulator) == ["SPRD240115.zip"]


def test_load_takes_the_next_source_that_is_in_the_cache(pyb3, refused, database, simulator) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD", times=2)
    pyb3(f"fetch futures --date {DAY}")
    refused(f"load futures --date {DAY}", 6, "BVBG.187.*no other source has it: .* is not in the cache")
    pyb3(INGEST)
    answer = pyb3(f"load futures --date {DAY} --json")
    assert (answer.code, answer.json["source"], answer.json["outcome"]) == (0, "PR", "unchanged")
    assert answer.json["warnings"][0].startswith(INSTEAD)


def test_a_backfill_takes_the_next_source_for_that_day_alone(pyb3, database, simulator) -> None:
    simulator.rows = 50
    where = "filelist=SPRD240116"
    simulator.faults.append({"kind": "change", "where": where, "change": cut})
    answer = pyb3("backfill futures --from 2024-01-15 --to 2024-01-17 --json")
    assert answer.code == 0
    assert [(one["unit"], one["source"], len(one["warnings"])) for one in answer.objects] == [
        ("2024-01-15", "SPRD", 0),
        ("2024-01-16", "PR", 1),
        ("2024-01-17", "SPRD", 0),
    ]
    assert answer.objects[1]["warnings"][0].startswith(INSTEAD)
    assert answer.err.startswith(f"pyb3: futures 2024-01-16: {INSTEAD}")


def test_parse_takes_the_next_source_too(pyb3, simulator, tmp_path) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD")
    answer = pyb3(f"parse futures --date {DAY} --output {tmp_path}/x.parquet")
    assert answer.code == 0
    assert answer.err.startswith(f"pyb3: {INSTEAD}")
    assert pl.read_parquet(tmp_path / "x.parquet")["source"].unique().to_list() == ["PR"]


def test_the_library_takes_the_next_source_and_logs_it(simulator, caplog) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD")
    frame = futures_get(DAY)
    assert (frame.height, frame["source"].unique().to_list()) == (50, ["PR"])
    [(name, level, told)] = caplog.record_tuples
    assert (name, level) == ("pyb3", logging.WARNING)
    assert told.startswith(f"futures: {INSTEAD}BVBG.187"), told
    caplog.clear()
    cache._asked.clear()
    assert futures_get(DAY)["source"].unique().to_list() == ["SPRD"]
    assert caplog.record_tuples == []


def test_the_library_raises_the_first_error_where_nothing_can_be_read(simulator) -> None:
    simulator.exchange.absent += OTHERS
    damage(simulator, "SPRD", "PR", times=2)
    with pytest.raises(FileError, match=r"BVBG\.187.*no other source has it"):
        futures_get(DAY)
    cache._asked.clear()
    with pytest.raises(FileError, match=r"^BVBG\.187"):
        futures_get(DAY, strict=True)


def test_the_third_source_is_taken_where_two_cannot_be_read(pyb3, database, simulator) -> None:
    simulator.rows = 50
    damage(simulator, "SPRD", "PR")
    answer = pyb3(INGEST)
    assert answer.code == 0
    assert answer.json["source"] == "TradeInformationConsolidated"
    (told,) = [warning for warning in answer.json["warnings"] if "instead" in warning]
    assert told.startswith("TradeInformationConsolidated was taken instead of SPRD, PR, which cannot be read: ")


def test_a_day_of_quotes_that_cannot_be_read_is_taken_out_of_its_month(pyb3, database, simulator) -> None:
    simulator.rows = 200
    bad = generate.cotahist([DAY], 200)[:-5_000]
    simulator.faults.append({"kind": "change", "where": "_D15012024", "change": lambda _: bad})
    done = pyb3(f"ingest cotahist --date {DAY} --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "COTAHIST_M")
    assert done["warnings"][0].startswith("COTAHIST_M was taken instead of COTAHIST_D, which cannot be read: ")

"""A source that fails leads to the next one, which is told; when it answers again, what stood in does not stay."""

from __future__ import annotations

import logging
import re
import shutil
from datetime import date, time
from pathlib import Path

import pytest

from pyb3 import calendar, settings
from pyb3.datasets import registry
from pyb3.fetch import client
from pyb3.fetch.gate import Gate
from tests.support import generate

DAY = date(2024, 1, 15)
CSV = "requestname.fileName=InstrumentsConsolidated"
INGEST = f"ingest symbols --date {DAY} --json"


def _sources(database) -> dict[str, int]:
    return dict(database.execute("SELECT source, count(*) FROM symbols GROUP BY 1").fetchall())


def test_a_stand_in_is_told_with_the_failure_and_does_not_stay(pyb3, database, simulator) -> None:
    pyb3(INGEST)
    whole = database.execute("SELECT * FROM symbols ORDER BY 1, 2, 3, 4").fetchall()
    names = [column.name for column in database.execute("SELECT * FROM symbols LIMIT 0").description]
    number = names.index("ingestion_id")
    database.execute("TRUNCATE symbols, ingestions CASCADE")
    shutil.rmtree(settings.cache_dir())

    simulator.faults = [{"kind": "captcha", "where": CSV, "times": 3}]
    first = pyb3(INGEST)
    done = first.json
    assert (first.code, done["outcome"], done["source"]) == (0, "loaded", "IN")
    (told,) = done["warnings"]
    assert told.startswith("IN was taken instead of InstrumentsConsolidated, which failed: https://arquivos.b3.com.br/")
    assert "an HTML page instead of a token (after 3 tries)" in told and f"symbols {DAY}: {told}" in first.err
    assert database.execute("SELECT source, warnings FROM ingestions").fetchall() == [("IN", [told])]
    alone = _sources(database)["IN"] - len(whole)
    assert alone > 0

    second = pyb3(INGEST).json
    assert (second["outcome"], second["source"]) == ("loaded", "InstrumentsConsolidated")
    assert (second["gone"], second["removed"]) == (alone, alone)
    assert f"{alone:,} rows that IN alone had, when it stood in, removed; 'revisions' keeps them" in second["warnings"]
    same = database.execute("SELECT * FROM symbols ORDER BY 1, 2, 3, 4").fetchall()
    assert [row[:number] + row[number + 1 :] for row in same] == [row[:number] + row[number + 1 :] for row in whole]
    kept = "SELECT count(*) FROM revisions WHERE change = 'removed' AND old->>'source' = 'IN'"
    assert database.execute(kept).fetchone() == (alone,)
    third = pyb3(INGEST).json
    assert (third["outcome"], third["gone"], third["warnings"]) == ("unchanged", 0, [])


def test_the_next_nights_run_asks_for_the_better_source_of_the_sessions_it_covers(pyb3, database, simulator) -> None:
    days = calendar.sessions(DAY, date(2024, 1, 17))
    line = f"backfill symbols --from {days[0]} --to {days[-1]} --json"
    simulator.faults = [{"status": 503, "retry_after": 0, "where": f"{CSV}.date=2024-01-16", "times": 3}]
    assert [one["source"] for one in pyb3(line).objects] == ["InstrumentsConsolidated", "IN", "InstrumentsConsolidated"]
    asked = len(simulator.requests)
    again = pyb3(line).objects
    assert [one["outcome"] for one in again] == ["unchanged", "loaded", "unchanged"]
    assert again[1]["source"] == "InstrumentsConsolidated"
    assert len(simulator.requests) - asked == 2, "the token and the file of that day alone"


def test_a_refresh_that_fails_is_an_error_and_loads_no_stand_in(pyb3, database, simulator) -> None:
    pyb3(INGEST)
    before = _sources(database)
    simulator.faults = [{"kind": "captcha", "where": CSV, "times": 3}]
    failed = pyb3(f"{INGEST} --refresh")
    assert (failed.code, failed.json["outcome"]) == (5, "failed")
    assert not any("filelist=IN" in path for path in simulator.requests)
    assert _sources(database) == before and set(before) == {"InstrumentsConsolidated"}
    assert pyb3(INGEST).json["outcome"] == "unchanged"


def test_an_absence_is_not_told_as_a_failure(pyb3, database, simulator) -> None:
    simulator.exchange.absent = [CSV]
    done = pyb3(INGEST).json
    assert (done["source"], done["warnings"]) == ("IN", [])


def test_rows_of_a_stand_in_stay_where_the_better_file_is_smaller_than_what_it_would_remove(
    pyb3, database, tmp_path: Path
) -> None:
    (tmp_path / "IN240115.xml").write_bytes(generate.instrument_file(DAY, 500))
    rows = pyb3(f"ingest symbols --file {tmp_path}/IN240115.xml --json").json["rows"]
    (tmp_path / "few.csv").write_bytes(generate.instruments_consolidated(DAY, 20))
    few = pyb3(f"ingest symbols --file {tmp_path}/few.csv --json").json
    assert few["gone"] > few["rows"] and few["removed"] == 0
    assert any("--prune removes them" in note for note in few["warnings"])
    assert database.execute("SELECT count(*) FROM symbols").fetchone()[0] >= rows


def test_a_year_does_not_stand_in_for_a_day(database) -> None:
    quotes, futures = registry.get("cotahist").template, registry.get("futures").template
    assert quotes.stood_in(["COTAHIST_D"]) == []
    assert futures.stood_in(["SPRD"]) == ["PR", "TradeInformationConsolidated", "BDI"]
    assert futures.stood_in(["BDI"]) == [] == registry.get("index_historical").template.stood_in(["IR"])


def test_a_wait_is_told_and_a_block_that_stays_is_named(
    pyb3, simulator, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, recent: date
) -> None:
    monkeypatch.setattr(client, "_WAITS", (0.01, 0.02, 0.03, 0.04))
    monkeypatch.setattr(Gate, "patient", lambda self: True)
    monkeypatch.setenv("PYB3_RETRIES", "5")
    simulator.faults = [{"status": 403, "times": 9}]
    with caplog.at_level(logging.WARNING, "pyb3"):
        answer = pyb3(f"ingest cotahist --date {recent}")
    waits = [text for text in caplog.messages if "trying again" in text]
    assert [re.sub(r"in 0 s", "in N s", text) for text in waits] == [
        f"bvmf.bmfbovespa.com.br: B3 answers HTTP 403; trying again in N s (try {number} of 5)"
        for number in (2, 3, 4, 5)
    ]
    assert answer.code == 5 and len(simulator.requests) == 5
    assert "HTTP 403 (after 5 tries); B3 may have blocked this address for some minutes" in answer.err


# The turn of a year


@pytest.mark.parametrize("today", [date(2027, 1, 1), date(2027, 1, 8), date(2027, 2, 3)])
def test_days_of_december_come_from_month_or_year_from_the_first_day_of_the_new_year(
    pyb3, database, simulator, monkeypatch: pytest.MonkeyPatch, today: date
) -> None:
    """B3's page says that files of single days are those of the current year."""
    noon = calendar.moment(today, time(12))
    monkeypatch.setattr(calendar, "now", lambda: noon)
    simulator.today = calendar.previous_session(today)
    simulator.exchange.absent = [r"COTAHIST_D\d{4}2026"]
    line = "backfill cotahist --from 2026-12-22 --to 2026-12-30 --json"
    answer = pyb3(line)
    found = [(one["unit"], one["outcome"], one["source"]) for one in answer.objects]
    assert found == [(f"{day}", "loaded", "COTAHIST_M") for day in calendar.sessions("2026-12-22", "2026-12-30")]
    assert answer.code == 0
    assert sum("_M122026" in path for path in simulator.requests) == 1
    database.execute("TRUNCATE cotahist, ingestions CASCADE")
    shutil.rmtree(settings.cache_dir())
    simulator.exchange.absent.append("COTAHIST_M")
    by_year = pyb3(line)
    assert by_year.code == 0 and {one["source"] for one in by_year.objects} == {"COTAHIST_A"}


def test_a_young_day_of_the_running_month_has_no_other_file(pyb3, simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    noon = calendar.moment(date(2026, 10, 30), time(12))
    monkeypatch.setattr(calendar, "now", lambda: noon)
    simulator.exchange.absent = ["COTAHIST_D"]
    assert pyb3("fetch cotahist --date 2026-10-29").code == 3
    assert [path.rpartition("/")[2] for path in simulator.requests] == ["COTAHIST_D29102026.ZIP"]


def test_a_month_that_lacks_the_day_leads_to_the_year_and_is_asked_for_again(
    pyb3, database, simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """B3 makes a month's file when the month is over, and the first one may lack its last session."""

    def at(day: int) -> None:
        moment = calendar.moment(date(2026, 11, day), time(1))
        monkeypatch.setattr(calendar, "now", lambda: moment)

    short = generate.cotahist(calendar.sessions("2026-10-01", "2026-10-29"), 5)
    simulator.exchange.absent = [r"COTAHIST_D"]
    simulator.today = date(2026, 10, 30)
    simulator.faults = [{"kind": "change", "where": "_M102026", "change": lambda _: short, "times": 2}]
    at(1)
    done = pyb3("ingest cotahist --date 2026-10-30 --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "COTAHIST_A")
    assert done["warnings"][0].startswith("COTAHIST_A was taken instead of COTAHIST_M, which does not hold it: ")
    simulator.exchange.absent.append("COTAHIST_A")
    database.execute("TRUNCATE cotahist, ingestions CASCADE")
    at(2)
    simulator.faults = []
    assert pyb3("ingest cotahist --date 2026-10-30 --json").json["source"] == "COTAHIST_M"


def test_a_refresh_of_a_day_that_b3_has_no_more_keeps_it(pyb3, database, simulator) -> None:
    first = pyb3(f"ingest cotahist --date {DAY} --json").json
    simulator.exchange.absent = ["COTAHIST_"]
    again = pyb3(f"ingest cotahist --date {DAY} --refresh --json")
    assert (again.code, again.json["outcome"], again.json["rows"]) == (0, "unchanged", first["rows"])
    (told,) = again.json["warnings"]
    assert told.startswith("COTAHIST_D15012024.ZIP: B3 has it no more; kept as it is (https://") and "404" in told
    whole = pyb3(f"backfill cotahist --from {DAY} --to {DAY} --refresh --json")
    assert (whole.code, whole.json["outcome"]) == (0, "unchanged")

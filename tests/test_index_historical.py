"""index_historical: the statistics' years and the index report, from B3's bytes to one row an index and day."""

from __future__ import annotations

import csv
import json
import re
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.datasets.indexes import CODES
from pyb3.file import File
from tests.support.generate.index_report import index_report
from tests.support.generate.indexes import index_value, indexes

DAY = date(2024, 1, 15)
HISTORICAL = registry.get("index_historical")


def _rows(database, day: date = DAY) -> dict[str, dict]:
    cursor = database.execute("SELECT * FROM index_historical WHERE refdate = %s", (day,))
    names = [column.name for column in cursor.description]
    return {row[1]: dict(zip(names, row, strict=True)) for row in cursor}


def test_the_statistics_of_a_year_hold_every_value_b3_wrote(real: Path) -> None:
    path = real / "index_historical" / "IndexStatistics_IBOV_2022.json"
    frame = HISTORICAL.frame([File.at(path)])
    answer = json.loads(path.read_text())
    written = {
        date(2022, month, row["day"]): Decimal(row[f"rateValue{month}"].replace(",", ""))
        for row in answer["results"]
        for month in range(1, 13)
        if row[f"rateValue{month}"]
    }
    assert dict(frame.select("refdate", "value").iter_rows()) == written
    assert set(frame["index_code"]) == {"IBOV"}
    assert list(frame["refdate"]) == sorted(calendar.sessions(date(2022, 1, 1), date(2022, 12, 29)))
    for month in range(1, 13):  # B3 says each month's extremes itself
        values = frame.filter(frame["refdate"].dt.month() == month)["value"]
        for extreme, ours in (("min", values.min()), ("max", values.max())):
            assert ours == Decimal(answer[extreme][f"rateValue{month}"].replace(",", ""))


def test_the_index_report_holds_every_field_of_every_index(real: Path) -> None:
    notes: list[str] = []
    path = real / "index_historical" / "IR210423.zip"
    (batch,) = HISTORICAL.read([File.at(path)], notes=notes)
    rows = {row["index_code"]: row for row in batch.frame.iter_rows(named=True)}
    assert len(rows) == 25
    assert rows["IBOV"] == {
        "refdate": date(2021, 4, 23),
        "index_code": "IBOV",
        "description": "IBOVESPA",
        "security_id": "200000522443",
        "security_id_type": "8",
        "market_identifier": "BVMF",
        "open": Decimal("119372.04"),
        "low": Decimal("119372.04"),
        "high": Decimal("120814.83"),
        "average": Decimal("120330.67"),
        "previous_close": Decimal("119371.48"),
        "close": Decimal("120530.06"),
        "index_value": Decimal("120530.06"),
        "currency": "BRL",
        "oscillation": Decimal("0.0097"),
        "settlement_value": Decimal("120437"),
        "advancing": 61,
        "declining": 20,
        "stable": 1,
    }
    assert rows["TFIX"]["description"] == "INDICE TESTE" and rows["TFIX"]["settlement_value"] is None
    assert notes == [], "that it lists funds and BDRs too is always so"


@pytest.mark.parametrize("name", ["IR210423.zip", "IndexStatistics_IBOV_2022.json"])
def test_a_real_file_loads_and_loads_again_with_nothing_to_change(pyb3, database, real: Path, name: str) -> None:
    line = f"ingest index_historical --file {real}/index_historical/{name} --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert first["inserted"] == first["rows"] == (25 if name.startswith("IR") else 250)
    assert (second["outcome"], second["unchanged"], second["updated"]) == ("unchanged", first["rows"], 0)


def test_statistics_and_report_of_a_day_become_one_row_an_index(pyb3, database, simulator) -> None:
    first = pyb3(f"ingest index_historical --date {DAY} --json").json
    rows = _rows(database)
    assert rows.keys() == {*indexes(), "TFIX"}
    assert (first["outcome"], first["source"]) == ("loaded", "IndexStatistics+IR")
    assert (first["inserted"], first["updated"]) == (len(rows), 0)
    for code in indexes():
        value = Decimal(f"{index_value(code, DAY):.2f}")
        assert (rows[code]["value"], rows[code]["close"], rows[code]["index_value"]) == (value, value, value)
        assert rows[code]["advancing"] is not None
    assert rows["TFIX"]["value"] is None
    second = pyb3(f"ingest index_historical --date {DAY} --json").json
    assert (second["outcome"], second["unchanged"]) == ("unchanged", len(rows))


def test_neither_source_erases_the_columns_of_the_other(pyb3, database, simulator, tmp_path: Path) -> None:
    pyb3(f"ingest index_historical --date {DAY}")
    whole = _rows(database)
    assert pyb3("backfill index_historical --year 2024 --json").json["updated"] == 0
    assert _rows(database) == whole
    (tmp_path / "IR240115.xml").write_bytes(index_report(DAY))
    assert pyb3(f"ingest index_historical --file {tmp_path}/IR240115.xml --json").json["outcome"] == "unchanged"
    assert _rows(database) == whole


def test_a_source_that_comes_late_fills_in_its_columns(pyb3, database, simulator, tmp_path: Path) -> None:
    simulator.exchange.absent = ["IR240115"]
    early = pyb3(f"ingest index_historical --date {DAY} --json").json
    assert "IR has no file" in early["warnings"]
    assert {row["close"] for row in _rows(database).values()} == {None}
    simulator.exchange.absent = []
    late = pyb3(f"ingest index_historical --date {DAY} --json").json
    assert (late["inserted"], late["updated"]) == (1, len(indexes()))  # the test index is the report's alone
    assert None not in {row["close"] for row in _rows(database).values()}


def test_a_year_is_one_answer_an_index(pyb3, database, simulator) -> None:
    done = pyb3("backfill index_historical --year 2023 --json")
    assert done.code == 0, done.err
    sessions = calendar.sessions(date(2023, 1, 1), date(2023, 12, 31))
    assert done.json["inserted"] == len(indexes()) * len(sessions)
    assert len(simulator.requests) == len(CODES)
    answer = pyb3("backfill index_historical --year 2023 --json")
    assert answer.json["outcome"] == "unchanged"


def test_a_list_of_indexes_that_fails_costs_no_index(pyb3, database, simulator, caplog) -> None:
    simulator.faults = [{"status": 503, "where": "GetStockIndex", "times": 9}]
    done = pyb3(f"ingest index_historical --date {simulator.today} --json").json
    query = "SELECT count(value) FROM index_historical WHERE refdate = %s"
    assert (done["outcome"], database.execute(query, (simulator.today,)).fetchone()) == ("loaded", (len(indexes()),))
    assert "indexes known are asked for: B3's list of them fails" in caplog.text


def test_days_of_a_year_ask_for_it_once_and_for_what_there_is_not_too(pyb3, database, simulator) -> None:
    assert pyb3("backfill index_historical --from 2023-05-02 --to 2023-05-05").code == 0
    asked = [path for path in simulator.requests if "indexStatisticsProxy" in path]
    assert len(asked) == len(set(asked)) == len(CODES)


def test_what_b3_does_not_have_is_noted_and_no_error(pyb3, database, simulator) -> None:
    answer = pyb3("backfill index_historical --year 2023 --json")
    (note,) = answer.json["warnings"]
    assert note == f"IndexStatistics has no file for {', '.join(sorted(set(CODES) - indexes().keys()))}"


def test_a_year_that_no_index_has_is_not_published(refused, database, simulator) -> None:
    simulator.exchange.absent = ["indexStatisticsProxy"]
    refused("backfill index_historical --year 2022 --quiet", 3, "2022.*B3 has nothing for")


def test_an_answer_without_results_is_not_kept(pyb3, database, simulator) -> None:
    nothing = b'{"min":null,"max":null,"results":null}'
    simulator.faults = [{"kind": "change", "where": "indexStatisticsProxy", "change": lambda text: nothing}]
    first = pyb3("backfill index_historical --year 2023 --json").json
    assert first["warnings"][0].startswith("IndexStatistics has no file for AGFS, ")
    second = pyb3("backfill index_historical --year 2023 --refresh --json").json
    assert second["inserted"] == len(calendar.sessions(date(2023, 1, 1), date(2023, 12, 31)))


def test_a_day_is_asked_for_in_one_language_and_by_the_list_of_that_day(pyb3, database, simulator) -> None:
    today = calendar.previous_session(calendar.today())
    assert pyb3(f"fetch index_historical --date {today}").code == 0
    assert any("GetStockIndex" in path for path in simulator.requests)
    folder = next(path for path in _cache().iterdir() if path.name == f"IndexStatistics_IBOV_{today.year}.json")
    known = json.loads(folder.with_name(folder.name + ".json").read_text())
    assert known["payload"] == {"language": "en-us", "index": "IBOV", "year": today.year}


def _cache() -> Path:
    from pyb3 import settings

    return settings.cache_dir() / "index_historical"


def test_a_file_of_statistics_says_its_index_and_year_by_name_or_is_told(
    pyb3, refused, database, real: Path, tmp_path: Path
) -> None:
    path = tmp_path / "renamed.json"
    path.write_bytes((real / "index_historical" / "IndexStatistics_IBOV_2022.json").read_bytes())
    refused(f"ingest index_historical --file {path}", 2, "say with --index which index renamed.json is of")
    refused(f"ingest index_historical --file {path} --index IBOV", 2, "say with --date which day renamed.json is of")
    refused(f"ingest index_historical --file {path} --index 'x;y' --date 2022-01-03", 2, "is no code of an index")
    one = pyb3(f"ingest index_historical --file {path} --index ibovespa --date 2022-01-03 --json").json
    assert one["inserted"] == 1
    assert _rows(database, date(2022, 1, 3)).keys() == {"IBOV"}
    path = path.rename(tmp_path / "IndexStatistics_IBOV_2022.json")
    refused(f"ingest index_historical --file {path} --date 2021-01-04 --quiet", 6, "is of 2022, not of 2021-01-04")


def test_a_value_of_the_future_is_refused(refused, database, tmp_path: Path) -> None:
    ahead = calendar.today() + timedelta(40)
    row = {"day": ahead.day, "rateValue1": None, f"rateValue{ahead.month}": "1.00"}
    path = tmp_path / f"IndexStatistics_IBOV_{ahead.year}.json"
    path.write_text(json.dumps({"min": {"rateValue1": None}, "max": {}, "results": [row]}))
    refused(f"ingest index_historical --file {path} --quiet", 6, f"holds a value of {ahead}, which is in the future")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text.replace(b"<Dt>2024-01-15</Dt>", b"<Dt>2024-01-16</Dt>"), "holds rows of 2024-01-16"),
        (lambda text: text.replace(b"<TtlNbOfMsg>1<", b"<TtlNbOfMsg>2<"), "holds 1 messages, its header says 2"),
        (lambda text: text.replace(b"IndxInf>", b"NewInf>"), "NewInf/SctyInf"),
    ],
    ids=["date", "count", "unknown group"],
)
def test_a_bad_report_is_refused_whole(refused, database, tmp_path: Path, change, words: str) -> None:
    path = tmp_path / "IR240115.xml"
    path.write_bytes(change(index_report(DAY)))
    refused(f"ingest index_historical --file {path} --date {DAY} --quiet", 6, re.escape(words))
    assert _rows(database) == {}


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b">2800<", b">28OO<", '"28OO" is not'),
        (b">BDRX<", b">IBOV<", "two different rows share the key"),
    ],
    ids=["number", "twice"],
)
def test_a_report_with_something_odd_in_it_is_refused_where_nothing_may_be(
    refused, database, tmp_path: Path, old: bytes, new: bytes, words: str
) -> None:
    path = tmp_path / "IR240115.xml"
    path.write_bytes(index_report(DAY).replace(old, new))
    refused(f"ingest index_historical --file {path} --date {DAY} --strict --quiet", 6, re.escape(words))
    assert _rows(database) == {}


def test_a_field_of_a_report_that_is_not_known_is_named_once(pyb3, database, tmp_path: Path) -> None:
    path = tmp_path / "IR240115.xml"
    path.write_bytes(index_report(DAY).replace(b"RsngShrsNb>", b"RisingNb>"))
    done = pyb3(f"ingest index_historical --file {path} --date {DAY} --json")
    assert (done.code, done.json["outcome"], done.json["inserted"]) == (0, "loaded", len(indexes()) + 1)
    assert done.json["warnings"] == ["IR240115.xml has fields that PyB3 does not know: IndxInf/RisingNb"]


def test_an_index_that_is_odd_costs_that_index(pyb3, database, tmp_path: Path) -> None:
    path = tmp_path / "IR240115.xml"
    path.write_bytes(index_report(DAY).replace(b">BDRX<", b">IBOV<", 1))
    done = pyb3(f"ingest index_historical --file {path} --date {DAY} --json")
    assert (done.code, done.json["outcome"], done.json["rejected"]) == (4, "partial", 1)
    assert _rows(database).keys() == {*indexes(), "TFIX"} - {"BDRX"}


def test_parse_writes_one_row_an_index(pyb3, simulator, tmp_path: Path) -> None:
    output = tmp_path / "day.csv"
    assert pyb3(f"parse index_historical --date {DAY} --output {output}").code == 0
    with output.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["index_code"] for row in rows} == {*indexes(), "TFIX"} and len(rows) == len(indexes()) + 1
    assert all(row["value"] == row["close"] for row in rows if row["index_code"] != "TFIX")

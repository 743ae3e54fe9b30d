"""index_composition: the current and theoretical portfolios and the list of papers, each at its own date."""

from __future__ import annotations

import base64
import json
import re
from collections import Counter
from datetime import date, time, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pyb3 import calendar, settings
from pyb3.datasets import registry
from pyb3.datasets.indexes import CODES
from pyb3.errors import FileError
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from pyb3.unit import Unit
from tests.support.generate.index_pages import portfolio_day, stock_index, theoretical_portfolio
from tests.support.generate.indexes import indexes, members

COMPOSITION = registry.get("index_composition")


@pytest.fixture
def today(simulator) -> date:
    """The session that B3's pages show."""
    assert simulator.today == calendar.previous_session(calendar.today())
    return simulator.today


def _count(database) -> dict[tuple[date, str], int]:
    query = "SELECT refdate, portfolio, count(*) FROM index_composition GROUP BY 1, 2"
    return {(day, portfolio): count for day, portfolio, count in database.execute(query)}


def _cached(name: str) -> Path:
    return settings.cache_dir() / "index_composition" / name


def test_a_current_portfolio_holds_every_field_b3_wrote(real: Path) -> None:
    path = real / "index_composition" / "GetPortfolioDay_IBOV_20250407.json"
    frame = COMPOSITION.frame([File.at(path)])
    answer = json.loads(path.read_text())
    assert len(frame) == 87 == answer["page"]["totalRecords"]
    assert set(frame["refdate"]) == {date(2025, 4, 7)}  # 04/07/25 in English: not the fourth of July
    assert frame["weight"].sum() == 100
    assert frame["theoretical_quantity"].sum() == frame["total_quantity"][0] == 99015750716
    for row, written in zip(frame.sort("symbol").iter_rows(named=True), _by_symbol(answer), strict=True):
        assert row == {
            "refdate": date(2025, 4, 7),
            "index_code": "IBOV",
            "portfolio": "current",
            "symbol": written["cod"],
            "asset": written["asset"],
            "specification": written["type"],
            "sector": written["segment"],
            "weight": Decimal(written["part"]),
            "sector_weight": Decimal(written["partAcum"]),
            "theoretical_quantity": int(written["theoricalQty"].replace(",", "")),
            "position": None,
            "total_weight": Decimal(100),
            "total_sector_weight": Decimal(100),
            "total_quantity": 99015750716,
            "reductor": Decimal("16036751.16744128"),
            **dict.fromkeys(("company_name", "spotlight", "start_month", "end_month", "valid_year")),
        }


def test_a_theoretical_portfolio_in_portuguese_holds_every_field(real: Path) -> None:
    path = real / "index_composition" / "GetTheoricalPortfolio.json"
    day = date(2022, 5, 13)
    frame = COMPOSITION.frame([File.at(path, item="IBOV")], Unit("index_composition", "day", day))
    answer = json.loads(path.read_text())
    assert len(frame) == 92
    assert frame["weight"].sum() == Decimal("100.001")  # as B3 rounds
    for row, written in zip(frame.sort("symbol").iter_rows(named=True), _by_symbol(answer), strict=True):
        assert (row["refdate"], row["index_code"], row["portfolio"]) == (day, "IBOV", "theoretical")
        assert (row["symbol"], row["asset"], row["specification"]) == tuple(
            written[k] for k in ("cod", "asset", "type")
        )
        assert row["weight"] == Decimal(written["part"].replace(",", "."))
        assert row["theoretical_quantity"] == int(written["theoricalQty"].replace(".", ""))
        assert row["position"] == written["cont"]
        assert (row["reductor"], row["total_quantity"]) == (Decimal("18673489.42022432"), 96626612142)


def test_the_list_of_papers_becomes_a_row_a_paper_and_index(real: Path) -> None:
    path = real / "index_composition" / "GetStockIndex.json"
    frame = COMPOSITION.frame([File.at(path)])
    companies = json.loads(path.read_text())["results"]
    assert len(companies) == 660 == frame["symbol"].n_unique()
    written = {(row["code"], code) for row in companies for code in row["indexes"].split(",")}
    assert set(frame.select("symbol", "index_code").iter_rows()) == written and len(frame) == len(written) == 2512
    assert frame.filter(index_code="IBOV").height == 92
    facts = frame.select("refdate", "start_month", "end_month", "valid_year").unique().rows()
    assert facts == [(date(2022, 5, 13), 5, 8, 2022)]
    one = frame.row(by_predicate=(pl.col("symbol") == "RRRP3") & (pl.col("index_code") == "SMLL"), named=True)
    assert (one["company_name"], one["spotlight"], one["portfolio"]) == ("3R PETROLEUM", "ON   NM", "listed")


def _by_symbol(answer: dict) -> list[dict]:
    return sorted(answer["results"], key=lambda row: row["cod"])


@pytest.mark.parametrize(
    ("name", "options", "rows"),
    [
        ("GetPortfolioDay_IBOV_20250407.json", "", 87),
        ("GetTheoricalPortfolio.json", "--index IBOV --date 2022-05-13", 92),
        ("GetStockIndex.json", "", 2512),
    ],
)
def test_a_real_file_loads_and_loads_again_with_nothing_to_change(
    pyb3, database, real: Path, name: str, options: str, rows: int
) -> None:
    line = f"ingest index_composition --file {real}/index_composition/{name} {options} --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert first["inserted"] == first["rows"] == rows
    assert (second["outcome"], second["unchanged"], second["updated"]) == ("unchanged", rows, 0)


def test_a_day_brings_all_portfolios_of_every_index(pyb3, database, simulator, today: date) -> None:
    first = pyb3(f"ingest index_composition --date {today} --json").json
    sizes = {code: len(members(code, today)) for code in indexes()}
    assert first["source"] == "GetStockIndex+GetPortfolioDay+GetTheoricalPortfolio"
    assert _count(database) == {(today, name): sum(sizes.values()) for name in ("current", "theoretical", "listed")}
    query = "SELECT index_code, portfolio, count(*), sum(weight) FROM index_composition GROUP BY 1, 2"
    for code, portfolio, count, weight in database.execute(query):
        assert count == sizes[code]
        assert weight == (None if portfolio == "listed" else 100)
    second = pyb3(f"ingest index_composition --date {today} --json").json
    assert (second["outcome"], second["unchanged"]) == ("unchanged", 3 * sum(sizes.values()))


def test_every_index_is_asked_for_once_in_one_language(pyb3, simulator, today: date) -> None:
    assert pyb3(f"fetch index_composition --date {today}").code == 0
    calls = Counter(re.findall(r"/indexCall/(\w+)/", " ".join(simulator.requests)))
    second = sum(index.size > 100 for index in indexes().values())  # pages of those that have more members
    assert calls == {
        "GetStockIndex": 1,
        "GetPortfolioDay": len(set(CODES) | indexes().keys()) + second,
        "GetTheoricalPortfolio": len(indexes()) + second,  # of those that there are alone
    }
    assert second == 1
    for name in ("GetPortfolioDay_IBOV", "GetTheoricalPortfolio_SMLL"):
        known = json.loads(_cached(f"{name}_{today:%Y%m%d}.json.json").read_text())
        assert known["payload"]["language"] == "en-us"


def test_an_index_that_the_stock_list_adds_is_asked_for(pyb3, simulator, today: date) -> None:
    simulator.faults = [{"kind": "change", "where": "GetStockIndex", "change": _with("IBOV", "IBOV,NEW4")}]
    assert pyb3(f"fetch index_composition --date {today}").code == 0
    assert simulator.faults == []
    asked = [known["payload"] for known in _sidecars()]
    assert {payload["index"] for payload in asked if "index" in payload} == indexes().keys()
    assert any(path.endswith(_base64("NEW4")) for path in simulator.requests)


def _with(old: str, new: str):
    return lambda text: text.replace(old.encode(), new.encode(), 1)


def _base64(index: str) -> str:
    asked = {"pageNumber": 1, "pageSize": 100, "language": "en-us", "index": index, "segment": 2}
    return base64.b64encode(json.dumps(asked, separators=(",", ":")).encode()).decode()


def _sidecars() -> list[dict]:
    return [json.loads(path.read_text()) for path in _cached("").glob("*.json.json")]


def test_a_past_day_that_nobody_fetched_is_not_published(refused, database, simulator, today: date) -> None:
    past = calendar.previous_session(today - timedelta(1))
    refused(f"ingest index_composition --date {past} --quiet", 3, f"{past}: B3 shows the last session alone")
    assert simulator.requests == []
    assert _count(database) == {}


@pytest.mark.parametrize("flipped", [False, True])
def test_until_the_evening_the_session_before_is_still_had_where_b3_shows_it(
    pyb3, database, simulator, monkeypatch, flipped: bool
) -> None:
    day, late = date(2024, 1, 15), calendar.moment(date(2024, 1, 16), time(9, 40))
    monkeypatch.setattr(calendar, "now", lambda: late)
    simulator.today = late.date() if flipped else day
    answer = pyb3("backfill index_composition --last 2 --json")
    before, new = answer.objects
    assert (before["unit"], new["unit"]) == ("2024-01-15", "2024-01-16")
    if flipped:
        assert (answer.code, before["outcome"], new["outcome"]) == (3, "not_published", "loaded")
        assert {key[0] for key in _count(database)} == {late.date()}
        return
    assert (answer.code, before["outcome"], new["outcome"]) == (0, "loaded", "not_published")
    assert _count(database).keys() == {(day, "current"), (day, "theoretical"), (day, "listed")}
    simulator.today = late.date()
    again = pyb3("backfill index_composition --last 2 --refresh --json").objects[0]
    assert again["outcome"] == "unchanged", "what is kept of a session that has passed is not fetched anew"


def test_a_page_that_still_shows_the_session_before_is_not_taken_for_the_day(
    pyb3, refused, database, simulator, today: date
) -> None:
    before = simulator.today = calendar.previous_session(today - timedelta(1))
    refused(f"ingest index_composition --date {today} --quiet", 3, f"{today}: B3 shows the portfolio of no index")
    assert _count(database) == {} and not _cached(f"GetPortfolioDay_IBOV_{today:%Y%m%d}.json").exists()
    assert not any("GetTheorical" in path for path in simulator.requests)  # it bears no date: nothing would date it
    simulator.today = today
    late = pyb3(f"ingest index_composition --date {today} --json").json
    assert late["outcome"] == "loaded"
    assert f"GetStockIndex_{today:%Y%m%d}.json is of {before}, and kept as that day's" in late["warnings"]
    assert {key for key in _count(database) if key[1] != "listed"} == {(today, "current"), (today, "theoretical")}


def test_a_stored_snapshot_is_never_overwritten_by_another_days(pyb3, database, simulator, today: date) -> None:
    past = calendar.previous_session(today - timedelta(5))
    folder = _cached("")
    folder.mkdir(parents=True)
    (folder / f"GetStockIndex_{past:%Y%m%d}.json").write_bytes(stock_index(past))
    (folder / f"GetPortfolioDay_IBOV_{past:%Y%m%d}.json").write_bytes(portfolio_day("IBOV", past))
    (folder / f"GetTheoricalPortfolio_IBOV_{past:%Y%m%d}.json").write_bytes(
        theoretical_portfolio("IBOV", past, language="en-us")
    )
    assert pyb3(f"ingest index_composition --date {past}").code == 0
    assert pyb3(f"ingest index_composition --date {today}").code == 0
    kept = database.execute(
        "SELECT * FROM index_composition WHERE refdate = %s ORDER BY 1, 2, 3, 4", (past,)
    ).fetchall()
    again = pyb3(f"ingest index_composition --date {past} --refresh --json").json
    assert again["outcome"] == "unchanged" and again["source"] == "GetStockIndex+GetPortfolioDay+GetTheoricalPortfolio"
    same = database.execute(
        "SELECT * FROM index_composition WHERE refdate = %s ORDER BY 1, 2, 3, 4", (past,)
    ).fetchall()
    assert same == kept and len(kept) == 2 * len(members("IBOV", past)) + sum(len(members(c, past)) for c in indexes())
    assert (folder / f"GetStockIndex_{past:%Y%m%d}.json").read_bytes() == stock_index(past)


def test_load_takes_what_was_fetched_without_the_network(pyb3, refused, database, simulator, today: date) -> None:
    refused(f"load index_composition --date {today} --quiet", 3, "is not in the cache; run 'pyb3 fetch")
    pyb3(f"fetch index_composition --date {today}")
    asked = len(simulator.requests)
    assert pyb3(f"load index_composition --date {today} --json").json["outcome"] == "loaded"
    assert len(simulator.requests) == asked


def test_an_index_that_b3_has_nothing_for_is_noted(pyb3, database, simulator, today: date) -> None:
    answer = pyb3(f"ingest index_composition --date {today} --json").json
    unknown = sorted(set(CODES) - indexes().keys())
    assert answer["warnings"] == [f"GetPortfolioDay has no file for {', '.join(unknown)}"]


def test_an_answer_in_another_language_than_asked_is_left_out_and_told(pyb3, database, simulator, today: date) -> None:
    body = theoretical_portfolio("IBOV", today, language="pt-br")
    simulator.faults = [{"kind": "change", "where": "GetTheorical", "change": lambda text: body}]
    done = pyb3(f"ingest index_composition --date {today} --json")
    assert (done.code, done.json["outcome"], done.json["rejected"]) == (4, "partial", 0)
    (told,) = (note for note in done.json["warnings"] if note.startswith("left out: "))
    assert "written in pt-br, but B3 was asked for en-us" in told
    assert {key[1] for key in _count(database)} == {"listed", "current", "theoretical"}
    assert sum("refused" in known for known in _sidecars()) == 1, "the next run asks for it again"


def test_a_file_says_its_index_and_day_or_is_told(pyb3, refused, database, real: Path, tmp_path: Path) -> None:
    theoretical = real / "index_composition" / "GetTheoricalPortfolio.json"
    refused(f"ingest index_composition --file {theoretical}", 2, "say with --index which index GetTheorical")
    refused(f"ingest index_composition --file {theoretical} --index IBOV", 2, "say with --date of which day")
    named = tmp_path / "GetTheoricalPortfolio_IBOV_20220513.json"
    named.write_bytes(theoretical.read_bytes())
    assert pyb3(f"ingest index_composition --file {named} --json").json["refdate"] == "2022-05-13"
    current = real / "index_composition" / "GetPortfolioDay_IBOV_20250407.json"
    refused(f"ingest index_composition --file {current} --date 2025-04-08 --quiet", 6, "2025-04-07, not of 2025-04-08")
    elsewhere = tmp_path / "portfolio.json"
    elsewhere.write_bytes(current.read_bytes())
    refused(f"ingest index_composition --file {elsewhere}", 2, "say with --index which index portfolio.json is of")
    assert pyb3(f"ingest index_composition --file {elsewhere} --index IBOV --json").json["rows"] == 87


def test_a_fetched_file_knows_its_index(pyb3, refused, simulator, today: date) -> None:
    pyb3(f"fetch index_composition --date {today}")
    path = _cached(f"GetTheoricalPortfolio_SMLL_{today:%Y%m%d}.json")
    known = COMPOSITION.frame([File.at(path)])
    assert set(known.select("refdate", "index_code").iter_rows()) == {(today, "SMLL")}
    refused(f"parse index_composition --file {path} --index IBOV", 6, "was asked for SMLL, it is not of IBOV")


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (_with('"part":"100.000"', '"part":"99.000"'), "its header says 99.000 %"),
        (_with('"part":"0.', '"part":"9.'), "its weights sum to 109.000 %"),
        (_with('"totalRecords":8', '"totalRecords":9'), "holds 8 records, its page/totalRecords says 9"),
        (_with('"totalPages":1', '"totalPages":2'), "does not hold all of its 2 pages"),
        (_with('"date":"', '"date":"13/'), "is not a date"),
        (lambda text: text.replace(re.search(rb'"date":"[\d/]+"', text)[0], b'"date":"12/31/49"'), "in the future"),
        (lambda text: text[:-20], "damaged or no JSON"),
        (lambda text: b"", "is empty"),
        (lambda text: b"<!DOCTYPE html><html>", "HTML page"),
    ],
    ids=["total", "weights", "count", "pages", "date", "future", "cut", "empty", "html"],
)
def test_a_bad_portfolio_is_refused_whole(refused, database, tmp_path: Path, change, words: str) -> None:
    path = tmp_path / "GetPortfolioDay_IMOB_20240115.json"
    path.write_bytes(change(portfolio_day("IMOB", date(2024, 1, 15))))
    refused(f"ingest index_composition --file {path} --quiet", 6, re.escape(words))
    assert _count(database) == {}


def test_quantities_that_do_not_add_up_are_noted(tmp_path: Path) -> None:
    path = tmp_path / "GetPortfolioDay_IMOB_20240115.json"
    body = portfolio_day("IMOB", date(2024, 1, 15))
    path.write_bytes(re.sub(rb'"theoricalQty":"[\d,]+"', b'"theoricalQty":"7"', body, count=1))
    notes: list[str] = []
    list(COMPOSITION.read([File.at(path)], notes=notes))
    (note,) = notes
    assert re.search(r"its quantities sum to [\d,]+\.00, its header says 7\.00", note)


def test_a_paper_of_no_index_is_set_aside(tmp_path: Path) -> None:
    path, rejects = tmp_path / "list.json", Rejects()
    path.write_bytes(stock_index(date(2024, 1, 15)))
    papers = set(COMPOSITION.frame([File.at(path)])["symbol"])
    path.write_bytes(re.sub(rb'"indexes":"[^"]+"', b'"indexes":""', stock_index(date(2024, 1, 15)), count=1))
    assert len(papers - set(COMPOSITION.frame([File.at(path)], rejects=rejects)["symbol"])) == 1
    (record,) = rejects.records
    assert (record.line, record.field, record.loaded) == (1, "index, indexes", False)
    with pytest.raises(FileError, match="field index, indexes"):
        COMPOSITION.frame([File.at(path)], rejects=Rejects(strict=True))


def test_a_paper_without_a_ticker_is_set_aside(tmp_path: Path) -> None:
    path, rejects = tmp_path / "GetPortfolioDay_IMOB_20240115.json", Rejects()
    body = portfolio_day("IMOB", date(2024, 1, 15))
    path.write_bytes(_with('"cod":"', '"cod":" ","x":"')(body))
    assert COMPOSITION.frame([File.at(path)], rejects=rejects).height == 7
    (record,) = rejects.records
    assert (record.line, record.field) == (1, "cod, code") and '"cod": " "' in record.record

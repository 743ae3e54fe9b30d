"""Lists that B3 counts: page after page over HTTP, kept in one file, and read as one answer."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any, cast

import pytest

from pyb3 import settings
from pyb3.datasets import registry
from pyb3.errors import FileError, Incomplete
from pyb3.file import File
from tests.support.generate.index_pages import portfolio_day, stock_index
from tests.support.generate.indexes import indexes, members

COMPOSITION = registry.get("index_composition")
DAY = date(2024, 1, 15)
PORTFOLIO, LIST = "indexProxy/indexCall/GetPortfolioDay", "GetStockIndex"


@pytest.fixture
def small_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    """Pages of 30 rows: the simulator's largest portfolio has 90, less than a page of the template's."""
    for name in ("GetPortfolioDay", "GetTheoricalPortfolio"):
        source = COMPOSITION.template.source(name)
        monkeypatch.setitem(cast(dict[str, Any], source.payload), "pageSize", 30)


def asked(path: str) -> dict[str, Any]:
    """What a request for an index page asks."""
    payload = path.rpartition("/")[2]
    return json.loads(base64.b64decode(payload + "=" * (-len(payload) % 4)))


def changed(**page: Any) -> Callable[[bytes], bytes]:
    """A change to what a page says of itself; `results` replaces its rows."""

    def change(text: bytes) -> bytes:
        answer = json.loads(text)
        answer["results"] = page.get("results", answer["results"])
        answer["page"] |= {name: value for name, value in page.items() if name != "results"}
        return json.dumps(answer).encode()

    return change


def number(index: str, page: int) -> str:
    """A pattern for the request of one page of an index's portfolio."""
    payload = {"pageNumber": page, "pageSize": 30, "language": "en-us", "index": index, "segment": 2}
    return re.escape(PORTFOLIO + "/" + base64.b64encode(json.dumps(payload, separators=(",", ":")).encode()).decode())


def ibov(day: date) -> Path:
    return settings.cache_dir() / "index_composition" / f"GetPortfolioDay_IBOV_{day:%Y%m%d}.json"


def test_portfolios_are_asked_for_in_pages_that_b3_answers_and_the_list_of_papers_without(pyb3, simulator) -> None:
    assert pyb3(f"fetch index_composition --date {simulator.today}").code == 0
    for path in simulator.requests:
        payload = asked(path)
        if LIST in path:
            assert payload == {"language": "pt-br"}
        else:
            assert payload["pageSize"] == 100 and (payload["pageNumber"] == 1 or payload["index"] == "SMLL")
    for name in ("GetPortfolioDay_IBOV", "GetStockIndex"):  # an answer of one page is kept as it came
        path = ibov(simulator.today).with_name(f"{name}_{simulator.today:%Y%m%d}.json")
        json.loads(path.read_bytes())
    assert ibov(simulator.today).with_name(f"GetStockIndex_{simulator.today:%Y%m%d}.json").read_bytes() == stock_index(
        simulator.today
    )


def test_pages_are_followed_and_kept_one_after_another(pyb3, database, simulator, small_pages) -> None:
    day = simulator.today
    done = pyb3(f"ingest index_composition --date {day} --json").json
    assert done["outcome"] == "loaded"
    pages = [asked(p)["pageNumber"] for p in simulator.requests if PORTFOLIO in p and asked(p)["index"] == "IBOV"]
    assert pages == [1, 2, 3]
    documents = ibov(day).read_bytes().split(b"\n")
    shown = [json.loads(document) for document in documents]
    assert [(one["page"]["pageNumber"], len(one["results"])) for one in shown] == [(1, 30), (2, 30), (3, 26)]
    assert [row for one in shown for row in one["results"]] == json.loads(portfolio_day("IBOV", day))["results"]
    query = "SELECT portfolio, count(*) FROM index_composition GROUP BY 1"
    sizes = sum(len(members(code, day)) for code in indexes())
    assert dict(database.execute(query).fetchall()) == dict.fromkeys(("current", "theoretical", "listed"), sizes)
    again = pyb3(f"ingest index_composition --date {day} --json").json
    assert (again["outcome"], again["unchanged"]) == ("unchanged", 3 * sizes)
    assert pyb3("verify index_composition").code == 0


@pytest.mark.parametrize(
    ("where", "change", "words"),
    [
        (
            number("IBOV", 1),
            changed(totalRecords=None, totalPages=None, results=[]),
            "B3 refuses the page size of 30: tot",
        ),
        (number("IBOV", 1), changed(totalRecords=None), "B3 refuses the page size of 30: .* the page has 30 rows"),
        (number("IBOV", 2), changed(results=[]), "page 2 of 3 is empty"),
        (number("IBOV", 3), changed(results=[{}]), "has 61 rows in 3 pages, its totalRecords says 86"),
        (number("IBOV", 2), changed(totalRecords=85), "has 86 rows in 3 pages, its totalRecords says 85 and 86"),
        (number("IBOV", 2), changed(pageNumber=1), "answered page 1 where page 2 was asked for"),
        (LIST, changed(totalRecords=None, results=[]), "B3 refuses to list all at once: totalRecords is null"),
        (LIST, changed(totalRecords=9999), "its totalRecords says 9,999"),
    ],
    ids=[
        "null total",
        "null total with rows",
        "empty page",
        "short",
        "two answers",
        "other page",
        "list",
        "short list",
    ],
)
def test_a_list_that_is_not_whole_is_asked_for_again_then_an_error_of_the_source(
    pyb3, refused, database, simulator, small_pages, where: str, change, words: str
) -> None:
    fault = {"kind": "change", "where": where, "change": change}
    simulator.faults = [fault]
    assert pyb3(f"fetch index_composition --date {simulator.today}").code == 0, "once it passes"
    assert simulator.faults == []
    simulator.faults = [fault | {"times": 99}]
    refused(f"ingest index_composition --date {simulator.today} --refresh --quiet", 5, words)
    assert database.execute("SELECT count(*) FROM index_composition").fetchone() == (0,)


def test_no_rows_and_a_total_of_0_is_nothing(pyb3, database, simulator, small_pages) -> None:
    simulator.faults = [
        {"kind": "change", "where": number("IBOV", 1), "change": changed(totalRecords=0, totalPages=0, results=[])}
    ]
    done = pyb3(f"ingest index_composition --date {simulator.today} --json").json
    assert done["outcome"] == "loaded"
    assert any("GetPortfolioDay has no file for" in words and "IBOV" in words for words in done["warnings"])


def test_the_list_of_papers_need_not_count_its_pages(pyb3, database, simulator) -> None:
    def uncounted(text: bytes) -> bytes:
        answer = json.loads(text)
        del answer["page"]
        answer["header"]["update"] = f"{simulator.today:%d/%m/%Y}"
        return json.dumps(answer).encode()

    simulator.faults = [{"kind": "change", "where": LIST, "change": uncounted}]
    done = pyb3(f"ingest index_composition --date {simulator.today} --json").json
    assert (done["outcome"], simulator.faults) == ("loaded", [])
    rows = database.execute("SELECT DISTINCT refdate FROM index_composition WHERE portfolio = 'listed'").fetchall()
    assert rows == [(simulator.today,)]


# The reader


def paged(size: int = 3, code: str = "IMOB") -> list[dict[str, Any]]:
    answer = json.loads(portfolio_day(code, DAY))
    rows = answer["results"]
    count = -(-len(rows) // size)
    page = {"pageSize": size, "totalRecords": len(rows), "totalPages": count}
    return [
        {**answer, "page": {"pageNumber": n + 1, **page}, "results": rows[n * size : (n + 1) * size]}
        for n in range(count)
    ]


def written(folder: Path, documents: list[Any], between: bytes = b"\n", encoding: str = "utf-8") -> File:
    path = folder / "GetPortfolioDay_IMOB_20240115.json"
    path.write_bytes(between.join(json.dumps(one, ensure_ascii=False).encode(encoding) for one in documents))
    return File.at(path)


@pytest.mark.parametrize("between", [b"", b"\n", b"\r\n ", b"\xef\xbb\xbf"], ids=["nothing", "line", "blanks", "mark"])
@pytest.mark.parametrize("encoding", ["utf-8", "latin-1"])
def test_pages_of_one_file_are_read_as_one_answer(tmp_path: Path, between: bytes, encoding: str) -> None:
    pages = paged()
    pages[1]["results"][0]["asset"] = "IMÓVEIS Ç"
    (one,) = [page | {"page": {**page["page"], "totalPages": 1}} for page in paged(99)]
    one["results"][3]["asset"] = "IMÓVEIS Ç"
    whole = COMPOSITION.frame([written(tmp_path, [one])])
    assert COMPOSITION.frame([written(tmp_path, pages, between, encoding)]).equals(whole) and len(whole) == 8


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda pages: pages.reverse(), "holds the pages 3, 2, 1, which are not 1, 2, ... in order"),
        (lambda pages: pages.pop(1), "holds the pages 1, 3"),
        (lambda pages: pages.append(pages[2]), "holds the pages 1, 2, 3, 3"),
        (lambda pages: pages[1]["page"].update(totalRecords=9), "two answers: their totalRecords is 8 and 9 and 8"),
        (lambda pages: pages[1].update(header=pages[1]["header"] | {"date": "01/16/24"}), "their headers differ"),
        (lambda pages: pages[1].update(results=None), "a page without a list of objects"),
        (lambda pages: pages.append([]), "which are not the pages of one list"),
        (lambda pages: pages[1]["results"].pop(), "holds 7 records, its page/totalRecords says 8"),
        (lambda pages: [page["page"].update(totalPages=1) for page in pages], "holds 3 pages, its totalPages says 1"),
        (lambda pages: [page["page"].update(totalPages=4) for page in pages], "does not hold all of its 4 pages"),
    ],
    ids=["order", "gap", "twice", "totals", "headers", "no list", "no page", "short", "too many", "too few"],
)
def test_pages_that_are_not_of_one_answer_are_refused(tmp_path: Path, change, words: str) -> None:
    pages = paged()
    change(pages)
    with pytest.raises(FileError, match=re.escape(words)):
        COMPOSITION.frame([written(tmp_path, pages)])


def test_a_file_that_lacks_its_last_page_is_incomplete(tmp_path: Path) -> None:
    with pytest.raises(Incomplete, match="holds 6 records, its page/totalRecords says 8"):
        COMPOSITION.frame([written(tmp_path, paged()[:2])])


@pytest.mark.parametrize("tail", [b"x", b"{", b'{"page": 1', b"]"])
def test_what_follows_a_page_must_be_a_page(tmp_path: Path, tail: bytes) -> None:
    file = written(tmp_path, paged())
    file.path.write_bytes(file.path.read_bytes() + tail)
    with pytest.raises(FileError, match="damaged or no JSON"):
        COMPOSITION.frame([file])


def test_an_empty_page_with_a_null_total_is_b3s_refusal_of_the_page_size(refused, database, real: Path) -> None:
    path = real / "cases" / "assumptions" / "GetPortfolioDay_empty_total_null.json"
    refused(f"ingest index_composition --file {path} --index IBOV --quiet", 6, "is null: B3 refuses the page size")


def test_a_page_that_counts_0_pages_and_has_all_its_records_is_read(pyb3, database, real: Path) -> None:
    path = real / "cases" / "assumptions" / "GetPortfolioDay_total_pages_0.json"
    done = pyb3(f"ingest index_composition --file {path} --index IBOV --json").json
    assert (done["outcome"], done["inserted"]) == ("loaded", 87)
    (told,) = done["warnings"]
    assert told.endswith("says that it has 0 pages, and holds all of its 87 records")

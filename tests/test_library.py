"""The library's frames: whatever is asked for, the same columns, exactly the rows, and no more work than it takes."""

from __future__ import annotations

import inspect
import io
import subprocess
import sys
import warnings
import zipfile
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import pyb3
from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.errors import NotPublished, SourceError, UsageError, WrongDate
from pyb3.file import File
from pyb3.parse.typed import schema
from tests.support.simulator import Simulator

DATASETS = ["cotahist", "futures", "yield_curves", "index_historical", "index_composition", "symbols"]
DAY = "2024-01-15"


def get(name: str) -> Callable[..., pl.DataFrame]:
    getter: Callable[..., pl.DataFrame] = getattr(pyb3, f"{name}_get")
    return getter


def a_day(name: str) -> str:
    """A session that B3 has the dataset of: index pages show the last one alone."""
    return str(calendar.previous_session(calendar.today())) if name == "index_composition" else DAY


# What a getter answers


@pytest.mark.parametrize("name", DATASETS)
def test_a_day_has_the_datasets_columns_and_comes_from_the_cache_the_second_time(
    simulator: Simulator, name: str
) -> None:
    template = registry.get(name).template
    first = get(name)(a_day(name))
    asked = len(simulator.requests)
    assert asked > 0 and first.height > 0 and dict(first.schema) == schema(template)
    assert first.select(template.key).is_unique().all()
    assert_frame_equal(get(name)(date.fromisoformat(a_day(name))), first)
    again = simulator.requests[asked:]  # B3 may have an index by now that it did not know
    assert len(again) <= asked // 10 and set(again) <= set(simulator.requests[:asked])


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("day", ["2024-12-25", "2024-01-13"])
def test_a_day_without_a_session_is_an_empty_frame_with_the_columns(simulator: Simulator, name: str, day: str) -> None:
    frame = get(name)(day)
    assert frame.is_empty() and dict(frame.schema) == schema(registry.get(name).template)
    assert simulator.requests == []


@pytest.mark.parametrize("name", ["cotahist", "futures", "yield_curves", "index_historical", "symbols"])
def test_a_range_is_its_sessions(simulator: Simulator, name: str) -> None:
    simulator.exchange.rows = 200
    sessions = pyb3.sessions("2024-02-08", "2024-02-15")
    assert [str(day) for day in sessions] == ["2024-02-08", "2024-02-09", "2024-02-14", "2024-02-15"]
    days = pl.concat([get(name)(day) for day in sessions])
    assert_frame_equal(get(name)(start="2024-02-08", end="2024-02-15"), days)


def test_a_year_of_cotahist_is_one_file(simulator: Simulator) -> None:
    year = pyb3.cotahist_get(year=2023)
    assert simulator.requests == ["/bvmf.bmfbovespa.com.br/InstDados/SerHist/COTAHIST_A2023.ZIP"]
    assert year["refdate"].unique().sort().to_list() == pyb3.sessions("2023-01-01", "2023-12-31")


def test_a_year_of_indexes_has_each_sessions_value(simulator: Simulator) -> None:
    year = pyb3.index_historical_get(year=2023, where=pl.col("index_code") == "IBOV")
    assert year["refdate"].sort().to_list() == pyb3.sessions("2023-01-01", "2023-12-31")
    assert year["value"].null_count() == 0 and year["high"].null_count() == year.height


def test_a_year_without_a_file_of_its_own_is_its_sessions_up_to_today(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    simulator.exchange.rows = 20
    monkeypatch.setattr(calendar, "today", lambda: date(2024, 1, 12))
    year = pyb3.futures_get(year=2024)
    assert year["refdate"].unique().sort().to_list() == pyb3.sessions("2024-01-01", "2024-01-12")


def test_a_file_at_hand_needs_no_network(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D25062021.TXT")
    assert quotes.height == 7_518
    assert_frame_equal(
        pyb3.cotahist_get(file=str(real / "cotahist/COTAHIST_D25062021.TXT"), where=pyb3.fiis), pyb3.fiis(quotes)
    )


def test_rows_of_another_session_are_there_where_they_are_asked_for(real: Path) -> None:
    path = real / "futures/PR180102.xml.gz"
    own, futures = pyb3.futures_get(file=path), pyb3.futures_get(file=path, strays=True)
    assert (own.height, set(own["refdate"]), futures.height) == (435, {date(2018, 1, 2)}, 440)
    assert futures.filter(symbol="ETHG18")["refdate"].sort().to_list() == [date(2018, 1, 2), date(2018, 1, 3)]
    assert_frame_equal(futures.filter(refdate=date(2018, 1, 2)), own)


# Which rows


def test_where_is_an_expression_or_a_function(simulator: Simulator) -> None:
    quotes = pyb3.cotahist_get(DAY)
    assert_frame_equal(pyb3.cotahist_get(DAY, where=pl.col("symbol") == "PETR4"), quotes.filter(symbol="PETR4"))
    assert_frame_equal(pyb3.cotahist_get(DAY, where=pyb3.bdrs), pyb3.bdrs(quotes))
    calls = pyb3.cotahist_get("2024-12-25", where=pyb3.options)
    assert calls.is_empty() and calls.schema["option_type"] == pl.String


def test_where_is_applied_to_each_batch(simulator: Simulator) -> None:
    heights = []

    def watched(frame: pl.DataFrame) -> pl.DataFrame:
        heights.append(frame.height)
        return frame.filter(symbol="PETR4")

    january = pyb3.cotahist_get(start="2024-01-01", end="2024-01-31", where=watched)
    assert january.height == 22 and sum(heights) > 22 * january.height


def test_one_index_takes_one_request(simulator: Simulator) -> None:
    ibov = pyb3.index_historical_get(year=2023, index="ibovespa")  # another name of IBOV
    assert len(simulator.requests) == 1 and set(ibov["index_code"]) == {"IBOV"}
    assert_frame_equal(ibov, pyb3.index_historical_get(year=2023, where=pl.col("index_code") == "IBOV"))
    with pytest.raises(UsageError, match="'A/B' is no code of an index"):
        pyb3.index_historical_get(year=2023, index="a/b")


def test_the_portfolios_of_one_index(simulator: Simulator) -> None:
    day = a_day("index_composition")
    members = pyb3.index_composition_get(day, index="SMLL")
    assert set(members["index_code"]) == {"SMLL"}
    assert len(simulator.requests) == 5, "the list of papers, and two pages of each portfolio"
    assert set(members["portfolio"]) == {"current", "theoretical", "listed"}
    assert_frame_equal(members, pyb3.index_composition_get(day, where=pl.col("index_code") == "SMLL"))


def test_a_file_that_does_not_say_what_it_is_of(real: Path) -> None:
    page = real / "index_composition/GetTheoricalPortfolio.json"
    members = pyb3.index_composition_get("2022-05-13", file=page, index="IBOV")
    assert members.height == 92
    assert members.select("refdate", "index_code", "portfolio").unique().rows() == [
        (date(2022, 5, 13), "IBOV", "theoretical")
    ]
    with pytest.raises(UsageError, match="which index GetTheoricalPortfolio.json is of"):
        pyb3.index_composition_get("2022-05-13", file=page)
    with pytest.raises(UsageError, match="of which day"):
        pyb3.index_composition_get(file=page, index="IBOV")
    with pytest.raises(WrongDate, match="2021-06-25"):
        pyb3.cotahist_get("2021-06-24", file=real / "cotahist/COTAHIST_D25062021.TXT")


# Which files


def names(simulator: Simulator) -> list[str]:
    """The files asked for, in no order: two are fetched at once."""
    return sorted(path.rpartition("/")[2].removesuffix(".ZIP") for path in simulator.requests)


def test_a_range_takes_whole_years_and_months_where_there_are_files_of_them(simulator: Simulator) -> None:
    quotes = pyb3.cotahist_get(start="2022-12-28", end="2024-02-02")
    days = ["COTAHIST_D01022024", "COTAHIST_D02022024", "COTAHIST_D28122022", "COTAHIST_D29122022"]
    assert names(simulator) == ["COTAHIST_A2023", *days, "COTAHIST_M012024"]
    assert quotes["refdate"].unique().sort().to_list() == pyb3.sessions("2022-12-28", "2024-02-02")


def test_a_part_of_a_past_month_is_cut_out_of_its_file(simulator: Simulator) -> None:
    quotes = pyb3.cotahist_get(start="2024-01-08", end="2024-01-19")
    assert names(simulator) == ["COTAHIST_M012024"]
    assert quotes["refdate"].unique().sort().to_list() == pyb3.sessions("2024-01-08", "2024-01-19")


def test_what_is_in_the_cache_is_taken_from_there(simulator: Simulator) -> None:
    for day in pyb3.sessions("2024-01-08", "2024-01-19"):
        pyb3.cotahist_get(day)
    pyb3.cotahist_get(year=2023)
    simulator.requests.clear()
    pyb3.cotahist_get(start="2024-01-08", end="2024-01-19")
    pyb3.cotahist_get(start="2023-05-02", end="2023-05-03")
    pyb3.cotahist_get("2023-05-02")
    assert simulator.requests == []


def test_the_current_month_comes_by_its_days(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(calendar, "today", lambda: date(2024, 1, 31))
    pyb3.cotahist_get(start="2024-01-02", end="2024-01-16")
    assert names(simulator) == [f"COTAHIST_D{day:%d%m%Y}" for day in pyb3.sessions("2024-01-02", "2024-01-16")]


def test_the_days_are_asked_for_where_the_month_has_no_file(
    simulator: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(calendar, "today", lambda: date(2024, 2, 5))  # too young for the year's file
    simulator.exchange.absent = ["COTAHIST_M"]
    quotes = pyb3.cotahist_get(start="2024-01-01", end="2024-01-31")
    assert quotes["refdate"].unique().sort().to_list() == pyb3.sessions("2024-01-01", "2024-01-31")


# What is not there


def test_a_session_that_b3_has_no_file_of_is_named_and_left_out(simulator: Simulator) -> None:
    simulator.exchange.absent = ["P?R?D?240117", "PR240117", "2024-01-17"]
    with pytest.warns(pyb3.MissingSessions, match="futures lacks 2024-01-17: ") as caught:
        futures = pyb3.futures_get(start="2024-01-16", end="2024-01-18")
    assert [warning.filename for warning in caught if warning.category is pyb3.MissingSessions] == [__file__]
    assert futures["refdate"].unique().sort().to_list() == [date(2024, 1, 16), date(2024, 1, 18)]


def test_nothing_of_what_was_asked_for_is_an_error(simulator: Simulator) -> None:
    simulator.exchange.absent = ["TS2401"]
    for asked in ({"date": DAY}, {"start": DAY, "end": "2024-01-16"}):
        with pytest.raises(NotPublished, match=r"TS240115"):
            pyb3.yield_curves_get(**asked)


def test_an_answer_that_is_not_a_file_ends_a_range(simulator: Simulator) -> None:
    simulator.faults = ["html"] * 99
    with pytest.raises(SourceError, match="an HTML page instead of the file"):
        pyb3.cotahist_get(start=DAY, end="2024-01-16")


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({}, "give one of date, start with end, year, or file"),
        ({"date": DAY, "year": 2024}, "give one of date, start with end, year, or file"),
        ({"start": DAY}, "give one of date, start with end, year, or file"),
        ({"date": "15/01/2024"}, "'15/01/2024' is not a date; write it as 2024-01-15"),
        ({"date": "2099-01-05"}, "2099-01-05 is in the future"),
        ({"date": "2099-01-01"}, "2099-01-01 is in the future"),
        ({"date": "1985-01-02"}, "B3 has no data of 1985"),
        ({"year": 1985}, "B3 has no data of 1985"),
        ({"year": 2099}, "B3 has no data of 2099"),
        ({"start": "2024-01-16", "end": DAY}, "2024-01-16 is after 2024-01-15"),
    ],
)
def test_what_cannot_be_asked_for_is_refused(simulator: Simulator, asked: dict[str, object], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        pyb3.cotahist_get(**asked)  # type: ignore[arg-type]
    assert simulator.requests == []


def test_a_row_of_another_session_stands_behind_that_sessions_own(simulator: Simulator) -> None:
    first, second = pyb3.futures_get("2024-01-15"), pyb3.futures_get("2024-01-16")
    [path] = (Path(pyb3.settings.cache_dir()) / "futures").glob("SPRD240115.zip")
    with zipfile.ZipFile(path) as outer, zipfile.ZipFile(io.BytesIO(outer.read(outer.namelist()[0]))) as inner:
        name, xml = inner.namelist()[0], inner.read(inner.namelist()[0]).decode()
    start, end = xml.index("<BizGrp>"), xml.rindex("</BizGrp>") + len("</BizGrp>")
    moved = [
        report.replace("<Dt>2024-01-15</Dt>", "<Dt>2024-01-16</Dt>") if f"<TckrSymb>{symbol}<" in report else report
        for report in xml[start:end].replace("<BizGrp>", "\0<BizGrp>").split("\0")[1:]
        for symbol in [next((s for s in ("DI1F25", "DI1F26") if f"<TckrSymb>{s}<" in report), "-")]
    ]
    text = xml[:start] + "".join(moved).replace("<TckrSymb>DI1F26<", "<TckrSymb>DI1F99<") + xml[end:]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr(name, text)
    alone = pyb3.futures_get(start="2024-01-15", end="2024-01-16")
    assert alone.height == first.height + second.height - 2 and "DI1F99" not in alone["symbol"]
    both = pyb3.futures_get(start="2024-01-15", end="2024-01-16", strays=True)
    assert both.height == first.height + second.height - 1  # DI1F25 of the 16th stands once, DI1F99 joins
    own = second.filter(symbol="DI1F25")
    assert_frame_equal(both.filter(pl.col("symbol") == "DI1F25", pl.col("refdate") == date(2024, 1, 16)), own)
    [stray] = both.filter(symbol="DI1F99")["refdate"]
    assert stray == date(2024, 1, 16)
    wanted = pl.col("symbol").is_in(["DI1F25", "DI1F99"])
    assert pyb3.futures_get(start="2024-01-15", end="2024-01-16", where=wanted, strays=True).height == 2


# Shares, funds and options, on B3's own files


@pytest.mark.parametrize(
    ("name", "counts", "closed_funds"),
    [
        (
            "COTAHIST_D03022022.ZIP",
            {"shares": 388, "units": 16, "equities": 404, "bdrs": 436, "etfs": 59, "fiis": 250, "fiagros": 10,
             "fidcs": 7, "options": 5166},
            15,
        ),
        (
            "COTAHIST_D25062021.TXT",
            {"shares": 394, "units": 14, "equities": 408, "bdrs": 365, "etfs": 35, "fiis": 245, "fiagros": 0,
             "fidcs": 3, "options": 5323},
            17,
        ),
    ],
)  # fmt: skip
def test_kinds_of_papers_are_told_apart(real: Path, name: str, counts: dict[str, int], closed_funds: int) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist" / name)
    found = {kind: getattr(pyb3, kind)(quotes) for kind in counts}
    assert {kind: frame.height for kind, frame in found.items()} == counts
    cash = quotes.filter(market_type=10)
    by_isin = {
        kind: set(cash.filter(pl.col("isin").str.slice(6, 3).is_in(codes))["symbol"])
        for kind, codes in {"shares": ["ACN"], "units": ["CDA", "UNT"], "bdrs": ["BDR"], "funds": ["CTF"]}.items()
    }
    for kind in ("shares", "units", "bdrs"):
        assert set(found[kind]["symbol"]) == by_isin[kind], kind
    funds = [found[kind] for kind in ("etfs", "fiis", "fiagros", "fidcs")]
    told = pl.concat([found["shares"], found["units"], found["bdrs"], *funds])
    assert told["symbol"].is_unique().all()  # nothing is two kinds at once
    assert set(pl.concat(funds)["symbol"]) <= by_isin["funds"]
    others = cash.filter(~pl.col("symbol").is_in(told["symbol"].implode()))
    assert others["company_name"].str.contains("^(FIP|FIA|FIC|FISET|FINAM|FINOR) ?").sum() == closed_funds
    assert_frame_equal(pyb3.etfs(quotes.lazy()).collect(), found["etfs"])


@pytest.mark.parametrize(
    ("kind", "symbols"),
    [
        ("shares", "PETR4 PETR3 VALE3 OIBR3 BRGE11 BRGE12 ATMP3 B3SA3"),
        ("units", "SANB11 TAEE11 KLBN11 BPAC11 RNEW11"),
        ("equities", "PETR4 SANB11 TAEE11"),
        ("bdrs", "AAPL34 A1AP34 XPBR31 AURA33"),
        ("etfs", "BOVA11 IVVB11 HASH11 SMAL11 PIBB11"),
        ("fiis", "KNRI11 HGLG11 MXRF11 CACR11 DAMT11B"),
        ("fiagros", "BBGO11 KNCA11"),
        ("fidcs", "BDIF11 JURO11"),
    ],
)
def test_well_known_papers_are_of_their_kind_alone(real: Path, kind: str, symbols: str) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    assert set(symbols.split()) <= set(getattr(pyb3, kind)(quotes)["symbol"])
    aliens = {"AMER1", "MCHF12", "GOLL11", "FNAM11", "XPIE11", "TEQI11", "PSVM11", "PETR4F", "PETR4T"}
    assert aliens & set(getattr(pyb3, kind)(quotes)["symbol"]) == set()


def quote(symbol: str, specification: str, bdi: str = "02", name: str = "NAME") -> dict[str, object]:
    return {"symbol": symbol, "specification": specification, "bdi_code": bdi, "company_name": name, "market_type": 10}


def test_kinds_of_other_years_than_those_of_the_files() -> None:
    quotes = pl.DataFrame(
        [
            quote("JBSS32", "DR2", "35"),  # 2026-04-17, as the next
            quote("I1HG34", "DRN ED", "34"),
            quote("HTEK11", "CI", "14", "IT NOW HCARE"),
            quote("HUCG11", "CI", "12", "FII UNIMED C"),
            quote("CBEE3", "ON *"),  # 2016-01-04, quoted by the thousand
            quote("ACES4", "PP"),  # bearer shares, until 1990
            quote("BRHA5", "PPA"),
            quote("OLD3", "OP"),
            quote("ITSA9", "PN  REC N1", "10"),  # receipts of subscribed shares
            quote("BBDC1", "DIR", "10"),
            quote("AQLL11", "CI", "05", "FII AQUILLA"),  # sanctioned
            quote("NOSPEC", None),  # type: ignore[arg-type]
        ]
    )
    assert pyb3.shares(quotes)["symbol"].to_list() == ["CBEE3", "ACES4", "BRHA5", "OLD3"]
    assert pyb3.bdrs(quotes)["symbol"].to_list() == ["JBSS32", "I1HG34"]
    assert pyb3.etfs(quotes)["symbol"].to_list() == ["HTEK11"]
    assert pyb3.fiis(quotes)["symbol"].to_list() == ["HUCG11", "AQLL11"]


def without_trailer(path: Path) -> pl.DataFrame:
    """The quotes of a file whose trailer counts them alone, as B3's files do since 2025."""
    return registry.get("cotahist").frame([File.at(path)], allow_incomplete=True)


def test_a_receipt_with_the_specification_of_its_share_is_not_a_share(real: Path) -> None:
    quotes = without_trailer(real / "cases/COTAHIST_receipt_spec_PN_BDI10.TXT")
    assert set(quotes["symbol"]) == {"PETR4", "PETR9"} and quotes["specification"].n_unique() == 1
    assert pyb3.shares(quotes)["symbol"].to_list() == pyb3.equities(quotes)["symbol"].to_list() == ["PETR4"]
    by_isin_alone = quotes.with_columns(bdi_code=pl.lit("02"))
    assert pyb3.shares(by_isin_alone)["symbol"].to_list() == ["PETR4"]


def test_infrastructure_funds_are_not_etfs_though_they_share_code_and_specification(real: Path) -> None:
    quotes = without_trailer(real / "cases/infra_funds_CI_BDI14.TXT")
    assert quotes["symbol"].to_list() == ["BOVA11", "KDIF11", "JURO11"]
    assert pyb3.etfs(quotes)["symbol"].to_list() == ["BOVA11"]


def listing(*rows: tuple[str, str, str | None], day: date = date(2026, 10, 2)) -> pl.DataFrame:
    """A list of symbols: ticker, market, category."""
    listed = [{"refdate": day, "symbol": s, "market": m, "security_category": c} for s, m, c in rows]
    schema = registry.get("symbols").empty().schema
    return pl.DataFrame(listed, {name: schema[name] for name in ("refdate", "symbol", "market", "security_category")})


CASH = "EQUITY-CASH"


def test_the_category_of_the_list_of_symbols_decides_what_an_etf_is(real: Path) -> None:
    quotes = without_trailer(real / "cases/infra_funds_CI_BDI14.TXT")
    unnamed = quotes.with_columns(company_name=pl.lit("SOME NAME"))
    assert pyb3.etfs(unnamed).height == 3, "without a name and without a list all of them look like ETFs"
    names = listing(("BOVA11", CASH, "ETF EQUITIES"), ("KDIF11", CASH, "FUNDS"), ("JURO11", CASH, "FUNDS"))
    codes = listing(("BOVA11", CASH, "3"), ("KDIF11", CASH, "6"), ("JURO11", CASH, "6"))
    for symbols in (names, codes):
        assert pyb3.etfs(unnamed, symbols=symbols)["symbol"].to_list() == ["BOVA11"]
        assert pyb3.etfs(unnamed.lazy(), symbols=symbols).collect()["symbol"].to_list() == ["BOVA11"]
    told_otherwise = listing(("KDIF11", CASH, "ETF FOREIGN INDEX"))
    assert pyb3.etfs(quotes, symbols=told_otherwise)["symbol"].to_list() == ["BOVA11", "KDIF11"]
    assert pyb3.etfs(quotes, symbols=names).columns == quotes.columns


def test_a_ticker_of_another_market_does_not_decide(real: Path) -> None:
    quotes = without_trailer(real / "cases/infra_funds_CI_BDI14.TXT")
    symbols = listing(("BOVA11", "FIXED INCOME", "BONDS"), ("BOVA11", CASH, None), ("KDIF11", CASH, "FUNDS"))
    assert pyb3.etfs(quotes, symbols=symbols)["symbol"].to_list() == ["BOVA11"]


def test_the_category_of_the_same_day_goes_before_that_of_another(real: Path) -> None:
    quotes = without_trailer(real / "cases/infra_funds_CI_BDI14.TXT")
    same_day = listing(("KDIF11", CASH, "FUNDS"), ("BOVA11", CASH, "ETF EQUITIES"))
    other_day = listing(("KDIF11", CASH, "ETF EQUITIES"), ("JURO11", CASH, "ETF EQUITIES"), day=date(2026, 10, 6))
    found = pyb3.etfs(quotes, symbols=pl.concat([same_day, other_day]))
    assert found["symbol"].to_list() == ["BOVA11", "JURO11"]


def test_the_category_decides_for_the_other_kinds_too() -> None:
    day = {"refdate": date(2026, 10, 2)}
    quotes = pl.DataFrame(
        [
            day | quote("PETR4", "PN"),
            day | quote("PETR9", "PN"),
            day | quote("TAEE11", "UNT"),
            day | quote("TAEE13", "UNT"),
            day | quote("AAPL34", "XXX"),
            day | quote("XFIX11", "CI", "14", "TREND FII"),
            day | quote("KNRI11", "CI", "12", "FII KINEA"),
            day | quote("NEWS3", "ON"),
        ]
    )
    symbols = listing(
        ("PETR4", CASH, "SHARES"), ("PETR9", CASH, "RECEIPTS"), ("TAEE11", CASH, "UNIT"),
        ("TAEE13", CASH, "UNIT RECEIPTS"), ("AAPL34", CASH, "BDR"), ("XFIX11", CASH, "ETF EQUITIES"),
        ("KNRI11", CASH, "FUNDS"),
    )  # fmt: skip
    found = {
        kind: getattr(pyb3, kind)(quotes, symbols=symbols)["symbol"].to_list()
        for kind in ("shares", "units", "equities", "bdrs", "etfs", "fiis")
    }
    assert found == {
        "shares": ["PETR4", "NEWS3"], "units": ["TAEE11"], "equities": ["PETR4", "TAEE11", "NEWS3"],
        "bdrs": ["AAPL34"], "etfs": ["XFIX11"], "fiis": ["KNRI11"],
    }  # fmt: skip
    with pytest.raises(UsageError, match="symbols lacks the column security_category; give rows of symbols_get"):
        pyb3.shares(quotes, symbols=symbols.drop("security_category"))


@pytest.mark.parametrize("kind", ["shares", "units", "bdrs", "etfs", "fiis", "fiagros"])
def test_quotes_and_the_list_of_symbols_of_a_day_agree(simulator: Simulator, kind: str) -> None:
    quotes, symbols = pyb3.cotahist_get(DAY), pyb3.symbols_get(DAY)
    pick = getattr(pyb3, kind)
    assert_frame_equal(pick(quotes, symbols=symbols), pick(quotes))


@pytest.mark.parametrize("name", ["COTAHIST_D03022022.ZIP", "COTAHIST_D25062021.TXT"])
def test_the_funds_of_code_14_that_are_not_etfs_say_so_in_their_name(real: Path, name: str) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist" / name)
    code_14 = quotes.filter(pl.col("market_type") == 10, pl.col("bdi_code") == "14")
    others = set(code_14["company_name"]) - set(pyb3.etfs(quotes)["company_name"])
    words = {name.split()[0] for name in others}
    assert words <= set("FIP FIA FIC FISET FINAM FINOR FIRF FDC FI PORTO SPARTA KINEA".split())


@pytest.mark.parametrize(
    ("on", "count", "isin"),
    [("shares", 4875, ["ACN", "CDA", "UNT"]), ("funds", 193, ["CTF"]), ("indexes", 98, ["IND"])],
)
def test_options_are_told_apart_by_what_they_are_on(real: Path, on: str, count: int, isin: list[str]) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    found = pyb3.options(quotes, on=on)  # type: ignore[arg-type]
    assert found.height == count and set(found["isin"].str.slice(6, 3)) <= set(isin)
    assert dict(found.select("market_type", "option_type").unique().iter_rows()) == {70: "call", 80: "put"}


@pytest.mark.parametrize(("underlying", "close", "count"), [("PETR4", "32.07", 447), ("BOVA11", "107.77", 182)])
def test_an_option_chain_has_its_underlyings_close(real: Path, underlying: str, close: str, count: int) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    chain = pyb3.option_chain(quotes, underlying)
    assert chain.height == count and chain["symbol"].is_unique().all()
    assert chain["underlying"].unique().to_list() == [underlying]
    assert chain["underlying_close"].unique().to_list() == [Decimal(close)]
    assert chain["maturity_date"].is_sorted() and chain["maturity_date"].min() >= date(2022, 2, 3)
    assert set(chain["symbol"].str.head(4)) == {underlying[:4]}


def test_options_on_two_shares_of_a_company_are_two_chains(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    both = [set(pyb3.option_chain(quotes, symbol)["symbol"]) for symbol in ("PETR3", "PETR4")]
    assert all(both) and both[0] & both[1] == set()


def test_an_index_has_its_close_from_the_index_data(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    assert pyb3.option_chain(quotes, "IBOV")["underlying_close"].null_count() == 98
    given = pyb3.option_chain(quotes, "IBOV", Decimal("111695.94"))
    assert given.height == 98 and given["underlying_close"].unique().to_list() == [Decimal("111695.94")]
    values = pyb3.index_historical_get(file=real / "index_historical/IndexStatistics_IBOV_2022.json")
    assert_frame_equal(pyb3.option_chain(quotes, "IBOV", values), given)


def test_a_day_without_a_trade_in_the_underlying_has_no_close(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    later = quotes.filter(pl.col("symbol") != "PETR4").with_columns(refdate=pl.lit(date(2022, 2, 4)))
    chain = pyb3.option_chain(pl.concat([quotes, later]), "PETR4")
    assert chain.height == 2 * 447
    assert dict(chain.group_by("refdate").agg(pl.col("underlying_close").count()).iter_rows()) == {
        date(2022, 2, 3): 447, date(2022, 2, 4): 0
    }  # fmt: skip


@pytest.mark.parametrize("name", ["COTAHIST_D03022022.ZIP", "COTAHIST_D25062021.TXT"])
def test_a_paper_that_did_not_trade_at_all_has_its_chain_without_a_close(real: Path, name: str) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist" / name)
    on_paper = pyb3.options(quotes)["isin"].implode()
    cash = quotes.filter(pl.col("market_type") == 10, pl.col("isin").is_in(on_paper))
    assert cash.height > 100
    options_alone = quotes.filter(pl.col("market_type").is_in([70, 80]))
    for symbol in cash["symbol"]:
        chain = pyb3.option_chain(options_alone, symbol)
        assert chain["underlying_close"].null_count() == chain.height > 0
        assert_frame_equal(chain.drop("underlying_close"), pyb3.option_chain(quotes, symbol).drop("underlying_close"))


def test_the_odd_lot_of_a_paper_names_its_isin(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    renamed = quotes.with_columns(isin=pl.col("isin").str.replace("BRPETRACNPR6", "BRPETRSOMEX9"))
    without = renamed.filter(~((pl.col("market_type") == 10) & (pl.col("symbol") == "PETR4")))
    assert without.filter(symbol="PETR4F").height == 1
    assert pyb3.option_chain(without, "PETR4").height == 447


def test_options_on_nothing_are_refused(real: Path) -> None:
    quotes = pyb3.cotahist_get(file=real / "cotahist/COTAHIST_D03022022.ZIP")
    with pytest.raises(UsageError, match="neither XXXX3 in the cash market nor options on it"):
        pyb3.option_chain(quotes, "XXXX3")


@pytest.mark.parametrize("underlying", ["PETR4", "IBOV"])
def test_an_option_chain_of_a_day(simulator: Simulator, underlying: str) -> None:
    chain = pyb3.option_chain_get(underlying, DAY)
    assert chain.height > 0 and chain["underlying_close"].null_count() == 0
    empty = pyb3.option_chain_get(underlying, "2024-12-25")
    assert empty.is_empty() and empty.schema == chain.schema


def test_a_symbols_history(simulator: Simulator) -> None:
    history = pyb3.symbol_history_get("PETR4", start="2023-12-20", end="2024-01-31")
    assert history["refdate"].to_list() == pyb3.sessions("2023-12-20", "2024-01-31")
    year = pyb3.symbol_history_get("PETR4", year=2023)
    assert_frame_equal(history.filter(pl.col("refdate").dt.year() == 2023), year.tail(history.height - 22))
    assert pyb3.symbol_history_get("NONE3", year=2023).is_empty()


# The package


def test_every_name_is_public_on_purpose() -> None:
    assert pyb3.__all__ == sorted(pyb3.__all__, key=lambda name: (name.islower(), name))
    assert sorted(name for names in pyb3._HOMES.values() for name in names) == sorted(pyb3.__all__)
    assert set(pyb3.__all__) <= set(dir(pyb3))
    for name in pyb3.__all__:
        thing = getattr(pyb3, name)
        assert inspect.getdoc(thing), name
        if name.islower():
            assert inspect.isfunction(thing), name  # no module of that name hides it
    with pytest.raises(AttributeError, match="module 'pyb3' has no attribute 'cotahist'"):
        pyb3.cotahist  # noqa: B018


def test_modules_leave_the_functions_their_names() -> None:
    stems = {path.stem for path in Path(pyb3.__file__).parent.glob("*") if path.suffix in ("", ".py")}
    assert stems & set(pyb3.__all__) == set()


@pytest.mark.parametrize("name", DATASETS)
def test_a_docstring_names_every_column(name: str) -> None:
    doc = inspect.getdoc(get(name)) or ""
    template = registry.get(name).template
    for field, dtype in zip(template.fields, schema(template).values(), strict=True):
        kind = f"Decimal(38, {field.decimals})" if field.type == "decimal" else str(dtype)
        assert f"- `{field.name}` ({kind}): {field.description}" in doc
    for words in ("where", "MissingSessions", "NotPublished", *(source.name for source in template.sources)):
        assert words in doc


def fresh(code: str) -> str:
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_package_imports_nothing_until_a_name_is_used() -> None:
    code = "import sys; before = set(sys.modules); import pyb3; print(*sorted(set(sys.modules) - before))"
    loaded = set(fresh(code).split())
    heavy = "polars numpy yaml httpx holidays lxml psycopg sqlalchemy alembic typer rich cryptography".split()
    assert loaded & set(heavy) == set()
    assert {name for name in loaded if name.startswith("pyb3.")} == set()


def test_names_bring_what_is_heavy_only_once_it_is_needed() -> None:
    code = "import sys; from pyb3 import *; print(*sys.modules)"
    assert {"httpx", "holidays", "psycopg", "numpy", "nanoarrow", "lxml.etree"} & set(fresh(code).split()) == set()


def test_the_package_says_that_it_is_typed() -> None:
    assert (Path(pyb3.__file__).parent / "py.typed").is_file()


def test_frames_need_no_database_driver() -> None:
    # A None in sys.modules makes an import fail.
    code = (
        "import sys; sys.modules.update(psycopg=None, sqlalchemy=None, alembic=None)\n"
        "import pyb3; print(pyb3.cotahist_get('2024-12-25').width)"
    )
    assert fresh(code).split() == ["27"]


def test_warnings_of_a_whole_range_are_none(simulator: Simulator) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert pyb3.cotahist_get(start="2024-01-15", end="2024-01-16").height == 1_000

"""What stands in for the price reports: the trade information and the bulletin's export, by date and by who answers."""

from __future__ import annotations

import json
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pyb3 import calendar, settings
from pyb3.datasets import registry
from pyb3.datasets.futures import _POINT_VALUES
from pyb3.errors import FileError
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from tests.support import generate

DAY = date(2024, 1, 15)
SPRD, PR, TIC, BDI = "filelist=SPRD", "filelist=PR", "fileName=TradeInformationConsolidated", "/bdi/"
SOURCES = ["SPRD", "PR", "TradeInformationConsolidated", "BDI"]
SETTLED = ("symbol", "price", "settlement_rate", "open", "high", "low", "average", "close", "trades", "quantity")


def frame(path: Path, rejects: Rejects | None = None) -> pl.DataFrame:
    return registry.get("futures").frame([File.at(path)], rejects=rejects)


def written(folder: Path, data: bytes, name: str = "x.csv") -> Path:
    (folder / name).write_bytes(data)
    return folder / name


def sources(day: date, today: date) -> list[str]:
    futures = registry.get("futures")
    return [source.name for source in futures.template.sources_for(futures.unit("day", day), today)]


def test_the_order_of_sources_is_shown(pyb3) -> None:
    shown = pyb3("datasets show futures").out
    places = [shown.index(f" {name} ") for name in SOURCES]
    assert places == sorted(places)


def test_a_source_is_asked_only_for_what_it_can_have() -> None:
    today = calendar.previous_session(date(2024, 5, 15))
    assert sources(today, today) == SOURCES[:2], "the price reports have the day to themselves"
    assert sources(today, today + timedelta(1)) == SOURCES
    assert sources(calendar.previous_session(today - timedelta(31)), today) == SOURCES[:3]
    assert sources(date(2019, 12, 2), today) == SOURCES[:3]
    assert sources(date(2019, 11, 29), today) == SOURCES[:2]
    assert sources(date(2018, 1, 2), today) == SOURCES[:2]
    assert sources(date(2017, 12, 28), today) == []


@pytest.mark.parametrize("missing", range(4))
def test_the_first_that_answers_is_taken(pyb3, database, simulator, recent: date, missing: int) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC][:missing]
    done = pyb3(f"ingest futures --date {recent} --json").json
    assert (done["outcome"], done["source"]) == ("loaded", SOURCES[missing])
    assert database.execute("SELECT DISTINCT source FROM futures").fetchall() == [(SOURCES[missing],)]
    assert database.execute("SELECT DISTINCT refdate FROM futures").fetchall() == [(recent,)]
    again = pyb3(f"ingest futures --date {recent} --json").json
    assert (again["outcome"], again["unchanged"]) == ("unchanged", done["inserted"])


def test_when_nobody_has_the_day_it_is_not_published(refused, database, simulator) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC, BDI]
    refused(f"ingest futures --date {DAY}", 3, "ZIP without entries")
    assert database.execute("SELECT count(*) FROM futures").fetchone() == (0,)


@pytest.mark.parametrize("missing", [2, 3])
def test_the_price_report_is_taken_back_when_it_answers(pyb3, database, simulator, recent: date, missing: int) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC][:missing]
    pyb3(f"ingest futures --date {recent}")
    stood_in = database.execute("SELECT count(*) FROM futures").fetchone()
    simulator.exchange.absent = []
    done = pyb3(f"ingest futures --date {recent} --json").json
    assert done["source"] == "SPRD"
    assert database.execute("SELECT source, count(*) FROM futures GROUP BY 1").fetchall() == [("SPRD", *stood_in)]
    assert database.execute("SELECT count(isin) FROM futures").fetchone() == (0,), "no row of two sources"


@pytest.mark.parametrize("missing", [2, 3])
def test_what_stands_in_says_what_the_price_report_says(simulator, pyb3, recent: date, missing: int) -> None:
    """The same futures, and in every column that both have the same values."""
    files = []
    for absent in ([], [SPRD, PR, TIC][:missing]):
        simulator.exchange.absent = absent
        files.append(Path(pyb3(f"fetch futures --date {recent}").out.strip()))
    report, other = frame(files[0]).sort("symbol"), frame(files[1]).sort("symbol")
    assert report["symbol"].to_list() == other["symbol"].to_list()
    form = registry.get("futures").template.source(SOURCES[missing]).format
    both = [field.name for field in registry.get("futures").template.fields if {form, "price_report"} <= {*field.at}]
    assert set(SETTLED) - {"open"} <= set(both)
    # Generated on their own: oscillations, and what is published with fewer decimals.
    for name in set(both) - {"oscillation", "variation_points", "average", "volume", "best_bid", "best_ask"}:
        one, two = report[name], other[name]
        if one.dtype.is_decimal():
            assert ((one - two).abs() < Decimal("0.01")).fill_null(True).all(), name
            assert (one.is_null() == two.is_null()).all() or name == "settlement_value", name
        else:
            assert one.to_list() == two.to_list(), name
    assert report.select("commodity", "maturity_code", "maturity_date").equals(
        other.select("commodity", "maturity_code", "maturity_date")
    )


def test_only_futures_are_kept_of_the_trade_information(tmp_path: Path) -> None:
    data = generate.trade_information(DAY, 2000)
    rows = frame(written(tmp_path, data))
    written_symbols = {line.split(";")[1] for line in data.decode("latin-1").splitlines()[2:]}
    assert 50 < rows.height < len(written_symbols) / 2
    assert {"DI1F25", "DOLG24"} <= set(rows["symbol"])
    assert set(rows["segment"]) <= {"FINANCIAL", "AGRIBUSINESS", "EQUITY-DERIVATE"}
    assert rows["isin"].null_count() == 0
    assert rows["symbol"].is_unique().all()


_TRADED = b"""Status do Arquivo: Final
RptDt;TckrSymb;ISIN;SgmtNm;MinPric;MaxPric;TradAvrgPric;LastPric;OscnPctg;AdjstdQt;AdjstdQtTax;RefPric;TradQty;FinInstrmQty;NtlFinVol
2024-01-15;DI1F25;BRBMEFD1I5R2;FINANCIAL;10,01;10,12;10,055;10,05;-0,3;91234,56;10,047;10,04;1234;56789;5181300000,12
2024-01-15;MBRF11;BRMBRFCTF001;CASH;10;11;10,5;10,7;1,2;;;;10;100;1070
2024-01-15;DI1F26C100;BRBMEF000001;FINANCIAL;;;;;;1;;;;;
"""


def test_the_trade_information_is_read_by_its_names(tmp_path: Path) -> None:
    (row,) = frame(written(tmp_path, _TRADED)).iter_rows(named=True)
    filled = {name: value for name, value in row.items() if value is not None}
    assert filled == {
        "refdate": DAY,
        "symbol": "DI1F25",
        "commodity": "DI1",
        "maturity_code": "F25",
        "maturity_date": date(2025, 1, 2),
        "occurrence": 1,
        "trades": 1234,
        "volume": Decimal("5181300000.12"),
        "quantity": 56789,
        "low": Decimal("10.01"),
        "high": Decimal("10.12"),
        "average": Decimal("10.055"),
        "close": Decimal("10.05"),
        "price": Decimal("91234.56"),
        "settlement_rate": Decimal("10.047"),
        "oscillation": Decimal("-0.3"),
        "source": "TradeInformationConsolidated",
        "isin": "BRBMEFD1I5R2",
        "segment": "FINANCIAL",
        "reference_price": Decimal("10.04"),
    }


@pytest.mark.parametrize("status", ["Parcial", "Preliminar"])
def test_trade_information_that_is_not_final_is_passed_by(pyb3, database, simulator, recent: date, status: str) -> None:
    simulator.exchange.absent, simulator.exchange.file_status = [SPRD, PR], status
    assert pyb3(f"ingest futures --date {recent} --json").json["source"] == "BDI"
    simulator.exchange.file_status = "Final"
    assert pyb3(f"ingest futures --date {recent} --json").json["source"] == "TradeInformationConsolidated"


def test_another_days_trade_information_is_refused(refused, database, simulator) -> None:
    simulator.exchange.absent = [SPRD, PR]
    simulator.faults = [{"kind": "other day", "where": "token="}]
    refused(f"ingest futures --date {DAY}", 6, "is of 2024-01-12, not of 2024-01-15")


_BULLETIN = (
    "Instrumento financeiro;Código ISIN;Segmento;Preço de abertura;Preço mínimo;Preço máximo;Preço médio;"
    "Preço de fechamento;Última oferta de compra;Última oferta de venda;Oscilação;Variação;Ajuste;Preço de referência;"
    "Ajuste de referência;Ajuste do dia anterior;Valor do ajuste por contrato (R$);Quantidade de negócios;"
    "Quantidade de contratos;Volume financeiro"
)
_DOL = (
    "DOLG24;BRBMEFDOL1X2;FINANCIAL;4.860,50;4.850,00;4.900,25;4.875,1234;4.880,00;4.879,50;4.880,50;0,40;19,5000;"
    "4.880,2000;-;-;4.860,7000;975,00;12.345;1.234.567;300.012.345.678,90"
)


def bulletin(*rows: str, header: str = _BULLETIN, above: int = 2, footer: bool = False) -> bytes:
    description = ["Negócios consolidados do pregão - Derivativos", "", "Fonte: B3", "", "", "Glossário", ""][:above]
    below = ["Informamos que a tabela acima não será publicada no Boletim Completo"] if footer else []
    return ("\ufeff" + "\r\n".join([*description, header, *rows, *below]) + "\r\n").encode()


@pytest.mark.parametrize("above", [0, 2, 7])
@pytest.mark.parametrize("footer", [False, True])
def test_the_bulletin_is_read_by_its_names(tmp_path: Path, above: int, footer: bool) -> None:
    option = ";".join(["DOLG24C004900", *_DOL.split(";")[1:]])
    data = bulletin(_DOL, option, above=above, footer=footer)
    (row,) = frame(written(tmp_path, data, "ConsolidatedTradesDerivatives_20240115.csv")).iter_rows(named=True)
    filled = {name: value for name, value in row.items() if value is not None}
    assert filled == {
        "refdate": DAY,
        "symbol": "DOLG24",
        "commodity": "DOL",
        "maturity_code": "G24",
        "maturity_date": date(2024, 2, 1),
        "occurrence": 1,
        "trades": 12_345,
        "volume": Decimal("300012345678.90"),
        "quantity": 1_234_567,
        "best_bid": Decimal("4879.5"),
        "best_ask": Decimal("4880.5"),
        "open": Decimal("4860.5"),
        "low": Decimal("4850"),
        "high": Decimal("4900.25"),
        "average": Decimal("4875.1234"),
        "close": Decimal("4880"),
        "price": Decimal("4880.2"),
        "previous_price": Decimal("4860.7"),
        "price_change": Decimal("19.5"),
        "oscillation": Decimal("0.4"),
        "variation_points": Decimal("19.5"),
        "settlement_value": Decimal("975"),
        "source": "BDI",
        "isin": "BRBMEFDOL1X2",
        "segment": "FINANCIAL",
    }


def test_columns_that_come_and_go_are_no_news(pyb3, database, tmp_path: Path) -> None:
    names, values = _BULLETIN.split(";"), _DOL.split(";")
    kept = [at for at, name in enumerate(names) if name not in ("Ajuste do dia anterior", "Preço de referência")]
    data = bulletin(";".join(values[at] for at in kept), header=";".join(names[at] for at in kept))
    path = written(tmp_path, data, "ConsolidatedTradesDerivatives_20240115.csv")
    done = pyb3(f"ingest futures --file {path} --json").json
    assert (done["inserted"], done["warnings"]) == (1, [])


def test_a_bulletin_without_a_day_is_asked_for_one(refused, pyb3, database, tmp_path: Path) -> None:
    path = written(tmp_path, bulletin(_DOL))
    refused(f"ingest futures --file {path}", 6, "does not say what day it is of: say it with --date")
    done = pyb3(f"ingest futures --file {path} --date {DAY} --json").json
    assert (done["inserted"], done["refdate"]) == (1, "2024-01-15")


def test_a_bulletin_is_of_the_day_it_was_asked_for(pyb3, database, simulator, recent: date) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC]
    path = Path(pyb3(f"fetch futures --date {recent}").out.strip())
    (asked,) = [seen for seen in simulator.seen if seen.method == "POST"]
    assert asked.path == "/arquivos.b3.com.br/bdi/table/export/csv?lang=pt-BR"
    assert json.loads(asked.body) == {
        "Name": "ConsolidatedTradesDerivatives",
        "Date": f"{recent}",
        "FinalDate": f"{recent}",
        "ClientId": "",
        "Filters": {},
    }
    assert path.name == f"ConsolidatedTradesDerivatives_{recent:%Y%m%d}.csv"
    assert path.read_bytes().startswith(b"\xef\xbb\xbf")
    assert set(frame(path)["refdate"]) == {recent}


@pytest.mark.parametrize("header_only", [False, True])
def test_an_empty_bulletin_is_an_error_of_the_source_and_names_the_window(
    refused, database, simulator, recent: date, tmp_path: Path, header_only: bool
) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC, *([] if header_only else [BDI])]
    empty = bulletin("").rstrip() + b"\r\n"
    if header_only:
        simulator.faults = [{"kind": "change", "where": BDI, "change": lambda text: empty}]
    words = "B3 answered an empty table: .* B3 keeps such a table for the last 31 days"
    refused(f"ingest futures --date {recent}", 5, words)
    assert not [path for path in (tmp_path / "cache").rglob("*") if path.is_file()]
    path = written(tmp_path, empty if header_only else generate.empty_bulletin(DAY))
    refused(f"ingest futures --file {path}", 6, words)


def test_a_day_outside_of_the_bulletins_window_is_not_asked_there(refused, database, simulator) -> None:
    simulator.exchange.absent = [SPRD, PR, TIC]
    refused(f"ingest futures --date {DAY}", 3, "ZIP without entries")
    assert not any(seen.method == "POST" for seen in simulator.seen)


@pytest.mark.parametrize("status", ["Parcial", "PRELIMINAR", "parcial"])
def test_a_file_that_is_not_final_is_not_taken_for_the_day(refused, database, simulator, status: str) -> None:
    simulator.exchange.file_status = status
    simulator.exchange.absent = ["filelist=IN"]
    refused(f"fetch symbols --date {simulator.today}", 3, f'no final file yet, it says "Status do Arquivo: {status}"')


@pytest.mark.parametrize(
    "line", ["--year 2010", "--from 2010-01-04 --to 2010-12-30", "--from 2017-01-02 --to 2018-03-01"]
)
def test_a_backfill_before_any_report_says_so_at_once(refused, database, simulator, line: str) -> None:
    refused(f"backfill futures {line}", 2, "B3 has no data of 201[07] for futures; its files begin on 2018-01-02")
    assert simulator.requests == []


def test_the_first_year_of_the_reports_begins_with_their_first_session() -> None:
    assert registry.get("futures").units_of_year(2018)[0].date == date(2018, 1, 2)


@pytest.mark.parametrize(
    ("name", "first"),
    [
        ("cotahist", date(1986, 1, 1)),
        ("futures", date(2018, 1, 2)),
        ("yield_curves", date(2005, 1, 1)),
        ("symbols", date(2018, 1, 1)),
        ("index_historical", date(1968, 1, 1)),
    ],
)
def test_the_first_day_of_a_dataset_is_the_earliest_of_its_sources(name: str, first: date) -> None:
    assert registry.get(name).first_day == first


@pytest.mark.parametrize(
    ("name", "old", "new", "words"),
    [
        ("trade", b";BRBMEF", b";;BRBMEF", "line 3: it has 16 fields, the header has 15"),
        ("trade", b"TckrSymb", b"Ticker", "TckrSymb"),
        ("trade", b"2024-01-15", b"15-01-2024", "line 3, field RptDt"),
        ("bulletin", b"Instrumento financeiro", b"Instrumento", "Instrumento financeiro"),
        ("bulletin", b";4.860,50;", b";4,860.50;", "line 4, field Preço de abertura"),
        ("bulletin", b";12.345;", b";12.3456;", "line 4, field Quantidade de negócios"),
    ],
)
def test_what_is_wrong_is_named(tmp_path: Path, name: str, old: bytes, new: bytes, words: str) -> None:
    sound = {"trade": _TRADED, "bulletin": bulletin(_DOL)}[name]
    data = sound.replace(old, new, 1)
    assert data != sound
    with pytest.raises(FileError, match=words):
        frame(written(tmp_path, data, "ConsolidatedTradesDerivatives_20240115.csv"), Rejects(strict=True))


def test_an_odd_value_of_the_bulletin_is_null_and_set_aside(tmp_path: Path) -> None:
    rejects = Rejects()
    data = bulletin(_DOL.replace(";4.860,50;", ";4,860.50;"))
    (row,) = frame(written(tmp_path, data, "ConsolidatedTradesDerivatives_20240115.csv"), rejects).rows(named=True)
    assert (row["open"], row["low"], row["price"]) == (None, Decimal(4850), Decimal("4880.2"))
    (record,) = rejects.records
    assert (record.line, record.field, record.loaded) == (4, "Preço de abertura", True)
    assert record.reason == '"4,860.50" is not a number of 12 decimals'


def test_settlement_values_are_what_the_real_report_publishes(real: Path) -> None:
    """Every contract of the table's families: AdjstdValCtrct is exactly the change by the contract's size."""
    rows = frame(real / "futures" / "PR180102.xml.gz").filter(pl.col("price_change").is_not_null())
    published = rows.filter(pl.col("settlement_value").is_not_null())
    of_a_size = published.filter(pl.col("commodity").is_in(list(_POINT_VALUES)))
    assert set(of_a_size["commodity"]) == set(_POINT_VALUES)
    for row in of_a_size.iter_rows(named=True):
        derived = row["price_change"] * Decimal(_POINT_VALUES[row["commodity"]])
        assert row["settlement_value"] == derived, row["symbol"]
    # Families that have no size in R$: as published, or NULL.
    assert {"DAP", "DDI", "ICF"} <= set(published["commodity"]) - set(_POINT_VALUES)


def test_published_settlement_values_stay(monkeypatch: pytest.MonkeyPatch, real: Path) -> None:
    path = real / "futures" / "PR180102.xml.gz"
    with_table = frame(path)
    monkeypatch.setattr("pyb3.datasets.futures._POINT_VALUES", {"DI1": "7", "DAP": "7"})
    without = frame(path)
    for family in ("DI1", "DAP", "DOL"):
        shown = [rows.filter(pl.col("commodity") == family)["settlement_value"] for rows in (with_table, without)]
        assert shown[0].drop_nulls().len() > 0
        assert shown[0].equals(shown[1]), "a published value wins"


@pytest.mark.parametrize("name", ["SPRD230202", "SPRD250203"])
def test_a_report_without_settlement_values_has_those_that_are_certain(real: Path, name: str) -> None:
    rows = frame(real / "futures" / f"{name}.zip")
    sized = pl.col("commodity").is_in(list(_POINT_VALUES)) & pl.col("price_change").is_not_null()
    assert rows.filter(sized)["settlement_value"].null_count() == 0
    assert rows.filter(~sized)["settlement_value"].drop_nulls().is_empty()
    dol = rows.filter(pl.col("commodity") == "DOL", sized)
    assert (dol["settlement_value"] == dol["price_change"] * 50).all()


def test_a_price_report_under_the_trade_informations_name_is_refused(refused, database) -> None:
    day = calendar.previous_session(calendar.today() - timedelta(3))
    path = settings.cache_dir() / "futures" / f"TradeInformationConsolidated_{day:%Y%m%d}.csv"
    path.parent.mkdir(parents=True)
    report = generate.price_report(day, 50)
    path.write_bytes(report)
    refused(
        f"load futures --date {day} --quiet",
        6,
        "is not a file of futures, source TradeInformationConsolidated: it begins",
    )
    assert b"AdjstdQtTax" in report

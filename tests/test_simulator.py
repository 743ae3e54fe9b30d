"""Generated files are what B3's are, and the simulator answers and fails as B3 does."""

from __future__ import annotations

import base64
import csv
import hashlib
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest
from lxml import etree

from pyb3.calendar import previous_session, sessions
from tests.support import generate
from tests.support.faults import Fault
from tests.support.generate.contracts import listed
from tests.support.generate.daily_files import INSTRUMENT_COLUMNS, TRADE_COLUMNS
from tests.support.generate.settlements import settle, settlement
from tests.support.simulator import Simulator, running

DAY = date(2024, 1, 15)
HISTORY = "/bvmf.bmfbovespa.com.br/InstDados/SerHist/COTAHIST_"
FILE = f"{HISTORY}D15012024.ZIP"
SESSION = "/www.b3.com.br/pesquisapregao/download?filelist="
DAILY = "/arquivos.b3.com.br/api/download"
LISTED = "/sistemaswebb3-listados.b3.com.br/"

MAKERS: dict[str, Callable[[date, int, int], bytes]] = {
    "cotahist": lambda day, rows, seed: generate.cotahist([day], rows, seed),
    "sprd": generate.price_report_zip,
    "pr": lambda day, rows, seed: generate.price_report(day, rows, seed, kind="PR"),
    "ts": lambda day, rows, seed: generate.swap_rates_zip(day, 20, seed),
    "ir": generate.index_report_zip,
    "in": generate.instrument_file,
    "instruments": generate.instruments_consolidated,
    "trades": generate.trade_information,
    "bulletin": generate.derivatives_bulletin,
    "portfolio": lambda day, rows, seed: generate.portfolio_day("IBOV", day, seed),
    "year": lambda day, rows, seed: generate.index_year("IBOV", day.year, day, seed),
}


def records(text: bytes) -> list[str]:
    return [line for line in text.decode("latin-1").split("\r\n") if line.startswith("01")]


def field(record: str, name: str) -> str:
    first, last = generate.FIELDS[name]
    return record[first - 1 : last]


def only_member(data: bytes) -> bytes:
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        (name,) = archive.namelist()
        return archive.read(name)


def tree(data: bytes) -> etree._Element:
    return etree.fromstring(data)


def paths(data: bytes) -> set[str]:
    """Every path of elements and attributes in an XML."""
    found = set()
    for element in tree(data).iter(etree.Element):
        names = [etree.QName(each).localname for each in (element, *element.iterancestors())]
        path = "/".join(reversed(names))
        found |= {path, *(f"{path}@{name}" for name in element.attrib)}
    return found


def values(data: bytes, tag: str) -> list[str]:
    return [element.text for element in tree(data).iter(f"{{*}}{tag}")]


def shape(line: bytes) -> bytes:
    """A line of XML without its values: its indentation, tag and attributes."""
    return re.sub(rb'Ccy="\w+"', b'Ccy=""', re.sub(rb">[^<]*<", b"><", line))


# ---- The files


@pytest.mark.parametrize("name", MAKERS)
def test_the_same_day_and_seed_give_the_same_bytes(name: str) -> None:
    make = MAKERS[name]
    assert make(DAY, 60, 0) == make(DAY, 60, 0)
    assert make(DAY, 60, 0) != make(DAY, 60, 1)
    assert make(DAY, 60, 0) != make(DAY + timedelta(1), 60, 0)


def test_another_process_makes_the_same_bytes() -> None:
    code = (
        "import hashlib; from tests.test_simulator import DAY, MAKERS;"
        "print(*(hashlib.sha256(make(DAY, 60, 0)).hexdigest() for make in MAKERS.values()))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=os.environ | {"PYTHONHASHSEED": "7"}
    )
    assert done.stdout.split() == [hashlib.sha256(make(DAY, 60, 0)).hexdigest() for make in MAKERS.values()]


@pytest.mark.parametrize("rows", [0, 1, 2, 7, 40, 199, 500, 3000])
def test_cotahist_has_b3s_layout_at_any_size(rows: int) -> None:
    lines = generate.cotahist([DAY], rows).decode("latin-1").split("\r\n")
    assert lines.pop() == ""
    assert {len(line) for line in lines} == {245}
    assert lines[0].startswith("00COTAHIST.2024BOVESPA 20240115") and lines[-1].startswith("99COTAHIST.2024")
    assert int(lines[-1][31:42]) == len(lines) == rows + 2
    keys = [tuple(field(line, name) for name in ("CODNEG", "TPMERC", "PRAZOT")) for line in lines[1:-1]]
    assert len(set(keys)) == rows


def test_a_quote_holds_what_a_session_can_hold() -> None:
    for record in records(generate.cotahist([DAY], 3000)):
        opening, high, low, average, close = (int(record[56 + 13 * n : 69 + 13 * n]) for n in range(5))
        assert 0 < low <= min(opening, average, close) <= max(opening, average, close) <= high
        trades, quantity, volume = (int(field(record, name)) for name in ("TOTNEG", "QUATOT", "VOLTOT"))
        assert 0 < trades <= quantity and volume == quantity * average // int(field(record, "FATCOT"))


def test_markets_and_blanks_are_those_of_real_days(real: Path) -> None:
    def described(text: bytes) -> dict[str, set[tuple[bool, bool, bool]]]:
        found: dict[str, set[tuple[bool, bool, bool]]] = {}
        for record in records(text):
            term, maturity = field(record, "PRAZOT"), field(record, "DATVEN")
            facts = (term == "   ", term == "000", maturity == "99991231")
            found.setdefault(field(record, "TPMERC"), set()).add(facts)
        return found

    generated = generate.cotahist([DAY], 7500)
    ours, theirs = described(generated), described((real / "cotahist/COTAHIST_D25062021.TXT").read_bytes())
    assert {market: ours[market] for market in theirs} == theirs
    share = Counter(field(record, "TPMERC") for record in records(generated))
    assert 0.1 < share["010"] / 7500 < 0.2 and 0.6 < (share["070"] + share["080"]) / 7500 < 0.8
    assert {"012", "013", "017"} <= set(share)
    assert {"02", "05", "07", "08", "10", "12", "13", "14", "22"} <= {field(r, "CODBDI") for r in records(generated)}


def test_cash_rows_stand_by_isin_as_b3_puts_them(real: Path) -> None:
    for text in (generate.cotahist([DAY], 2000), (real / "cotahist/COTAHIST_D25062021.TXT").read_bytes()):
        for bdi in ("02", "12", "14", "96"):
            isins = [field(record, "CODISI") for record in records(text) if field(record, "CODBDI") == bdi]
            assert isins == sorted(isins)
        for isin in {field(record, "CODISI") for record in records(text)}:
            digits = [int(digit) for character in isin for digit in str(int(character, 36))]
            doubled = [digit * (1 + place % 2) for place, digit in enumerate(reversed(digits))]
            assert sum(number // 10 + number % 10 for number in doubled) % 10 == 0, isin


def test_a_republished_day_has_the_same_keys_and_other_values() -> None:
    first, second = (records(generate.cotahist([DAY], 500, seed)) for seed in (0, 1))
    assert [record[:52] for record in first] == [record[:52] for record in second]
    assert not set(first) & set(second)


def test_a_day_in_a_year_is_the_day_alone() -> None:
    days = sessions(date(2019, 1, 1), date(2019, 12, 31))
    year = records(generate.cotahist(days, 40))
    assert len(year) == 40 * len(days)
    assert [record for record in year if field(record, "DATPRE") == "20190628"] == records(
        generate.cotahist([date(2019, 6, 28)], 40)
    )
    closes = [int(field(record, "PREULT")) for record in year if field(record, "CODNEG").strip() == "PETR4"]
    steps = [abs(after / before - 1) for before, after in zip(closes, closes[1:], strict=False)]
    assert len(closes) == len(days) and max(steps) < 0.15 and max(closes) / min(closes) > 1.1  # a walk, not noise


def test_a_quote_follows_from_its_random_numbers() -> None:
    import random

    one = generate.quote(DAY, 3, random.Random(5))
    assert one == generate.quote(DAY, 3, random.Random(5)) != generate.quote(DAY, 3, random.Random(6))
    assert len(one) == 245 and one.startswith("0120240115")


def test_one_field_can_be_replaced() -> None:
    text = generate.cotahist([DAY], 5)
    lines = generate.replace_field(text, 4, "PREEXE", b"000000A000000").split(b"\r\n")
    assert lines[3][188:201] == b"000000A000000"
    assert [a == b for a, b in zip(lines, text.split(b"\r\n"), strict=True)].count(False) == 1
    with pytest.raises(ValueError, match="13 wide"):
        generate.replace_field(text, 4, "PREEXE", b"0")


def test_the_last_line_may_lack_its_end() -> None:
    assert generate.cotahist([DAY], 3, line_end=False) + b"\r\n" == generate.cotahist([DAY], 3)


@pytest.mark.parametrize(
    ("year", "name", "made"),
    [
        (1986, "COTAHIST.A1986", "19991210"),
        (2000, "COTAHIST.A2000", "20001228"),
        (2001, "COTAHIST_A2001", "20011228"),
        (2002, "COTAHIST_A2002.TXT", "20021230"),
        (2024, "COTAHIST_A2024.TXT", "20241230"),
    ],
)
def test_a_year_is_a_streamed_zip_named_as_its_time_named_it(tmp_path: Path, year: int, name: str, made: str) -> None:
    days = sessions(date(year, 1, 1), date(year, 12, 31))
    generate.cotahist_zip(tmp_path / "year.zip", days, 3)
    with zipfile.ZipFile(tmp_path / "year.zip") as archive:
        (entry,) = archive.infolist()
        text = archive.read(entry)
    assert entry.filename == name and entry.flag_bits & 8
    assert text[23:31].decode() == made
    assert len(records(text)) == 3 * len(days) == int(text.split(b"\r\n")[-2][31:42]) - 2
    assert {1986: "CZ$ ", 2024: "R$  "}.get(year, "R$  ") == field(records(text)[-1], "MODREF")


@pytest.mark.parametrize(("kind", "name"), [("SPRD", "SPRD250203.zip"), ("PR", "PR180102.xml.gz")])
def test_a_price_report_is_written_as_b3_writes_it(real: Path, kind: str, name: str) -> None:
    import gzip

    packed = (real / "futures" / name).read_bytes()
    theirs = gzip.decompress(packed) if name.endswith(".gz") else only_member(packed)
    ours = generate.price_report(date(2025, 2, 3), 500, kind=kind, others=1000)
    assert {shape(line) for line in ours.split(b"\n")} == {shape(line) for line in theirs.split(b"\n")}
    assert [shape(line) for line in ours.split(b"\n")[:100]] == [shape(line) for line in theirs.split(b"\n")[:100]]
    assert ours[-60:] == theirs[-60:]


@pytest.mark.parametrize("kind", ["SPRD", "PR", "SPRE"])
def test_a_price_report_counts_its_messages(kind: str) -> None:
    report = generate.price_report(DAY, 70, kind=kind, others=140)
    assert [int(text) for text in values(report, "TtlNbOfMsg")] == [len(values(report, "PricRpt"))]
    assert set(values(report, "Dt")) == {"2024-01-15"}


def test_a_short_report_lists_each_ticker_once_and_as_many_futures_as_asked() -> None:
    report = generate.price_report(DAY, 600, others=1200)
    tickers = values(report, "TckrSymb")
    assert len(tickers) == len(set(tickers))
    settled = [
        message.findtext(".//{*}TckrSymb")
        for message in tree(report).iter("{*}PricRpt")
        if message.find(".//{*}AdjstdQt") is not None or message.find(".//{*}AdjstdQtTax") is not None
    ]
    assert len(settled) == 600 and {len(ticker) for ticker in settled} == {6, 8}
    assert {"PETRPG24", "USIMAG24", "KLBNIG24"} <= set(settled)
    assert {"FRP0", "TT6Z99"} <= set(tickers) and any(ticker.startswith("UD:") for ticker in tickers)


def test_a_full_report_holds_what_only_looks_like_a_future() -> None:
    tickers = values(generate.price_report(DAY, 300, kind="PR", others=300), "TckrSymb")
    assert {"MBRF11", "BOVV11", "PFIZ34", "CMIG10"} <= set(tickers)
    assert max(Counter(tickers).items(), key=lambda item: item[1])[0].endswith("T")


def test_a_stray_row_has_the_next_sessions_date() -> None:
    report = generate.price_report(DAY, 50, strays=["DI1F25"])
    rows = [row for row in tree(report).iter("{*}PricRpt") if row.findtext(".//{*}TckrSymb") == "DI1F25"]
    assert [row.findtext("{*}TradDt/{*}Dt") for row in rows] == ["2024-01-15", "2024-01-16"]
    assert int(values(report, "TtlNbOfMsg")[0]) == len(values(report, "PricRpt")) == 53


def test_a_later_version_has_a_greater_name_and_the_days_own_values() -> None:
    with zipfile.ZipFile(io.BytesIO(only_member(generate.price_report_zip(DAY, 20, versions=3)))) as archive:
        names = archive.namelist()
        assert len(names) == 3 and names == sorted(names)
        texts = [archive.read(name) for name in names]
    assert len({*texts}) == 3
    assert values(texts[-1], "AdjstdQt") == values(generate.price_report(DAY, 20, others=20), "AdjstdQt")


def test_di1_settles_on_one_curve_and_remembers_the_day_before() -> None:
    before = previous_session(DAY - timedelta(1))
    contracts = [contract for contract in listed(DAY) if contract.family.code == "DI1"]
    assert len(contracts) > 30
    for contract in contracts:
        found = settlement(contract, DAY)
        days = generate.business_days(DAY, contract.maturity)
        assert found.price == round(100_000 / (1 + (found.rate or 0) / 100) ** (days / 252), 2)
        assert found.previous_rate == settle(contract, before)[1]


def test_swap_rates_agree_with_di1() -> None:
    lines = generate.swap_rates(DAY, 40).decode("latin-1").split("\r\n")
    pre = {int(line[41:46]): line for line in lines if line[21:26] == "PRE  "}
    for contract in listed(DAY):
        if contract.family.code == "DI1":
            line = pre[(contract.maturity - DAY).days]
            assert int(line[52:66]) / 10**7 == settle(contract, DAY)[1] and line[66] == "M"


def test_swap_rates_have_b3s_layout(real: Path) -> None:
    theirs = (real / "yield_curves/TaxaSwap_20141212.txt").read_bytes().decode("latin-1").split("\r\n")
    ours = generate.swap_rates(DAY, 40).decode("latin-1").split("\r\n")
    pattern = re.compile(r"\d{6}00101\d{8}T1.{5}.{15}\d{10}[+-]\d{14}[FM]\d{5}")
    assert all(pattern.fullmatch(line) for line in [*ours[:-1], *filter(None, theirs)])
    assert len({line[21:26] for line in ours[:-1]}) > 110
    assert len({(line[21:26], line[41:46]) for line in ours[:-1]}) == len(ours) - 1
    assert {line[51] for line in ours[:-1]} == {"+", "-"} and {line[66] for line in ours[:-1]} == {"F", "M"}
    assert all(int(line[46:51]) <= int(line[41:46]) for line in ours[:-1])


def test_swap_rates_come_in_a_program_in_a_zip() -> None:
    program = only_member(generate.swap_rates_zip(DAY))
    assert program.startswith(b"MZ")
    with zipfile.ZipFile(io.BytesIO(program)) as archive:
        assert archive.namelist() == ["TaxaSwap.txt"] and archive.testzip() is None


def test_business_days_are_those_of_b3s_contracts(real: Path) -> None:
    for name in ("SPRD230202", "SPRD250203"):
        with (real / "futures" / f"{name}.expected.csv").open() as file:
            rows = [row for row in csv.DictReader(file) if row["business_days"]]
        assert len(rows) > 100
        for row in rows:
            dates = (date.fromisoformat(row[column]) for column in ("refdate", "maturity_date"))
            assert generate.business_days(*dates) == int(row["business_days"]), row["symbol"]


def test_the_index_report_is_written_as_b3_writes_it(real: Path) -> None:
    theirs = only_member((real / "index_historical/IR210423.zip").read_bytes())
    ours = generate.index_report(date(2021, 4, 23))
    assert paths(ours) == paths(theirs)
    assert {shape(line) for line in ours.split(b"\n")} == {shape(line) for line in theirs.split(b"\n")}
    assert [shape(line) for line in ours.split(b"\n")[:110]] == [shape(line) for line in theirs.split(b"\n")[:110]]


def test_an_index_closes_in_its_report_where_its_page_says() -> None:
    report = tree(generate.index_report(DAY))
    closes = {
        group.findtext(".//{*}TckrSymb"): (group.findtext(".//{*}ClsgPric"), group.findtext(".//{*}PrvsDayClsgPric"))
        for group in report.iter("{*}IndxInf")
    }
    assert {"TFIX", *generate.indexes()} == set(closes)
    for code in generate.indexes():
        page = json.loads(generate.index_year(code, 2024, DAY))
        shown = [float(page["results"][day - 1]["rateValue1"].replace(",", "")) for day in (15, 12)]
        assert shown == [float(text) for text in closes[code]]
        assert page["results"][15]["rateValue1"] is None  # the 16th is still to come


@pytest.mark.parametrize(
    ("name", "make"),
    [
        ("index_historical/IndexStatistics_IBOV_2022.json", lambda: generate.index_year("IBOV", 2022, DAY)),
        ("index_composition/GetPortfolioDay_IBOV_20250407.json", lambda: generate.portfolio_day("IBOV", DAY)),
        ("index_composition/GetTheoricalPortfolio.json", lambda: generate.theoretical_portfolio("IBOV", DAY)),
        ("index_composition/GetStockIndex.json", lambda: generate.stock_index(DAY)),
    ],
)
def test_an_index_page_has_b3s_keys_in_b3s_order(real: Path, name: str, make: Callable[[], bytes]) -> None:
    def keys(value: Any) -> Any:
        if isinstance(value, dict):
            return [(key, keys(inside)) for key, inside in value.items()]
        return [keys(value[0])] if isinstance(value, list) else type(value) if value is not None else str

    assert keys(json.loads(make())) == keys(json.loads((real / name).read_bytes()))


def test_an_index_page_has_the_formats_of_its_language() -> None:
    english, portuguese = (json.loads(generate.portfolio_day("IBOV", DAY, language=it)) for it in ("en-us", "pt-br"))
    assert (english["header"]["date"], portuguese["header"]["date"]) == ("01/15/24", "15/01/24")
    assert (english["header"]["part"], portuguese["header"]["part"]) == ("100.000", "100,000")
    swapped = str.maketrans(",.", ".,")
    assert [row["theoricalQty"].translate(swapped) for row in english["results"]] == [
        row["theoricalQty"] for row in portuguese["results"]
    ]
    assert sum(round(float(row["part"]) * 1000) for row in english["results"]) == 100_000
    assert generate.portfolio_day("NONE", DAY) == b"" == generate.index_year("NONE", 2024, DAY)


def test_daily_files_have_b3s_columns(real: Path) -> None:
    theirs = (real / "symbols/InstrumentsConsolidated_20220128.excerpt.csv").read_text("latin-1").splitlines()[0]
    for make, columns in (
        (generate.instruments_consolidated, INSTRUMENT_COLUMNS),
        (generate.trade_information, TRADE_COLUMNS),
    ):
        lines = make(DAY, 300).decode("latin-1").split("\r\n")
        assert lines[0] == "Status do Arquivo: Final" and lines[1] == ";".join(columns) and lines[-1] == ""
        assert {line.count(";") for line in lines[2:-1]} == {len(columns) - 1}
        assert {line[:10] for line in lines[2:-1]} == {"2024-01-15"}
    assert ";".join(INSTRUMENT_COLUMNS) == theirs and len(INSTRUMENT_COLUMNS) == 52
    assert generate.instruments_consolidated(DAY, 10, status="Parcial").startswith(b"Status do Arquivo: Parcial\r\n")


def test_instruments_are_those_of_the_other_files() -> None:
    text = generate.instruments_consolidated(DAY, 500).decode("latin-1").split("\r\n")[1:-1]
    rows = list(csv.DictReader(text, delimiter=";"))
    registered = {row["TckrSymb"] for row in rows}
    assert len(registered) == len(rows)
    quoted = {
        field(record, "CODNEG").strip()
        for record in records(generate.cotahist([DAY], 500))
        if field(record, "CODBDI") in ("02", "08", "12", "14", "96", "78", "82")
    }
    assert quoted <= registered
    assert {contract.symbol for contract in listed(DAY)[:500]} <= registered
    kinds = {(row["SgmtNm"], row["MktNm"]) for row in rows}
    assert {("CASH", "EQUITY-CASH"), ("EQUITY CALL", "EQUITY-DERIVATE"), ("FINANCIAL", "FUTURE")} <= kinds


def test_an_instrument_file_counts_its_messages_and_has_every_kind() -> None:
    text = generate.instrument_file(DAY, 300)
    messages = list(tree(text).iter("{urn:bvmf.100.02.xsd}Instrm"))
    assert int(values(text, "TtlNbOfMsg")[0]) == len(messages)
    kinds = {etree.QName(message.find("{*}InstrmInf")[0]).localname for message in messages}
    assert {"EqtyInf", "EqtyFwdInf", "OptnOnEqtsInf", "ExrcEqtsInf", "FutrCtrctsInf", "OptnOnSpotAndFutrsInf",
            "DrvsOptnExrcInf", "StrtgyInf", "FxdIncmInf", "NtlBdInf", "ADRInf"} <= kinds  # fmt: skip


def test_the_bulletin_is_written_for_people() -> None:
    text = generate.derivatives_bulletin(DAY, 300)
    assert text.startswith(b"\xef\xbb\xbf")
    lines = text.decode("utf-8-sig").split("\r\n")
    header = next(n for n, line in enumerate(lines) if line.startswith("Instrumento financeiro;"))
    assert header == 2 and {line.count(";") for line in lines[header:-1]} == {18}
    rows = {row["Instrumento financeiro"]: row for row in csv.DictReader(lines[header:-1], delimiter=";")}
    contract = next(contract for contract in listed(DAY) if contract.symbol == "DI1F25")
    price = float(rows["DI1F25"]["Ajuste"].replace(".", "").replace(",", "."))
    assert (price, rows["DI1F25"]["Preço de referência"]) == (settle(contract, DAY)[0], "-")


def test_a_full_report_is_written_to_a_path_as_it_is_made(tmp_path: Path) -> None:
    generate.write_price_report(tmp_path / "pr.xml", DAY, 1500)
    generate.write_price_report(tmp_path / "pr.zip", DAY, 1500)
    text = (tmp_path / "pr.xml").read_bytes()
    assert text == only_member((tmp_path / "pr.zip").read_bytes())
    assert int(values(text, "TtlNbOfMsg")[0]) == len(values(text, "PricRpt")) == 1500


# ---- The endpoints


@pytest.fixture
def b3() -> Iterator[Simulator]:
    with running(rows=60, today=date(2024, 1, 17)) as server:
        yield server


@pytest.fixture
def get(b3: Simulator) -> Iterator[Callable[..., httpx.Response]]:
    with httpx.Client(base_url=b3.url, timeout=5, trust_env=False) as client:
        yield client.get


def listed_path(call: str, **asked: Any) -> str:
    return f"{LISTED}{call}/{base64.b64encode(json.dumps(asked, separators=(',', ':')).encode()).decode()}"


def test_cotahist_by_day_month_and_year(get) -> None:
    day = records(only_member(get(f"{HISTORY}D15012024.ZIP").content))
    month = records(only_member(get(f"{HISTORY}M012024.ZIP").content))
    year = records(only_member(get(f"{HISTORY}A2019.ZIP").content))
    assert len(day) == 60
    assert {field(record, "DATPRE") for record in month} == {f"{d:%Y%m%d}" for d in sessions(date(2024, 1, 1), DAY)} | {
        "20240116",
        "20240117",
    }
    assert len(year) == 3 * len(sessions(date(2019, 1, 1), date(2019, 12, 31)))


@pytest.mark.parametrize("name", ["D25122023", "D18012024", "D20240115", "D99992024", "A1985", "A2025", "M022024"])
def test_cotahist_is_not_found_without_session_or_before_its_day(get, name: str) -> None:
    assert get(f"{HISTORY}{name}.ZIP").status_code == 404


def test_the_current_year_is_sent_without_a_length(get) -> None:
    current, closed = get(f"{HISTORY}A2024.ZIP"), get(f"{HISTORY}A2023.ZIP")
    assert current.headers["Transfer-Encoding"] == "chunked" and "Content-Length" not in current.headers
    assert int(closed.headers["Content-Length"]) == len(closed.content)
    assert {field(record, "DATPRE") for record in records(only_member(current.content))} == {
        f"{day:%Y%m%d}" for day in sessions(date(2024, 1, 1), date(2024, 1, 17))
    }


@pytest.mark.parametrize("name", ["SPRD240115.zip", "SPRE240115.zip", "PR240115.zip", "IR240115.zip", "IN240115.zip"])
def test_a_session_file_is_a_zip_in_a_zip(get, name: str) -> None:
    plain, comma = get(SESSION + name), get(f"{SESSION}{name},")
    assert plain.content == comma.content
    with zipfile.ZipFile(io.BytesIO(plain.content)) as outer:
        assert outer.namelist() == [name]
    assert only_member(only_member(plain.content)).lstrip(b"\xef\xbb\xbf").startswith(b"<?xml")


def test_a_swap_file_is_a_program_in_a_zip(get) -> None:
    with zipfile.ZipFile(io.BytesIO(get(f"{SESSION}TS240115.ex_,").content)) as outer:
        assert outer.namelist() == ["TS240115.ex_"]


@pytest.mark.parametrize(
    "name",
    [
        "SPRD240113.zip",
        "SPRD240118.zip",
        "PR160229.zip",
        "PR210610.zip",
        "PR150105.zip",
        "XX240115.zip",
        "TS240115.zip",
    ],
)
def test_a_session_file_that_is_not_there_is_a_zip_without_entries(get, name: str) -> None:
    answer = get(SESSION + name)
    assert answer.status_code == 200 and answer.content == generate.EMPTY_ZIP


def test_a_republished_session_file_holds_each_version(b3: Simulator, get) -> None:
    b3.exchange.versions = 2
    with zipfile.ZipFile(io.BytesIO(only_member(get(f"{SESSION}SPRD240115.zip").content))) as archive:
        assert len(archive.namelist()) == 2


def test_several_session_files_come_in_one_zip(get) -> None:
    with zipfile.ZipFile(io.BytesIO(get(f"{SESSION}SPRD240115.zip,IR240115.zip,").content)) as archive:
        assert archive.namelist() == ["SPRD240115.zip", "IR240115.zip"]


@pytest.mark.parametrize("name", ["InstrumentsConsolidated", "TradeInformationConsolidatedFile"])
def test_a_daily_file_is_had_by_token(get, name: str) -> None:
    asked = get(f"{DAILY}/requestname?fileName={name}&date=2024-01-15&recaptchaToken=").json()
    assert asked["file"]["extension"] == ".csv" and asked["redirectUrl"].endswith(asked["token"])
    answer = get(f"{DAILY}/?token={asked['token']}")
    assert answer.content.startswith(b"Status do Arquivo: Final\r\nRptDt;TckrSymb;")
    consent = get(f"{DAILY}?token={asked['token']}")
    assert consent.status_code == 200 and "html" in consent.headers["Content-Type"]


def test_a_token_lives_for_its_time(b3: Simulator, get) -> None:
    b3.exchange.token_seconds = 0.05
    token = get(f"{DAILY}/requestname?fileName=InstrumentsConsolidated&date=2024-01-15").json()["token"]
    time.sleep(0.1)
    assert get(f"{DAILY}/?token={token}").status_code == 400
    assert get(f"{DAILY}/?token=never").status_code == 400


@pytest.mark.parametrize(
    ("name", "day", "status", "token"),
    [
        ("InstrumentsConsolidated", "2024-01-13", 400, None),
        ("InstrumentsConsolidated", "2024-01-18", 200, ""),
        ("TradeInformationConsolidated", "2019-06-14", 400, None),
        ("NoSuchFile", "2024-01-15", 400, None),
        ("InstrumentsConsolidated", "15/01/2024", 400, None),
    ],
)
def test_no_token_for_what_is_not_there(get, name: str, day: str, status: int, token: str | None) -> None:
    answer = get(f"{DAILY}/requestname", params={"fileName": name, "date": day})
    assert answer.status_code == status and answer.json().get("token") == token


def test_a_daily_file_says_that_it_is_not_final(b3: Simulator, get) -> None:
    b3.exchange.file_status = "Preliminar"
    token = get(f"{DAILY}/requestname?fileName=InstrumentsConsolidated&date=2024-01-15").json()["token"]
    assert get(f"{DAILY}/?token={token}").content.startswith(b"Status do Arquivo: Preliminar\r\n")


def test_the_bulletin_is_asked_for_by_post(b3: Simulator) -> None:
    def post(day: str = "2024-01-15", filters: Any = None, **more: str) -> httpx.Response:
        asked = {"Name": "ConsolidatedTradesDerivatives", "Date": day, "FinalDate": day, "ClientId": ""}
        body = asked | {"Filters": {} if filters is None else filters} | more
        url = f"{b3.url}/arquivos.b3.com.br/bdi/table/export/csv?lang=pt-BR"
        return httpx.post(url, json=body, trust_env=False)

    assert post().content == generate.derivatives_bulletin(DAY, 60)
    for day in ("2024-01-13", "2024-01-18", "2023-11-01"):  # no session, to come, no longer kept
        assert post(day).status_code == 200 and "Nenhum resultado" in post(day).text
    assert post(filters=[]).status_code == post(Name="Nothing").status_code == 400
    assert json.loads(b3.seen[0].body)["Name"] == "ConsolidatedTradesDerivatives"


def test_index_pages_show_the_last_session(get) -> None:
    asked = {"pageNumber": 1, "pageSize": 100, "index": "IBOV"}
    day = "indexProxy/indexCall/GetPortfolioDay"
    english = get(listed_path(day, **asked, language="en-us", segment=2)).json()
    assert english["header"]["date"] == "01/17/24" and "segment" in english["results"][0]
    assert get(listed_path(day, **asked, language="pt-br", segment=2)).json()["header"]["date"] == "17/01/24"
    theoretical = get(listed_path("indexProxy/indexCall/GetTheoricalPortfolio", **asked, language="pt-br")).json()
    assert "date" not in theoretical["header"]
    stocks = get(listed_path("indexProxy/indexCall/GetStockIndex", language="pt-br")).json()
    assert stocks["header"]["update"] == "2024-01-17"
    few = get(listed_path(day, **asked | {"pageSize": 20, "pageNumber": 2}, language="en-us", segment=2)).json()
    assert few["results"] == english["results"][20:40] and few["page"]["totalPages"] == -(-86 // 20)
    many = get(listed_path(day, **asked | {"pageSize": 9999}, language="en-us", segment=2)).json()
    assert many["results"] == [] and many["page"]["totalRecords"] is many["page"]["totalPages"] is None


def test_index_values_come_by_year(get) -> None:
    call = "indexStatisticsProxy/IndexCall/GetPortfolioDay"
    page = get(listed_path(call, language="en-us", index="IBOV", year=2024)).json()
    assert page["results"][16]["rateValue1"] and page["results"][17]["rateValue1"] is None
    assert page == get(listed_path(call, language="en-us", index="IBOVESPA", year=2024)).json()
    unknown = get(listed_path(call, language="en-us", index="NONE", year=2024))
    assert (unknown.status_code, unknown.content) == (200, b"")


def test_what_is_absent_is_answered_as_its_host_answers(b3: Simulator, get) -> None:
    b3.exchange.absent = ["SPRD2401", "COTAHIST_D", "requestname.*Instruments"]
    assert get(f"{SESSION}SPRD240115.zip").content == generate.EMPTY_ZIP
    assert get(f"{SESSION}PR240115.zip").content != generate.EMPTY_ZIP
    assert get(f"{HISTORY}D15012024.ZIP").status_code == 404
    assert get(f"{DAILY}/requestname?fileName=InstrumentsConsolidated&date=2024-01-15").status_code == 400


def test_a_client_that_is_no_browser_can_be_refused(b3: Simulator, get) -> None:
    b3.exchange.bare_clients_refused = True
    assert get(FILE).status_code == 403
    assert get(FILE, headers={"User-Agent": "Mozilla/5.0"}).status_code == 200


def test_a_page_that_b3_closed_leads_to_its_error_page(get) -> None:
    page = get("/www2.bmf.com.br/pages/portal/bmfbovespa/lumis/lum-ajustes-do-pregao-ptBR.asp", follow_redirects=True)
    assert (page.status_code, page.url.path) == (200, "/www.b3.com.br/pt_br/erro.htm")


def test_a_question_that_cannot_be_read_is_refused(get) -> None:
    call = "indexProxy/indexCall/GetPortfolioDay"
    assert get(f"{LISTED}{call}/%%%").status_code == get(f"{LISTED}{call}/bm90IGpzb24=").status_code == 400
    assert get(listed_path(call, index="IBOV", segment="two")).status_code == 400


def test_rows_seed_and_day_can_change_between_requests(b3: Simulator, get) -> None:
    first = get(f"{HISTORY}D15012024.ZIP").content
    b3.seed = 1
    assert get(f"{HISTORY}D15012024.ZIP").content != first
    b3.seed, b3.rows = 0, 80
    assert len(records(only_member(get(f"{HISTORY}D15012024.ZIP").content))) == 80
    b3.rows, b3.today = 60, date(2024, 1, 12)
    assert get(f"{HISTORY}D15012024.ZIP").status_code == 404
    assert b3.requests == [f"{HISTORY}D15012024.ZIP"] * 4


def test_the_day_is_the_last_session_unless_told() -> None:
    with running() as server:
        assert (server.rows, server.seed) == (500, 0) and previous_session(server.today) == server.today


def test_one_connection_serves_many_requests(b3: Simulator) -> None:
    with socket.create_connection(("127.0.0.1", b3.server_port)) as connection:
        for path in (f"{HISTORY}D15012024.ZIP", "/nowhere", f"{HISTORY}A2024.ZIP", f"{HISTORY}D15012024.ZIP"):
            connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
            head, rest = read_head(connection)
            if b"chunked" in head:
                while not rest.endswith(b"\r\n0\r\n\r\n"):
                    rest += connection.recv(65536)
            else:
                length = int(re.search(rb"Content-Length: (\d+)", head)[1])
                while len(rest) < length:
                    rest += connection.recv(65536)
                assert len(rest) == length


def test_eight_clients_at_once_get_the_same_file(b3: Simulator) -> None:
    found: list[bytes] = []

    def ask() -> None:
        found.append(httpx.get(f"{b3.url}{SESSION}SPRD240115.zip", timeout=20, trust_env=False).content)

    threads = [threading.Thread(target=ask) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8 and len(set(found)) == 1


# ---- The faults


def read_head(connection: socket.socket) -> tuple[bytes, bytes]:
    data = b""
    while b"\r\n\r\n" not in data:
        more = connection.recv(65536)
        if not more:
            break
        data += more
    head, _, rest = data.partition(b"\r\n\r\n")
    return head, rest


def raw(b3: Simulator, path: str, timeout: float = 5.0) -> tuple[bytes, bytes, str]:
    """Head and body as they come over the wire, and how the connection ended: closed, reset or silent."""
    with socket.create_connection(("127.0.0.1", b3.server_port), timeout=timeout) as connection:
        connection.sendall(f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        data = b""
        try:
            while more := connection.recv(65536):
                data += more
            end = "closed"
        except ConnectionResetError:
            end = "reset"
        except TimeoutError:
            end = "silent"
    head, _, body = data.partition(b"\r\n\r\n")
    return head, body, end


def length(head: bytes) -> int:
    return int(re.search(rb"Content-Length: (\d+)", head)[1])


def test_a_status_is_spent_by_one_request(b3: Simulator, get) -> None:
    b3.faults = [503, 404]
    assert [get(FILE).status_code for _ in range(3)] == [503, 404, 200] and b3.faults == []


def test_retry_after_is_seconds_or_a_date(b3: Simulator, get) -> None:
    b3.faults = [
        429,
        {"status": 429, "retry_after": 7},
        Fault(status=503, retry_after=timedelta(seconds=30)),
        {"status": 429, "retry_after": "Wed, 21 Oct 2015 07:28:00 GMT"},
        {"status": 500},
    ]
    headers = [get(FILE).headers.get("Retry-After") for _ in range(5)]
    assert (headers[0], headers[1], headers[3], headers[4]) == ("0", "7", "Wed, 21 Oct 2015 07:28:00 GMT", None)
    assert 20 < parsedate_to_datetime(headers[2]).timestamp() - time.time() < 40


def test_a_fault_waits_for_the_path_it_is_meant_for(b3: Simulator, get) -> None:
    b3.faults = [{"status": 503, "where": "SPRD", "times": 2}, "empty"]
    assert get(FILE).content == b"" and get(FILE).status_code == 200
    assert [get(f"{SESSION}SPRD240115.zip").status_code for _ in range(3)] == [503, 503, 200]


@pytest.mark.parametrize("name", ["html", "captcha"])
def test_a_page_comes_instead_of_the_file(b3: Simulator, get, name: str) -> None:
    b3.faults = [name, {"kind": name, "status": 403}]
    first, second = get(FILE), get(FILE)
    assert (first.status_code, second.status_code) == (200, 403)
    assert first.content.startswith(b"<!DOCTYPE html>") and "html" in first.headers["Content-Type"]


def test_empty_answers(b3: Simulator, get) -> None:
    b3.faults = ["empty", "empty zip"]
    assert get(FILE).content == b"" and get(FILE).content == generate.EMPTY_ZIP


def test_a_cut_body_ends_before_its_length(b3: Simulator) -> None:
    b3.faults = ["cut"]
    head, body, end = raw(b3, FILE)
    assert (len(body), end) == (length(head) // 2, "closed")


def test_a_cut_stream_ends_without_its_end(b3: Simulator, get) -> None:
    b3.faults = ["cut"]
    with pytest.raises(httpx.RemoteProtocolError):
        get(f"{HISTORY}A2024.ZIP")


def test_a_cut_zip_is_as_long_as_it_says(b3: Simulator, get) -> None:
    whole = get(FILE).content
    b3.faults = ["cut zip"]
    answer = get(FILE)
    assert answer.content == whole[: len(whole) // 2] and int(answer.headers["Content-Length"]) == len(answer.content)


@pytest.mark.parametrize("by", [-10, 10])
def test_a_wrong_length_is_wrong_by_so_much(b3: Simulator, get, by: int) -> None:
    whole = get(FILE).content
    b3.faults = [{"kind": "wrong length", "by": by}]
    head, body, end = raw(b3, FILE)
    assert body == whole and length(head) == len(whole) + by and end == "closed"


def test_a_reset_comes_before_or_within_the_answer(b3: Simulator) -> None:
    b3.faults = ["reset", {"kind": "reset", "after": 100}]
    assert raw(b3, FILE) == (b"", b"", "reset")
    _, body, end = raw(b3, FILE)
    assert end == "reset" and len(body) <= 100


def test_a_stall_is_silent_after_the_head(b3: Simulator) -> None:
    b3.faults = ["stall", {"kind": "stall", "after": 50}, {"kind": "stall", "seconds": 0.1}]
    head, body, end = raw(b3, FILE, timeout=0.4)
    assert length(head) > 0 and (body, end) == (b"", "silent")
    assert len(raw(b3, FILE, timeout=0.4)[1]) == 50
    assert raw(b3, FILE, timeout=3)[2] == "closed"


def test_a_stall_does_not_outlive_the_simulator() -> None:
    with running(rows=20) as server:
        server.faults = ["stall"]
        connection = socket.create_connection(("127.0.0.1", server.server_port))
        connection.sendall(f"GET {FILE} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        read_head(connection)
        start = time.monotonic()
    connection.settimeout(5)
    assert connection.recv(10) == b"" and time.monotonic() - start < 5
    connection.close()


def test_a_slow_answer_is_whole_in_the_end(b3: Simulator, get) -> None:
    whole = get(FILE).content
    b3.faults = [{"kind": "slow", "seconds": 0.4}]
    start = time.monotonic()
    assert get(FILE).content == whole and time.monotonic() - start > 0.3


def test_redirects_lead_to_an_error_page_or_elsewhere(b3: Simulator, get) -> None:
    b3.faults = ["redirect error page", "redirect error page", {"kind": "redirect elsewhere", "where": "COTAHIST"}]
    assert get(FILE).status_code == 302
    page = get(FILE, follow_redirects=True)
    assert page.status_code == 200 and page.content.startswith(b"<!DOCTYPE html>")
    away = urlsplit(get(FILE).headers["Location"])
    assert away.hostname == "127.0.0.1" and away.port != b3.server_port
    b3.faults = [{"kind": "redirect elsewhere", "location": "file:///etc/hostname"}]
    assert get(FILE).headers["Location"] == "file:///etc/hostname"


@pytest.mark.parametrize(
    ("path", "before"),
    [
        (FILE, f"{HISTORY}D12012024.ZIP"),
        (f"{SESSION}SPRD240115.zip", f"{SESSION}SPRD240112.zip"),
        (f"{SESSION}TS240115.ex_", f"{SESSION}TS240112.ex_"),
    ],
)
def test_the_file_of_another_day(b3: Simulator, get, path: str, before: str) -> None:
    b3.faults = ["other day"]
    assert get(path).content == get(before).content != get(path).content


@pytest.mark.parametrize("name", ["SPRD240115.zip", "IR240115.zip"])
def test_a_bom_stands_inside_the_archives(b3: Simulator, get, name: str) -> None:
    plain = only_member(only_member(get(SESSION + name).content))
    b3.faults = ["bom"]
    assert only_member(only_member(get(SESSION + name).content)) == b"\xef\xbb\xbf" + plain


def test_other_encodings(b3: Simulator, get) -> None:
    page = listed_path("indexProxy/indexCall/GetPortfolioDay", language="en-us", index="IBOV", segment=2)
    text = get(page).content.decode()
    b3.faults = ["latin1"]
    assert get(page).content == text.encode("latin-1") != text.encode()
    b3.faults = ["utf8"]
    swaps = only_member(only_member(get(f"{SESSION}TS240115.ex_").content))
    assert "SINTÉTICO" in swaps.decode() and len(swaps) > len(swaps.decode())


@pytest.mark.parametrize(
    ("kind", "first"),
    [
        ("added column", "RptDt;TckrSymb;Asst;NewColNm;"),
        ("missing column", "RptDt;Asst;AsstDesc;"),
        ("columns in another order", "TckrSymb;Asst;"),
    ],
)
def test_columns_change(b3: Simulator, get, kind: str, first: str) -> None:
    token = get(f"{DAILY}/requestname?fileName=InstrumentsConsolidated&date=2024-01-15").json()["token"]
    b3.faults = [kind]
    lines = get(f"{DAILY}/?token={token}").content.decode("latin-1").split("\r\n")
    assert lines[0] == "Status do Arquivo: Final" and lines[1].startswith(first)
    assert len({line.count(";") for line in lines[1:-1]}) == 1


def test_any_change_reaches_the_text_however_packed(b3: Simulator, get) -> None:
    b3.faults = [Fault("change", change=lambda text: text.replace(b"DIxPRE", b"XXxXXX"))]
    swaps = only_member(only_member(get(f"{SESSION}TS240115.ex_").content))
    assert b"XXxXXX" in swaps and b"DIxPRE" not in swaps


def test_a_fault_that_there_is_not_is_refused() -> None:
    with pytest.raises(ValueError, match="there is no fault 'nothing'"):
        Fault.of("nothing")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_says_where_it_is_and_stops(number: int) -> None:
    command = [sys.executable, "-m", "tests.support.simulator", "0", "--rows", "20", "--today", "2024-01-17"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout and process.stderr
        url = re.search(r"http://127\.0\.0\.1:\d+", process.stdout.readline())
        assert url
        assert len(records(only_member(httpx.get(url[0] + FILE, trust_env=False).content))) == 20
        process.send_signal(number)
        assert process.wait(timeout=5) == 0 and process.stderr.read() == ""

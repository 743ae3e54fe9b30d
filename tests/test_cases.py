"""Each small input that was made of B3's own files gives the right rows, and says what is odd about it."""

from __future__ import annotations

import re
import warnings
import zipfile
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

import pyb3
from pyb3.datasets import registry
from pyb3.errors import FieldInvalid, FileError, Incomplete, NotPublished, PyB3Error, WrongDate
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from tests.support import generate

ASKED = {"language": "en-us", "index": "IBOV", "year": 2022}
ELSEWHERE = {"README.md", "late_cotahist.csv", "two_days_in_one.zip", "GetPortfolioDay_empty_total_null.json"}


class Read(NamedTuple):
    """The rows of a file, what was set aside of it, and what was told."""

    frame: pl.DataFrame
    rejects: Rejects
    notes: list[str]

    @property
    def told(self) -> str:
        return "\n".join([*self.notes, *map(str, self.rejects.records), *self.rejects.gaps])


def read(dataset: str, path: Path, day: date | None = None) -> Read:
    """A file as `ingest --file` reads it, or as the file of a day."""
    notes, rejects = list[str](), Rejects()
    known = {"payload": ASKED} if path.suffix == ".json" else {}
    unit = None if day is None else registry.get(dataset).unit("day", day)
    file = File(path, item="IBOV", known=known)
    return Read(registry.get(dataset).frame([file], unit, notes=notes, rejects=rejects), rejects, notes)


@pytest.fixture(scope="session")
def cases(real: Path) -> Path:
    """The folder of these inputs."""
    if not (folder := real / "cases").is_dir():
        pytest.skip(f"the inputs made of B3's files are not in {folder}")
    return folder


def _case(dataset: str, name: str, rows: int, *told: str, rejected: int = 0, values: int = 0, gaps: int = 0):  # noqa: ANN202
    return pytest.param(dataset, name, rows, told, (rejected, values, gaps), id=name.rpartition("/")[2])


MADE = "assumptions/"
UNKNOWN = "fields that PyB3 does not know: "
CASES = [
    _case("cotahist", "COTAHIST.A1986", 2, "1 row has the key of a different row", "numbered in `occurrence`"),
    _case("cotahist", "COTAHIST.A1986_three_terms", 3),
    _case("cotahist", "COTAHIST.A1987", 4, r"PRAZOT: a text for no value \(3 times", r"line 3: '\\x00\\x0f'"),
    _case("cotahist", "COTAHIST_D01092026.ZIP", 8),
    _case("cotahist", "COTAHIST_D01092026_block_lot.TXT", 11),
    _case("cotahist", "COTAHIST_receipt_spec_PN_BDI10.TXT", 2),
    _case("cotahist", "infra_funds_CI_BDI14.TXT", 3),
    _case("cotahist", MADE + "COTAHIST_TAB_in_name.TXT", 8),
    _case("cotahist", MADE + "COTAHIST_blank_line_end.TXT", 8, r"a blank line \(once, first line 10"),
    _case("cotahist", MADE + "COTAHIST_control.TXT", 8),
    _case(
        "cotahist", MADE + "COTAHIST_header_trailer_other_date.TXT", 8,
        "its header has the date 20260901, its trailer 20260902",
    ),
    _case("cotahist", MADE + "COTAHIST_indopc_letter.TXT", 8, 'line 2, field INDOPC: "X" is not', values=1),
    _case("cotahist", MADE + "COTAHIST_maturity_zero.TXT", 8, r"DATVEN: .* no value \(once.*'00000000'"),
    _case("cotahist", MADE + "COTAHIST_origin_B3.TXT", 8, "its header has the origin 'B3'", "its trailer has the orig"),
    _case("cotahist", MADE + "COTAHIST_trades_blank.TXT", 8),
    _case("cotahist", MADE + "COTAHIST_trimmed_quote.TXT", 8),
    _case("cotahist", MADE + "COTAHIST_two_strikes_one_ticker.TXT", 9, "symbol=PETRK312"),
    _case("futures", "PR210423.first.zip", 545, "26 futures are not settled yet: DAP", gaps=1),
    _case("futures", "SPRD_duplicate_ticker.zip", 4, "1 row has the key .* symbol=ETHG23"),
    _case(
        "futures", MADE + "SPRD260112_mixed_currency.zip", 4,
        'MaxTradLmt/@Ccy: "USD" is not BRL of the row', values=1,
    ),
    _case("futures", MADE + "SPRD260112_namespace_02.zip", 4, "namespaces .* does not know: urn:bvmf.217.02.xsd"),
    _case(
        "futures", MADE + "SPRD260112_negative_open_interest.zip", 3,
        "check counts_not_negative .* open_interest=-1", rejected=1,
    ),
    _case("futures", MADE + "SPRD260112_new_leaf.zip", 4, UNKNOWN + "FinInstrmAttrbts/RefPric$"),
    _case("futures", MADE + "SPRD260112_new_leaf_in_all.zip", 4, UNKNOWN + "FinInstrmAttrbts/RefPric$"),
    _case("futures", MADE + "SPRD260112_new_leaf_in_option.zip", 4),
    _case("futures", MADE + "SPRD260112_open_interest_8_zeros.zip", 4),
    _case("futures", MADE + "SPRD260112_open_interest_decimal.zip", 4),
    _case("futures", MADE + "SPRD260112_price_12_decimals.zip", 4),
    _case("futures", MADE + "SPRD260112_repeated_leaf.zip", 4, r"OpnIntrst: it stands twice .* \(once"),
    _case("futures", MADE + "SPRD260112_two_groups.zip", 4),
    _case("futures", MADE + "SPRD260112_volume_3_decimals.zip", 4),
    _case("futures", MADE + "SPRD260112_volume_8_decimals.zip", 4),
    _case("futures", MADE + "SPRD260112_volume_in_usd.zip", 4, 'NtlFinVol/@Ccy: "USD" is not BRL', values=1),
    _case("futures", MADE + "two_snapshots_older_sorts_last.zip", 4),
    _case("futures", MADE + "TIC_extra_column.csv", 2, "columns that PyB3 does not know: NewCol$"),
    _case("futures", MADE + "TIC_ref_12_decimals.csv", 2),
    _case("futures", MADE + "TIC_trade_qty_decimal.csv", 2),
    _case("futures", MADE + "TIC_volume_3_decimals.csv", 2),
    _case("index_composition", MADE + "GetPortfolioDay_control.json", 87),
    _case("index_composition", MADE + "GetPortfolioDay_day_first.json", 87),
    _case("index_composition", MADE + "GetPortfolioDay_header_99_999.json", 87, "99.999 %, its weights sum to 100.000"),
    _case("index_composition", MADE + "GetPortfolioDay_quantity_decimals.json", 87, r"sum to 99,015,750,716\.50"),
    _case(
        "index_composition", MADE + "GetPortfolioDay_reductor_9_decimals.json", 87,
        "reductor: more than 8 decimals, rounded .*16,036,751.167441281",
    ),
    _case("index_composition", MADE + "GetPortfolioDay_total_pages_0.json", 87, "pages"),
    _case("index_composition", MADE + "GetPortfolioDay_weight_4_decimals.json", 87, "part: more than 3 .*'2.6634'"),
    _case("index_historical", MADE + "IR210423_control.zip", 25),
    _case("index_historical", MADE + "IR210423_four_decimals.zip", 25, "ClsgPric: more than 2 .*'13401.1834'"),
    _case("index_historical", MADE + "IR210423_new_leaf.zip", 25, UNKNOWN + "IndxInf/MktCptlstn$"),
    _case("index_historical", MADE + "IndexStatistics_4_decimals.json", 250, "rateValueN: more than 2 decimals, round"),
    _case("index_historical", MADE + "IndexStatistics_dash.json", 250, 'line 101, .*: "-" is not a num', rejected=1),
    _case("index_historical", MADE + "IndexStatistics_day_text.json", 250),
    _case(
        "symbols", MADE + "InstrumentsConsolidated_blank_market.csv", 1,
        "line 4, field MktNm: .* blank", rejected=1,
    ),
    _case(
        "symbols", MADE + "InstrumentsConsolidated_blank_segment.csv", 1,
        "line 4, field SgmtNm: .* blank", rejected=1,
    ),
    _case("symbols", MADE + "InstrumentsConsolidated_bool_Sim.csv", 2),
    _case("symbols", MADE + "InstrumentsConsolidated_bool_TRUE.csv", 2),
    _case("symbols", MADE + "InstrumentsConsolidated_control.csv", 2),
    _case("symbols", MADE + "InstrumentsConsolidated_dash_blank.csv", 2),
    _case("symbols", MADE + "InstrumentsConsolidated_date_0001.csv", 2, "CorpActnStartDt: a text for .*'0001-01-01'"),
    _case("symbols", MADE + "InstrumentsConsolidated_date_zero.csv", 2, "XprtnDt: a text for no .*'0000-00-00'"),
    _case("symbols", MADE + "InstrumentsConsolidated_status_none.csv", 2),
    _case("symbols", MADE + "InstrumentsConsolidated_trailing_semicolon.csv", 2, "blank fields behind the last one"),
    _case("yield_curves", MADE + "TaxaSwap_control.txt", 6),
    _case("yield_curves", MADE + "TaxaSwap_duplicate_vertex.txt", 7, "curve_code=021, calendar_days=1087"),
    _case("yield_curves", MADE + "TaxaSwap_kind_V.txt", 4, r"codes that PyB3 does not know: V \(1 row\)"),
    _case("yield_curves", MADE + "TaxaSwap_running_restarts.txt", 5, "line 4, .* it begins anew, 1 follows 3"),
    _case("yield_curves", MADE + "TaxaSwap_running_step_2.txt", 6, "it grows by 2 a record, not by 1"),
    _case("yield_curves", MADE + "TaxaSwap_text_days_blank.txt", 3, "line 4, .* blank", rejected=1),
    _case("yield_curves", MADE + "TaxaSwap_width_73.txt", 6, r"blanks behind a record of 72 characters \(6 times"),
    _case("yield_curves", MADE + "TaxaSwap_wrap.txt", 2, "it begins anew, 0 follows 999,999"),
]  # fmt: skip
REFUSED = [
    pytest.param("futures", "SPRD260112_count_off.zip", Incomplete, "4 messages, its header says 5", id="count_off"),
    pytest.param(
        "index_historical", "IndexStatistics_one_ptbr.json", FieldInvalid,
        r'line 301, field rateValueN: "105\.000,12" is not in en-us as the other values: it is in pt-br', id="one_ptbr",
    ),
]  # fmt: skip


@pytest.mark.parametrize(("dataset", "name", "rows", "told", "odd"), CASES)
def test_every_case_gives_its_rows_and_says_what_is_odd(
    cases: Path, dataset: str, name: str, rows: int, told: tuple[str, ...], odd: tuple[int, int, int]
) -> None:
    found = read(dataset, cases / name)
    assert found.frame.height == rows
    rejects = found.rejects
    assert (rejects.rows, rejects.values, len(rejects.gaps)) == odd
    assert rejects.partial is any(odd)
    for words in told:
        assert re.search(words, found.told, re.MULTILINE), found.told
    # The rule of currency futures' maturities has a test of its own.
    said = [note for note in found.notes if "check maturity_ahead" not in note and "settled instruments" not in note]
    assert bool(said) == bool(told) or any(odd), said


@pytest.mark.parametrize(("dataset", "name", "error", "words"), REFUSED)
def test_a_case_that_shows_damage_is_refused(
    cases: Path, dataset: str, name: str, error: type[PyB3Error], words: str
) -> None:
    with pytest.raises(error, match=words):
        read(dataset, cases / MADE / name)


def test_every_file_of_the_cases_is_tested(cases: Path) -> None:
    tested = {case.values[1].rpartition("/")[2] for case in [*CASES, *REFUSED]} | ELSEWHERE
    assert {path.name for path in cases.rglob("*") if path.is_file()} - tested == set()


@pytest.mark.parametrize("dataset", registry.names())
def test_a_table_about_b3_is_a_file_of_no_dataset(cases: Path, dataset: str) -> None:
    with pytest.raises(FileError, match="late_cotahist.csv is not a file of"):
        read(dataset, cases / "late_cotahist.csv")


def test_two_rows_of_1986_that_share_a_whole_key_are_both_kept(cases: Path) -> None:
    frame = read("cotahist", cases / "COTAHIST.A1986").frame
    columns = ("symbol", "term_days", "occurrence", "quantity", "volume", "close", "trades", "quote_factor")
    assert frame.select(columns).rows() == [
        ("VGO 2", 60, 1, 39_000_000, Decimal("74100.00"), Decimal("1.90"), 1, 1000),
        ("VGO 2", 60, 2, 190_000_000, Decimal("356460.00"), Decimal("1.75"), 4, 1000),
    ]


def test_control_bytes_of_1987_are_a_term_of_no_days(cases: Path) -> None:
    assert read("cotahist", cases / "COTAHIST.A1987").frame["term_days"].to_list() == [0, 0, 0, 0]


def test_a_day_file_of_2026_holds_what_b3_published(cases: Path) -> None:
    frame = read("cotahist", cases / "COTAHIST_D01092026.ZIP", date(2026, 9, 1)).frame
    assert dict(frame.select("symbol", "close").iter_rows()) == {
        symbol: Decimal(close)
        for symbol, close in (
            ("PETR3", "52.37"), ("PETR4", "46.87"), ("PETRK312", "17.06"), ("PETRX501", "3.03"),
            ("PETRI531", "2.08"), ("VALEK850", "3.22"), ("BOVA11", "177.10"), ("BOVAK141", "40.00"),
        )
    }  # fmt: skip
    strikes = {"PETRK312": "30.16", "PETRX501": "46.41", "PETRI531": "51.94", "VALEK850": "83.39", "BOVAK141": "141.00"}
    options = frame.filter(pl.col("market_type").is_in([70, 80]))
    assert dict(options.select("symbol", "strike").iter_rows()) == {s: Decimal(v) for s, v in strikes.items()}
    assert frame.filter(symbol="PETRK312")["maturity_date"].to_list() == [date(2026, 11, 19)]


@pytest.mark.parametrize(
    ("name", "rows"), [("cases/COTAHIST_D01092026.ZIP", 8), ("cotahist/COTAHIST_D25062021.TXT", 7_518)]
)
def test_a_real_file_is_whole_by_both_counts_and_by_no_other(real: Path, tmp_path: Path, name: str, rows: int) -> None:
    path = real / name
    data = path.read_bytes()
    if path.suffix == ".ZIP":
        with zipfile.ZipFile(path) as archive:
            data = archive.read(archive.namelist()[0])
    start = data.rindex(b"\n99COTAHIST") + 1
    for said in (rows, rows + 2):
        (tmp_path / "COTAHIST.TXT").write_bytes(data[: start + 31] + b"%011d" % said + data[start + 42 :])
        assert read("cotahist", tmp_path / "COTAHIST.TXT").frame.height == rows
    for said in (0, rows - 2, rows - 1, rows + 1, rows + 3, rows + 4):
        (tmp_path / "COTAHIST.TXT").write_bytes(data[: start + 31] + b"%011d" % said + data[start + 42 :])
        with pytest.raises(Incomplete, match=f"holds {rows:,} records, its trailer says {said:,}"):
            read("cotahist", tmp_path / "COTAHIST.TXT")


def test_an_option_indicator_that_is_no_digit_is_null_and_the_row_is_kept(cases: Path) -> None:
    odd = read("cotahist", cases / MADE / "COTAHIST_indopc_letter.TXT")
    good = read("cotahist", cases / MADE / "COTAHIST_control.TXT").frame
    (record,) = odd.rejects.records
    assert record.loaded and record.field == "INDOPC" and record.record.startswith("0120260901")
    assert odd.frame.drop("strike_correction").equals(good.drop("strike_correction"))
    assert odd.frame["strike_correction"].to_list() == [None, *good["strike_correction"][1:]]


def test_a_maturity_of_zeros_is_null(cases: Path) -> None:
    frame = read("cotahist", cases / MADE / "COTAHIST_maturity_zero.TXT").frame
    good = read("cotahist", cases / MADE / "COTAHIST_control.TXT").frame
    assert frame["maturity_date"].to_list() == [good["maturity_date"][0], None, *good["maturity_date"][2:]]
    assert frame.drop("maturity_date").equals(good.drop("maturity_date"))


def test_two_strikes_of_one_ticker_are_numbered(cases: Path) -> None:
    frame = read("cotahist", cases / MADE / "COTAHIST_two_strikes_one_ticker.TXT").frame
    rows = frame.filter(symbol="PETRK312").select("occurrence", "strike").rows()
    assert rows == [(1, Decimal("30.16")), (2, Decimal("99.99"))]


def test_a_ticker_twice_in_a_price_report_is_numbered(cases: Path) -> None:
    frame = read("futures", cases / "SPRD_duplicate_ticker.zip").frame
    assert frame.select("symbol", "occurrence", "price").rows() == [
        ("ETHG23", 1, Decimal(2715)),
        ("DI1F24", 1, Decimal("89164.37")),
        ("ETHH23", 1, Decimal(2670)),
        ("ETHG23", 2, Decimal("2999.5")),
    ]


def test_a_vertex_twice_is_numbered(cases: Path) -> None:
    frame = read("yield_curves", cases / MADE / "TaxaSwap_duplicate_vertex.txt").frame
    twice = frame.filter(pl.col("calendar_days") == 1087)
    assert twice["occurrence"].to_list() == [1, 2]
    assert frame["occurrence"].to_list().count(1) == 6


@pytest.mark.parametrize(
    ("name", "symbol", "column", "value"),
    [
        ("price_12_decimals", "DOLG26", "price", Decimal("5397.545123456789")),
        ("open_interest_8_zeros", "DI1F27", "open_interest", 5_495_596),
        ("open_interest_8_zeros", "DOLG26", "open_interest", 806_431),
        ("open_interest_decimal", "DI1F27", "open_interest", 100),
        ("volume_3_decimals", "DOLG26", "volume", Decimal("5800.125")),
        ("volume_8_decimals", "DI1F27", "volume", Decimal("5800.125")),
        ("volume_in_usd", "DOLG26", "volume", None),
        ("mixed_currency", "DOLG26", "price", Decimal("5397.43")),
        ("repeated_leaf", "DI1F27", "open_interest", 5_495_596),
        ("new_leaf", "DI1F27", "price", Decimal("88324.26")),
        ("new_leaf", "EURF26", "price", Decimal("6281.896")),
        ("new_leaf", "BGIH26", "price", Decimal("319.05")),
    ],
)
def test_a_value_of_the_price_report_is_what_its_text_says(
    cases: Path, name: str, symbol: str, column: str, value: object
) -> None:
    frame = read("futures", cases / MADE / f"SPRD260112_{name}.zip", date(2026, 1, 12)).frame
    assert frame.filter(symbol=symbol)[column].to_list() == [value]


def test_of_two_snapshots_the_one_that_was_made_last_is_read(cases: Path) -> None:
    frame = read("futures", cases / MADE / "two_snapshots_older_sorts_last.zip").frame
    assert frame.filter(symbol="DOLG26")["close"].to_list() == [Decimal("5401.5")]


def _messages(data: bytes) -> tuple[bytes, list[bytes], bytes]:
    """A report before its messages, these, and what follows."""
    head, *messages = re.split(rb"(?=<BizGrp>)", data)
    *messages, last = messages
    end = last.index(b"</BizGrp>") + len(b"</BizGrp>")
    return head, [*messages, last[:end]], last[end:]


def test_settled_instruments_of_a_new_shape_are_counted_in_one_line(cases: Path, tmp_path: Path) -> None:
    path = cases / MADE / "SPRD260112_new_leaf.zip"
    with zipfile.ZipFile(path) as archive:
        (member,) = archive.namelist()
        data = archive.read(member)
    data = re.sub(rb"\s*<RefPric.*?</RefPric>", b"", data)
    head, messages, tail = _messages(data)
    (dollar,) = (message for message in messages if b">DOLG26<" in message)
    strangers = [dollar.replace(b"DOLG26", name) for name in (b"WDOXG26", b"B3SAOOG26", b"DOLG2026", b"WDOD16G26")]
    head, count = re.subn(rb"(TtlNbOfMsg>)4<", rb"\g<1>8<", head)
    assert count == 1
    (tmp_path / path.name).write_bytes(generate.zipped(member, head + b"".join([*messages, *strangers]) + tail))
    found = read("futures", tmp_path / path.name, date(2026, 1, 12))
    assert found.frame["symbol"].sort().to_list() == ["BGIH26", "DI1F27", "DOLG26", "EURF26"]
    assert not found.rejects.partial
    assert [note for note in found.notes if "left out" in note] == [
        f"{member} has 4 settled instruments that are left out: WDOXG26, B3SAOOG26, DOLG2026, WDOD16G26"
    ]


def test_two_day_files_in_one_zip_are_both_loaded_or_both_named(cases: Path) -> None:
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        try:
            said = str(pyb3.cotahist_get(file=cases / "two_days_in_one.zip")["refdate"].value_counts().rows())
        except PyB3Error as error:
            said = str(error)
    said += "".join(str(warning.message) for warning in warned)
    first, second = ("2026-08-26", "2026, 8, 26", "D26082026"), ("2026-10-02", "2026, 10, 2", "D02102026")
    assert any(name in said for name in first) and any(name in said for name in second), said


def test_an_answer_without_a_count_of_papers_is_the_source_refusing_a_page_size(cases: Path) -> None:
    with pytest.raises(PyB3Error, match="page size") as caught:
        read("index_composition", cases / MADE / "GetPortfolioDay_empty_total_null.json")
    assert not isinstance(caught.value, NotPublished)


def test_a_portfolio_whose_date_puts_the_day_first_is_another_days(cases: Path) -> None:
    with pytest.raises(WrongDate):
        read("index_composition", cases / MADE / "GetPortfolioDay_day_first.json", date(2025, 4, 7))


def test_a_receipt_with_the_specification_of_its_share_is_no_share(cases: Path) -> None:
    quotes = read("cotahist", cases / "COTAHIST_receipt_spec_PN_BDI10.TXT").frame
    assert pyb3.shares(quotes)["symbol"].to_list() == ["PETR4"]


def test_infrastructure_funds_of_the_etfs_bdi_code_are_no_etfs(cases: Path) -> None:
    quotes = read("cotahist", cases / "infra_funds_CI_BDI14.TXT").frame
    assert pyb3.etfs(quotes)["symbol"].to_list() == ["BOVA11"]

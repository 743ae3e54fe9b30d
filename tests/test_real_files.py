"""B3's own files parse whole and hold the expected values, field by field."""

from __future__ import annotations

import csv
import gzip
import re
from collections import Counter
from datetime import date
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import polars as pl
import pytest

import pyb3
from pyb3 import futures_get
from pyb3.datasets import registry
from pyb3.errors import Incomplete
from pyb3.file import File
from pyb3.maturity import maturity_date


@pytest.mark.parametrize(
    ("name", "day", "markets"),
    [
        ("COTAHIST_D03022022.ZIP", date(2022, 2, 3), {10: 1191, 20: 429, 30: 475, 70: 2691, 80: 2475}),
        (
            "COTAHIST_D25062021.TXT",
            date(2021, 6, 25),
            {10: 1086, 12: 1, 20: 455, 30: 653, 70: 2638, 80: 2685},
        ),
    ],
)
def test_cotahist_day_is_whole(real: Path, name: str, day: date, markets: dict[int, int]) -> None:
    frame = pyb3.cotahist_get(file=real / "cotahist" / name)
    assert dict(frame.group_by("market_type").len().iter_rows()) == markets
    assert frame["refdate"].unique().to_list() == [day]
    assert not frame.select(registry.get("cotahist").template.key).is_duplicated().any()


def test_cotahist_columns_slice_back_to_the_record(real: Path) -> None:
    """Every column of every real record, written out again, is what B3 wrote."""
    path = real / "cotahist" / "COTAHIST_D25062021.TXT"
    template = registry.get("cotahist").template
    lines = path.read_bytes().decode("latin-1").split("\r\n")[1:-1]
    if not lines[-1].startswith("01"):
        lines.pop()
    places = template.columns("cotahist")
    assert len(places) == 26 and sum(width for _, width in places.values()) == 245
    for line, row in zip(lines, pyb3.cotahist_get(file=path).iter_rows(named=True), strict=True):
        assert row["occurrence"] == 1
        for field in template.fields:
            if field.name == "occurrence":
                continue
            start, width = places[field.name]
            raw, value = line[start - 1 : start - 1 + width], row[field.name]
            if raw.strip() == "":
                assert value == (0 if field.name == "term_days" else None)
            elif field.type == "decimal":
                assert value == Decimal(int(raw)).scaleb(-field.decimals)
            elif field.type == "integer":
                assert value == int(raw)
            elif field.type == "date":
                assert f"{value:%Y%m%d}" == raw
            else:
                assert value == raw.strip(" ")


def test_block_lots_are_known_codes(real: Path) -> None:
    notes: list[str] = []
    path = real / "cases/COTAHIST_D01092026_block_lot.TXT"
    frame = registry.get("cotahist").frame([File.at(path)], allow_incomplete=True, notes=notes)
    assert (frame.height, notes) == (11, [])
    lots = frame.filter(pl.col("market_type") == 21).select("symbol", "bdi_code").rows()
    assert lots == [("PETR4Q", "93"), ("BOVA11Q", "93"), ("PETR3M", "92")]


def test_no_real_quote_has_a_code_that_is_not_known_or_too_many_trades(real: Path) -> None:
    rows = 0
    paths = [*(real / "cotahist").glob("COTAHIST_*"), *(real / "cotahist").glob("real_*")]
    for path in paths:
        notes: list[str] = []
        rows += registry.get("cotahist").frame([File.at(path)], allow_incomplete=True, notes=notes).height
        assert not [note for note in notes if "codes" in note or "trades" in note], path.name
    assert rows > 15_000


def test_a_file_cut_short_is_refused_with_both_counts(real: Path) -> None:
    path = real / "cotahist" / "COTAHIST_D04012016.truncated.TXT"
    with pytest.raises(Incomplete, match=r"504 records.*1,745"):
        pyb3.cotahist_get(file=path)
    cotahist = registry.get("cotahist")
    assert cotahist.frame([File.at(path)], allow_incomplete=True).height == 504


_EXPECTED = {
    "OpnIntrst": "open_interest",
    "FrstPric": "open",
    "MinPric": "low",
    "MaxPric": "high",
    "TradAvrgPric": "average",
    "LastPric": "close",
    "AdjstdQt": "price",
    "AdjstdQtTax": "settlement_rate",
    "PrvsAdjstdQt": "previous_price",
    "PrvsAdjstdQtTax": "previous_settlement_rate",
}


_PRICES = "{urn:bvmf.217.01.xsd}"
_SETTLED = ("AdjstdQt", "AdjstdQtTax", "PrvsAdjstdQt", "PrvsAdjstdQtTax")

# The expected values come from the full report PR; SPRD lacks these: the FRC that settles that day, and the
# previous settlement of contracts listed that day.
_NOT_IN_SPRD = {"FRCH23", "FRCH25"}
_LISTED_THAT_DAY = {"DDIG26", "DI1G26", "DOLG26", "WDOG26", "FRCG26"}


@pytest.mark.parametrize("name", ["SPRD230202", "SPRD250203"])
def test_futures_hold_the_expected_values(real: Path, name: str) -> None:
    frame = pyb3.futures_get(file=real / "futures" / f"{name}.zip")
    rows = {row["symbol"]: row for row in frame.iter_rows(named=True)}
    with (real / "futures" / f"{name}.expected.csv").open() as file:
        expected = list(csv.DictReader(file))
    assert expected
    assert {want["symbol"] for want in expected} - set(rows) <= _NOT_IN_SPRD
    for want in expected:
        if want["symbol"] not in rows:
            continue
        row = rows[want["symbol"]]
        assert str(row["refdate"]) == want["refdate"]
        assert str(row["maturity_date"]) == want["maturity_date"], want["symbol"]
        for theirs, ours in _EXPECTED.items():
            if row[ours] is None and ours.startswith("previous_") and want["symbol"] in _LISTED_THAT_DAY:
                continue
            assert row[ours] == (Decimal(want[theirs]) if want[theirs] else None), (want["symbol"], theirs)


def test_every_future_of_the_full_report_comes_out(real: Path) -> None:
    """Held against another reader of the same bytes: every message is looked at, none is lost."""
    path = real / "futures" / "PR180102.xml.gz"
    with gzip.open(path) as stream:
        messages = [element for _, element in ElementTree.iterparse(stream) if element.tag == f"{_PRICES}PricRpt"]
    assert len(messages) == 9_261
    expected = Counter()
    for message in messages:
        symbol = message.findtext(f".//{_PRICES}TckrSymb")
        settled = any(message.find(f".//{_PRICES}{name}") is not None for name in _SETTLED)
        if settled and re.fullmatch("[A-Z0-9]{3}[FGHJKMNQUVXZ][0-9]{2}", symbol):
            expected[symbol, message.findtext(f".//{_PRICES}Dt")] += 1
    frame = pyb3.futures_get(file=path, strays=True)
    assert Counter((row[0], str(row[1])) for row in frame.select("symbol", "refdate").iter_rows()) == expected
    assert (frame.height, frame["symbol"].n_unique()) == (440, 435)


def test_only_futures_come_out_of_the_full_report(real: Path) -> None:
    frame = pyb3.futures_get(file=real / "futures" / "PR180102.xml.gz", strays=True)
    symbols = frame["symbol"].to_list()
    assert not {"MBRF11", "BOVV11", "PFIZ34", "CMIG10"} & set(symbols)
    twice = frame.filter(pl.col("symbol") == "ETHG18")["refdate"].sort().to_list()
    assert {"FRCG18", "FROG18"} <= set(symbols)
    assert twice == [date(2018, 1, 2), date(2018, 1, 3)]
    strays = frame.filter(pl.col("refdate") != date(2018, 1, 2))
    assert sorted(strays["symbol"]) == ["BGIF18", "CCMF18", "CCMH18", "ETHG18", "ICFH18"]
    assert set(strays["refdate"]) == {date(2018, 1, 3)}


def test_maturities_are_those_b3_published(real: Path) -> None:
    with (real / "futures" / "maturities_20150102.csv").open() as file:
        rows = [(row["symbol"], maturity_date(row["symbol"]), row["maturity_date"]) for row in csv.DictReader(file)]
    assert sum(ours is not None for _, ours, _ in rows) > 200
    assert [row for row in rows if row[1] is not None and str(row[1]) != row[2]] == []


def test_single_stock_futures_of_every_kind_of_share(real: Path) -> None:
    symbols = pyb3.futures_get(file=real / "futures" / "SPRD250203.zip")["symbol"]
    single = symbols.filter(symbols.str.len_chars() == 8)
    assert len(single) == 70
    assert {"PETRPG25", "USIMAG25", "KLBNIH25"} <= set(single)


@pytest.mark.parametrize(
    ("name", "path", "rows", "options"),
    [
        ("cotahist", "COTAHIST_D03022022.ZIP", 7_261, ""),
        ("cotahist", "COTAHIST_D25062021.TXT", 7_518, ""),
        ("cotahist", "COTAHIST_D04012016.truncated.TXT", 504, "--allow-incomplete"),
        ("cotahist", "COTAHIST_EXAMPLE.TXT", 11, "--allow-incomplete"),
        ("futures", "PR180102.xml.gz", 440, ""),
        ("futures", "SPRD230202.zip", 579, ""),
        ("futures", "SPRD250203.zip", 642, ""),
    ],
)
def test_a_real_file_loads_once_and_again_changes_nothing(
    pyb3, database, real: Path, name: str, path: str, rows: int, options: str
) -> None:
    line = f"ingest {name} --file {real / name / path} {options} --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert (first["outcome"], first["rows"], first["inserted"]) == ("loaded", rows, rows)
    assert (second["outcome"], second["unchanged"]) == ("unchanged", rows)
    assert (second["inserted"], second["updated"], second["kept"]) == (0, 0, 0)
    assert database.execute(f"SELECT count(*) FROM {name}").fetchone() == (rows,)


def test_a_value_of_a_real_file_is_the_same_in_the_table(pyb3, database, real: Path) -> None:
    path = real / "futures" / "SPRD250203.zip"
    pyb3(f"ingest futures --file {path}")
    columns = ", ".join(f'"{field.name}"' for field in registry.get("futures").template.fields)
    rows = database.execute(f'SELECT {columns} FROM futures ORDER BY symbol COLLATE "C"').fetchall()
    assert rows == futures_get(file=path).sort("symbol").rows()


@pytest.mark.parametrize("options", ["", "--date 2016-01-04"])
def test_the_truncated_file_is_refused_by_the_command_with_both_counts(refused, database, real: Path, options) -> None:
    path = real / "cotahist" / "COTAHIST_D04012016.truncated.TXT"
    answer = refused(f"ingest cotahist --file {path} {options}", 6, r"holds 504 records, its trailer says 1,745")
    assert "--allow-incomplete" in answer.err
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)

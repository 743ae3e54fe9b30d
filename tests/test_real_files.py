"""B3's own files parse whole and hold the expected values, field by field."""

from __future__ import annotations

import csv
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

import pyb3
from pyb3.datasets import registry
from pyb3.errors import Incomplete
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
    for line, row in zip(lines, pyb3.cotahist_get(file=path).iter_rows(named=True), strict=True):
        for field in template.fields:
            raw, value = line[field.start - 1 : field.start - 1 + field.width], row[field.name]
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


def test_a_file_cut_short_is_refused_with_both_counts(real: Path) -> None:
    path = real / "cotahist" / "COTAHIST_D04012016.truncated.TXT"
    with pytest.raises(Incomplete, match=r"506 records.*1,745"):
        pyb3.cotahist_get(file=path)
    parsed = registry.get("cotahist").read(path, allow_incomplete=True)
    assert parsed.frame.height == 504


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


def test_only_futures_come_out_of_the_full_report(real: Path) -> None:
    frame = pyb3.futures_get(file=real / "futures" / "PR180102.xml.gz")
    symbols = frame["symbol"].to_list()
    assert not {"MBRF11", "BOVV11", "PFIZ34", "CMIG10"} & set(symbols)
    twice = frame.filter(pl.col("symbol") == "ETHG18")["refdate"].sort().to_list()
    assert {"FRCG18", "FROG18"} <= set(symbols)
    assert twice == [date(2018, 1, 2), date(2018, 1, 3)]


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

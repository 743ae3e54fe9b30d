"""What a template declares of its rows is checked: a hard check sets the row aside, a soft one is told."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3 import cotahist_get
from pyb3.datasets import registry
from pyb3.datasets.base import Dataset
from pyb3.errors import CheckFailed, PartialData
from pyb3.file import File
from pyb3.parse.contract import Contract
from pyb3.parse.rejects import LINE, Rejects
from pyb3.parse.typed import schema
from pyb3.template import Template
from tests.support import generate
from tests.test_templates import GOOD

DAY = date(2024, 1, 15)
CHECKED = GOOD.replace(
    "fields:\n",
    """checks:
  - {name: positive, rule: "price > 0", severity: hard, description: "a price is more than 0"}
  - {name: cheap, rule: "price < 100", severity: soft, description: "a price is less than 100"}
fields:
""",
).replace("type: text, nullable", "type: text, codes: [A, B], nullable")
PRICES = Template.parse(CHECKED, "prices.yaml")


def prices(*rows: tuple[str, object]) -> pl.DataFrame:
    """Rows of that template, with the lines they would have."""
    frame = pl.DataFrame(
        [(DAY, symbol, None if price is None else Decimal(str(price))) for symbol, price in rows],
        schema=schema(PRICES),
        orient="row",
    )
    return frame.with_columns(pl.int_range(1, len(rows) + 1, dtype=pl.Int64).alias(LINE))


def quote(folder: Path, *changes: tuple[int, str, bytes]) -> Path:
    """A COTAHIST with some fields of some lines changed."""
    text = generate.cotahist([DAY], 40)
    for line, field, value in changes:
        text = generate.replace_field(text, line, field, value)
    path = folder / "COTAHIST_D15012024.TXT"
    path.write_bytes(text)
    return path


def test_rows_that_keep_every_check_are_left_as_they_are() -> None:
    contract, rejects = Contract(PRICES), Rejects("f")
    frame = prices(("A", 1), ("B", "99.99"))
    assert contract.hold(frame, "f", rejects).equals(frame)
    assert not rejects.partial
    assert contract.verdict() == []


def test_what_is_not_there_breaks_nothing() -> None:
    contract = Contract(PRICES)
    rejects = Rejects("f", strict=True)
    contract.hold(prices(("A", None)), "f", rejects)
    contract.hold(prices(("A", 1)).drop("price"), "f", rejects)
    assert contract.verdict() == []


def test_a_soft_check_is_one_line_with_the_count_and_the_first_row() -> None:
    contract = Contract(PRICES)
    rejects = Rejects()
    contract.hold(prices(("A", 1), ("B", 100)), "first.TXT", rejects)
    contract.hold(prices(("A", 300), ("A", 200)), "second.TXT", rejects)
    assert not rejects.partial
    assert contract.verdict() == [
        "3 rows of 4 against check cheap (a price is less than 100), "
        "first first.TXT, refdate=2024-01-15, symbol=B: price=100.00"
    ]


def test_a_strict_hard_check_is_an_error_that_names_file_row_check_values_and_count() -> None:
    contract = Contract(PRICES)
    strict = Rejects("a.TXT", strict=True)
    contract.hold(prices(("A", 1), ("B", "-0.01")), "a.TXT", strict)
    contract.hold(prices(("A", 0)), "a.TXT", strict)
    with pytest.raises(CheckFailed) as caught:
        contract.verdict()
    assert str(caught.value) == (
        "2 rows of 3 against check positive (a price is more than 0), first a.TXT, refdate=2024-01-15, symbol=B: "
        "price=-0.01 (without --strict such rows are set aside and the others loaded)"
    )
    assert (caught.value.code, caught.value.exit_code) == ("contract", 6)


def test_unknown_codes_are_named_with_their_counts_and_kept() -> None:
    contract = Contract(PRICES)
    frame = prices(*[(symbol, 1) for symbol in "AABCCCD"])
    assert contract.hold(frame, "f", Rejects("f")).equals(frame)
    assert contract.verdict() == ["symbol has codes that PyB3 does not know: C (3 rows), D (1 row)"]


def test_a_million_unknown_codes_are_one_short_line() -> None:
    contract = Contract(PRICES)
    for first in range(0, 3_000, 1_000):
        contract.hold(prices(*[(f"S{n}" * 30, 1) for n in range(first, first + 1_000)]), "f", Rejects("f"))
    (told,) = contract.verdict()
    assert told.endswith(" and others (2,995 rows)")
    assert len(told) < 400


@given(st.lists(st.decimals(-100, 200, places=2), max_size=30))
def test_exactly_the_rows_that_break_a_hard_check_are_set_aside(values: list[Decimal]) -> None:
    rejects = Rejects("f")
    contract = Contract(PRICES)
    held = contract.hold(prices(*[("A", value) for value in values]), "f", rejects)
    assert held["price"].to_list() == [value for value in values if value > 0]
    assert [record.line for record in rejects.records] == [n for n, value in enumerate(values, 1) if value <= 0]
    assert {record.reason[:15] for record in rejects.records} <= {"check positive "}
    assert len(contract.verdict()) == any(value >= 100 for value in values)


class Prices(Dataset):
    """The dataset of that template."""

    def __init__(self) -> None:
        self.template = PRICES


def test_a_row_of_a_perfectly_regular_file_is_set_aside_with_its_text(tmp_path: Path) -> None:
    lines = [f"01{DAY:%Y%m%d}{symbol:5}{price:07}" for symbol, price in zip("ABCDE", (1, 0, 2, 3, 4), strict=True)]
    (tmp_path / "PRICES20240115.txt").write_text("\n".join(lines) + "\n")
    rejects = Rejects()
    frame = Prices().frame([File.at(tmp_path / "PRICES20240115.txt")], rejects=rejects)
    assert frame["price"].to_list() == [Decimal(cents).scaleb(-2) for cents in (1, 2, 3, 4)]
    (record,) = rejects.records
    assert (record.line, record.record, record.loaded, record.field) == (2, lines[1], False, None)
    assert record.reason == "check positive (a price is more than 0): price=0.00"


@pytest.mark.parametrize("name", registry.names())
def test_checks_say_what_holds(name: str) -> None:
    template = registry.get(name).template
    assert template.checks
    for check in template.checks:
        assert check.description == check.description.strip(" .")


def test_a_hard_check_costs_its_rows_and_with_strict_the_file(pyb3, refused, database, tmp_path: Path) -> None:
    path = quote(tmp_path, (7, "VOLTOT", b"-%017d" % 5), (9, "TOTNEG", b"-0001"))
    answer = refused(f"ingest cotahist --file {path} --strict", 6, "2 rows of 40 against check counts_not_negative")
    assert "first COTAHIST_D15012024.TXT, refdate=2024-01-15, symbol=" in answer.err
    assert "volume=-0.05" in answer.err
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)
    row = database.execute("SELECT outcome, error_code FROM ingestions").fetchone()
    assert row == ("failed", "contract")
    with pytest.raises(CheckFailed):
        cotahist_get(file=path, strict=True)
    with pytest.warns(PartialData, match="cotahist: 2 records set aside; first .* line 7: check counts_not_neg"):
        assert cotahist_get(file=path).height == 38
    done = pyb3(f"ingest cotahist --file {path} --json")
    assert (done.code, done.json["outcome"], done.json["inserted"], done.json["rejected"]) == (4, "partial", 38, 2)
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (38,)


def test_a_soft_check_loads_and_is_told_and_kept_in_the_ledger(pyb3, database, tmp_path: Path) -> None:
    path = quote(tmp_path, (7, "PREMED", b"%013d" % 10**12), (8, "CODBDI", b"ZZ"))
    answer = pyb3(f"ingest cotahist --file {path} --json")
    assert (answer.code, answer.json["inserted"], len(answer.json["warnings"])) == (0, 40, 2)
    average, code = answer.json["warnings"]
    assert average.startswith("1 row of 40 against check average_in_range (the average lies between the lowest")
    assert "average=10000000000.00" in average
    assert code == "bdi_code has codes that PyB3 does not know: ZZ (1 row)"
    assert database.execute("SELECT warnings FROM ingestions").fetchone() == ([average, code],)
    assert average in answer.err
    assert average in pyb3("history cotahist").out
    assert pyb3("history cotahist --json").json["warnings"] == [average, code]
    assert code in pyb3(f"parse cotahist --file {path}").err


def test_rows_with_the_highest_number_of_trades_that_fits_are_named_and_loaded(pyb3, database, tmp_path: Path) -> None:
    path = quote(tmp_path, (3, "TOTNEG", b"99998"), (5, "TOTNEG", b"99999"), (9, "TOTNEG", b"99999"))
    answer = pyb3(f"ingest cotahist --file {path} --json")
    assert (answer.code, answer.json["inserted"]) == (0, 40)
    [told] = answer.json["warnings"]
    assert told.startswith("2 rows of 40 against check trades_in_five_digits (fewer than 99,999 trades, the most that")
    assert told.endswith("trades=99999")


def test_a_price_of_0_is_no_price(pyb3, tmp_path: Path) -> None:
    nothing = b"0" * 13
    fields = ("PREABE", "PREMAX", "PREMIN", "PREMED", "PREULT", "PREOFC", "PREOFV")
    path = quote(tmp_path, *[(line, field, nothing) for line, field in enumerate(fields, 2)])
    assert cotahist_get(file=path).height == 40
    assert pyb3(f"parse cotahist --file {path}").err == ""


@pytest.mark.parametrize(
    ("name", "path", "told"),
    [
        ("cotahist", "COTAHIST_D03022022.ZIP", []),
        ("cotahist", "COTAHIST_D04012016.truncated.TXT", []),
        ("cotahist", "COTAHIST_D25062021.TXT", ["5 rows of 7,518 against check average_in_range"]),
        ("cotahist", "COTAHIST_EXAMPLE.TXT", []),
        ("futures", "PR180102.xml.gz", []),
        ("futures", "SPRD230202.zip", []),
        ("futures", "SPRD250203.zip", []),
        ("yield_curves", "TaxaSwap_20141212.txt", []),
        ("symbols", "InstrumentsConsolidated_20220128.excerpt.csv", []),
        ("index_historical", "IR210423.zip", []),
        ("index_historical", "IndexStatistics_IBOV_2022.json", []),
        ("index_composition", "GetPortfolioDay_IBOV_20250407.json", []),
        ("index_composition", "GetStockIndex.json", []),
    ],
)
def test_what_the_checks_say_of_real_files(real: Path, name: str, path: str, told: list[str]) -> None:
    dataset, notes = registry.get(name), list[str]()
    frame = dataset.frame([File.at(real / name / path, item="IBOV")], allow_incomplete=True, notes=notes)
    assert frame.height > 0
    said = [note for note in notes if "check" in note or "codes" in note]
    assert [note[: len(start)] for note, start in zip(said, told, strict=True)] == told

"""Each file is recognised by its content alone, as a file of one dataset and source."""

from __future__ import annotations

import random
from datetime import date, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3 import at_hand
from pyb3.datasets import registry
from pyb3.datasets.members import part_of, parts, source_of
from pyb3.errors import PyB3Error
from pyb3.parse.archive import Packed, members
from pyb3.template import Template
from tests.support import generate
from tests.support.mutations import mutated
from tests.support.seeds import READERS, TEMPLATE, seeds

DAY = date(2024, 1, 15)
GENERATED = {
    ("cotahist", "COTAHIST_D"): generate.cotahist([DAY], 5),
    ("futures", "SPRD"): generate.price_report(DAY, 5),
    ("futures", "PR"): generate.price_report(DAY, 5, kind="PR"),
    ("futures", "TradeInformationConsolidated"): generate.trade_information(DAY, 5),
    ("futures", "BDI"): generate.derivatives_bulletin(DAY, 5),
    ("yield_curves", "TS"): generate.swap_rates(DAY, 3),
    ("symbols", "InstrumentsConsolidated"): generate.instruments_consolidated(DAY, 5),
    ("symbols", "IN"): generate.instrument_file(DAY, 5),
    ("index_historical", "IndexStatistics"): generate.index_year("IBOV", 2024, DAY),
    ("index_historical", "IR"): generate.index_report(DAY, 5),
    ("index_composition", "GetStockIndex"): generate.stock_index(DAY),
    ("index_composition", "GetPortfolioDay"): generate.portfolio_day("IBOV", DAY),
    ("index_composition", "GetTheoricalPortfolio"): generate.theoretical_portfolio("IBOV", DAY),
}
# The name of a real file, or its beginning, and what it is.
REAL = {
    "cotahist/COTAHIST_": ("cotahist", "COTAHIST_D"),
    "cotahist/real_": ("cotahist", "COTAHIST_D"),
    "cases/COTAHIST": ("cotahist", "COTAHIST_D"),
    "cases/infra_funds": ("cotahist", "COTAHIST_D"),
    "cases/two_days_in_one": ("cotahist", "COTAHIST_D"),
    "cases/assumptions/COTAHIST_": ("cotahist", "COTAHIST_D"),
    "futures/PR": ("futures", "PR"),
    "cases/PR": ("futures", "PR"),
    "futures/SPRD230202.zip": ("futures", "SPRD"),
    "futures/SPRD250203.zip": ("futures", "SPRD"),
    "cases/SPRD": ("futures", "SPRD"),
    "cases/assumptions/SPRD": ("futures", "SPRD"),
    "cases/assumptions/two_snapshots": ("futures", "SPRD"),
    "cases/assumptions/TIC_": ("futures", "TradeInformationConsolidated"),
    "yield_curves/T": ("yield_curves", "TS"),
    "cases/assumptions/TaxaSwap_": ("yield_curves", "TS"),
    "symbols/InstrumentsConsolidated": ("symbols", "InstrumentsConsolidated"),
    "cases/assumptions/InstrumentsConsolidated": ("symbols", "InstrumentsConsolidated"),
    "index_historical/IR": ("index_historical", "IR"),
    "cases/assumptions/IR": ("index_historical", "IR"),
    "index_historical/IndexStatistics": ("index_historical", "IndexStatistics"),
    "cases/assumptions/IndexStatistics": ("index_historical", "IndexStatistics"),
    "index_composition/GetStockIndex": ("index_composition", "GetStockIndex"),
    "index_composition/GetPortfolioDay": ("index_composition", "GetPortfolioDay"),
    "cases/assumptions/GetPortfolioDay": ("index_composition", "GetPortfolioDay"),
    "index_composition/GetTheoricalPortfolio": ("index_composition", "GetTheoricalPortfolio"),
}
# Its header names no exchange that is known, which is for its template to say.


def claims(head: bytes) -> list[tuple[str, str]]:
    """Every dataset that takes a file as its own."""
    datasets = [registry.get(name) for name in registry.names()]
    found = [(dataset.name, source_of(dataset.template, head)) for dataset in datasets]
    return [(name, source.name) for name, source in found if source is not None]


def test_a_file_of_every_source_is_tried() -> None:
    sources = {(name, one.name) for name in registry.names() for one in registry.get(name).template.sources}
    assert sources - GENERATED.keys() == {("cotahist", "COTAHIST_M"), ("cotahist", "COTAHIST_A")}, "as the day's files"


@pytest.mark.parametrize("bom", [b"", b"\xef\xbb\xbf"], ids=["", "with a byte order mark"])
@pytest.mark.parametrize(("dataset", "source"), GENERATED)
def test_a_file_is_of_one_dataset_and_source(dataset: str, source: str, bom: bytes) -> None:
    data = GENERATED[dataset, source]
    assert claims((bom + data.removeprefix(b"\xef\xbb\xbf"))[:4096]) == [(dataset, source)]


@pytest.mark.parametrize(("dataset", "source"), GENERATED)
def test_the_session_stands_in_the_first_bytes(dataset: str, source: str) -> None:
    data = GENERATED[dataset, source]
    part = part_of(registry.get(dataset).template, Packed("member", data[: 64 << 10]))
    assert part is not None
    unsaid = {"BDI", "IndexStatistics", "GetPortfolioDay", "GetTheoricalPortfolio"}
    assert part.day == (None if source in unsaid else DAY)
    made = {"SPRD": (19, 31, 37), "PR": (20, 43, 42), "IN": (18, 40, 30)}
    if source in made:
        assert part.made == datetime(2024, 1, 15, *made[source])


def test_a_report_that_begins_with_a_row_of_the_next_session_is_of_its_own() -> None:
    text = generate.price_report(DAY, 8).replace(b"<Dt>2024-01-15<", b"<Dt>2024-01-16<", 1)
    part = part_of(registry.get("futures").template, Packed("a.xml", text[: 64 << 10]))
    assert part is not None and part.day == DAY


def test_every_real_file_is_of_the_dataset_that_it_is_of(real: Path) -> None:
    seen = 0
    for path in sorted(real.rglob("*")):
        name = str(path.relative_to(real))
        if not path.is_file() or path.suffix == ".md":
            continue
        expected = [is_of for begins, is_of in REAL.items() if name.startswith(begins)]
        if name.endswith("expected.csv") or "_years" in name:
            expected = []
        for one in members(path):
            assert one.error is None
            assert claims(one.head[:4096]) == expected, (name, one.name)
        seen += bool(expected)
    assert seen > 80


def test_a_real_file_says_its_session_and_time(real: Path) -> None:
    def facts(path: str) -> list[tuple[date | None, datetime | None]]:
        return [(one.day, one.made) for one in at_hand.found([real / path])]

    assert facts("futures/PR210423.newest.zip") == [(date(2021, 4, 23), datetime(2021, 4, 23, 19, 50, 53))]
    assert facts("cases/PR210423.first.zip") == [(date(2021, 4, 23), datetime(2021, 4, 23, 18, 10, 27))]
    assert facts("futures/PR180102.xml.gz") == [(date(2018, 1, 2), datetime(2018, 1, 2, 20, 43, 42))]
    assert facts("index_historical/IR210423.zip") == [(date(2021, 4, 23), datetime(2021, 4, 23, 17, 27))]
    assert facts("yield_curves/TS190910.ex_") == [(date(2019, 9, 10), None)]
    assert facts("cotahist/COTAHIST_D03022022.ZIP") == [(date(2022, 2, 3), None)]
    assert facts("symbols/InstrumentsConsolidated_20220128.excerpt.csv") == [(date(2022, 1, 28), None)]


def test_a_dataset_of_another_package_that_does_not_load_hides_no_other(monkeypatch, tmp_path) -> None:
    def get(name: str):
        if name == "cotahist":
            raise PyB3Error("the dataset 'cotahist' of another package does not load")
        return original(name)

    original = registry.get
    monkeypatch.setattr(registry, "get", get)
    (tmp_path / "x.xml").write_bytes(GENERATED["futures", "PR"])
    (one,) = at_hand.found([tmp_path / "x.xml"])
    assert one.dataset is not None and one.dataset.name == "futures"


@given(number=st.integers(0, 2**32), reader=st.sampled_from(READERS), cut=st.integers(0, 6_000))
def test_any_bytes_are_of_a_dataset_or_of_none(number: int, reader: str, cut: int) -> None:
    chance = random.Random(number)
    data = mutated(chance.choice(seeds(reader)).data, chance)[:cut]
    found = {}
    for name in registry.names():
        found[name], others = parts(registry.get(name).template, [Packed("a", data), Packed("b", data)])
        for part in found[name]:  # two files with the same bytes are versions of one, or say nothing of their session
            assert len(found[name]) == 1 or part.day is None
            assert part.order and part.days
        assert len(found[name]) + len(others) in (1, 2)


def test_a_source_without_a_signature_takes_files_only_where_its_dataset_is_named() -> None:
    template = Template.parse(TEMPLATE.replace('signature: "^01"', "closed_months: false"))
    assert source_of(template, b"anything", named=False) is None
    source = source_of(template, b"anything")
    assert source is not None and source.name == "D"

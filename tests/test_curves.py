"""Curves out of futures and swap rates, and their values between the vertices."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from decimal import ROUND_UP, Decimal, getcontext, localcontext
from itertools import pairwise
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyb3 import (
    business_days,
    futures_curve,
    futures_get,
    interpolate,
    maturity_code,
    maturity_date,
    maturity_month,
    yield_curve,
    yield_curves_get,
)
from pyb3.curves import SCHEMA
from pyb3.errors import UsageError
from tests.support.simulator import Simulator

DAY = date(2024, 1, 15)
NAMES = ["SPRD230202", "SPRD250203"]


def expected(real: Path, name: str, commodity: str) -> list[dict[str, str]]:
    with (real / f"futures/{name}.expected.csv").open() as stream:
        return [row for row in csv.DictReader(stream) if row["symbol"].startswith(commodity)]


def curve(values: dict[int, str], code: str = "DI1") -> pl.DataFrame:
    """A curve with these values at these business days, which are its calendar days too."""
    column = "price" if code == "DOL futures" else "rate"
    rows = [{"refdate": DAY, "curve_code": code, "calendar_days": n, "business_days": n} for n in values]
    vertices = pl.DataFrame(rows, SCHEMA)
    return vertices.with_columns(pl.Series(column, [Decimal(value) for value in values.values()], SCHEMA["rate"]))


def values(curve: pl.DataFrame, days: list[int], **options: object) -> list[Decimal]:
    return interpolate(curve, days, **options)[:, -1].to_list()  # type: ignore[arg-type]


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("commodity", ["DI1", "DAP", "DDI"])
def test_rates_are_those_b3_published(real: Path, name: str, commodity: str) -> None:
    rates = futures_curve(futures_get(file=real / f"futures/{name}.zip"), commodity)
    known = {row["symbol"]: row for row in expected(real, name, commodity)}
    assert rates.height == len(known) >= 20 and rates.schema == SCHEMA
    for row in rates.iter_rows(named=True):
        theirs = known[row["symbol"]]
        assert (str(row["maturity_date"]), row["business_days"], row["calendar_days"]) == (
            theirs["maturity_date"], int(theirs["business_days"]), int(theirs["calendar_days"])
        )  # fmt: skip
        assert (row["price"], row["rate"]) == (Decimal(theirs["AdjstdQt"]), Decimal(theirs["AdjstdQtTax"]))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("commodity", ["DI1", "DAP", "DDI", "DCO"])
def test_a_unit_price_gives_the_published_rate_back(real: Path, name: str, commodity: str) -> None:
    futures = futures_get(file=real / f"futures/{name}.zip")
    published = futures_curve(futures, commodity)
    without = futures.with_columns(settlement_rate=pl.lit(None, futures.schema["settlement_rate"]))
    computed = futures_curve(without, commodity)
    assert computed["symbol"].equals(published["symbol"]) and computed["rate"].null_count() == 0
    thousandths = computed["rate"].round(3) - published["rate"]  # B3 publishes three decimals
    assert thousandths.unique().to_list() == [0]


@pytest.mark.parametrize("name", NAMES)
def test_selic_futures_have_rates_though_b3_publishes_prices_alone(real: Path, name: str) -> None:
    futures = futures_get(file=real / f"futures/{name}.zip")
    selic, di = futures_curve(futures, "OC1"), futures_curve(futures, "DI1")
    both = selic.join(di, on="maturity_date").filter(pl.col("price") == pl.col("price_right"))
    assert both.height > 10
    assert ((both["rate"] - both["rate_right"]).abs() < Decimal("0.0005")).all()


@pytest.mark.parametrize("name", NAMES)
def test_dollar_futures_are_a_curve_of_prices(real: Path, name: str) -> None:
    prices = futures_curve(futures_get(file=real / f"futures/{name}.zip"), "DOL")
    known = {row["symbol"]: Decimal(row["AdjstdQt"]) for row in expected(real, name, "DOL")}
    assert dict(prices.select("symbol", "price").iter_rows()) == known
    assert prices["rate"].null_count() == prices.height and prices["maturity_date"].is_sorted()


def test_a_curve_of_days_without_a_maturity_rule_is_refused(real: Path) -> None:
    futures = futures_get(file=real / "futures/SPRD250203.zip")
    with pytest.raises(UsageError, match="the maturities of SJC are not certain"):
        futures_curve(futures, "SJC")
    assert futures_curve(futures, "XYZ").is_empty() and futures_curve(futures, "XYZ").schema == SCHEMA


def test_a_contract_that_matures_today_has_no_rate_of_its_own() -> None:
    row = {"refdate": date(2025, 3, 5), "commodity": "DI1", "symbol": "DI1H25", "maturity_date": date(2025, 3, 5)}
    futures = pl.DataFrame([row | {"price": Decimal("100000.00"), "settlement_rate": None}], strict=False)
    futures = futures.cast({"price": SCHEMA["price"], "settlement_rate": SCHEMA["rate"]})
    assert futures_curve(futures, "DI1").select("business_days", "price", "rate").row(0) == (0, 100_000, None)


def test_a_swap_curve_is_as_published(real: Path) -> None:
    curves = yield_curves_get(file=real / "yield_curves/TaxaSwap_20141212.txt")
    adjusted = yield_curve(curves, "APR")
    assert adjusted.height == 348 and adjusted.schema == SCHEMA
    assert adjusted.row(0, named=True) == {
        "refdate": date(2014, 12, 12), "curve_code": "APR", "symbol": None, "maturity_date": date(2014, 12, 15),
        "calendar_days": 3, "business_days": 1, "price": None, "rate": Decimal("11.59"),
    }  # fmt: skip
    assert interpolate(adjusted, [1, 3])["rate"].to_list() == [Decimal("11.59")] * 2
    assert yield_curve(curves, "PRE").is_empty()


def test_of_two_vertices_on_a_day_the_fixed_one_stands() -> None:
    both = pl.DataFrame(
        {
            "refdate": [DAY] * 3,
            "curve_code": ["PRE"] * 3,
            "calendar_days": [31] * 3,
            "business_days": [22] * 3,
            "rate": [Decimal("1.3"), Decimal("1.1"), Decimal("1.2")],
            "vertex_kind": ["M", "F", "F"],
            "vertex_code": ["00031", "00030", "00031"],
        }
    )
    assert yield_curve(both, "PRE")["rate"].to_list() == [Decimal("1.1")]


def test_price_curves_have_prices_and_interest_curves_rates(simulator: Simulator) -> None:
    curves = yield_curves_get(DAY)
    assert {"PRE", "DIC", "DOC", "PTX"} <= set(curves["curve_code"])
    assert yield_curve(curves, "PTX").select(pl.col("price").null_count(), pl.col("rate").count()).row(0) == (0, 0)
    assert yield_curve(curves, "DOC").select(pl.col("rate").null_count(), pl.col("price").count()).row(0) == (0, 0)


def test_futures_and_swap_rates_of_a_day_are_one_curve(simulator: Simulator) -> None:
    di, pre = futures_curve(futures_get(DAY), "DI1"), yield_curve(yield_curves_get(DAY), "PRE")
    inside = di.filter(pl.col("business_days").is_between(pre["business_days"].min(), pre["business_days"].max()))
    assert inside.height > 20
    swap = interpolate(pre, inside["business_days"])
    assert ((swap["rate"] - inside["rate"]).abs() < Decimal("0.05")).all()


def test_flat_forward_keeps_the_forward_rate_between_vertices() -> None:
    # 252 days at 10 %, 504 at 12 %: the year between them earns 1.12 ** 2 / 1.10 - 1 = 14.036 %, and half a year of
    # it 1.14036 ** 0.5; so 378 days earn (1.10 * 1.14036 ** 0.5) ** (252 / 378) - 1 = 11.3293 %.
    rates = curve({252: "10", 504: "12"})
    assert values(rates, [252, 378, 504]) == [Decimal("10"), Decimal("11.329325237"), Decimal("12")]
    # (1.10 * 1.14036 ** 2) ** (1 / 3) - 1: the last forward rate goes on; before the first vertex its rate holds.
    assert values(rates, [1, 756], extrapolate=True) == [Decimal("10"), Decimal("12.674715070")]


def test_linear_rates_are_interpolated_along_a_straight_line() -> None:
    rates = curve({30: "6.5", 60: "5.0"}, "DDI")
    assert interpolate(rates, [45]).columns == ["refdate", "curve_code", "calendar_days", "rate"]
    assert values(rates, [30, 40, 45]) == [Decimal("6.5"), Decimal("6"), Decimal("5.75")]
    assert values(rates, [10, 90], extrapolate=True) == [Decimal("6.5"), Decimal("5.0")]


def test_prices_grow_at_a_constant_pace() -> None:
    prices = curve({20: "5000", 40: "5100"}, "DOL futures")
    assert interpolate(prices, [30]).columns == ["refdate", "curve_code", "business_days", "price"]
    half, beyond = values(prices, [30, 60], extrapolate=True)
    assert half == Decimal("5049.752469181")  # the root of 5000 * 5100
    assert beyond == Decimal("5202")


def test_a_vertex_without_a_value_is_passed_over() -> None:
    rates = curve({10: "9", 20: "5", 30: "9"}).with_columns(
        rate=pl.when(pl.col("business_days") != 20).then(pl.col("rate"))
    )
    assert values(rates, [20]) == [Decimal("9")]


@pytest.mark.parametrize("day", [0, -1, 19, 505])
def test_days_outside_the_vertices_are_refused(day: int) -> None:
    with pytest.raises(UsageError, match=rf"DI1 of 2024-01-15 runs from 20 to 504 business days, not to {day};"):
        interpolate(curve({20: "10", 504: "12"}), [20, day])


def test_no_curve_reaches_back_to_its_own_day() -> None:
    with pytest.raises(UsageError, match="from day 1 on"):
        interpolate(curve({20: "10", 504: "12"}), [0], extrapolate=True)


def test_interpolation_asks_for_what_it_must_know() -> None:
    with pytest.raises(UsageError, match="the convention of TFP is not known here: give method="):
        interpolate(curve({20: "10", 40: "12"}, "TFP"), [30])
    assert values(curve({20: "10", 40: "12"}, "TFP"), [30], method="linear") == [Decimal("11")]
    with pytest.raises(UsageError, match="one curve of one day at a time; this frame holds 2"):
        interpolate(pl.concat([curve({20: "10"}), curve({20: "10"}, "DAP")]), [20])
    with pytest.raises(UsageError, match="this frame holds 0"):
        interpolate(curve({}), [20])
    with pytest.raises(UsageError, match="DI1 of 2024-01-15 has no vertex with a value"):
        interpolate(curve({0: "10"}), [20])


def test_a_curve_of_one_vertex_is_flat() -> None:
    assert values(curve({20: "10"}), [1, 20, 99], extrapolate=True) == [Decimal("10")] * 3


def test_no_setting_of_the_user_changes_a_result() -> None:
    usual = values(curve({252: "10", 504: "12"}), [378])
    with localcontext(prec=5, rounding=ROUND_UP):
        assert values(curve({252: "10", 504: "12"}), [378]) == usual
        assert getcontext().prec == 5


VERTICES = st.dictionaries(
    st.integers(1, 2_000), st.decimals("-5", "40", places=3).map(str), min_size=2, max_size=12
)  # fmt: skip


@settings(deadline=None)
@given(VERTICES, st.sampled_from(["DI1", "DDI", "DOL futures"]))
def test_interpolation_goes_through_its_vertices_and_stays_between_forwards(
    vertices: dict[int, str], code: str
) -> None:
    if code == "DOL futures":
        vertices = {day: str(Decimal(value) + 10) for day, value in vertices.items()}
    points = {day: Decimal(vertices[day]) for day in sorted(vertices)}
    found = curve(vertices, code)
    assert values(found, list(points)) == list(points.values())
    for (left, low), (right, high) in pairwise(points.items()):
        middle = (left + right) // 2
        [value] = values(found, [middle])
        if code == "DI1":  # what 1 becomes grows by the same factor every day
            growth = [
                float(1 + rate / 100) ** (day / 252) for rate, day in ((low, left), (value, middle), (high, right))
            ]
            even = growth[0] * (growth[2] / growth[0]) ** ((middle - left) / (right - left))
            assert growth[1] == pytest.approx(even, rel=1e-8)
        else:
            assert min(low, high) <= value <= max(low, high)


@given(st.dates(date(2000, 1, 1), date(2099, 12, 31)))
def test_maturity_codes_go_there_and_back(day: date) -> None:
    month = day.replace(day=1)
    assert maturity_month(maturity_code(day)) == month
    assert maturity_month(maturity_code(day, old=True), day) == month
    assert maturity_month(maturity_code(day, old=True), day - timedelta(9 * 365)) == month


@pytest.mark.parametrize(
    ("code", "refdate", "month"),
    [
        ("F25", None, date(2025, 1, 1)),
        ("Z99", None, date(2099, 12, 1)),
        ("F01", "2090-01-02", date(2101, 1, 1)),
        ("JAN5", None, date(2005, 1, 1)),
        ("FEV0", "1999-06-01", date(2000, 2, 1)),
        ("DEZ9", "1999-12-31", date(1999, 12, 1)),
        ("NOV9", "1999-12-31", date(2009, 11, 1)),
        ("AGO3", "2002-01-02", date(2003, 8, 1)),
    ],
)
def test_a_maturity_code_is_a_month(code: str, refdate: str | None, month: date) -> None:
    assert maturity_month(code, refdate) == month


@pytest.mark.parametrize("code", ["", "F5", "A25", "F255", "JAN", "JAN05", "FEB5", "f25"])
def test_what_is_no_maturity_code_is_refused(code: str) -> None:
    with pytest.raises(UsageError, match="is no maturity code; one is written as F25, or before 2006 as JAN5"):
        maturity_month(code)


def test_old_tickers_mature_by_the_same_rules() -> None:
    assert maturity_date("DI1JAN5", "2004-05-03") == date(2005, 1, 3)
    assert maturity_date("INDFEV4", "2004-01-02") == date(2004, 2, 18)
    assert business_days("2004-12-31", "2005-01-03") == 1

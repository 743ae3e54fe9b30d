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
from polars.testing import assert_frame_equal

from pyb3 import (
    business_days,
    futures_curve,
    futures_get,
    interpolate,
    maturity_code,
    maturity_date,
    maturity_month,
    with_maturities,
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


def test_a_curve_that_is_not_known_says_so_until_it_is_named(real: Path) -> None:
    curves = yield_curves_get(file=real / "yield_curves/TS190910.ex_")
    with pytest.raises(UsageError, match="SCF is not known to be a curve of rates or of prices: give quantity='rate'"):
        yield_curve(curves, "SCF")
    prices, rates = (yield_curve(curves, "SCF", quantity=quantity) for quantity in ("price", "rate"))
    assert prices["price"][0] == rates["rate"][0] == 1 and prices.schema == rates.schema == SCHEMA
    assert (prices["price"].null_count(), prices["rate"].count()) == (0, 0)
    assert (rates["rate"].null_count(), rates["price"].count()) == (0, 0)
    assert yield_curve(curves, "PRE", quantity="price")["price"].count() == 0, "what is known stays what it is"


def ddi_maturities(refdate: date, last: date) -> set[int]:
    """Calendar days from `refdate` to the maturities of DDI."""
    firsts = pl.date_range(refdate, last, "1mo", eager=True).dt.month_start()
    maturities = [maturity_date(f"DDI{maturity_code(first)}") for first in firsts]
    return {(maturity - refdate).days for maturity in maturities if maturity is not None and maturity > refdate}


def largest_difference(found: pl.DataFrame, published: pl.DataFrame) -> Decimal:
    assert found.height == published.height
    return max(abs(ours - theirs) for ours, theirs in zip(found["rate"], published["rate"], strict=True))


@pytest.mark.parametrize(
    ("code", "largest"),
    [("DOC", "0.0075"), ("DOL", "0.0081"), ("DCO", "0.0081"), ("ACC", "0.0081"), ("DCL", "0.0075"),
     ("PRE", "0.00072"), ("APR", "0.00072"), ("SLP", "0.00072")],
)  # fmt: skip
def test_curves_are_filled_between_the_maturities_of_ddi_as_b3_fills_them(real: Path, code: str, largest: str) -> None:
    whole = yield_curve(yield_curves_get(file=real / "yield_curves/TS190910.ex_"), code)
    refdate, axis = whole["refdate"][0], "business_days" if code in ("PRE", "APR", "SLP") else "calendar_days"
    is_knot = pl.col("calendar_days").is_in(sorted(ddi_maturities(refdate, date(2055, 1, 1))))
    knots = whole.filter(is_knot)
    others = whole.filter(~is_knot, pl.col("calendar_days").is_between(21, 9001))
    assert (whole.height, knots.height, others.height) == (287, 56, 207)
    found = interpolate(knots, others[axis])
    assert found.columns == ["refdate", "curve_code", axis, "rate"]
    assert largest_difference(found, others) < Decimal(largest)
    beyond = whole.filter(pl.col("calendar_days") > 9001)  # B3 goes on with the last forward
    assert beyond.height == 18
    assert largest_difference(interpolate(knots, beyond[axis], extrapolate=True), beyond) < Decimal("0.01")
    if axis == "calendar_days":
        straight = interpolate(knots, others[axis], method="linear")
        assert largest_difference(straight, others) > Decimal("0.1")


def test_the_coupon_of_ipca_is_compounded_between_the_maturities_of_dap(real: Path) -> None:
    """DPL: a linear rate of 360 days would be off by 0.67."""
    whole = yield_curve(yield_curves_get(file=real / "yield_curves/TS190910.ex_"), "DPL")
    refdate = whole["refdate"][0]
    months = pl.date_range(refdate, date(2055, 6, 1), "1mo", eager=True)
    maturities = {maturity_date(f"DAP{maturity_code(month)}") for month in months}
    days = {(maturity - refdate).days for maturity in maturities if maturity is not None} | {1}
    knots = whole.filter(pl.col("calendar_days").is_in(sorted(days)))
    others = whole.filter(
        ~pl.col("calendar_days").is_in(sorted(days)), pl.col("calendar_days") < knots["calendar_days"].max()
    )
    assert others.height > 140
    assert largest_difference(interpolate(knots, others["business_days"]), others) < Decimal("0.022")
    linear = interpolate(knots, others["calendar_days"], method="flat_forward_360")
    assert largest_difference(linear, others) > Decimal("0.5")


def test_dollar_coupon_of_30_days_is_b3s(real: Path) -> None:
    whole = yield_curve(yield_curves_get(file=real / "yield_curves/TS190910.ex_"), "DOL")
    knots = whole.filter(pl.col("calendar_days").is_in([21, 52]))
    [published] = whole.filter(calendar_days=30)["rate"]
    assert published == Decimal("-2.41")
    [ours], [straight] = (interpolate(knots, [30], method=way)["rate"] for way in (None, "linear"))
    assert (round(ours, 2), round(straight, 2)) == (Decimal("-2.41"), Decimal("-3.49"))


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


def linear_curve(values: dict[int, str], code: str = "DDI") -> pl.DataFrame:
    """A curve with these values at these calendar days."""
    counted = [business_days(DAY, DAY + timedelta(days)) for days in values]
    return curve(values, code).with_columns(business_days=pl.Series(counted, dtype=pl.Int64))


def test_linear_rates_keep_the_forward_rate_over_business_days() -> None:
    # 2024-02-14 (Ash Wednesday, 30 days) and 03-14 (59 days): 20 and 41 business days from 2024-01-15. After 29 and 30
    # of them, 2024-02-27 and 02-28 (43 and 44 days), 1 has become
    # (1 + 0.065 * 30 / 360) ** (1 - n / 21) * (1 + 0.05 * 59 / 360) ** (n / 21), n = 9 and 10.
    rates = linear_curve({30: "6.5", 59: "5.0"})
    assert rates["business_days"].to_list() == [20, 41]
    found = interpolate(rates, [30, 43, 44, 59])
    assert found.columns == ["refdate", "curve_code", "calendar_days", "rate"]
    first, then = 1 + 0.065 * 30 / 360, 1 + 0.05 * 59 / 360
    expected = [(first ** (1 - n / 21) * then ** (n / 21) - 1) * 36_000 / days for n, days in ((9, 43), (10, 44))]
    assert [float(rate) for rate in found["rate"]] == pytest.approx([6.5, *expected, 5.0], abs=1e-8)
    [beyond] = values(rates, [60], extrapolate=True)
    assert float(beyond) == pytest.approx((then * (then / first) ** (1 / 21) - 1) * 36_000 / 60, abs=1e-8)
    assert values(rates, [10], extrapolate=True) == [Decimal("6.5")]


def test_days_of_a_weekend_are_one_business_day_with_the_monday_after() -> None:
    rates = linear_curve({11: "6.5", 16: "6.5", 30: "5"})  # Friday 2024-01-26, Wednesday 01-31
    friday, saturday, sunday, monday = (float(rate) for rate in interpolate(rates, [11, 12, 13, 14])["rate"])
    assert saturday * 12 == pytest.approx(sunday * 13) == pytest.approx(monday * 14)
    assert friday * 11 < monday * 14


def test_two_vertices_of_one_business_day_are_no_division_by_nothing() -> None:
    rates = linear_curve({12: "6.5", 14: "6.4"})  # a Saturday and its Monday
    assert interpolate(rates, [12, 13, 14])["rate"][0] == Decimal("6.5")


@pytest.mark.parametrize(
    ("code", "method", "same"),
    [
        ("DOC", "flat_forward", "flat_forward_360"),
        ("LIB", "flat_forward", "flat_forward_360"),
        ("PRE", "flat_forward", "flat_forward_252"),
        ("TFP", "flat_forward", "flat_forward_252"),
        ("DDI", None, "flat_forward_360"),
        ("DPL", None, "flat_forward_252"),
        ("LIB", None, "linear"),
    ],
)
def test_a_method_has_a_name_and_a_curve_its_method(code: str, method: str | None, same: str) -> None:
    rates = linear_curve({30: "6.5", 59: "5.0"}, code)
    assert_frame_equal(interpolate(rates, [35], method=method), interpolate(rates, [35], method=same))  # type: ignore[arg-type]


def test_methods_of_rates_do_not_work_for_prices() -> None:
    prices = curve({20: "5000", 40: "5100"}, "DOL futures")
    with pytest.raises(UsageError, match="'flat_forward_360' does not work between prices .*use 'flat_forward' or 'li"):
        interpolate(prices, [30], method="flat_forward_360")
    with pytest.raises(UsageError, match="method 'cubic' does not work between rates such as those of DI1"):
        interpolate(curve({20: "10", 40: "11"}), [30], method="cubic")  # type: ignore[arg-type]


def test_a_rate_that_cannot_be_compounded_is_refused_in_a_line() -> None:
    coupon = linear_curve({1: "-119.7", 30: "5"}, "DOC")
    assert interpolate(coupon, [2])["rate"].null_count() == 0
    with pytest.raises(UsageError, match=r"a value of -119.7 allows no flat forward; give method='linear'"):
        interpolate(coupon, [2], method="flat_forward_252")


def test_linear_rates_of_other_markets_are_interpolated_along_a_straight_line() -> None:
    rates = curve({30: "6.5", 60: "5.0"}, "LIB")
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
@given(VERTICES, st.sampled_from(["DI1", "LIB", "DOL futures"]))
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


@settings(deadline=None)
@given(VERTICES)
def test_linear_rates_make_the_same_of_1_each_business_day(vertices: dict[int, str]) -> None:
    one_a_day = linear_curve(dict(sorted(vertices.items()))).unique("business_days", keep="last", maintain_order=True)
    for (left, b, low), (right, e, high) in pairwise(
        one_a_day.select("calendar_days", "business_days", "rate").iter_rows()
    ):
        middle = (left + right) // 2
        at = business_days(DAY, DAY + timedelta(middle))
        if not b < at < e:
            continue
        [value] = values(one_a_day, [middle])
        growth = [float(1 + rate * day / 36_000) for rate, day in ((low, left), (value, middle), (high, right))]
        assert growth[1] == pytest.approx(growth[0] * (growth[2] / growth[0]) ** ((at - b) / (e - b)), rel=1e-8)


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


@pytest.mark.parametrize(
    ("symbol", "maturity"),
    [
        ("EURQ25", date(2025, 8, 1)),  # until August 2025 the first session
        ("EURU25", date(2025, 9, 16)),
        ("EURF26", date(2026, 1, 20)),  # still listed and settled on 2026-01-12
        ("WEUZ25", date(2025, 12, 16)),
        ("AUDU25", date(2025, 9, 16)), ("CADU25", date(2025, 9, 16)), ("CHFU25", date(2025, 9, 16)),
        ("CNYU25", date(2025, 9, 16)), ("GBPU25", date(2025, 9, 16)), ("JPYU25", date(2025, 9, 16)),
        ("MXNU25", date(2025, 9, 16)), ("NZDU25", date(2025, 9, 16)), ("TRYU25", date(2025, 9, 16)),
        ("ZARU25", date(2025, 9, 16)),
        ("EURG26", None),  # the third Tuesday is Carnival's
        ("EURJ26", None),  # and 21 April a holiday
        ("CLPU25", date(2025, 9, 1)), ("CLPF26", date(2026, 1, 2)),
        ("CANU25", None), ("CANH25", None), ("ARBU25", None), ("ARBF25", None),
        ("DOLU25", date(2025, 9, 1)), ("WDOF26", date(2026, 1, 2)),
        ("BITF26", date(2026, 1, 30)), ("ETRG26", date(2026, 2, 27)), ("SOLH26", date(2026, 3, 27)),
        ("BITZ26", date(2026, 12, 23)),  # Christmas is a Friday, Christmas Eve is closed
        ("BITZ27", date(2027, 12, 30)),  # 31 December is a Friday
    ],
)  # fmt: skip
def test_currencies_mature_on_the_third_tuesday_and_coins_on_the_last_friday(symbol: str, maturity: date) -> None:
    assert maturity_date(symbol) == maturity


@given(
    st.integers(2025, 2060), st.integers(1, 12), st.sampled_from("AUD CAD CHF CNY EUR GBP JPY MXN NZD TRY WEU".split())
)
def test_no_currency_matures_on_the_first_session_any_more(year: int, month: int, family: str) -> None:
    first = date(year, month, 1)
    maturity = maturity_date(f"{family}{maturity_code(first)}")
    if first < date(2025, 9, 1):
        assert maturity is not None and maturity.day < 8
    elif maturity is not None:
        assert (maturity.weekday(), 15 <= maturity.day <= 21) == (1, True)


def listed(*rows: tuple[str, str, str, date | None]) -> pl.DataFrame:
    """A list of symbols: ticker, segment, market, expiration."""
    names = ("symbol", "segment", "market", "maturity_date")
    schema = {"refdate": pl.Date} | dict.fromkeys(names[:3], pl.String) | {"maturity_date": pl.Date}
    return pl.DataFrame([{"refdate": date(2025, 2, 3)} | dict(zip(names, row, strict=True)) for row in rows], schema)


def test_the_list_of_symbols_has_the_maturities_that_no_rule_has(real: Path) -> None:
    futures = futures_get(file=real / "futures/SPRD250203.zip")
    expiry = {"SJCH25": date(2025, 2, 27), "SJCK25": date(2025, 4, 29)}
    symbols = listed(
        *((symbol, "AGRIBUSINESS", "FUTURE", day) for symbol, day in expiry.items()),
        ("SJCN25", "AGRIBUSINESS", "OPTIONS ON FUTURE", date(2025, 6, 1)),  # not a future
        ("SJCQ25", "AGRIBUSINESS", "FUTURE", None),
        ("SJCU25", "AGRIBUSINESS", "FUTURE", date(2025, 8, 28)),  # twice, with two dates: neither
        ("SJCU25", "FINANCIAL", "FUTURE", date(2025, 8, 29)),
        ("SJCX25", "AGRIBUSINESS", "FUTURE", date(2025, 10, 30)),  # twice, with one date
        ("SJCX25", "FINANCIAL", "FUTURE", date(2025, 10, 30)),
        ("PETRPG25", "FUTURE", "EQUITY-DERIVATE", date(2025, 2, 21)),  # B3 exchanges the two for equities
        ("DI1F27", "FINANCIAL", "FUTURE", date(2027, 1, 5)),  # another date than the rule's
    )
    found = with_maturities(futures, symbols)
    assert found.height == futures.height
    assert_frame_equal(
        found.drop("maturity_date", "maturity_source"), futures.drop("maturity_date"), check_row_order=True
    )
    dates = dict(found.filter(pl.col("commodity") == "SJC").select("symbol", "maturity_date").iter_rows())
    assert {symbol: day for symbol, day in dates.items() if day} == expiry | {"SJCX25": date(2025, 10, 30)}
    sources = {symbol: (day, source) for symbol, day, source in
               found.select("symbol", "maturity_date", "maturity_source").iter_rows()}  # fmt: skip
    assert sources["SJCH25"] == (date(2025, 2, 27), "symbols")
    assert sources["PETRPG25"] == (date(2025, 2, 21), "symbols")
    assert sources["DI1F27"] == (date(2027, 1, 4), "rule")
    assert sources["SJCU25"] == sources["SJCN25"] == (None, None)


def test_a_curve_is_made_of_maturities_of_the_list(real: Path) -> None:
    futures = futures_get(file=real / "futures/SPRD250203.zip").filter(commodity="SJC").head(2)
    with pytest.raises(
        UsageError, match=r"the maturities of SJC are not certain .*with_maturities\(futures, symbols\)"
    ):
        futures_curve(futures, "SJC")
    days = [date(2025, 2, 27), date(2025, 4, 29)]
    symbols = listed(*((s, "AGRIBUSINESS", "FUTURE", d) for s, d in zip(futures["symbol"], days, strict=True)))
    made = futures_curve(with_maturities(futures, symbols), "SJC")
    assert made["maturity_date"].to_list() == days and made.schema == SCHEMA


def test_the_list_of_another_day_gives_no_maturity(real: Path) -> None:
    futures = futures_get(file=real / "futures/SPRD230202.zip")
    symbols = listed(("SJCH23", "AGRIBUSINESS", "FUTURE", date(2023, 2, 27)))
    assert with_maturities(futures, symbols)["maturity_date"].equals(futures["maturity_date"])
    with pytest.raises(UsageError, match="symbols lacks the column market; give rows of symbols_get"):
        with_maturities(futures, symbols.drop("market"))

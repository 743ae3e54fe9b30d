"""What the generator writes has the shape of what B3 wrote: frames, fields and the order of both, era by era."""

from __future__ import annotations

import gzip
import io
import json
import re
import warnings
import zipfile
from collections import Counter
from collections.abc import Iterator
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pyb3
from pyb3.calendar import sessions
from tests.support import generate
from tests.support.generate import FIELDS
from tests.support.generate.bvbg import PR, SPRD
from tests.support.generate.swap_rates import PRICES

PAIRS = date(1986, 10, 10)
_FIGURES = ("PREABE", "PREMAX", "PREMIN", "PREMED", "PREULT", "PREOFC", "PREOFV", "TOTNEG", "QUATOT", "VOLTOT")


def shape(text: str) -> str:
    """`A9 ` for letters, digits and blanks, each run of them once; other characters as they are."""
    letters = re.sub("[^\\W\\d_]+", "A", re.sub("[0-9]+", "9", text))
    return re.sub(" +", " ", letters)


def first_lines(text: bytes) -> list[bytes]:
    return text.split(b"\r\n")


def field(line: bytes, name: str) -> str:
    first, last = FIELDS[name]
    return line[first - 1 : last].decode("latin-1")


def member(path: Path) -> bytes:
    if path.suffix.upper() != ".ZIP":
        return path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        return archive.read(archive.namelist()[0])


@pytest.mark.parametrize(
    ("path", "day", "quotes"),
    [
        ("cotahist/COTAHIST_D25062021.TXT", date(2021, 6, 25), 7_518),
        ("cotahist/COTAHIST_D03022022.ZIP", date(2022, 2, 3), 7_261),
        ("cases/COTAHIST_D01092026.ZIP", date(2026, 9, 1), 8),
    ],
)
def test_a_day_begins_and_ends_as_b3s_own(real: Path, path: str, day: date, quotes: int) -> None:
    """Byte for byte: header, trailer with what it counts in its era, blanks behind, line ends."""
    theirs, ours = member(real / path), generate.cotahist([day], quotes)
    assert (ours[:247], ours[-247:], len(ours)) == (theirs[:247], theirs[-247:], len(theirs))


@pytest.mark.parametrize(("year", "quotes", "counted"), [(2020, 3, 5), (2024, 8, 10), (2025, 3, 3), (2026, 3, 3)])
def test_the_trailer_counts_the_quotes_alone_since_2025(year: int, quotes: int, counted: int) -> None:
    day = sessions(date(year, 12, 1), date(year, 12, 10))[0]
    assert first_lines(generate.cotahist([day], quotes))[-2][31:42] == b"%011d" % counted
    assert generate.trailer_count(year, quotes) == counted
    either = {
        first_lines(generate.cotahist([day], quotes, counts_itself=itself))[-2][31:42] for itself in (True, False)
    }
    assert either == {b"%011d" % quotes, b"%011d" % (quotes + 2)}


@pytest.mark.parametrize(
    ("path", "day"),
    [
        ("cotahist/COTAHIST_D25062021.TXT", date(2021, 6, 25)),
        ("cotahist/COTAHIST_D03022022.ZIP", date(2022, 2, 3)),
    ],
)
def test_a_quotes_fields_have_the_shapes_of_its_market(real: Path, path: str, day: date) -> None:
    names = set(FIELDS) - {"CODNEG", "NOMRES", "ESPECI", "DATVEN"}

    def shapes(text: bytes) -> dict[str, set[tuple[str, str]]]:
        found: dict[str, set[tuple[str, str]]] = {}
        for line in first_lines(text):
            if line.startswith(b"01"):
                market = found.setdefault(field(line, "TPMERC"), set())
                market |= {(name, shape(field(line, name)).replace("A9", "A").replace("9A", "A")) for name in names}
        return found

    theirs, ours = shapes(member(real / path)), shapes(generate.cotahist([day], 2_000))
    for market in set(theirs) & set(ours):
        assert {(name, text) for name, text in ours[market] if name != "CODISI"} <= theirs[market], market
        assert {text for name, text in ours[market] if name == "PRAZOT"} == {
            text for name, text in theirs[market] if name == "PRAZOT"
        }
    assert {"010", "020", "030", "070", "080"} <= set(theirs) & set(ours)


def test_term_days_are_blank_in_cash_and_zeros_in_options() -> None:
    terms: dict[str, set[str]] = {}
    for line in first_lines(generate.cotahist([date(2024, 5, 2)], 2_000))[1:-2]:
        terms.setdefault(field(line, "TPMERC"), set()).add(field(line, "PRAZOT"))
    assert {market for market, found in terms.items() if found == {"   "}} == {"010", "017", "020", "021"}
    assert {market for market, found in terms.items() if found == {"000"}} == {"012", "013", "070", "080"}
    assert len(terms["030"]) > 3


def test_1986_is_written_as_b3_wrote_it(real: Path) -> None:
    """Header and trailer of 1999-12-10, internal codes, tickers with blanks, one pair of rows that share a key."""
    theirs = first_lines((real / "cases" / "COTAHIST.A1986").read_bytes())
    ours = first_lines(generate.cotahist(sessions(date(1986, 1, 1), date(1986, 12, 30)), 60))
    assert ours[0] == theirs[0] and ours[-2][:31] == theirs[-2][:31]
    terms = [line for line in ours if line.startswith(b"0119861010") and field(line, "TPMERC") == "030"]
    keys = Counter((field(line, "CODNEG"), field(line, "PRAZOT")) for line in terms)
    assert sorted(keys.values())[-2:] == [2, 2]
    differing = set()
    for key in [key for key, count in keys.items() if count == 2]:
        one, other = (line for line in terms if (field(line, "CODNEG"), field(line, "PRAZOT")) == key)
        differing.add(frozenset(name for name in FIELDS if field(one, name) != field(other, name)) - set(_FIGURES))
    assert differing == {frozenset(), frozenset({"ESPECI", "CODISI"})}
    for line in terms:
        for name in ("CODNEG", "MODREF", "PRAZOT", "INDOPC", "DATVEN", "DISMES", "CODISI"):
            assert shape(field(line, name)) in {shape(field(theirs[1], name)), "A9 ", "A"}, name
        assert (field(line, "MODREF"), field(line, "CODISI")[4:6]) == ("CZ$ ", "AC")


def test_1987_and_1988_have_control_bytes_in_the_terms_of_a_few_odd_lots(real: Path) -> None:
    theirs = {
        field(line, "PRAZOT")
        for line in first_lines((real / "cases" / "COTAHIST.A1987").read_bytes())[1:-2]
        if min(line) < 32
    }
    assert theirs == {"\x00\x0f ", "\x9c\x0f ", "\x00\x07 "}
    for year in (1986, 1987, 1988, 1989):
        lines = first_lines(generate.cotahist(sessions(date(year, 1, 1), date(year, 12, 31)), 100))[1:-2]
        struck = [line for line in lines if field(line, "PRAZOT").strip() and min(field(line, "PRAZOT")) < " "
                  or "\x9c" in field(line, "PRAZOT")]  # fmt: skip
        assert bool(struck) == (year in (1987, 1988)) and len(struck) < len(lines) / 1_000
        assert {field(line, "TPMERC") for line in struck} <= {"020"} and {len(line) for line in lines} == {245}
        if struck:
            assert {field(line, "PRAZOT") for line in struck} & theirs


@pytest.mark.parametrize(
    ("year", "name"),
    [(1986, "COTAHIST.A1986"), (2000, "COTAHIST.A2000"), (2001, "COTAHIST_A2001"), (2002, "COTAHIST_A2002.TXT")],
)
def test_the_member_of_a_year_is_named_as_in_its_era(year: int, name: str) -> None:
    assert generate.member_name(year) == name


def test_old_years_quote_for_up_to_a_million_and_todays_for_up_to_a_thousand() -> None:
    def factors(day: date) -> set[int]:
        return {int(field(line, "FATCOT")) for line in first_lines(generate.cotahist([day], 2_000))[1:-2]}

    assert factors(date(1990, 5, 2)) == {1, 10, 100, 1000, 10_000, 1_000_000}
    assert factors(date(2024, 10, 16)) == {1, 10, 1000}


def test_rows_of_2024_and_2026_are_those_that_were_seen(real: Path) -> None:
    """Codes and specifications of the index paper, infrastructure funds, receipts and block lots."""
    rows = {}
    for path, day in (
        ("cotahist/real_2024_excerpt.TXT", date(2024, 10, 16)), ("cases/infra_funds_CI_BDI14.TXT", date(2026, 10, 2)),
    ):  # fmt: skip
        theirs = first_lines((real / path).read_bytes())[1:-2]
        ours = {field(line, "CODNEG"): line for line in first_lines(generate.cotahist([day], 2_000))[1:-2]}
        for line in theirs:
            if (symbol := field(line, "CODNEG")) in ours and symbol.strip() in ("SMLL11", "KDIF11", "BOVA11"):
                names = ("CODBDI", "TPMERC", "NOMRES", "ESPECI", "PRAZOT", "MODREF", "FATCOT", "INDOPC", "DATVEN")
                rows[symbol.strip()] = [(field(line, name), field(ours[symbol], name)) for name in names]
    assert set(rows) == {"SMLL11", "KDIF11", "BOVA11"}
    assert [pair for found in rows.values() for pair in found if pair[0] != pair[1]] == []
    lines = first_lines(generate.cotahist([date(2026, 10, 2)], 2_000))[1:-2]
    receipts = [line for line in lines if field(line, "CODBDI") == "10" and field(line, "ESPECI").startswith("ON ")]
    assert receipts and all("R01" in field(line, "CODISI") for line in receipts)
    blocks = [line for line in lines if field(line, "TPMERC") == "021"]
    assert {field(line, "CODNEG").strip()[-1] for line in blocks} == {"Q"}
    assert {field(line, "CODBDI") for line in blocks} <= {"92", "93"}
    assert not [line for line in first_lines(generate.cotahist([date(2022, 2, 3)], 2_000)) if line[24:27] == b"021"]


def test_every_era_is_read_whole(tmp_path: Path) -> None:
    """Rows that share a key, control bytes and trailers of both kinds cost no row."""
    for days in (
        sessions(date(1986, 10, 6), date(1986, 10, 17)), sessions(date(1987, 1, 1), date(1987, 12, 31)),
        [date(1995, 5, 12), date(1995, 5, 15)], [date(2001, 3, 1)], [date(2024, 12, 30)], [date(2025, 1, 2)],
        [date(2026, 9, 1)],
    ):  # fmt: skip
        path = tmp_path / generate.member_name(days[-1].year)
        path.write_bytes(generate.cotahist(days, 100))
        frame = pyb3.cotahist_get(file=path)
        assert frame.height == 100 * len(days)
        odd = frame.filter(pl.col("market_type").is_in([10, 20]) & (pl.col("term_days") != 0))
        assert odd.height == 0
        assert frame["occurrence"].max() == (2 if PAIRS in days else 1)


# Price reports.

_SHARED = {"PricRpt", "TradDt", "Dt", "SctyId", "TckrSymb", "FinInstrmId", "OthrId", "Id", "Tp", "Prtry", "PlcOfListg"}
_SHARED |= {"MktIdrCd", "TradDtls", "FinInstrmAttrbts"}
_FUTURE = re.compile("[A-Z0-9]{3}[FGHJKMNQUVXZ][0-9]{2}|[A-Z0-9]{5}[FGHJKMNQUVXZ][0-9]{2}")
_LEAF = re.compile(rb'<([A-Za-z]+)(?: Ccy="([A-Z]{3})")?>([^<\s][^<]*)</')
Leaves = dict[str, tuple[str, str]]


@cache
def report(path: Path) -> bytes:
    return gzip.decompress(path.read_bytes()) if path.suffix == ".gz" else member(path)


def messages(data: bytes) -> Iterator[tuple[str, str, Leaves]]:
    """Ticker, date and the leaves of each message, in their order, with currency and text."""
    for text in data.split(b"<PricRpt>")[1:]:
        found = {tag.decode(): (money.decode(), value.decode()) for tag, money, value in _LEAF.findall(text)}
        body = {tag: value for tag, value in found.items() if tag not in _SHARED and not tag.startswith("Biz")}
        names = [tag for tag in body if tag not in ("MsgDefIdr", "CreDt", "Issr")]
        yield found["TckrSymb"][1], found["Dt"][1], {tag: body[tag] for tag in names}


def is_future(symbol: str, leaves: Leaves) -> bool:
    settled = {"AdjstdQt", "AdjstdQtTax", "AdjstdQtStin"} & set(leaves)
    return bool(_FUTURE.fullmatch(symbol) and settled)


def forms(data: bytes) -> set[tuple[str, ...]]:
    """Which leaves a future has, in which order, less the offers, which any traded one may lack."""
    return {
        tuple(tag for tag in leaves if tag not in ("BestBidPric", "BestAskPric"))
        for symbol, _, leaves in messages(data)
        if is_future(symbol, leaves)
    }


@pytest.mark.parametrize(
    ("kind", "day", "paths"),
    [
        ("SPRD", date(2023, 2, 2), ["SPRD230202.zip", "SPRD250203.zip"]),
        ("SPRD", date(2025, 2, 3), ["SPRD230202.zip", "SPRD250203.zip"]),
        ("PR", date(2021, 4, 23), ["PR210423.newest.zip", "PR180102.xml.gz"]),
    ],
)
def test_every_form_of_a_future_was_seen(real: Path, kind: str, day: date, paths: list[str]) -> None:
    theirs = set().union(*(forms(report(real / "futures" / path)) for path in paths))
    ours = forms(generate.price_report(day, 640, kind=kind))
    assert len(ours) >= 8
    assert sorted(ours - theirs) == []


@pytest.mark.parametrize(
    ("kind", "day", "path"),
    [(SPRD, date(2023, 2, 2), "SPRD230202.zip"), (PR, date(2021, 4, 23), "PR210423.newest.zip")],
    ids=["SPRD", "PR"],
)
def test_the_frame_of_a_report_is_b3s(real: Path, kind: Any, day: date, path: str) -> None:
    """From the first byte to the first message's values, and from the last of them on: but for numbers, the same."""
    name = kind.name == PR.name

    def frame(data: bytes) -> tuple[bytes, bytes]:
        start, end = data.index(b"<TckrSymb>"), data.rindex(b"</FinInstrmAttrbts>")
        return re.sub(rb"[0-9]+", b"9", data[:start]), data[end:]

    ours = generate.price_report(day, 20, kind="PR" if name else "SPRD")
    assert frame(ours) == frame(report(real / "futures" / path))


@pytest.mark.parametrize("path", ["PR210423.newest.zip", "SPRD250203.zip"])
def test_currencies_and_numbers_are_written_as_b3_writes_them(real: Path, path: str) -> None:
    """No zeros behind, no point without decimals, `-` before; a leaf that is money bears its currency."""
    day, kind = (date(2021, 4, 23), "PR") if path.startswith("PR") else (date(2025, 2, 3), "SPRD")
    theirs, ours = report(real / "futures" / path), generate.price_report(day, 640, kind=kind, others=900)
    number, money = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]*[1-9])?"), {}
    for data in (theirs, ours):
        bearing: dict[str, set[bool]] = {}
        for _, _, leaves in messages(data):
            for tag, (currency, text) in leaves.items():
                bearing.setdefault(tag, set()).add(bool(currency))
                assert tag in ("AdjstdQtStin", "PrvsAdjstdQtStin", "MktDataStrmId") or number.fullmatch(text), (
                    tag,
                    text,
                )
        money[data is theirs] = bearing
    assert all(found <= money[True][tag] for tag, found in money[False].items())
    families: dict[bool, dict[str, set[tuple[str, str]]]] = {True: {}, False: {}}
    for data in (theirs, ours):
        for symbol, _, leaves in messages(data):
            if len(symbol) == 6 and is_future(symbol, leaves):
                bears = families[data is theirs].setdefault(symbol[:3], set())
                bears |= {(tag, currency) for tag, (currency, _) in leaves.items() if currency}
    both = set(families[True]) & set(families[False])
    assert len(both) > 40
    odd = {
        family: families[False][family] - families[True][family]
        for family in both
        if any(tag == "LastPric" for tag, _ in families[True][family])
    }
    assert {
        family: found for family, found in odd.items() if {tag for tag, _ in found} - {"BestBidPric", "BestAskPric"}
    } == {}


def differences(first: bytes, newest: bytes) -> dict[str, set[tuple[str, ...]]]:
    """By family, the leaves in which the first report of an evening differs from its newest."""
    early = {(symbol, day): leaves for symbol, day, leaves in messages(first)}
    found: dict[str, set[tuple[str, ...]]] = {}
    for symbol, day, leaves in messages(newest):
        before = early.get((symbol, day))
        if before is None:
            found.setdefault("missing", set()).add((shape(symbol),))
        elif _FUTURE.fullmatch(symbol) and before != leaves:
            names = tuple(sorted(tag for tag in {*before, *leaves} if before.get(tag) != leaves.get(tag)))
            found.setdefault(symbol[:-3], set()).add((before.get("AdjstdQtStin", ("", ""))[1], *names))
    return found


def test_the_evenings_first_report_lacks_what_b3s_lacked(real: Path) -> None:
    day = date(2021, 4, 23)
    theirs = differences(report(real / "cases/PR210423.first.zip"), report(real / "futures/PR210423.newest.zip"))
    first, newest = (generate.price_report(day, 640, kind="PR", others=900, first=early) for early in (True, False))
    ours = differences(first, newest)
    assert set(theirs) == {"missing", "DAP", "PCARO", "ISP", "WSP", "OZ1", "FRC"}
    assert set(ours) == set(theirs) - {"OZ1"}
    assert {family: found - theirs[family] for family, found in ours.items() if found - theirs[family]} == {}
    assert b"<CreDtAndTm>2021-04-23T18:10:27<" in first


def test_a_first_report_of_derivatives_has_situations_without_settlements() -> None:
    with zipfile.ZipFile(io.BytesIO(generate.price_report_zip(date(2026, 9, 1), 640, first=True))) as outer:
        with zipfile.ZipFile(io.BytesIO(outer.read(outer.namelist()[0]))) as inner:
            assert len(inner.namelist()) == 1
            data = inner.read(inner.namelist()[0])
    bare = {
        (symbol[:3], leaves["AdjstdQtStin"][1])
        for symbol, _, leaves in messages(data)
        if "AdjstdQtStin" in leaves and not {"AdjstdQt", "AdjstdQtTax"} & set(leaves)
    }
    assert bare == {("DAP", "U"), ("PCA", "U"), ("ISP", "F"), ("WSP", "F")}


def test_a_first_report_and_then_the_newest_give_the_same_futures(tmp_path: Path) -> None:
    frames = []
    for early in (True, False):
        path = tmp_path / "PR240522.zip"
        path.write_bytes(generate.price_report_zip(date(2024, 5, 22), 640, kind="PR", first=early))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # that some are not settled
            frames.append(pyb3.futures_get(file=path).sort("symbol"))
    first, newest = frames
    assert first["symbol"].to_list() == newest["symbol"].to_list()
    bare = first.filter(pl.col("price").is_null() & pl.col("settlement_rate").is_null())["symbol"]
    assert {symbol[:-3] for symbol in bare} == {"DAP", "PCARO", "ISP", "WSP"}
    assert newest.filter(pl.col("price").is_null() & pl.col("settlement_rate").is_null()).height == 0


def test_strays_stand_at_the_end_with_the_files_own_settlement(real: Path) -> None:
    theirs = list(messages(report(real / "futures/PR210423.newest.zip")))
    day, symbols = date(2021, 4, 23), ["BGIK21", "CCMK21", "ICFK21"]
    ours = list(messages(generate.price_report(day, 300, kind="PR", strays=symbols)))
    own = {"AdjstdQt", "AdjstdQtStin", "PrvsAdjstdQt", "PrvsAdjstdQtStin", "OpnIntrst", "VartnPts", "AdjstdValCtrct"}
    for rows, count in ((theirs, 11), (ours, 3)):
        assert [when for _, when, _ in rows[-count - 1 :]] == ["2021-04-23"] + ["2021-04-26"] * count
        settled = {symbol: leaves for symbol, when, leaves in rows if when == "2021-04-23"}
        for symbol, _, leaves in rows[-count:]:
            if symbol != "FRP1":
                assert {tag: leaves.get(tag) for tag in own} == {tag: settled[symbol].get(tag) for tag in own}, symbol
                assert leaves["RglrTxsQty"] != settled[symbol]["RglrTxsQty"]


def test_the_morning_snapshot_of_instruments_sorts_last_and_was_made_first(real: Path) -> None:
    def snapshots(archive: zipfile.ZipFile) -> list[bytes]:
        names = sorted(archive.namelist())
        found = [re.search(rb"<CreDtAndTm>([^<]*)<", archive.read(name)) for name in names]
        return [one[1][11:] for one in found if one]

    with zipfile.ZipFile(real / "cases/assumptions/two_snapshots_older_sorts_last.zip") as archive:
        theirs = snapshots(archive)
    with zipfile.ZipFile(io.BytesIO(generate.instrument_file_zip(date(2026, 8, 17), 20, versions=2))) as outer:
        with zipfile.ZipFile(io.BytesIO(outer.read(outer.namelist()[0]))) as archive:
            ours = snapshots(archive)
    assert theirs == [b"19:27:24", b"07:01:00"] and ours == [b"18:40:30", b"07:01:00"]


# Curves.


def test_a_ts_file_is_packed_as_b3s(real: Path) -> None:
    theirs = (real / "yield_curves/TS190910.ex_").read_bytes()
    with zipfile.ZipFile(io.BytesIO(generate.swap_rates_zip(date(2019, 9, 10)))) as outer:
        assert outer.namelist() == ["TS190910.ex_"]
        ours = outer.read("TS190910.ex_")
    assert ours[:64] == theirs[:64] and ours.index(b"PK\x03\x04") == theirs.index(b"PK\x03\x04")
    found = []
    for data in (theirs, ours):
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            (one,) = archive.infolist()
            found.append(
                (one.filename, one.header_offset, one.flag_bits, one.create_system, one.external_attr, one.extra)
            )
            assert data[one.header_offset : one.header_offset + 4] == b"PK\x03\x04"
    assert found[0] == found[1]


def test_the_curves_and_lines_of_2019_are_b3s(real: Path) -> None:
    with zipfile.ZipFile(real / "yield_curves/TS190910.ex_") as archive:
        theirs = archive.read("TaxaSwap.txt").decode("latin-1")
    ours = generate.swap_rates(date(2019, 9, 10), 287).decode("latin-1")
    assert ours.count("\n") == ours.count("\r\n") and theirs.count("\n") == theirs.count("\r\n")
    tables = [dict.fromkeys((line[19:26], line[26:41]) for line in text.splitlines()) for text in (theirs, ours)]
    assert list(tables[1]) == list(tables[0])
    line = re.compile(r"\d{6}0010120190910T1[0-9A-Z ]{5}.{15}\d{10}[+-]\d{14}[FM]\d{5}")
    assert all(line.fullmatch(row) for text in (theirs, ours) for row in text.splitlines())
    assert [int(row[:6]) for row in ours.splitlines()] == list(range(1, len(ours.splitlines()) + 1))


def test_a_curve_of_prices_or_levels_stands_about_where_it_stood(real: Path) -> None:
    """Exchange rates, index points and prices of 2019 are no rates here either."""
    with zipfile.ZipFile(real / "yield_curves/TS190910.ex_") as archive:
        theirs = archive.read("TaxaSwap.txt").decode("latin-1")
    ours = generate.swap_rates(date(2019, 9, 10), 40).decode("latin-1")
    values: list[dict[str, int]] = [{}, {}]
    for found, text in zip(values, (theirs, ours), strict=True):
        for line in text.splitlines():
            found.setdefault(line[21:26].strip(), int(line[52:66]))
    levels = (set(PRICES) | {"PTX", "INP", "SBP"}) & set(values[0])
    assert len(levels) > 60
    assert {code: (values[0][code], values[1][code]) for code in levels
            if not values[0][code] / 8 < values[1][code] < values[0][code] * 8} == {}  # fmt: skip


# Pages of indexes.


def keys(value: Any) -> Any:
    """Keys in their order, and the shape of texts; of a list, its first row alone."""
    if isinstance(value, dict):
        return [(key, keys(inside)) for key, inside in value.items()]
    if isinstance(value, list):
        return [keys(value[0])]
    return "number" if isinstance(value, int) else "text"


@pytest.mark.parametrize(
    ("path", "ours"),
    [
        ("GetPortfolioDay_IBOV_20250407.json", generate.portfolio_day("IBOV", date(2025, 4, 7))),
        ("GetTheoricalPortfolio.json", generate.theoretical_portfolio("IBOV", date(2022, 5, 13))),
        ("GetStockIndex.json", generate.stock_index(date(2022, 5, 13))),
    ],
)
def test_an_index_page_has_the_keys_of_b3s(real: Path, path: str, ours: bytes) -> None:
    assert keys(json.loads(ours)) == keys(json.loads((real / "index_composition" / path).read_bytes()))


def test_the_spotlights_of_the_stock_list_were_seen(real: Path) -> None:
    """Kind and level: marks of rights that have gone stand in the portfolios and in COTAHIST alone."""
    theirs = json.loads((real / "index_composition/GetStockIndex.json").read_bytes())["results"]
    ours = json.loads(generate.stock_index(date(2022, 5, 13)))["results"]
    assert {row["spotlight"] for row in ours} <= {row["spotlight"] for row in theirs}
    marked = json.loads(generate.portfolio_day("IBOV", date(2025, 4, 7)))["results"]
    assert {row["type"][4:7].strip() for row in marked} >= {"", "EJ", "EDJ"}


def test_the_values_of_a_year_have_the_keys_of_b3s(real: Path) -> None:
    theirs = json.loads((real / "index_historical/IndexStatistics_IBOV_2022.json").read_bytes())
    ours = json.loads(generate.index_year("IBOV", 2022, date(2025, 4, 7)))
    assert keys(ours) == keys(theirs)
    for one, other in zip(ours["results"], theirs["results"], strict=True):
        assert {key for key, value in one.items() if value is None} == {key for key in other if other[key] is None}


def test_an_answer_is_cut_into_pages_with_the_totals_of_all() -> None:
    whole = generate.portfolio_day("SMLL", date(2026, 10, 5))
    rows = json.loads(whole)["results"]
    assert len(rows) == 104
    found = [json.loads(page) for page in generate.pages(whole, 100)]
    assert [page["page"] for page in found] == [
        {"pageNumber": number, "pageSize": 100, "totalRecords": 104, "totalPages": 2} for number in (1, 2)
    ]
    assert [len(page["results"]) for page in found] == [100, 4]
    assert found[0]["results"] + found[1]["results"] == rows
    assert {json.dumps(page["header"]) for page in found} == {json.dumps(json.loads(whole)["header"])}
    assert len(generate.pages(generate.portfolio_day("IBXX", date(2026, 10, 5)), 100)) == 1
    assert json.loads(generate.page_of(whole, 3, 100))["results"] == []


def test_a_page_that_is_too_big_has_no_rows_and_no_totals(real: Path) -> None:
    theirs = json.loads((real / "corporate_actions/GetListedCashDividends_over_page_cap.json").read_bytes())
    ours = json.loads(generate.page_of(generate.portfolio_day("SMLL", date(2026, 10, 5)), 1, 400, most=120))
    assert (ours["page"], ours["results"]) == (theirs["page"], theirs["results"])


# Daily CSV files.


@pytest.mark.parametrize(
    ("path", "make"),
    [
        ("InstrumentsConsolidated_control.csv", generate.instruments_consolidated),
        ("TIC_ref_12_decimals.csv", generate.trade_information),
    ],
)
def test_a_daily_csv_has_b3s_status_and_columns(real: Path, path: str, make: Any) -> None:
    theirs = (real / "cases/assumptions" / path).read_bytes().split(b"\n")
    ours = make(date(2026, 8, 21), 100).split(b"\r\n")
    assert [line.rstrip(b"\r") for line in theirs[:2]] == ours[:2]


def test_a_share_fills_the_columns_that_b3_fills(real: Path) -> None:
    day = date(2026, 8, 21)
    theirs = (real / "cases/assumptions/InstrumentsConsolidated_control.csv").read_text("latin-1").splitlines()
    ours = generate.instruments_consolidated(day, 500).decode("latin-1").splitlines()
    columns = theirs[1].split(";")
    for line in theirs[2:]:
        want = dict(zip(columns, line.split(";"), strict=True))
        row = next(row for row in ours if row.startswith(f"{day};{want['TckrSymb']};"))
        found = dict(zip(columns, row.split(";"), strict=True))
        assert {name for name in columns if found[name]} == {name for name in columns if want[name]}
        for name in set(columns) - {"TradgStartDt", "DstrbtnId", "SpcfctnCd", "CrpnNm", "MktCptlstn"}:
            assert found[name] == want[name], name


def test_an_option_fills_the_columns_that_b3_fills(real: Path) -> None:
    path = real / "symbols/InstrumentsConsolidated_20220128.excerpt.csv"
    theirs = path.read_text("latin-1").splitlines()
    columns = theirs[0].split(";")
    filled = {tuple(name for name, text in zip(columns, line.split(";"), strict=True) if text) for line in theirs[1:]}
    ours = generate.instruments_consolidated(date(2022, 1, 28), 500).decode("latin-1").splitlines()[2:]
    options = [line.split(";") for line in ours if ";OPTION ON EQUITIES;" in line]
    assert options
    assert {tuple(name for name, text in zip(columns, row, strict=True) if text) for row in options} <= filled


# The report of indexes.


def test_the_frame_and_fields_of_an_index_report_are_b3s(real: Path) -> None:
    def fields(data: bytes) -> tuple[bytes, list[str]]:
        start = data.index(b"<TckrSymb>")
        first = data[data.index(b"IBOV<") - 200 :]
        first = first[first.index(b"<IndxInf>") if b"<IndxInf>" in first[:200] else 0 :]
        tags = re.findall(rb"<([A-Za-z]+)[ >]", first[: first.index(b"</IndxInf>")])
        return re.sub(rb"[0-9]+", b"9", data[:start]), [tag.decode() for tag in tags]

    theirs, ours = member(real / "index_historical/IR210423.zip"), generate.index_report(date(2021, 4, 23))
    assert fields(ours) == fields(theirs)

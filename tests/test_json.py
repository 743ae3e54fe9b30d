"""B3's JSON answers are read exactly, in one language, and within limits."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyb3.datasets import registry
from pyb3.errors import FieldInvalid, FileError, Incomplete, PyB3Error
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from tests.support.generate.index_pages import index_year, portfolio_day

DAY = date(2025, 4, 7)
ENGLISH, PORTUGUESE = {"language": "en-us"}, {"language": "pt-br"}


def _read(
    name: str,
    body: bytes,
    asked: Mapping[str, Any] | None = None,
    file: str = "answer.json",
    rejects: Rejects | None = None,
) -> pl.DataFrame:
    """The frame of an answer's bytes; `asked` is the request's payload, where there was one.

    Nothing may be set aside but into `rejects`.
    """
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / file
        path.write_bytes(body)
        known = {} if asked is None else {"payload": {"index": "IBOV", "year": 2022, **asked}}
        files = [File(path, item="IBOV", known=known)]
        return registry.get(name).frame(files, rejects=Rejects(strict=True) if rejects is None else rejects)


def _portfolio(weights: list[str], quantities: list[str] | None = None, **header: Any) -> bytes:
    quantities = quantities or ["1"] * len(weights)
    rows = [
        {"segment": "A", "cod": f"AAAA{n}", "asset": "A", "type": "ON", "part": w, "partAcum": w, "theoricalQty": q}
        for n, (w, q) in enumerate(zip(weights, quantities, strict=True))
    ]
    top = {"date": "04/07/25", "part": "100.000", "partAcum": "100.000", "reductor": "1.5", "theoricalQty": "1"}
    page = {"pageNumber": 1, "pageSize": 9999, "totalRecords": len(rows), "totalPages": 1}
    return json.dumps({"page": page, "header": top | header, "results": rows}).encode()


def _year(**cells: Any) -> bytes:
    rows = [{"day": day, **{f"rateValue{n}": None for n in range(1, 13)}} for day in range(1, 32)]
    for name, value in cells.items():
        month, day = name.removeprefix("m").split("d")
        rows[int(day) - 1][f"rateValue{month}"] = value
    nothing = {"day": 0, **{f"rateValue{n}": None for n in range(1, 13)}}
    return json.dumps({"min": nothing, "max": nothing, "results": rows}).encode()


def _in_portuguese(text: str) -> str:
    return text.translate(str.maketrans(",.", ".,"))


@settings(deadline=None)
@given(st.lists(st.integers(0, 10**15), min_size=1, max_size=12), st.booleans())
def test_values_arrive_exactly_in_the_language_asked_for(cents: list[int], portuguese: bool) -> None:
    values = [Decimal(n).scaleb(-2) for n in cents]
    written = [f"{value:,.2f}" for value in values]
    cells = {f"m{n}d3": _in_portuguese(text) if portuguese else text for n, text in enumerate(written, 1)}
    asked = PORTUGUESE if portuguese else ENGLISH
    assert _read("index_historical", _year(**cells), asked)["value"].to_list() == values
    known = _read("index_historical", _year(**cells), file="IndexStatistics_IBOV_2022.json")  # two decimals tell
    assert known["value"].to_list() == values
    with pytest.raises(FileError):
        _read("index_historical", _year(**cells), ENGLISH if portuguese else PORTUGUESE)


@settings(deadline=None)
@given(st.integers(0, 10**12), st.integers(0, 10**16))
def test_a_portfolio_arrives_exactly(quantity: int, reductor: int) -> None:
    exact = Decimal(reductor).scaleb(-8)
    body = _portfolio(["100.000"], [f"{quantity:,}"], reductor=f"{exact:,.8f}", theoricalQty=f"{quantity:,}")
    row = _read("index_composition", body, ENGLISH).row(0, named=True)
    assert (row["theoretical_quantity"], row["total_quantity"], row["reductor"]) == (quantity, quantity, exact)
    assert (row["weight"], row["refdate"]) == (Decimal(100), DAY)


@settings(deadline=None)
@given(st.text(max_size=30))
def test_text_arrives_as_it_is_but_for_outer_blanks(text: str) -> None:
    body = _portfolio(["100.000"]).replace(b'"asset": "A"', b'"asset": ' + json.dumps(text).encode())
    if "\0" in text.strip():
        with pytest.raises(FieldInvalid, match="NUL"):
            _read("index_composition", body, ENGLISH)
        blank = text.strip().replace("\0", " ").strip(" ") or None
        assert _read("index_composition", body, ENGLISH, rejects=Rejects())["asset"][0] == blank
    else:
        assert _read("index_composition", body, ENGLISH)["asset"][0] == (text.strip() or None)


def test_json_numbers_are_decimals_in_either_language() -> None:
    body = _year(m1d3=123456789012345.67, m2d3=7).replace(b"123456789012345.67", b"12345678901234567890.10")
    for asked in (ENGLISH, PORTUGUESE):
        values = _read("index_historical", body, asked)["value"].to_list()
        assert values == [Decimal("12345678901234567890.10"), Decimal(7)]


@pytest.mark.parametrize("encode", ["utf-8", "utf-8-sig", "latin-1"])
def test_letters_come_through_in_each_encoding(encode: str) -> None:
    text = portfolio_day("IBOV", DAY).decode()
    assert "Básico" in text
    frame = _read("index_composition", text.encode(encode), ENGLISH)
    assert frame["sector"].str.contains("Básico").any()


def test_the_language_is_told_by_numbers_that_only_one_can_have_written() -> None:
    for language in (ENGLISH, PORTUGUESE):
        known = _read("index_composition", portfolio_day("IBOV", DAY, **language))
        asked = _read("index_composition", portfolio_day("IBOV", DAY, **language), language)
        assert known.equals(asked)
        assert set(known["refdate"]) == {DAY}


def test_numbers_that_both_languages_can_have_written_are_not_guessed() -> None:
    body = _portfolio(["1"] * 100, part="100", partAcum="100", reductor="1,234", theoricalQty="100")
    with pytest.raises(FileError, match="as en-us and as pt-br, with different values"):
        _read("index_composition", body)
    assert _read("index_composition", body, ENGLISH)["reductor"][0] == 1234
    assert _read("index_composition", body, PORTUGUESE)["reductor"][0] == Decimal("1.234")


def test_an_answer_in_another_language_than_asked_is_refused() -> None:
    with pytest.raises(FileError, match="is written in pt-br, but B3 was asked for en-us"):
        _read("index_composition", portfolio_day("IBOV", DAY, language="pt-br"), ENGLISH)


def test_a_damaged_value_is_named() -> None:
    with pytest.raises(FieldInvalid, match=r'answer.json, results line 2, field part: "9x.000" is not a number'):
        _read("index_composition", _portfolio(["91.000", "9x.000"]), ENGLISH)
    rejects = Rejects()
    body = _portfolio(["50.000", "9x.000", "20.000", "30.000"])
    assert _read("index_composition", body, rejects=rejects)["weight"].to_list() == [50, None, 20, 30]
    assert [str(record) for record in rejects.records] == [
        f'answer.json line 2, field {name}: "9x.000" is not a number of 3 decimals' for name in ("part", "partAcum")
    ]


def test_one_value_in_another_language_refuses_the_file() -> None:
    """Another one may be read wrongly, and nobody would know."""
    cells = {f"m{n}d3": "105,000.12" for n in range(1, 13)} | {"m3d3": "105.000,12"}
    for asked in (ENGLISH, None):
        with pytest.raises(FieldInvalid, match='line 303, .*"105.000,12" is not in en-us as the other values'):
            _read("index_historical", _year(**cells), asked, "IndexStatistics_IBOV_2022.json", Rejects())


def test_a_day_may_be_written_as_a_text() -> None:
    body = _year(m1d3="1.00", m2d10="2.00")
    texts = re.sub(rb'"day": (\d+)', rb'"day": "\1"', body)
    assert texts != body
    assert _read("index_historical", texts, ENGLISH).equals(_read("index_historical", body, ENGLISH))


def test_a_value_of_a_day_that_there_is_not_is_set_aside() -> None:
    rejects = Rejects()
    frame = _read("index_historical", _year(m1d3="1.00", m2d30="2.00", m4d3="3.00"), ENGLISH, rejects=rejects)
    assert frame["refdate"].to_list() == [date(2022, 1, 3), date(2022, 4, 3)]
    (record,) = rejects.records
    assert (record.line, record.field, record.record) == (3002, "rateValue2", '"2.00"')
    assert record.reason == '"2.00" is not of a day of 2022'


def test_an_answer_that_cannot_be_read_is_left_out_and_told(tmp_path: Path) -> None:
    files = []
    for index in ("IBOV", "IMOB", "SMLL"):
        path = tmp_path / f"GetPortfolioDay_{index}_20250407.json"
        path.write_bytes(portfolio_day(index, DAY)[: -20 if index == "IMOB" else None])
        files.append(File.at(path))
    rejects, notes = Rejects(), list[str]()
    frame = registry.get("index_composition").frame(files, rejects=rejects, notes=notes)
    assert set(frame["index_code"]) == {"IBOV", "SMLL"}
    assert rejects.left_out == [files[1].path] and rejects.partial and rejects.records == []
    (gap,) = rejects.gaps
    assert gap.startswith("left out: GetPortfolioDay_IMOB_20250407.json is damaged or not JSON: ") or gap.startswith(
        "left out: GetPortfolioDay_IMOB_20250407.json is damaged or no JSON: "
    )
    with pytest.raises(FileError, match="GetPortfolioDay_IMOB"):
        registry.get("index_composition").frame(files, rejects=Rejects(strict=True))
    with pytest.raises(FileError, match="GetPortfolioDay_IMOB"):
        registry.get("index_composition").frame(files[1:2], rejects=Rejects())


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b'{"rateValue1": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested too deep"),
        (b'{"rateValue1": ' + b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"}", "nested too deep"),
        (b'{"rateValue1": ' + b"9" * 10_000 + b"}", "damaged or no JSON: Exceeds the limit"),
        (b'{"rateValue1": 1.' + b"9" * 10_000 + b"}", "no number of B3's"),
        (b'{"rateValue1": 1e999999999}', "no number of B3's"),
        (b'{"rateValue1": 1e99999999999999999999999}', "is no number"),
        (b'{"rateValue1": NaN}', "NaN is no number"),
        (b'{"rateValue1": 1, "rateValue1": 2}', "names 'rateValue1' twice"),
        (b'["rateValue1" : 1]', "damaged or no JSON"),
        (b'[{"rateValue1": 1}]', "holds no JSON object"),
        (b'{"rateValue1": 1, "results": 3}', "no list of objects named 'results'"),
        (b'{"rateValue1": 1, "results": [3]}', "no list of objects named 'results'"),
        (b'{"rateValue1": 1}', "no list of objects named 'results'"),
        (b'{"rateValue1": "' + b"x" * (17 << 20) + b'"}', "larger than 16 MiB"),
        (_year(m2d30="1.00"), "results line 30, field rateValue2"),
        (_year(m1d3="1.00").replace(b'"day": 2,', b'"day": 1,'), "day 1 stands there twice"),
        (_year(m1d3="1.00").replace(b'"day": 2,', b'"day": 32,'), '"32" is not a day of the month'),
        (_year(m1d3=["1.00"]), "is no single value"),
        (_year(m1d3="\\ud800").replace(b"\\\\ud800", b"\\ud800"), "half a character"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_hostile_and_damaged_json_is_one_clear_error(body: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        _read("index_historical", body, ENGLISH)


@settings(deadline=None)
@given(st.integers(1, len(portfolio_day("IBOV", DAY)) - 1))
def test_an_answer_cut_anywhere_is_refused(cut: int) -> None:
    with pytest.raises(FileError):
        _read("index_composition", portfolio_day("IBOV", DAY)[:cut], ENGLISH)


@settings(deadline=None)
@given(st.data())
def test_a_changed_byte_is_read_or_refused_and_never_a_crash(data: st.DataObject) -> None:
    body = bytearray(data.draw(st.sampled_from([portfolio_day("IMOB", DAY), index_year("IBOV", 2022, DAY)])))
    name = "index_composition" if b"header" in body else "index_historical"
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    try:
        frame = _read(name, bytes(body), ENGLISH)
    except PyB3Error as error:
        assert "\n" not in str(error)
    else:
        assert frame.height


def test_records_that_are_not_all_there_are_refused() -> None:
    body = _portfolio(["60.000", "40.000"])
    with pytest.raises(Incomplete, match="holds 2 records, its page/totalRecords says 3"):
        _read("index_composition", body.replace(b'"totalRecords": 2', b'"totalRecords": 3'), ENGLISH)
    with pytest.raises(Incomplete, match="does not hold all of its 2 pages"):
        _read("index_composition", body.replace(b'"totalPages": 1', b'"totalPages": 2'), ENGLISH)


def test_fields_that_b3_adds_or_leaves_out_are_noted(tmp_path: Path) -> None:
    path, notes = tmp_path / "answer.json", list[str]()
    path.write_bytes(_portfolio(["100.000"], kind="x").replace(b'"segment": "A", ', b'"isin": "BR", '))
    file = File(path, item="IBOV", known={"payload": ENGLISH})
    frame = registry.get("index_composition").read([file], notes=notes)
    assert [batch.frame.height for batch in frame] == [1]
    assert notes == [
        "answer.json has fields that are not read: header/kind, results/isin",
        "answer.json lacks results/segment",
    ]


def test_extremes_that_are_not_those_of_the_days_are_noted(tmp_path: Path) -> None:
    path, notes = tmp_path / "IndexStatistics_IBOV_2022.json", list[str]()
    path.write_bytes(_year(m1d3="1.00", m1d4="3.00").replace(b'"rateValue1": null', b'"rateValue1": "2.00"', 1))
    list(registry.get("index_historical").read([File(path)], notes=notes))
    assert notes == ["IndexStatistics_IBOV_2022.json: min of month 1 is 2.00, that of its days 1.00"]

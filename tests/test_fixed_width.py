"""Fixed-width records hold what their digits say, whatever stands around them and wherever a chunk ends."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyb3.errors import FieldInvalid, Incomplete, PyB3Error
from pyb3.template import Template
from tests.support.agreement import agreed, read

TEMPLATE = Template.parse("""
name: prices
description: Prices
table: prices
key: [refdate]
formats:
  framed:
    reader: fixed_width
    width: 91
    record: "01"
    header: '00(?P<name>FILE\\.\\d)(?P<date>\\d{8})'
    trailer: '99(?P<name>FILE\\.\\d)(?P<date>\\d{8})(?P<records>\\d{5})'
  bare: {reader: fixed_width, width: 91, record: "01"}
sources:
  - {name: P, period: day, format: framed, url: "https://x/", file: x.txt}
fields:
  - {name: kind, b3: KIND, at: [1, 2], type: text, nullable: false, description: Kind}
  - {name: refdate, b3: DATE, at: [3, 8], type: date, nullable: false, description: Day}
  - {name: name, b3: NAME, at: [11, 6], type: text, description: Name}
  - {name: count, b3: COUNT, at: [17, 18], type: integer, description: Count}
  - {name: price, b3: PRICE, at: [35, 13], type: decimal, decimals: 2, description: Price}
  - {name: volume, b3: VOLUME, at: [48, 18], type: decimal, decimals: 2, description: Volume}
  - {name: rate, b3: RATE, at: [67, 9, 66], type: decimal, decimals: 7, description: Rate}
  - {name: final, b3: FINAL, at: [76, 1], type: boolean, description: Final}
  - {name: term, b3: TERM, at: [77, 3], type: integer, nullable: false, blank: "0", description: Term}
  - {name: maturity, b3: MATURITY, at: [80, 8], type: date, description: Maturity}
  - {name: ratio, b3: RATIO, at: [88, 4], type: decimal, decimals: 9, description: Ratio}
""")
HALF = settings(max_examples=max(settings().max_examples // 2, 1))
NAMES = [field.name for field in TEMPLATE.fields]
PLACES = {field.name: tuple(field.at["framed"]) for field in TEMPLATE.fields}

_days = st.dates(date(1, 1, 1)) | st.sampled_from((date(9999, 12, 31), date(2024, 2, 29), date(1, 1, 1)))
_letters = st.characters(codec="latin-1", exclude_characters="\0\x01\n\r\x1a")
_texts = st.text(_letters, max_size=6).map(lambda text: text.strip(" ") or None)


def _number(digits: int, decimals: int | None = None) -> Any:
    whole = st.integers(0, 10**digits - 1) | st.sampled_from((0, 1, 10**digits - 1, 10 ** (digits - 1)))
    return st.none() | (whole if decimals is None else whole.map(lambda units: Decimal(units).scaleb(-decimals)))


_rates = st.builds(
    lambda units, sign: sign * Decimal(units).scaleb(-7), st.integers(0, 10**9 - 1), st.sampled_from((1, -1))
)
_rows = st.tuples(
    st.just("01"), _days, _texts, _number(18), _number(13, 2), _number(18, 2),
    st.none() | _rates, st.none() | st.booleans(), st.integers(0, 999), st.none() | _days, _number(4, 9),
)  # fmt: skip


def _digits(value: Any) -> str:
    return str(int(abs(value) * 10 ** -value.as_tuple().exponent) if isinstance(value, Decimal) else value)


def record(row: tuple[Any, ...], pad: str = "0") -> str:
    """A record that holds these values; numbers are filled up with zeros, or with blanks."""
    line = [" "] * 91
    for (start, width, *sign), value in zip(PLACES.values(), row, strict=True):
        match value:
            case None:
                text = " " * width
            case bool():
                text = "S" if value else "N"
            case date():
                text = f"{value.year:04}{value:%m%d}"
            case str():
                text = value.ljust(width)
            case _:
                text = _digits(value).rjust(width, pad)
        line[start - 1 : start - 1 + width] = text
        if sign:
            line[sign[0] - 1] = " " if value is None else "-" if value < 0 else "+"
    return "".join(line)


def file(records: list[str], end: str = "\r\n", last: str = "\r\n") -> bytes:
    """The records between a header and a trailer that counts them."""
    lines = ["00FILE.120240115", *records, f"99FILE.120240115{len(records) + 2:05}"]
    return (end.join(lines) + last).encode("latin-1")


_ends, _lasts = (
    st.sampled_from(("\r\n", "\n")),
    st.sampled_from(("", "\n", "\r\n", "\r\n\x1a", "\n\n\n", "\r\n\r\n\r\n")),
)
_chunks = st.integers(93 + 6, 4 * 93)  # a record and what may end the file


@HALF
@given(rows=st.lists(_rows, max_size=5), pad=st.sampled_from("0 "), end=_ends, last=_lasts, chunk=_chunks)
def test_any_rows_come_back_as_they_were(rows: list[Any], pad: str, end: str, last: str, chunk: int) -> None:
    data = file([record(row, pad) for row in rows], end, last)
    assert agreed(TEMPLATE, TEMPLATE.formats["framed"], data, chunk=chunk) == rows


ROW = (
    "01",
    date(2024, 1, 15),
    "PETR4",
    10**18 - 1,
    Decimal("0.01"),
    Decimal(10**18 - 1).scaleb(-2),
    Decimal("-12.3456789"),
    True,
)
ROW = (*ROW, 30, date(9999, 12, 31), Decimal("0.000000001"))


@pytest.mark.parametrize("records", [1, 2, 3])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_a_chunk_may_end_at_any_byte(records: int, end: str) -> None:
    data = file([record(ROW)] * records, end)
    for chunk in range(93, len(data) + 2, (1, 1, 4, 9)[records]):
        assert read(TEMPLATE, TEMPLATE.formats["framed"], data, chunk=chunk) == [ROW] * records


@pytest.mark.parametrize("last", ["", "\n", "\r\n", "\r", "\x1a", "\r\n\x1a", "\n" * 90])
def test_one_record_is_a_file_whatever_ends_it(last: str) -> None:
    for chunk in (91 + max(len(last), 1), 8 << 20):
        assert read(TEMPLATE, TEMPLATE.formats["bare"], (record(ROW) + last).encode(), chunk=chunk) == [ROW]


@pytest.mark.parametrize("end", ["\r\r\n", "\r", "\x85", "\x0b\n"])
def test_what_is_no_line_end_belongs_to_the_record(end: str) -> None:
    data = end.join([record(ROW)] * 3).encode("latin-1")
    assert agreed(TEMPLATE, TEMPLATE.formats["bare"], data) is None


@pytest.mark.parametrize("end", ["\n\r\n", "\n\n", " \n", "   \r\n", "\n  \n"])
def test_blank_lines_and_blanks_behind_a_record_lose_nothing(end: str) -> None:
    data = end.join([record(ROW)] * 3).encode("latin-1")
    assert agreed(TEMPLATE, TEMPLATE.formats["bare"], data) == [ROW] * 3


TWO_ERAS = replace(
    TEMPLATE.formats["framed"], options=TEMPLATE.formats["framed"].options | {"trailer_counts": ["lines", "records"]}
)


@HALF
@given(records=st.integers(0, 12), said=st.integers(0, 20), blank=st.integers(0, 3), chunk=_chunks)
def test_a_trailer_of_either_era_is_whole_and_any_other_a_cut_file(
    records: int, said: int, blank: int, chunk: int
) -> None:
    """Up to 2024 B3's trailers count header and trailer too, since 2025 the records alone; blank lines may count."""
    lines = ["00FILE.120240115", *[record(ROW)] * records, f"99FILE.120240115{said:05}"]
    lines[1:1] = [""] * (blank if records else 0)
    data = "\n".join(lines).encode()
    whole = {records, records + 2, len(lines), len(lines) - 2}
    found = read(TEMPLATE, TWO_ERAS, data, chunk=chunk)
    assert found == [ROW] * records if said in whole else isinstance(found, Incomplete), (said, whole)
    if said not in whole:
        assert f"holds {len(lines) - 2:,} records, its trailer says {said:,}" in str(found)


_ODD = {
    "date": [
        "20240230", "00000000", "00000101", "99991231", "20241301", "2024 1 5", " 2024011", "2024011 ",
        "+2024011", "-2024011", "2024-1-1", "\xb2\xb2\xb2\xb20101", "20240115", "0001-1-1", "        ",
    ],
    "decimal": [
        "+1", "-1", "-", "+", "--1", "1 1", "1.1", "1,1", "1e3", "0x1", "1_1", "A", "\xb9", "", "0", "-0", "00",
    ],
    "integer": [
        "+1", "-1", "-", "+", "++1", "1 1", "1.0", "1e3", "0x1", "1_1", "A", "\xb2", "", "0", "-0", "\xa01",
    ],
    "boolean": [
        "T", "s", "0", "1", "Y", "N", " ", "\xc7", "\x00",
    ],
    "text": [
        "", " A", "A  B", "\xc7\xc3O", "\x00", "A\x00", "\x01", "\r", "A\rB", "\x85", "\xa0", "\t", '"', "\x1a",
        "\xef\xbb\xbf", "#",
    ],
}  # fmt: skip


@HALF
@given(
    rows=st.lists(_rows, min_size=1, max_size=3),
    odd=st.lists(st.tuples(st.integers(0, 4), st.sampled_from(NAMES), st.randoms()), min_size=1, max_size=2),
    end=_ends,
    chunk=_chunks,
)
def test_odd_texts_are_read_as_the_naive_reader_reads_them(
    rows: list[Any], odd: list[Any], end: str, chunk: int
) -> None:
    records = [record(row) for row in rows]
    for number, name, chance in odd:
        start, width, *sign = PLACES[name]
        kind = TEMPLATE.field(name).type
        text = chance.choice(_ODD[kind])
        if chance.random() < 0.3:
            text = "".join(chance.choice("0123456789 +-.A\xe7") for _ in range(width))
        text = chance.choice((text.ljust, text.rjust, text.center))(width)[:width]
        if kind in ("decimal", "integer") and chance.random() < 0.3:
            text = text.strip().rjust(width, "0")
        at = number % len(records)
        records[at] = records[at][: start - 1] + text + records[at][start - 1 + width :]
        if sign and chance.random() < 0.5:
            records[at] = records[at][: sign[0] - 1] + chance.choice("+- 0A\xe7") + records[at][sign[0] :]
    agreed(TEMPLATE, TEMPLATE.formats["framed"], file(records, end), chunk=chunk)


@pytest.mark.parametrize("name", NAMES)
def test_each_odd_text_in_each_field_is_read_as_the_naive_reader_reads_it(name: str) -> None:
    start, width, *_ = PLACES[name]
    for text in _ODD[TEMPLATE.field(name).type]:
        for placed in {text.ljust(width)[:width], text.rjust(width, "0")[:width]}:
            line = record(ROW)[: start - 1] + placed + record(ROW)[start - 1 + width :]
            agreed(TEMPLATE, TEMPLATE.formats["framed"], file([record(ROW), line, record(ROW)]))


@given(data=st.binary(max_size=400))
@example(data=b"\n")
@example(data=b"\r\n\x1a")
def test_any_bytes_are_records_or_refused(data: bytes) -> None:
    agreed(TEMPLATE, TEMPLATE.formats["bare"], data)
    agreed(TEMPLATE, TEMPLATE.formats["framed"], b"00FILE.120240115\n" + data)


@pytest.mark.parametrize("text", ["2024 1 5", " 2024011", "00000101", "20240230"])
def test_a_date_has_eight_digits_and_a_year(text: str) -> None:
    line = record(ROW)
    error = read(TEMPLATE, TEMPLATE.formats["framed"], file([line, line[:2] + text + line[10:]]))
    assert isinstance(error, FieldInvalid)
    assert f'file.dat line 3, field DATE: "{text.strip()}" is not a date' == str(error)


def test_what_a_terminal_would_act_upon_is_spelled_out() -> None:
    line = record(ROW)
    error = read(TEMPLATE, TEMPLATE.formats["framed"], file([line[:16] + "\x1b[2J\r\x85".rjust(18) + line[34:]]))
    assert isinstance(error, PyB3Error)
    assert str(error).endswith(r'field COUNT: "\x1b[2J\r\x85" is not a whole number')

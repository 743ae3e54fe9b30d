"""Rows of a file that share a key: equal ones are one row, others are numbered, or the first is kept."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from pyb3.datasets import registry
from pyb3.errors import DuplicateKey
from pyb3.file import File
from pyb3.parse import delimited, fixed_width, xml_messages
from pyb3.parse.occurrences import Occurrences
from pyb3.parse.rejects import LINE, Rejects
from pyb3.parse.typed import schema
from pyb3.template import OCCURRENCE, Template
from tests.support import generate

DAY = date(2024, 1, 15)
_TEMPLATE = """
name: prices
description: Prices
table: prices
key: [refdate, symbol{occurrence}]
formats:
  daily: {{reader: delimited}}
sources:
  - {{name: P, period: day, format: daily, url: "https://x/", file: x.csv}}
fields:
  - {{name: refdate, b3: RptDt, at: Data, type: date, nullable: false, description: Day}}
  - {{name: symbol, b3: TckrSymb, at: Papel, type: text, nullable: false, description: Ticker}}
  - {{name: price, b3: Pric, at: Preco, type: decimal, decimals: 2, description: Price}}
"""
FIRST = Template.parse(_TEMPLATE.format(occurrence=""))
NUMBERED = Template.parse(
    _TEMPLATE.format(occurrence=", occurrence")
    + "  - {name: occurrence, b3: '', type: integer, nullable: false, description: Number}\n"
)
Row = tuple[date, str, Decimal | None]


def frames(batches: Sequence[Sequence[Row]]) -> Iterator[pl.DataFrame]:
    """Batches as a reader gives them, with the lines of their rows."""
    line = 2
    for batch in batches:
        columns = {name: kind for name, kind in schema(FIRST).items()}
        frame = pl.DataFrame(list(batch), schema=columns, orient="row")
        yield frame.with_columns(pl.int_range(line, line + len(batch), dtype=pl.Int64).alias(LINE))
        line += len(batch)


def numbered(template: Template, batches: Sequence[Sequence[Row]], rejects: Rejects) -> tuple[list[Any], Occurrences]:
    """The rows that are loaded."""
    keys, rows = Occurrences(template), list[Any]()
    names = [*schema(FIRST), *([OCCURRENCE] if template is NUMBERED else [])]
    for frame in frames(batches):
        rows += keys.number(frame, "x.csv", rejects).select(names).rows()
    return rows, keys


_days = st.sampled_from([DAY, DAY + timedelta(1), DAY + timedelta(2)])
_rows = st.tuples(_days, st.sampled_from("AB"), st.sampled_from([None, Decimal("1.00"), Decimal("2.00")]))
_in_order = st.lists(st.lists(_rows, max_size=6), max_size=6).map(
    lambda batches: _cut(sorted((row for batch in batches for row in batch), key=lambda row: row[0]), map(len, batches))
)


def _cut(rows: list[Row], sizes: Any) -> list[list[Row]]:
    left = iter(rows)
    return [[next(left) for _ in range(size)] for size in sizes]


def naive(rows: Sequence[Row]) -> tuple[list[tuple[*Row, int]], int]:
    """Each row that is not there yet with its number, and how many are there already."""
    seen: dict[tuple[date, str], list[Row]] = {}
    kept, folded = [], 0
    for row in rows:
        others = seen.setdefault(row[:2], [])
        if row in others:
            folded += 1
            continue
        others.append(row)
        kept.append((*row, len(others)))
    return kept, folded


@given(_in_order)
@example([[(DAY, "A", None)], [(DAY, "A", None)], [(DAY, "A", Decimal(1))], [(DAY, "A", None)]])
def test_rows_are_numbered_in_the_order_of_the_file_whatever_the_batches(batches: list[list[Row]]) -> None:
    rejects = Rejects("x.csv")
    rows, keys = numbered(NUMBERED, batches, rejects)
    kept, folded = naive([row for batch in batches for row in batch])
    assert (rows, keys.folded) == (kept, folded)
    assert not rejects.partial and rejects.records == []
    repeated = sum(row[-1] > 1 for row in kept)
    notes = list(keys.notes("x.csv"))
    assert len(notes) == bool(repeated)
    for note in notes:
        rows_have = "1 row has" if repeated == 1 else f"{repeated} rows have"
        assert note.startswith(f"x.csv: {rows_have} the key of a different row (kept, numbered in `occurrence`): ref")


@given(_in_order)
def test_without_a_number_the_first_row_is_kept_and_the_others_are_set_aside(batches: list[list[Row]]) -> None:
    rejects = Rejects("x.csv")
    rows, keys = numbered(FIRST, batches, rejects)
    every = [row for batch in batches for row in batch]
    kept, _ = naive(every)
    assert rows == [row[:-1] for row in kept if row[-1] == 1]
    assert keys.folded + len(rows) + rejects.rows == len(every), "a row is loaded, folded or set aside"
    others = {row[:-1] for row in kept if row[-1] > 1}
    assert {every[record.line - 2] for record in rejects.records} == others
    for record in rejects.records:
        day, symbol, _ = every[record.line - 2]
        assert record.reason == f"another row has its key, refdate={day}, symbol={symbol}"
    if others:
        with pytest.raises(DuplicateKey, match="x.csv: two different rows share the key refdate=2024-01-1"):
            numbered(FIRST, batches, Rejects("x.csv", strict=True))


@given(st.lists(st.lists(_rows, max_size=5), max_size=5))
def test_of_days_that_come_again_no_row_is_lost_and_no_number_stands_twice(batches: list[list[Row]]) -> None:
    """Of a day that comes again only keys are known: an equal row may get a number of its own."""
    rows, keys = numbered(NUMBERED, batches, Rejects("x.csv"))
    every = [row for batch in batches for row in batch]
    assert len(rows) + keys.folded == len(every)
    assert {row[:-1] for row in rows} == {*every}
    assert len({(*row[:2], row[-1]) for row in rows}) == len(rows), "a key stands once"
    assert all(row[-1] == 1 or (*row[:2], row[-1] - 1) in {(*r[:2], r[-1]) for r in rows} for row in rows)


def _read(name: str, data: bytes) -> pl.DataFrame:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.dat"
        path.write_bytes(data)
        return registry.get(name).frame([File(path)], rejects=Rejects())


def _cotahist(changes: dict[int, bytes]) -> bytes:
    """A COTAHIST whose first quote stands again at some places, with another volume."""
    lines = generate.cotahist([DAY], 30).split(b"\r\n")
    for at, volume in changes.items():
        lines[at] = lines[1][:170] + volume.rjust(18, b"0") + lines[1][188:]
    return b"\r\n".join(lines)


@pytest.mark.parametrize("chunk", [500, 1_000, 3_000, 12 << 20])
def test_a_quote_that_stands_again_is_numbered_over_the_chunks_of_a_file(monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(fixed_width, "CHUNK", chunk)
    frame = _read("cotahist", _cotahist({5: b"700", 12: b"700", 20: b"800", 28: b"900"}))
    (symbol,) = frame["symbol"][:1]
    again = frame.filter(symbol=symbol)
    assert frame.height == 29, "two of them are the same"
    assert again["occurrence"].to_list() == [1, 2, 3, 4]
    assert again["volume"].to_list()[1:] == [Decimal(7), Decimal(8), Decimal(9)]


@pytest.mark.parametrize("chunk", [2, 5, 50_000])
def test_a_ticker_that_stands_again_is_numbered_over_the_frames_of_a_report(monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(xml_messages, "CHUNK", chunk)
    data = generate.price_report(DAY, 12)
    symbols = _read("futures", data)["symbol"].to_list()
    data = data.replace(f">{symbols[9]}<".encode(), f">{symbols[0]}<".encode())
    frame = _read("futures", data)
    assert frame.filter(symbol=symbols[0])["occurrence"].to_list() == [1, 2]
    assert frame.height == len(symbols)


@pytest.mark.parametrize("chunk", [3_000, 8 << 20])
def test_an_instrument_that_stands_again_is_folded_or_set_aside(monkeypatch, chunk: int) -> None:
    monkeypatch.setattr(delimited, "CHUNK", chunk)
    lines = generate.instruments_consolidated(DAY, 30).rstrip().split(b"\r\n")
    whole = _read("symbols", b"\r\n".join(lines))
    rejects = Rejects()
    other = b";".join([*lines[2].split(b";")[:2], b"OTHER", *lines[2].split(b";")[3:]])
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.csv"
        path.write_bytes(b"\r\n".join([*lines, lines[2], other]))
        frame = registry.get("symbols").frame([File(path)], rejects=rejects)
    assert frame.height == whole.height + (OCCURRENCE in frame.columns)
    if OCCURRENCE not in frame.columns:
        assert [record.line for record in rejects.records] == [len(lines) + 2]

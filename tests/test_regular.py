"""The fast way through fixed-width records reads what the general way reads, or leaves a block to it."""

from __future__ import annotations

from datetime import date

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pyb3.datasets import registry
from pyb3.errors import FieldInvalid, PartialData
from pyb3.parse import regular
from pyb3.parse.edges import Lines
from pyb3.parse.fixed_width import _frame
from pyb3.parse.regular import Regular
from pyb3.parse.rejects import LINE, Rejects
from pyb3.parse.typed import Notation
from tests.support import generate

TEMPLATE = registry.get("cotahist").template
FORM = TEMPLATE.formats["cotahist"]
FIELDS = [field for field in TEMPLATE.fields if FORM.name in field.at]
PLACES = {field.name: tuple(field.at["cotahist"]) for field in FIELDS}
NOTATION = Notation(decimal="", date="%Y%m%d")
LINES = generate.cotahist([date(2024, 1, 15)], 40).split(b"\r\n")[1:-2]


def _fast(block: bytes) -> pl.DataFrame | None:
    regular = Regular(FIELDS, FORM)
    words = regular.words(block)
    return None if words is None else regular.frame(words)


def _general(block: bytes) -> pl.DataFrame:
    """The same block without its lines, where nothing may be odd."""
    strict = Rejects("file", strict=True)
    frame = _frame(block, FIELDS, FORM, NOTATION, "file", 1, strict, Lines())
    assert not [*strict.remarks()], "the fast way leaves odd texts to this one"
    return frame.drop(LINE)


def _with(line: bytes, name: str, text: bytes) -> bytes:
    start, width = PLACES[name]
    return line[: start - 1] + text.ljust(width)[:width] + line[start - 1 + width :]


@pytest.mark.parametrize("end", [b"\n", b"\r\n"])
@pytest.mark.parametrize("rows", [1, 39])
def test_a_regular_block_goes_the_fast_way(rows: int, end: bytes) -> None:
    block = end.join(LINES[:rows]) + end[:-1]
    frame = _fast(block)
    assert frame is not None
    assert frame.height == rows
    assert_frame_equal(frame, _general(block))


@pytest.mark.parametrize("piece", [1, 2, 7])
def test_a_block_is_worked_on_in_pieces(piece: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(regular, "_ROWS", piece)
    block = b"\n".join(LINES)
    frame = _fast(block)
    assert frame is not None
    assert_frame_equal(frame, _general(block))


FAST = {
    "term_days": [b"", b"000", b"999"],
    "open": [b"9999999999999", b"0000000000001"],
    "volume": [b"9" * 18, b"", b"1".rjust(18, b"0")],
    "maturity_date": [b"99991231", b"00010101", b"20240229", b"19000228", b""],
    "symbol": [b"A", b"ABCDEFGHIJKL", b"A B", b"ABCDEFG H", b"ABCDEFGH  L"],
    "specification": [b"", b"ON  EJ  NM", b"ON", b"ON      NM"],
    "isin": [b"", b"X"],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in FAST.items() for text in texts])
def test_what_the_fast_way_reads(name: str, text: bytes) -> None:
    block = b"\n".join([LINES[0], _with(LINES[1], name, text), LINES[2]])
    frame = _fast(block)
    assert frame is not None
    assert_frame_equal(frame, _general(block))


SLOW = {
    "open": [b"            1", b"00000000000-1", b"+000000000001", b"00000 0000001"],
    "volume": [b"          00000000", b"00000000          "],
    "maturity_date": [b"20240230", b"00000000", b"20241301", b"00000101", b"2024 115"],
    "symbol": [b" A", b"A\x00B", b"A\x1fB", b"", b"A\xc3"],
    "company_name": [b"    ABC", b"\tABC"],
    "record_type": [b"02"],
    "refdate": [b""],
}


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in SLOW.items() for text in texts])
def test_what_the_fast_way_leaves_to_the_general_one(name: str, text: bytes) -> None:
    assert _fast(b"\n".join([LINES[0], _with(LINES[1], name, text), LINES[2]])) is None


@pytest.mark.parametrize(
    "block",
    [
        pytest.param(b"\n".join([LINES[0], LINES[1][:-1], LINES[2] + b"0"]), id="lines of other lengths"),
        pytest.param(b"\n".join([LINES[0], b"", LINES[1]]), id="an empty line"),
        pytest.param(b"\r\n".join([LINES[0], LINES[1]]) + b"\n" + LINES[2] + b"\r", id="two kinds of line ends"),
        pytest.param(b"\n".join([LINES[0], LINES[1]]) + b"\n", id="a line end too many"),
        pytest.param(b"", id="nothing"),
    ],
)
def test_lines_that_are_no_records_are_left_to_the_general_way(block: bytes) -> None:
    assert _fast(block) is None


@settings(max_examples=400)
@given(
    changes=st.lists(
        st.tuples(
            st.integers(0, 4),
            st.sampled_from(sorted(PLACES)),
            st.one_of(
                st.binary(max_size=18),
                st.text(" 0159AZ-+.", max_size=18).map(str.encode),
                st.integers(0, 10**18 - 1).map(lambda number: str(number).encode()),
            ),
        ),
        min_size=1,
        max_size=4,
    ),
    end=st.sampled_from([b"\n", b"\r\n"]),
)
@example(changes=[(0, "symbol", b"A       B")], end=b"\n")
def test_both_ways_agree_whatever_stands_in_a_field(changes: list[tuple[int, str, bytes]], end: bytes) -> None:
    lines = LINES[:5]
    for row, name, text in changes:
        lines[row] = _with(lines[row], name, text)
    block = end.join(lines) + end[:-1]
    if (frame := _fast(block)) is not None:
        assert_frame_equal(frame, _general(block))


def test_a_format_with_signs_or_long_texts_is_left_to_the_general_way() -> None:
    template = registry.get("yield_curves").template
    form = template.formats["taxa_swap"]
    fields = [field for field in template.fields if form.name in field.at]
    assert not Regular.can_read(fields, form, NOTATION)
    assert Regular.can_read(FIELDS, FORM, NOTATION)
    assert not Regular.can_read(FIELDS, FORM, Notation(decimal="", date="%d%m%Y"))


def test_a_wrong_value_in_a_year_of_good_ones_is_named_with_its_line(tmp_path) -> None:
    import pyb3

    lines = generate.cotahist([date(2024, 1, 15)], 6_000).split(b"\r\n")
    lines[5_001] = _with(lines[5_001], "close", b"00000000x0000")
    path = tmp_path / "day.TXT"
    path.write_bytes(b"\r\n".join(lines))
    words = 'line 5,002, field PREULT: "00000000x0000" is not a number'
    with pytest.raises(FieldInvalid, match=words):
        pyb3.cotahist_get(file=path, strict=True)
    with pytest.warns(PartialData, match=f"1 value not read and NULL; first day.TXT {words}") as warned:
        frame = pyb3.cotahist_get(file=path)
    assert frame.height == 6_000
    assert frame["close"].is_null().arg_true().to_list() == [5_000]
    (record,) = warned[0].message.rejected
    assert (record.line, record.field, record.record) == (5_002, "PREULT", lines[5_001].decode())

"""Whatever a file holds, its reader gives exact values or an error with an address: no crash, no row less."""

from __future__ import annotations

import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyb3.datasets import registry
from pyb3.errors import CheckFailed, FieldInvalid, PyB3Error, one_line
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from tests.support import generate

DAY = date(2024, 1, 15)
COTAHIST = generate.cotahist([DAY], 12)
REPORT = generate.price_report(DAY, 12)
BARE = {"cotahist": COTAHIST, "futures": REPORT}
PACKED = {name: generate.zipped(f"{name}.TXT", data) for name, data in BARE.items()}
NAMES = st.sampled_from(sorted(BARE))


def _read(name: str, data: bytes, rejects: Rejects | None = None) -> pl.DataFrame:
    """The rows of a file's bytes; nothing may be set aside but into `rejects`."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.dat"
        path.write_bytes(data)
        return registry.get(name).frame([File(path)], rejects=Rejects(strict=True) if rejects is None else rejects)


WHOLE = {name: _read(name, data) for name, data in BARE.items()}


def test_the_files_of_these_tests_are_whole() -> None:
    assert {name: frame.height for name, frame in WHOLE.items()} == {"cotahist": 12, "futures": 12}
    for name, data in PACKED.items():
        assert _read(name, data).equals(WHOLE[name])


@given(name=NAMES, share=st.floats(0, 1, exclude_max=True))
def test_a_cut_file_is_refused_or_lacks_nothing(name: str, share: float) -> None:
    for data in (BARE[name], PACKED[name]):
        cut = data[: int(share * len(data))]
        try:
            frame = _read(name, cut)
        except PyB3Error:
            continue
        assert frame.equals(WHOLE[name])
        assert len(data) - len(cut) < 250, "only blanks and line ends were lost"


@pytest.mark.parametrize("name", BARE)
def test_only_the_end_of_the_last_line_may_be_lost(name: str) -> None:
    data = BARE[name]
    end = len(data.rstrip(b" \r\n"))
    assert _read(name, data[:end]).equals(WHOLE[name])
    for lost in (1, 2, 10, 40):
        with pytest.raises(PyB3Error):
            _read(name, data[: end - lost])


@given(name=NAMES, share=st.floats(0, 1, exclude_max=True), bit=st.integers(0, 7))
def test_a_bit_that_flips_in_an_archive_is_seen_or_matters_to_nobody(name: str, share: float, bit: int) -> None:
    data = bytearray(PACKED[name])
    data[int(share * len(data))] ^= 1 << bit
    try:
        frame = _read(name, bytes(data))
    except PyB3Error:
        return
    assert frame.equals(WHOLE[name])


@given(place=st.integers(0, len(COTAHIST) - 1), byte=st.integers(0, 255))
@example(place=0, byte=0x32)
@example(place=246, byte=0x0A)
@example(place=246 * 5, byte=0x00)
def test_a_byte_that_changes_in_a_cotahist_costs_no_row(place: int, byte: int) -> None:
    data = COTAHIST[:place] + bytes([byte]) + COTAHIST[place + 1 :]
    rejects = Rejects()
    try:
        frame = _read("cotahist", data, rejects)
    except PyB3Error:
        return
    assert frame.height + rejects.rows == WHOLE["cotahist"].height
    if rejects.rows == 0:
        changed = sum(not frame[name].equals(WHOLE["cotahist"][name]) for name in frame.columns)
        assert changed <= 1, "one byte is of one column"
    assert len(rejects) <= 1, "and of one record"


@given(place=st.integers(0, len(REPORT) - 1), byte=st.integers(0, 255))
def test_a_byte_that_changes_in_a_report_is_an_error_or_a_frame(place: int, byte: int) -> None:
    rejects = Rejects()
    try:
        frame = _read("futures", REPORT[:place] + bytes([byte]) + REPORT[place + 1 :], rejects)
    except PyB3Error:
        return
    assert len(rejects) <= 1
    assert frame.schema == WHOLE["futures"].schema
    assert frame.height >= WHOLE["futures"].height - 1, "a ticker that is no future's any more"


@given(data=st.binary(max_size=600), name=NAMES)
@settings(max_examples=60)
def test_what_is_no_file_at_all_is_refused(data: bytes, name: str) -> None:
    for begun in (
        data,
        BARE[name][:400] + data,
        PACKED[name][:200] + data,
        b"PK\x03\x04" + data,
        b"\x1f\x8b\x08" + data,
    ):
        with pytest.raises(PyB3Error):
            _read(name, begun)


def _with(place: int, text: str, rejects: Rejects | None = None) -> pl.DataFrame:
    """The COTAHIST whose first quote has a text at a place of the layout."""
    lines = COTAHIST.split(b"\r\n")
    lines[1] = lines[1][: place - 1] + text.encode("latin-1") + lines[1][place - 1 + len(text) :]
    return _read("cotahist", b"\r\n".join(lines), rejects)


@given(price=st.integers(0, 10**13 - 1), volume=st.integers(0, 10**18 - 1), points=st.integers(0, 10**13 - 1))
@example(price=10**13 - 1, volume=10**18 - 1, points=10**13 - 1)
@example(price=1, volume=2**53 + 1, points=1)
def test_decimals_arrive_exactly(price: int, volume: int, points: int) -> None:
    assert _with(57, f"{price:013}")["open"][0] == Decimal(price).scaleb(-2)
    assert _with(171, f"{volume:018}")["volume"][0] == Decimal(volume).scaleb(-2)
    assert _with(218, f"{points:013}")["strike_in_points"][0] == Decimal(points).scaleb(-6)


@given(text=st.text("0123456789A. -+", min_size=13, max_size=13))
def test_a_price_is_a_number_or_blank_or_an_error(text: str) -> None:
    digits = text.strip(" ")
    if digits.startswith("-") and digits[1:].isdigit() and int(digits) < 0:
        with pytest.raises(CheckFailed, match="no price is negative"):
            _with(57, text)
    elif digits.lstrip("+-").isdigit() and len(digits) - len(digits.lstrip("+-")) <= 1:
        assert _with(57, text)["open"][0] == Decimal(int(digits)).scaleb(-2)
    elif digits == "":
        assert _with(57, text)["open"][0] is None
    else:
        with pytest.raises(FieldInvalid, match="line 2, field PREABE") as caught:
            _with(57, text)
        assert f'"{digits}"' in str(caught.value)
        rejects = Rejects()
        assert _with(57, text, rejects)["open"].is_null().arg_true().to_list() == [0]
        assert [str(record) for record in rejects.records] == [one_line(str(caught.value))]


@given(day=st.dates(date(1900, 1, 1), date(9999, 12, 31)))
@example(day=date(9999, 12, 31))
def test_a_maturity_is_the_date_that_is_written(day: date) -> None:
    assert _with(203, f"{day:%Y%m%d}".rjust(8, "0"))["maturity_date"][0] == day


@given(text=st.text(st.characters(codec="latin-1", exclude_categories=["Cc"]), min_size=12, max_size=12))
def test_a_name_keeps_its_letters(text: str) -> None:
    assert _with(28, text)["company_name"][0] == (text.strip(" ") or None)


AMOUNT = st.decimals(-(10**12), 10**12, places=9)


@given(amount=AMOUNT)
@example(amount=Decimal("0.000000001"))
def test_amounts_of_a_report_arrive_exactly(amount: Decimal) -> None:
    old = REPORT[REPORT.index(b"<AdjstdQt ") : REPORT.index(b"</AdjstdQt>")]
    new = old[: old.index(b">") + 1] + f"{amount:f}".encode()
    assert _read("futures", REPORT.replace(old, new, 1))["price"][0] == amount

"""Readers hold for any value a record can carry, and the calendar for every day known."""

from __future__ import annotations

import random
import tempfile
from datetime import date
from decimal import Decimal
from pathlib import Path

import exchange_calendars
import pytest
from hypothesis import given
from hypothesis import strategies as st

import pyb3
from pyb3 import calendar
from pyb3.errors import FieldInvalid
from tests.support import generate

DAY = date(2024, 1, 15)


@given(price=st.integers(0, 10**13 - 1), volume=st.integers(0, 10**18 - 1), points=st.integers(0, 10**13 - 1))
def test_decimals_arrive_exactly(price: int, volume: int, points: int) -> None:
    record = generate.quote(DAY, 0, random.Random(0))
    record = record[:56] + f"{price:013}" + record[69:170] + f"{volume:018}" + record[188:]
    record = record[:217] + f"{points:013}" + record[230:]
    row = _parse(record).row(0, named=True)
    assert row["open"] == Decimal(price).scaleb(-2)
    assert row["volume"] == Decimal(volume).scaleb(-2)
    assert row["strike_in_points"] == Decimal(points).scaleb(-6)


@given(text=st.text("0123456789A. -", min_size=13, max_size=13))
def test_a_price_is_a_number_or_blank_or_an_error(text: str) -> None:
    record = generate.quote(DAY, 0, random.Random(0))
    record = record[:56] + text + record[69:]
    stripped = text.strip()
    if stripped.isdigit():
        assert _parse(record)["open"][0] == Decimal(stripped).scaleb(-2)
    elif stripped == "":
        assert _parse(record)["open"][0] is None
    else:
        with pytest.raises(FieldInvalid, match="line 2, field PREABE"):
            _parse(record)


def _parse(record: str):  # noqa: ANN202
    lines = generate.cotahist([DAY], 0).decode().split("\r\n")
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "x.TXT"
        trailer = lines[1].replace("00000000002", "00000000003")
        path.write_bytes("\r\n".join([lines[0], record, trailer]).encode("latin-1"))
        return pyb3.cotahist_get(file=path)


def test_session_days_are_those_of_the_exchange_calendar() -> None:
    start, end = date(1995, 1, 1), date(2026, 12, 31)
    known = exchange_calendars.get_calendar("BVMF", start=start, end=end)
    assert calendar.sessions(start, end) == [day.date() for day in known.sessions]


def test_a_day_without_session_is_an_empty_frame_with_the_schema() -> None:
    frame = pyb3.cotahist_get("2024-12-25")
    assert frame.is_empty() and frame.width == 26

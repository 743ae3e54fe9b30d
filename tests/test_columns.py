"""Arrays of machine words become columns."""

from __future__ import annotations

from datetime import date

import numpy as np
import polars as pl
import pytest
from polars.testing import assert_series_equal

from pyb3.parse import columns
from pyb3.parse.words import Irregular


def test_every_day_of_the_calendar_is_its_date() -> None:
    """The table of months is built again here, where a warning of the installed NumPy is an error."""
    columns._months.cache_clear()
    days = pl.date_range(date(1, 1, 1), date(9999, 12, 31), eager=True)
    numbers = days.dt.strftime("%Y%m%d").cast(pl.UInt64).to_numpy()
    assert_series_equal(columns.dates(numbers, None), days, check_names=False)


@pytest.mark.parametrize(
    "number", [0, 1, 101, 10100, 20240100, 20230229, 20240230, 20240431, 20241301, 20240001, 20241232, 99991232]
)
def test_a_number_that_is_no_day_is_irregular(number: int) -> None:
    good = np.array([20240115, number], np.uint64)
    with pytest.raises(Irregular):
        columns.dates(good, None)
    assert columns.dates(good, np.array([False, True])).to_list() == [date(2024, 1, 15), None]


def test_a_blank_has_no_date() -> None:
    blank = np.array([False, True])
    assert columns.dates(np.array([19860102, 0], np.uint64), blank).to_list() == [date(1986, 1, 2), None]

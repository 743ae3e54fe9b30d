"""Yield curves: market rates for swaps, every curve of B3's TS file."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ..errors import WrongDate
from .base import Batch, Dataset, Origin


class YieldCurves(Dataset):
    """TS files."""

    filename = "yield_curves.yaml"

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        days = frame["refdate"].unique().sort()
        if len(days) > 1:  # no header says what day the file is of: all its records must
            raise WrongDate(f"{origin.name} holds rows of {days[0]} and of {days[-1]}; a file is of one day")
        yield from super().shape(frame, origin)

"""Symbols: every instrument as B3 has it registered on a day."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from .base import Batch, Dataset, Origin

# IN has codes where the consolidated file has names; those that are not here are kept as they are.
_SEGMENTS = {
    "1": "EQUITY-CASH",
    "2": "EQUITY-DERIVATE",
    "4": "AGRIBUSINESS",
    "5": "FINANCIAL",
    "6": "METAL",
}
_MARKETS = {
    "1": "SPOT",
    "2": "FUTURE",
    "3": "OPTIONS ON SPOT",
    "4": "OPTIONS ON FUTURE",
    "10": "CASH",
    "20": "ODD LOT",
    "30": "EQUITY FORWARD",
    "70": "EQUITY CALL",
    "80": "EQUITY PUT",
}
_OPTION_TYPES = {"CALL": "Call", "PUTT": "Put"}


class Symbols(Dataset):
    """InstrumentsConsolidated, else the instrument file IN."""

    filename = "symbols.yaml"

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        if origin.source.format == "instrument_file":
            frame = _named(frame)
        yield from super().shape(frame.with_columns(source=pl.lit(origin.source.name)), origin)


def _named(frame: pl.DataFrame) -> pl.DataFrame:
    """Names as the consolidated file has them, which for equities exchanges segment and market."""
    segment, market = pl.col("segment").replace(_SEGMENTS), pl.col("market").replace(_MARKETS)
    equity = pl.col("segment").is_in(["1", "2"])
    return frame.with_columns(
        segment=pl.when(equity).then(market).otherwise(segment),
        market=pl.when(equity).then(segment).otherwise(market),
        option_type=pl.col("option_type").replace(_OPTION_TYPES),
    )

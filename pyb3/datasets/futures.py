"""Futures: settlement prices and rates of every listed future, out of the price report."""

from __future__ import annotations

from collections.abc import Iterator

import polars as pl

from ..errors import WrongDate
from ..maturity import maturity_date
from .base import Batch, Dataset, Origin

_SETTLED = ("price", "settlement_rate", "previous_price", "previous_settlement_rate")


class Futures(Dataset):
    """SPRD and PR price reports."""

    filename = "futures.yaml"

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        # A few rows carry the next session's date (2018-01-02): the file is of the day most rows name.
        refdate = frame["refdate"].mode().sort()[0]
        if origin.unit is not None and refdate != origin.unit.date:
            raise WrongDate(f"{origin.name} is of {refdate}, not of {origin.unit}")
        # Funds, BDRs and rights look like futures in PR (MBRF11); only a future has a settlement, of this
        # session or, as FRCG18 on 2018-01-02, of the previous one alone.
        listed = frame.filter(pl.any_horizontal(pl.col(_SETTLED).is_not_null()))
        listed = listed.with_columns(
            commodity=pl.col("symbol").str.head(-3),
            maturity_code=pl.col("symbol").str.tail(3),
            maturity_date=pl.Series([maturity_date(symbol, refdate) for symbol in listed["symbol"]], dtype=pl.Date),
            price_change=(pl.col("price") - pl.col("previous_price")).cast(pl.Decimal(38, 9)),
            source=pl.lit(origin.source.name),
        )
        own = pl.col("refdate") == refdate
        yield Batch(listed.filter(own))
        if not (strays := listed.filter(~own)).is_empty():  # their own session's file knows them better
            yield Batch(strays, overwrite=False)

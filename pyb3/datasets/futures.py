"""Futures: settlement prices and rates of every listed future, out of the price report."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl

from ..errors import FileError, WrongDate
from ..maturity import maturity_date
from ..parse.price_report import read_price_report
from ..parse.typed import schema
from .base import Dataset, Parsed

# Three characters of commodity, or four of an issuer and the kind of share (O, P, A, and I for units:
# USIMAG25, KLBNIH25 on 2025-02-03); then month letter and year.
_TICKER = r"^[A-Z0-9]{3}([A-Z0-9][A-Z])?[FGHJKMNQUVXZ]\d{2}$"
_SETTLED = ("price", "settlement_rate", "previous_price", "previous_settlement_rate")


class Futures(Dataset):
    """SPRD and PR price reports."""

    filename = "futures.yaml"

    def read(self, path: Path, expected: date | None = None, *, allow_incomplete: bool = False) -> Parsed:
        reports = read_price_report(path, self.template, allow_incomplete=allow_incomplete)
        if reports.is_empty():
            raise FileError(f"{path.name} holds no instrument")
        # A few rows carry the next session's date (2018-01-02): the file is of the day most rows name.
        refdate = reports["refdate"].mode().sort()[0]
        if expected and refdate != expected:
            raise WrongDate(f"{path.name} is of {refdate}, not of {expected}")
        # Funds, BDRs and rights look like futures in PR (MBRF11); only a future has a settlement, of this
        # session or, as FRCG18 on 2018-01-02, of the previous one alone.
        listed = reports.filter(
            pl.col("symbol").str.contains(_TICKER) & pl.any_horizontal(pl.col(_SETTLED).is_not_null())
        )
        frame = listed.with_columns(
            commodity=pl.col("symbol").str.head(-3),
            maturity_code=pl.col("symbol").str.tail(3),
            maturity_date=pl.Series([maturity_date(symbol, refdate) for symbol in listed["symbol"]], dtype=pl.Date),
            price_change=(pl.col("price") - pl.col("previous_price")).cast(pl.Decimal(38, 9)),
        )
        return Parsed(frame.select(schema(self.template).keys()), refdate)

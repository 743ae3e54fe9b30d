"""Futures: settlement prices and rates of every listed future, out of the price report or what stands in for it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import polars as pl

from ..errors import FileError, WrongDate
from ..maturity import maturity_date
from ..template import dtype
from .base import Batch, Dataset, Origin

_NOT_SETTLED = "U"  # AdjstdQtStin of contracts in the first report of an evening (2021-04-23); F is final
_SETTLED = ("price", "settlement_rate", "previous_price", "previous_settlement_rate")

# R$ that a contract gains with a point of its price, in the families where the contract fixes it: PR180102 publishes
# AdjstdValCtrct, and in each of their contracts it is exactly this by the change. Those that settle by the dollar or
# an index of the day (DAP, DDI, ICF, SJC, ...), and foreign indexes, have no such number.
_POINT_VALUES = {
    "AUD": "60", "BGI": "330", "BRI": "10", "CAD": "60", "CCM": "450", "CHF": "50", "CLP": "25", "CNY": "35",
    "DI1": "1", "DOL": "50", "ETH": "30", "EUR": "50", "GBP": "35", "IND": "1", "JPY": "50", "MXN": "75",
    "NZD": "75", "OC1": "1", "TRY": "75", "WDO": "10", "WEU": "10", "WIN": "0.2", "ZAR": "35",
}  # fmt: skip


class Futures(Dataset):
    """SPRD and PR price reports, TradeInformationConsolidated, and the bulletin's export."""

    filename = "futures.yaml"

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        if "refdate" not in frame.columns:
            frame = frame.with_columns(refdate=pl.lit(_asked_for(origin)))
        frame = self._completed(frame)
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
            price_change=(pl.col("price") - pl.col("previous_price")).cast(self._type_of("price_change")),
            source=pl.lit(origin.source.name),
        ).with_columns(
            settlement_value=pl.coalesce(
                "settlement_value", _settlement_value().cast(self._type_of("settlement_value"))
            )
        )
        own = pl.col("refdate") == refdate
        _look_for_unsettled(listed.filter(own), origin)
        yield Batch(listed.filter(own))
        if not (strays := listed.filter(~own)).is_empty():  # their own session's file knows them better
            yield Batch(strays, overwrite=False)

    def _type_of(self, column: str) -> pl.DataType:
        return dtype(self.template.field(column))


def _look_for_unsettled(rows: pl.DataFrame, origin: Origin) -> None:
    """Tell of contracts whose settlement B3 has not set yet: those of whole families in an evening's first report."""
    if origin.source.format != "price_report":
        return
    blank = pl.col("price").is_null() & pl.col("settlement_rate").is_null()
    situation = pl.col("settlement_situation")  # without one there is a settlement of the previous session alone
    unsettled = rows.filter((situation == _NOT_SETTLED) | (situation.is_not_null() & blank))
    if unsettled.is_empty():
        return
    families = unsettled["commodity"].value_counts().sort("commodity").iter_rows()
    named = ", ".join(f"{family} ({count})" for family, count in families)
    origin.rejects.unfinished = True
    origin.rejects.gaps.append(f"{origin.name}: {unsettled.height:,} futures are not settled yet: {named}")


def _settlement_value() -> pl.Expr:
    """What a contract's change is worth in R$, NULL where its family fixes no such value."""
    points = {family: Decimal(value) for family, value in _POINT_VALUES.items()}
    value = pl.col("commodity").replace_strict(points, default=None, return_dtype=pl.Decimal(38, 1))
    return pl.col("price_change") * value


def _asked_for(origin: Origin) -> date:
    """The day of a file that does not name it: the one that B3 was asked for. Raises FileError."""
    if asked := origin.asked.get("Date"):
        return date.fromisoformat(asked)
    _, named = origin.source.named(origin.file.last_name)
    day = origin.unit.date if origin.unit is not None else named
    if day is None:
        raise FileError(f"{origin.name} does not say what day it is of: say it with --date")
    return day

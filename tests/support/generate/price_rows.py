"""The rows of a price report: what each instrument shows in the short form (SPRD) and in the full one (PR)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from functools import lru_cache

from .contracts import contracts
from .draws import Draws, key
from .settlements import Settlement, exchange, settlement

# Tag, currency where it is money, text.
Attribute = tuple[str, str | None, str]
# What has no settlement yet in the first report of an evening (2021-04-23, 18:10), and the situation it bears there.
_UNSETTLED = {"DAP": "U", "PCARO": "U", "ISP": "F", "WSP": "F"}
_FIRST_PRICE = 0.997  # the first report has the volume of FRC at another price
# Dollars for a unit of the currencies that contracts settle in.
_DOLLARS = {
    "USD": 1.0, "JPY": 1 / 145, "CAD": 1 / 1.34, "CLP": 1 / 920, "CNY": 1 / 7.18, "MXN": 1 / 17, "NOK": 1 / 10.5,
    "SEK": 1 / 10.45, "CHF": 1 / 0.87, "TRY": 1 / 30, "ARS": 1 / 820, "RUB": 1 / 90, "ZAR": 1 / 18.8, "EUR": 1.09,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One instrument of a report."""

    day: date
    symbol: str
    attributes: tuple[Attribute, ...]
    trades: int | None = None
    days_to_settlement: int | None = None

    @property
    def security_id(self) -> str:
        return security_id(self.symbol)


@lru_cache(maxsize=1 << 16)
def security_id(symbol: str) -> str:
    """B3's number for an instrument, the same on every day and in every file."""
    number = key("security", symbol)
    return f"{1 + number % 3}0000{number % 10_000_000:07}"


def plain(value: float, decimals: int) -> str:
    """A number as B3 writes it in XML: no zeros behind, no point without decimals."""
    text = f"{value:.{decimals}f}"
    if "." in text:
        text = text.rstrip("0").rstrip(".")
    return "0" if text == "-0" else text


def future_rows(day: date, count: int, seed: int, *, full: bool, first: bool = False) -> Iterator[Row]:
    """The first `count` futures of a day; with `first` as in the evening's first report."""
    for contract in contracts(day, count):
        yield future_row(settlement(contract, day, seed), day, seed, full=full, first=first)


def future_row(found: Settlement, day: date, seed: int, *, full: bool, first: bool = False) -> Row:
    trades = found.trading.trades if found.trading else None
    shown = _full(found, day, seed, first) if full else _short(found, first)
    return Row(day, found.contract.symbol, tuple(shown), trades if full else None)


def astray(row: Row, day: date) -> Row:
    """The row as B3 let it slip into the file of the session before (2018-01-02, 2021-04-23): another date, the trades
    of that day so far, and the open interest and settlement of the file's own session."""
    changed = tuple((tag, money, "1" if tag == "RglrTxsQty" else text) for tag, money, text in row.attributes)
    return replace(row, day=day, attributes=changed, trades=row.trades and 1)


def traded(found: Settlement) -> list[Attribute]:
    """Open, low, high, average, last."""
    trading, family = found.trading, found.contract.family
    if trading is None:
        return []
    values = (trading.open, trading.low, trading.high, trading.average, trading.last)
    tags = ("FrstPric", "MinPric", "MaxPric", "TradAvrgPric", "LastPric")
    return [
        (tag, family.currency, plain(value, max(family.decimals, 2 if tag == "TradAvrgPric" else 0)))
        for tag, value in zip(tags, values, strict=True)
    ]


def settled(found: Settlement, first: bool) -> list[Attribute]:
    """Settlement and previous settlement, each with its situation."""
    family = found.contract.family
    unsettled = _UNSETTLED.get(family.code) if first else None
    decimals = 2 if family.in_rate else family.decimals
    shown: list[Attribute] = []
    for prefix, price, rate, situation in (
        ("", found.price, found.rate, "F"),
        ("Prvs", found.previous_price, found.previous_rate, "U" if found.updated else "F"),
    ):
        if price is None and rate is None:
            continue
        if unsettled and not prefix:
            shown.append(("AdjstdQtStin", None, unsettled))
            continue
        if price is not None:
            shown.append((f"{prefix}AdjstdQt", family.currency, plain(price, decimals)))
        if rate is not None:
            shown.append((f"{prefix}AdjstdQtTax", family.currency, plain(rate, 3)))
        shown.append((f"{prefix}AdjstdQtStin", None, situation))
    return shown


def _short(found: Settlement, first: bool) -> list[Attribute]:
    shown: list[Attribute] = []
    if found.open_interest is not None:
        shown.append(("OpnIntrst", None, str(found.open_interest)))
    shown += traded(found)
    if found.trading:
        shown.append(("RglrTxsQty", None, str(found.trading.trades)))
    return shown + settled(found, first)


def _full(found: Settlement, day: date, seed: int, first: bool) -> list[Attribute]:
    trading, family = found.trading, found.contract.family
    dollar, currency = exchange(day, seed), family.currency
    draws = Draws("full", found.contract.symbol, day, seed)
    shown: list[Attribute] = []
    if trading:
        price = found.price or 100_000.0
        if first and family.code == "FRC":
            price *= _FIRST_PRICE
        volume = round(trading.quantity * price * family.multiplier, 2)
        shown += [("MktDataStrmId", None, "E"), *_volumes("", volume, dollar)]
    if found.open_interest is not None:
        shown.append(("OpnIntrst", None, str(found.open_interest)))
    if trading:
        shown.append(("FinInstrmQty", None, str(trading.quantity)))
        spread = 0.01 if family.in_rate else 10.0**-family.decimals
        for tag, value in (("BestBidPric", trading.last - spread), ("BestAskPric", trading.last + spread)):
            if draws.unit() < 0.9:
                shown.append((tag, currency, plain(value, family.decimals)))
        shown += traded(found)
        shown += [("RglrTxsQty", None, str(trading.trades)), ("RglrTraddCtrcts", None, str(trading.quantity))]
        shown += _volumes("Rglr", volume, dollar)
    shown += settled(found, first)
    if trading:
        shown.append(("OscnPctg", None, plain(draws.around(3), 2)))
    known = not (first and family.code in _UNSETTLED)
    if known and found.price is not None and found.previous_price is not None:
        decimals = 2 if family.in_rate else family.decimals
        change = round(found.price - found.previous_price, decimals)
        shown.append(("VartnPts", currency, plain(change, decimals)))
        if currency == "USD" and family.segment == "AGRIBUSINESS":
            shown.append(("EqvtVal", "BRL", plain(found.price * dollar, 2)))
        reais = 1 if currency == "BRL" else dollar * _DOLLARS[currency]  # in R$, whatever currency it bears
        shown.append(("AdjstdValCtrct", currency, plain(change * family.multiplier * reais, 9)))
    middle = found.rate if found.rate is not None else found.price or 0.0
    width = 3.0 if family.in_rate else middle * 0.08
    shown.append(("MaxTradLmt", currency, plain(middle + width, family.decimals)))
    shown.append(("MinTradLmt", currency, plain(middle - width, family.decimals)))
    return shown


def _volumes(kind: str, volume: float, dollar: float) -> list[Attribute]:
    name = f"Ntl{kind}Vol" if kind else "NtlFinVol"
    return [(name, "BRL", plain(volume, 2)), (name.replace("Ntl", "Intl"), "USD", plain(volume / dollar, 2))]

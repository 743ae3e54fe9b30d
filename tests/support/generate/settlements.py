"""What a future settled at and traded at on a day, the same in every file that shows it."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from . import rates
from .contracts import Contract, listed
from .dates import business_days, previous
from .draws import Draws, walk
from .indexes import index_value
from .papers import papers

_SAME = {"WIN": "IND", "WDO": "DOL", "WSP": "ISP"}  # a mini settles at what the full contract settles at


@dataclass(frozen=True, slots=True)
class Trading:
    """Prices are rates in the families that trade in rate."""

    open: float
    low: float
    high: float
    average: float
    last: float
    trades: int
    quantity: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """A future's day: price and rate are None where the family has none; previous ones too on its first day."""

    contract: Contract
    price: float | None
    rate: float | None
    previous_price: float | None
    previous_rate: float | None
    open_interest: int | None
    trading: Trading | None

    @property
    def updated(self) -> bool:
        """Whether B3 carries the previous price to this day (situation U instead of F)."""
        kind = self.contract.family.kind
        return self.contract.family.in_rate and kind != "forward" or kind == "stock"


def exchange(day: date, seed: int = 0) -> float:
    """Reais a dollar, four decimals."""
    level = 5.40 * math.exp(max(-0.4, min(0.4, walk("exchange", day, 0.005))))
    return round(level * (1 + Draws("exchange", day, seed).around(0.001)), 4)


@lru_cache(maxsize=1024)
def _spot(code: str, base: float, day: date, seed: int) -> float:
    if code == "IND":
        return index_value("IBOV", day, seed)
    if code == "DOL":
        return exchange(day, seed) * 1000
    moved = math.exp(max(-1.5, min(1.5, walk(f"future {code}", day, 0.011))))
    return base * moved * (1 + Draws("future", code, day, seed).around(0.002))


@lru_cache
def _stock(code: str) -> int:
    """Place among the papers of the stock behind a single-stock future: O is 3, P is 4, A is 5, I is the unit."""
    symbol = code[:4] + {"O": "3", "P": "4", "A": "5", "I": "11"}[code[4]]
    found = [paper.symbol for paper in papers(80)]
    return found.index(symbol) if symbol in found else found.index(f"{code[:4]}6")


def settle(contract: Contract, day: date, seed: int = 0) -> tuple[float | None, float | None]:
    """Settlement price and rate of a day."""
    family, maturity = contract.family, contract.maturity
    if family.kind == "fixed":
        rate = rates.fixed(day, maturity, seed) - (0.003 if family.code == "OC1" else 0)
        return rates.unit_price(rate, day, maturity), round(rate, 3)
    if family.kind == "real":
        rate = rates.real(day, maturity, seed)
        return rates.unit_price(rate, day, maturity), rate
    if family.kind == "dollar":
        rate = round(rates.dollar(day, maturity, seed) + (0.012 if family.code == "DCO" else 0), 3)
        return rates.unit_price(rate, day, maturity, linear=True), rate
    if family.kind == "forward":
        return None, rates.clean_dollar(day, maturity, seed)
    if family.kind == "stock":
        paper = papers(80)[_stock(family.code)]
        spot = paper.price(day) * (1 + Draws("stock", family.code, day, seed).around(0.002))
    else:
        spot = _spot(_SAME.get(family.code, family.code), family.base, day, seed)
    years = business_days(day, maturity) / 252
    carry = 0.09 if family.segment == "FINANCIAL" and family.currency == "BRL" else 0.02
    return max(0.01, round(spot * (1 + carry) ** years, family.decimals)), None


@lru_cache(maxsize=64)
def _symbols(day: date) -> frozenset[str]:
    return frozenset(contract.symbol for contract in listed(day))


@lru_cache(maxsize=4096)
def settlement(contract: Contract, day: date, seed: int = 0) -> Settlement:
    """A future's day."""
    price, rate = settle(contract, day, seed)
    before = previous(day)
    old_price = old_rate = None
    known = contract.symbol in _symbols(before) or contract.symbol not in _symbols(day)
    if known:
        old_price, old_rate = settle(contract, before, seed)
        if old_price is not None and rate is not None:
            # As published on 2023-02-02 and 2025-02-03: yesterday's unit price carried to today at the DI.
            days = business_days(before, day)
            old_price = round(old_price * float((1 + rates.overnight(before) / 100) ** (days / 252)), 2)
    draws = Draws("trading", contract.symbol, day, seed)
    of_day = Draws("activity", contract.symbol, day)  # which contracts trade is the same for every seed
    reach = 2.0 * contract.family.together + 2.0
    active = of_day.unit() < 0.95 * math.exp(-contract.place / reach)
    active = active and (known or contract.family.in_rate)  # on their first day rates alone were seen to trade
    open_interest = None
    # FRC and FRO have none in any report, and no contract has on its first day, traded or not.
    if (active or of_day.unit() < 0.25) and known and contract.family.kind != "forward":
        open_interest = 5 + draws.skewed(int(3_000_000 / (1 + contract.place)))
    middle = rate if rate is not None else price
    trading = _trading(contract, draws, middle or 0.0) if active else None
    return Settlement(contract, price, rate, old_price, old_rate, open_interest, trading)


def _trading(contract: Contract, draws: Draws, middle: float) -> Trading:
    family = contract.family
    width = 0.08 if family.in_rate else middle * 0.006
    decimals = family.decimals
    opening, last = round(middle + draws.around(width), decimals), round(middle + draws.around(width), decimals)
    low = round(min(opening, last) - draws.unit() * width, decimals)
    high = round(max(opening, last) + draws.unit() * width, decimals)
    average = min(high, max(low, round(low + (high - low) * draws.unit(), decimals)))
    trades = draws.skewed(int(200_000 / (1 + contract.place)))
    return Trading(opening, low, high, average, last, trades, trades + draws.skewed(20 * trades))

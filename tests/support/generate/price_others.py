"""The rest of a price report: options, spreads, and in the full one the cash, odd-lot, term and option markets."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from enum import Enum
from itertools import islice

from .dates import code, months_from, option_maturity
from .draws import Draws
from .papers import Paper, make_isin, papers
from .price_rows import Attribute, Row, plain
from .settlements import exchange

# Family of options, currency, strike about which they lie, step between strikes, in the ticker's units.
_OPTIONS = (
    ("DOL", "BRL", 5400, 25), ("BGI", "BRL", 26000, 100), ("CCM", "BRL", 6800, 50), ("ICF", "USD", 26000, 250),
    ("IDI", "BRL", 426000, 100), ("SJC", "USD", 2500, 25), ("WDO", "BRL", 5400, 25), ("ISP", "USD", 4800, 25),
    ("D12", "BRL", 1100, 25), ("VTC", "BRL", 2900, 25),
)  # fmt: skip
# Funds, an ETF, a BDR and a right whose tickers look like futures; none settles.
LOOKALIKES = ("MBRF11", "BOVV11", "PFIZ34", "CMIG10", "FSTU11")
_FIXED_INCOME = ("ANHB-DEB51L1", "ECOA-CRA83B0", "RBRA-CRIE6B0")


class Report(Enum):
    """What a price report covers: derivatives in short, everything in full, or equities in full."""

    SHORT = "SPRD"
    FULL = "PR"
    EQUITIES = "SPRE"


def other_rows(day: date, count: int, seed: int, report: Report, *, first: bool = False) -> Iterator[Row]:
    """`count` instruments that are no futures, less those that the evening's `first` report lacks."""
    kinds: list[Iterator[Row]] = []
    if report is not Report.EQUITIES:
        full = report is Report.FULL
        kinds += [_oddities(day, seed, full=full), _options(day, seed, full=full)]
    if report is not Report.SHORT:
        kinds += [_equities(day, seed, max(20, count // 6)), _equity_options(day, seed)]
    rows = islice(_by_turns(kinds), count)
    return (row for row in rows if not _exercised(row.symbol)) if first else rows


def _exercised(symbol: str) -> bool:
    return len(symbol) == 14 and symbol.endswith("E")


def _by_turns(kinds: list[Iterator[Row]]) -> Iterator[Row]:
    while kinds:
        for rows in list(kinds):
            row = next(rows, None)
            if row is None:
                kinds.remove(rows)
            else:
                yield row


def _prices(draws: Draws, middle: float, decimals: int, currency: str, width: float) -> list[Attribute]:
    opening, last = (round(middle + draws.around(width), decimals) for _ in range(2))
    low = round(min(opening, last) - draws.unit() * width, decimals)
    high = round(max(opening, last) + draws.unit() * width, decimals)
    values = (opening, low, high, low + (high - low) * draws.unit(), last)
    tags = ("FrstPric", "MinPric", "MaxPric", "TradAvrgPric", "LastPric")
    return [(tag, currency, plain(value, decimals)) for tag, value in zip(tags, values, strict=True)]


def _shown(draws: Draws, prices: list[Attribute], volume: float, dollar: float, *, stream: str) -> list[Attribute]:
    """A traded row of the full report."""
    quantity = draws.skewed(1_000_000)
    trades = draws.skewed(min(quantity, 40_000))
    money, dollars = plain(volume * quantity, 2), plain(volume * quantity / dollar, 2)
    return [
        ("MktDataStrmId", None, stream), ("NtlFinVol", "BRL", money), ("IntlFinVol", "USD", dollars),
        ("FinInstrmQty", None, str(quantity)), *prices, ("RglrTxsQty", None, str(trades)),
        ("RglrTraddCtrcts", None, str(quantity)), ("NtlRglrVol", "BRL", money), ("IntlRglrVol", "USD", dollars),
    ]  # fmt: skip


def _trades(shown: list[Attribute]) -> int:
    return next(int(text) for tag, _, text in shown if tag == "RglrTxsQty")


def _limits(currency: str) -> list[Attribute]:
    return [("MaxTradLmt", currency, "999999.01"), ("MinTradLmt", currency, "0.01")]


def _oddities(day: date, seed: int, *, full: bool) -> Iterator[Row]:
    """Spreads between maturities, rolls, forward points, user-defined strategies, test instruments."""
    months = [code(year, month) for year, month in islice(months_from(day), 1, 40)]
    januaries = [code(day.year + n, 1) for n in range(1, 11)]
    spreads = [f"DII{one}{two}" for one, two in zip(januaries, januaries[1:], strict=False)]
    spreads += [f"DIF{one}{two}" for one, two in zip(januaries, januaries[2:], strict=False)]
    spreads += [f"{roll}{months[0]}{months[1]}" for roll in ("DR1", "WD1", "IR1", "BR1", "CR1", "ET1")]
    for symbol in [*spreads, "FRP0", "FRP1", f"UD:IDI{months[5][0]}999643"]:
        yield _spread(day, symbol, seed, full=full)
    for symbol in [f"DIT{month}" for month in januaries] + ["TT6Z99"]:
        draws = Draws("oddity", symbol, day, seed)
        prices = _prices(draws, 0.0 if symbol.startswith("DIT") else 20.0, 3, "BRL", 0.002)
        if full:
            yield Row(day, symbol, tuple(_limits("BRL")))
        else:
            yield Row(day, symbol, (*prices, ("RglrTxsQty", None, str(draws.integer(1, 9)))))
    for month in months[:8]:
        draws = Draws("oddity", "SCS", month, day, seed)
        interest: tuple[Attribute, ...] = (("OpnIntrst", None, str(draws.integer(10_000, 400_000))),)
        yield Row(day, f"SCS{month[0]}{month[-1]}01", interest if not full else (*interest, *_limits("BRL")))


def _spread(day: date, symbol: str, seed: int, *, full: bool) -> Row:
    draws = Draws("spread", symbol, day, seed)
    prices = _prices(draws, 29.8 if symbol.startswith("FRP") else 0.05, 3, "BRL", 0.1)
    if not full:
        return Row(day, symbol, (*prices, ("RglrTxsQty", None, str(draws.integer(1, 200)))))
    shown = _shown(draws, prices, 50_000.0, exchange(day, seed), stream="E")
    limits = [("MaxTradLmt", "BRL", "999999.1"), ("MinTradLmt", "BRL", "-999999.1")]
    return Row(day, symbol, (*shown, ("OscnPctg", None, plain(draws.around(9), 2)), *limits), _trades(shown))


def option_symbols(day: date) -> Iterator[tuple[str, str]]:
    """Tickers of options on spot and futures, and their currency, without end: nearer strikes and maturities first."""
    months = [code(year, month) for year, month in islice(months_from(day), 1, 31)]
    for ring in range(10**6):
        for month in months[: 6 + 6 * (ring // 8)]:
            for family, currency, middle, step in _OPTIONS:
                for kind, strike in (("C", middle + ring * step), ("P", middle - ring * step)):
                    if 0 < strike < 10**6:
                        yield f"{family}{month}{kind}{strike:06}", currency


def _options(day: date, seed: int, *, full: bool) -> Iterator[Row]:
    dollar = exchange(day, seed)
    for number, (symbol, currency) in enumerate(option_symbols(day)):
        draws = Draws("option", symbol, day, seed)
        interest: list[Attribute] = [("OpnIntrst", None, str(draws.skewed(100_000)))]
        traded, exercised = number % 25 == 3, number % 75 == 28
        if exercised:  # a ticker of 14 characters, beside the option's own
            symbol, interest = f"{symbol}E", []
        prices = _prices(draws, 40.0, 3, currency, 4.0) if traded else []
        if not full:
            shown = [*interest, *prices] if number % 50 != 3 else list(prices)
            if traded:
                shown.append(("RglrTxsQty", None, str(draws.integer(1, 60))))
            yield Row(day, symbol, tuple(shown))
        elif traded:
            body = _shown(draws, prices, 2_000.0, dollar, stream="E")
            body[3:3] = interest
            oscillation: list[Attribute] = [("OscnPctg", None, plain(draws.around(20), 2))]
            after = [*oscillation, *_worth(symbol, dollar), *_limits(currency)]
            yield Row(day, symbol, (*body, *(_worth(symbol, dollar) if exercised else after)), _trades(body))
        else:
            shown = [*(interest if number % 8 == 1 else []), *_worth(symbol, dollar), *_limits(currency)]
            yield Row(day, symbol, tuple(shown))


def _worth(symbol: str, dollar: float) -> list[Attribute]:
    """What an option on a product that is quoted in dollars is worth in R$."""
    return [("EqvtVal", "BRL", plain(40 * dollar, 2))] if symbol[:3] in ("ICF", "SJC") else []


def _equities(day: date, seed: int, count: int) -> Iterator[Row]:
    lookalikes = [Paper(s, s, "CI", "fii", "12", make_isin(s[:4], "fii", "CI"), 12.0, 500) for s in LOOKALIKES]
    for symbol in _FIXED_INCOME:
        yield Row(day, symbol, (("BestBidPric", "BRL", "987.26"), ("BestAskPric", "BRL", "990.94")))
    for paper in [*lookalikes, *papers(count)]:
        price = paper.price(day)
        yield _equity(day, paper.symbol, price, seed, stream="E")
        if paper.stock:
            yield _equity(day, f"{paper.symbol}F", price, seed, stream="E")
            terms = (30, 60, 90, 180)[: 1 + Draws("terms", paper.symbol, day).integer(0, 3)]
            for term in terms:  # a ticker of the term market stands once for each of its terms
                yield _equity(day, f"{paper.symbol}T", price * (1 + term / 3000), seed, stream="T", term=term)


def _equity(day: date, symbol: str, price: float, seed: int, *, stream: str, term: int | None = None) -> Row:
    draws = Draws("equity", symbol, term, day, seed)
    book: list[Attribute] = []
    for tag, value in (("BestBidPric", price * 0.999), ("BestAskPric", price * 1.001)):
        if term is None and draws.unit() < 0.85:
            book.append((tag, "BRL", plain(max(0.01, value), 2)))
    if draws.unit() < 0.2 and book:
        return Row(day, symbol, tuple(book))
    prices = _prices(draws, price + 0.02, 2, "BRL", price * 0.01)
    shown = _shown(draws, prices, price, exchange(day, seed), stream=stream)
    shown[4:4] = book
    if term is None:
        shown.append(("OscnPctg", None, plain(draws.around(5), 2)))
    return Row(day, symbol, tuple(shown), _trades(shown), term)


def _equity_options(day: date, seed: int) -> Iterator[Row]:
    stocks = [paper for paper in papers(80) if paper.stock and paper.symbol != "PETR3"]
    months = [month for year, month in islice(months_from(day), 7) if option_maturity(year, month) > day]
    for ring in range(10**6):
        for paper in stocks:
            for month in months:
                for put in (False, True):
                    symbol = f"{paper.issuer}{chr(64 + month + 12 * put)}{100 + ring}"
                    yield _equity(day, symbol, 0.5 + ring % 7, seed, stream="O" if ring % 9 == 0 else "E")

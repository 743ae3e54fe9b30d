"""Which rows a COTAHIST has, in B3's order: the same for every seed, so that a republished day updates rows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice
from typing import Any, NamedTuple

import polars as pl

from .dates import code, future_maturity, months_from, option_maturity
from .draws import key
from .eras import Era, internal_code, old_factor, old_symbols
from .indexes import index_value
from .papers import Paper, papers

_NO_MATURITY = "99991231"
_TERMS = (30, 60, 90, 120, 180, 32, 46, 18, 151, 210, 360)
# How trading in a market looks: most trades of a row, chance of no bid and of no ask.
CASH, ODD_LOT, TERM, OPTION = range(4)
TRADING = pl.DataFrame(
    {"most": [60_000.0, 20_000.0, 8.0, 2_000.0], "no_bid": [0.1, 0.0, 1.0, 0.37], "no_ask": [0.12, 0.0, 1.0, 0.43]}
)


@dataclass(frozen=True, slots=True)
class Shares:
    """How many rows of each market, of so many in all; about what 2021-06-25 and 2022-02-03 had."""

    cash: int
    odd_lot: int
    term: int
    auction: int
    exercise: int
    index_options: int
    options: int

    @classmethod
    def of(cls, rows: int) -> Shares:
        cash = min(rows, max(1, round(rows * 0.15)))
        odd_lot, term = round(rows * 0.06), round(rows * 0.08)
        auction, exercise = (1, 2) if rows >= 200 else (0, 0)
        options = rows - cash - odd_lot - term - auction - exercise
        index_options = options // 50
        return cls(cash, odd_lot, term, auction, exercise, index_options, options - index_options)


def listing(days: Sequence[date], rows: int) -> pl.DataFrame:
    """The rows of some days: `d` (the day's place), `identity`, `kind`, `lot`, `factor`, `rank`, `price` (in cents),
    and the record's text before its values (`head`) and after them (`tail`)."""
    lines = papers(Shares.of(rows).cash)
    prices = pl.Series("cents", [paper.price(day) * 100 for day in days for paper in lines])
    of_days = [_static(rows, Era.of(day)).with_columns(d=pl.lit(d)) for d, day in enumerate(days)]
    static = pl.concat(of_days)
    priced = static.with_columns(
        price=prices.gather(static["d"] * len(lines) + static["place"]) * pl.col("scale"),
        d=pl.col("d").cast(pl.Int64),
    ).select(_LAYOUT)
    return pl.concat([priced, *_options(days, rows)]).sort("d", "order").drop("order")


class _Line(NamedTuple):
    """A row that is there on every day: a paper (by its place among them) in one market, for a term where it is 030."""

    place: int
    paper: Paper
    kind: int
    bdi: str
    symbol: str
    market: int
    term: int | None = None

    def row(self, era: Era) -> dict[str, object]:
        paper, term, factor, isin = self.paper, self.term, self.paper.quote_factor, self.paper.isin
        specification = paper.specification
        if era.old:
            isin, factor = internal_code(paper), old_factor(paper)
            specification = specification[:3].rstrip() + ("" if factor == 1 else " *")
        elif paper.kind == "infra" and not era.infra_ci:
            specification = "FIDC"
        shown = "   " if term is None else f"{term:03}"
        name = f"{paper.name:<12.12}{specification:<10}{shown}"
        number = 100 + key(paper.isin) % 150
        return {
            "identity": key(self.symbol, self.market, term),
            "kind": self.kind,
            "lot": 1 if self.kind == ODD_LOT else paper.lot,
            "factor": factor,
            "rank": float(paper.rank),
            "place": self.place,
            "scale": 1.0 if term is None else 1 + 0.0004 * term,
            "head": f"{self.bdi}{self.symbol:<12}{self.market:03}{name}",
            "tail": f"{0:013}0{_NO_MATURITY}{factor:07}{0:013}{isin}{number}",
            "order": f"0{self.bdi}{paper.isin}" if term is None else f"1{paper.isin}{self.bdi}{term:03}",
        }


@lru_cache(maxsize=8)
def _static(rows: int, era: Era) -> pl.DataFrame:
    shares = Shares.of(rows)
    lines = papers(shares.cash)
    by_stock = sorted(range(len(lines)), key=lambda n: (not lines[n].stock, n))
    symbols = old_symbols(lines) if era.old else [paper.symbol for paper in lines]
    odd, forward = ("", "") if era.old else ("F", "T")
    apart = {"bdr": "34", "unsponsored": "35"} if era.bdrs_apart else {}
    found = [_Line(n, paper, CASH, apart.get(paper.kind, paper.bdi), symbols[n], 10) for n, paper in enumerate(lines)]
    found += [_Line(n, lines[n], ODD_LOT, "96", symbols[n] + odd, 20) for n in by_stock[: shares.odd_lot]]
    blocks = min(shares.term, max(rows >= 200, rows // 2000)) if era.block_lots else 0
    for place in range(blocks):
        n = by_stock[place % len(by_stock)]
        mark = "Q" if place < len(by_stock) else f"Q{place // len(by_stock)}"
        found.append(_Line(n, lines[n], CASH, "92" if place % 4 == 3 else "93", symbols[n] + mark, 21))
    terms = ((n, f"{symbols[n]}{forward}", term) for n, term in _terms(lines, by_stock))
    found += [
        _Line(n, lines[n], TERM, "62", symbol, 30, term) for n, symbol, term in islice(terms, shares.term - blocks)
    ]
    found += [_Line(0, lines[0], CASH, "46", f"{symbols[0]}L", 17)] * shares.auction
    return pl.DataFrame([line.row(era) for line in found], schema_overrides={"identity": pl.UInt64})


def _terms(lines: tuple[Paper, ...], by_stock: list[int]) -> Iterator[tuple[int, int]]:
    """Stocks, by their place, each with one to four terms; then, where more rows are wanted, with ever more."""
    stocks = [n for n in by_stock if lines[n].stock] or by_stock
    for first in range(0, 600, 4):
        for n in stocks:
            for place in range(first, first + (4 if first else 1 + key(lines[n].symbol) % 4)):
                yield n, _TERMS[place] if place < len(_TERMS) else 390 + place


_LAYOUT = ("d", "identity", "kind", "lot", "factor", "rank", "price", "head", "tail", "order")


def stock_options(days: Sequence[date], rows: int) -> pl.DataFrame:
    """The series of options on shares in a COTAHIST of so many rows a day: `symbol`, `issuer`, `isin`, `strike` (in
    cents), `maturity` (YYYYMMDD), `put`, and more. Calls and puts by turns over underlyings, maturities and strikes
    around the price."""
    shares = Shares.of(rows)
    under = _underlyings(days, shares, papers(shares.cash))
    return _series(shares.options, under, [_maturities(day) for day in days], days, ("78", "82"), "E       ")


def _underlyings(days: Sequence[date], shares: Shares, lines: tuple[Paper, ...]) -> pl.DataFrame:
    """A row for each underlying of each day."""
    stocks: dict[str, Paper] = {}
    for paper in lines:
        if paper.stock or paper.symbol == "BOVA11":
            stocks.setdefault(paper.issuer, paper)
    wanted = max(1, min(125, shares.options // 20), shares.options // 480)
    chosen = list(stocks.values())[:wanted] or [lines[0]]
    units = [10 ** max(0, len(str(int(paper.base * 100))) - 3) for paper in chosen]
    columns: dict[str, list[Any]] = {
        "issuer": [paper.issuer for paper in chosen],
        "under": [paper.symbol for paper in chosen],
        "specification": [f"{paper.specification:<10}" for paper in chosen],
        "rank": [float(paper.rank) for paper in chosen],
        "step": [2 * unit for unit in units],
        "unit": units,
    }
    repeated = {name: values * len(days) for name, values in columns.items()}
    repeated["isin"] = [
        f"{internal_code(paper) if Era.of(day).old else paper.isin}{100 + key(paper.isin) % 150}"
        for day in days
        for paper in chosen
    ]
    repeated["spot"] = [paper.price(day) * 100 for day in days for paper in chosen]
    return pl.DataFrame(repeated, schema_overrides={"step": pl.Int64, "unit": pl.Int64})


def _options(days: Sequence[date], rows: int) -> list[pl.DataFrame]:
    shares = Shares.of(rows)
    if not shares.options:
        return []
    equity = stock_options(days, rows)
    frames = [equity]
    if shares.exercise:
        exercised = equity.filter(pl.col("n") < 2)  # a call and a put
        frames.append(
            exercised.with_columns(
                bdi=pl.when("put").then(pl.lit("42")).otherwise(pl.lit("38")),
                symbol=pl.col("symbol") + "E",
                market=pl.when("put").then(13).otherwise(12).cast(pl.Int64),
                price=pl.col("strike").cast(pl.Float64),
            )
        )
    if shares.index_options:
        index = pl.DataFrame(
            {
                "issuer": "IBOV", "under": "IBOV", "isin": "BRIBOVINDM18007", "specification": "IBO       ",
                "rank": 0.0, "step": 100_000, "unit": 100_000,
                "spot": [index_value("IBOV", day) * 100 for day in days],
            }
        )  # fmt: skip
        months = [_index_maturities(day) for day in days]
        frames.append(_series(shares.index_options, index, months, days, ("74", "75"), "E  FM   ", points=True))
    return [_written(frame) for frame in frames]


@lru_cache(maxsize=512)
def _maturities(day: date) -> list[tuple[int, date]]:
    found = ((month, option_maturity(year, month)) for year, month in months_from(day))
    return list(islice((pair for pair in found if pair[1] > day), 6))


@lru_cache(maxsize=512)
def _index_maturities(day: date) -> list[tuple[int, date]]:
    found = ((month, future_maturity(f"IND{code(year, month)}", year, month)) for year, month in months_from(day))
    return list(islice((pair for pair in found if pair[1] > day), 6))


def _series(
    count: int, under: pl.DataFrame, ahead: list[list[tuple[int, date]]], days: Sequence[date],
    codes: tuple[str, str], mark: str, *, points: bool = False,
) -> pl.DataFrame:  # fmt: skip
    pairs = [(day, month, when) for day, months in zip(days, ahead, strict=True) for month, when in months]
    months = pl.DataFrame(
        {
            "month": [month - 1 for _, month, _ in pairs],
            "maturity": [f"{when:%Y%m%d}" for _, _, when in pairs],
            "years": [max(1, (when - day).days) / 365 for day, _, when in pairs],
        },
        schema_overrides={"month": pl.Int64},
    )
    size, terms = under.height // len(days), len(ahead[0])
    deep = -(-count // (2 * size * terms))  # strikes of each underlying and maturity
    place = (
        pl.DataFrame({"n": pl.int_range(count * len(days), eager=True)})
        .with_columns(d=pl.col("n") // count, n=pl.col("n") % count)
        .with_columns(
            put=pl.col("n") % 2 == 1,
            u=pl.col("d") * size + pl.col("n") // 2 % size,
            m=pl.col("d") * terms + pl.col("n") // (2 * size) % terms,
            k=pl.col("n") // (2 * size * terms),
        )
    )
    frame = pl.concat(
        [
            place.select("d", "n", "put", "k"),
            under.select(pl.all().gather(place["u"])),
            months.select(pl.all().gather(place["m"])),
        ],
        how="horizontal",
    )
    spot, strike, depth = pl.col("spot"), pl.col("strike"), pl.col("spot") * pl.col("years").sqrt()
    return (
        frame.with_columns(
            strike=(((spot / pl.col("step")).cast(pl.Int64) - deep // 2).clip(1) + pl.col("k")) * pl.col("step")
        )
        .with_columns(
            bdi=pl.when("put").then(pl.lit(codes[1])).otherwise(pl.lit(codes[0])),
            market=pl.when("put").then(80).otherwise(70).cast(pl.Int64),
            letter=pl.lit("ABCDEFGHIJKLMNOPQRSTUVWX").str.slice(pl.col("month") + pl.col("put").cast(pl.Int64) * 12, 1),
            inner=pl.when("put").then(strike - spot).otherwise(spot - strike).clip(0),
        )
        .with_columns(
            symbol=pl.col("issuer") + pl.col("letter") + (strike // pl.col("unit")).cast(pl.String),
            name=pl.col("issuer") + mark,
            price=(pl.col("inner") + 0.12 * depth * (-(((strike - spot) / (0.35 * depth)) ** 2) / 2).exp()).clip(1),
            points=strike * 10_000 if points else pl.lit(0, dtype=pl.Int64),
        )
    )


def _written(frame: pl.DataFrame) -> pl.DataFrame:
    number = pl.col("market").cast(pl.String).str.zfill(3)
    return frame.with_columns(
        identity=pl.col("strike").cast(pl.UInt64) * 2_654_435_761
        + pl.col("maturity").cast(pl.UInt64) * 40_503
        + pl.col("market").cast(pl.UInt64) * 97
        + pl.col("rank").cast(pl.UInt64) * 1_000_003,
        kind=pl.lit(OPTION, dtype=pl.Int64),
        lot=pl.lit(100, dtype=pl.Int64),
        factor=pl.lit(1, dtype=pl.Int64),
        head=pl.concat_str(
            "bdi", pl.col("symbol").str.pad_end(12), number, "name", "specification", pl.lit("000")
        ),
        tail=pl.concat_str(
            pl.col("strike").cast(pl.String).str.zfill(13), pl.lit("0"), "maturity", pl.lit("0000001"),
            pl.col("points").cast(pl.String).str.zfill(13), "isin",
        ),
        order=pl.concat_str(pl.lit("1"), pl.col("isin").str.head(12), "bdi", "maturity", "symbol"),
    ).select(_LAYOUT)  # fmt: skip

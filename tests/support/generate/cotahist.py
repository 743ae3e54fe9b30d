"""COTAHIST: daily, monthly and yearly texts, and a ZIP of a year made on the fly as B3 makes it."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from datetime import date
from functools import lru_cache
from pathlib import Path
from typing import IO

import polars as pl

from .archive import streamed
from .draws import key
from .listing import ODD_LOT, TRADING, listing

_WIDTH = 245
_BATCH = 10_000  # rows that are made at once
_GOLDEN = 0x9E3779B97F4A7C15
# First and last position of the fields that tests damage, as B3's layout counts them.
FIELDS = {
    "DATPRE": (3, 10), "CODBDI": (11, 12), "CODNEG": (13, 24), "TPMERC": (25, 27), "NOMRES": (28, 39),
    "ESPECI": (40, 49), "PRAZOT": (50, 52), "MODREF": (53, 56), "PREABE": (57, 69), "PREMAX": (70, 82),
    "PREMIN": (83, 95), "PREMED": (96, 108), "PREULT": (109, 121), "PREOFC": (122, 134), "PREOFV": (135, 147),
    "TOTNEG": (148, 152), "QUATOT": (153, 170), "VOLTOT": (171, 188), "PREEXE": (189, 201), "INDOPC": (202, 202),
    "DATVEN": (203, 210), "FATCOT": (211, 217), "PTOEXE": (218, 230), "CODISI": (231, 242), "DISMES": (243, 245),
}  # fmt: skip
_CURRENCIES = (
    (date(1986, 2, 28), "CR$ "), (date(1989, 1, 16), "CZ$ "), (date(1990, 3, 16), "NCZ$"), (date(1994, 7, 4), "CR$ "),
)  # fmt: skip


_PAIRS = date(1986, 10, 10)  # VGO 2, term 060, stands twice on this day
# Odd-lot rows of 1987 and 1988 with these in PRAZOT: 34 of 130,665 rows and 47 of 167,674.
_CONTROL = ("\x00\x0f ", "\x9c\x0f ", "\x00\x07 ", "\x02\x0f ", "\x00\x1f ", "\x09\x22 ")
_CONTROL_SHARE = 1 / 230  # of the odd-lot rows made here, which are 6 % of all


def member_name(year: int) -> str:
    """The member of a yearly ZIP, whose name changed over the years."""
    return f"COTAHIST.A{year}" if year <= 2000 else f"COTAHIST_A{year}" + (".TXT" if year >= 2002 else "")


def currency(day: date) -> str:
    return next((label for end, label in _CURRENCIES if day < end), "R$  ")


def quote(day: date, number: int, rng: random.Random) -> str:
    """One record 01: the `number`-th of a day, with values that follow from `rng`."""
    records = _records((day,), max(40, number + 1), rng.getrandbits(16))
    return records.split("\r\n")[number]


def trailer_count(year: int, quotes: int) -> int:
    """What the trailer of a year's files says: header and trailer too until 2024, the quotes alone since 2025."""
    return quotes if year >= 2025 else quotes + 2


def cotahist(
    days: Sequence[date], rows: int, seed: int = 0, *, line_end: bool = True, padded: bool = True,
    counts_itself: bool | None = None,
) -> bytes:  # fmt: skip
    """A COTAHIST text of `rows` quotes for each of `days`.

    Without `line_end` its last line has none; unless `padded`, header and trailer end at their last character.
    `counts_itself` says what the trailer counts in place of the rule of its year.
    """
    text = b"".join(_texts(days, rows, seed))
    head, body = text[: _WIDTH + 2], text[_WIDTH + 2 : -_WIDTH - 2]
    tail = text[-_WIDTH - 2 : -2]
    if counts_itself is not None:
        tail = tail[:31] + b"%011d" % (rows * len(days) + 2 * counts_itself) + tail[42:]
    if not padded:
        head, tail = head.rstrip() + b"\r\n", tail.rstrip()
    return head + body + tail + (b"\r\n" if line_end else b"")


def cotahist_zip(path: str | Path, days: Sequence[date], rows_per_day: int, seed: int = 0) -> None:
    """Write a ZIP as B3 streams the current year's: sizes behind the data (flag bit 3), the member named by year."""
    with Path(path).open("wb") as file:
        cotahist_stream(file, days, rows_per_day, seed)


def cotahist_stream(file: IO[bytes], days: Sequence[date], rows_per_day: int, seed: int = 0) -> None:
    """The same into a file that is open."""
    streamed(file, member_name(days[-1].year), _texts(days, rows_per_day, seed), days[-1])


def replace_field(text: bytes, line: int, field: str, value: bytes) -> bytes:
    """The text with other bytes in one field of one line (the header is line 1), to see what is made of them."""
    lines = text.split(b"\r\n")
    first, last = FIELDS[field]
    if len(value) != last - first + 1:
        raise ValueError(f"{field} is {last - first + 1} wide, not {len(value)}")
    record = lines[line - 1]
    lines[line - 1] = record[: first - 1] + value + record[last:]
    return b"\r\n".join(lines)


def _texts(days: Sequence[date], rows: int, seed: int) -> Iterator[bytes]:
    year = days[-1].year
    made = date(1999, 12, 10) if year <= 1995 and len(days) > 31 else days[-1]  # B3 made those years' files then
    title = f"COTAHIST.{year}BOVESPA {made:%Y%m%d}"
    yield f"00{title}".ljust(_WIDTH).encode() + b"\r\n"
    together = max(1, _BATCH // max(1, rows))
    for start in range(0, len(days) if rows else 0, together):
        batch = tuple(days[start : start + together])
        records = _records(batch, rows, seed)
        if _PAIRS in batch:
            records = _paired(records)
        yield records.encode("latin-1") + b"\r\n"
    yield f"99{title}{trailer_count(year, rows * len(days)):011}".ljust(_WIDTH).encode() + b"\r\n"


def _paired(records: str) -> str:
    """The records with two pairs that share a key, as 1986 has: one that differs in figures alone, and one in
    specification and code too. Three terms of the day give their rows to them."""
    lines = records.split("\r\n")
    terms = [n for n, line in enumerate(lines) if line.startswith(f"01{_PAIRS:%Y%m%d}") and line[24:27] == "030"]
    for (one, other), differ in zip(zip(terms[0::2], terms[1::2], strict=False), (False, True), strict=False):
        first, second = lines[one], lines[other]
        row = first[:56] + second[56:188] + first[188:]
        if differ:
            row = f"{row[:39]}{'OP *C05':<10}{row[49:230]}{first[230:234]}ACOP    {row[242:]}"
        lines[other] = row
    return "\r\n".join(lines)


def _unit(column: str, number: int) -> pl.Expr:
    """From 0 to 1, another for each `number`, from a column of 64-bit keys."""
    value = (pl.col(column) + pl.lit(number * _GOLDEN % 2**64, dtype=pl.UInt64)) * pl.lit(_GOLDEN, dtype=pl.UInt64)
    value = value ^ (value // 2**32)
    value = value * pl.lit(0xBF58476D1CE4E5B9, dtype=pl.UInt64)
    value = value ^ (value // 2**29)
    return (value // 2**11).cast(pl.Float64) / 2.0**53


@lru_cache(maxsize=4)
def _records(days: tuple[date, ...], rows: int, seed: int) -> str:
    frame = listing(days, rows)
    calendar = pl.DataFrame(
        {
            "date": [f"01{day:%Y%m%d}" for day in days],
            "currency": [currency(day) for day in days],
            "of_day": [key(day) for day in days],
            "of_seed": [key(day, seed) for day in days],
        },
        schema_overrides={"of_day": pl.UInt64, "of_seed": pl.UInt64},
    )
    price, close, lowest, highest = pl.col("price"), pl.col("close"), pl.col("low"), pl.col("high")
    whole = pl.Int64

    def near(number: int) -> pl.Expr:
        return (price * (0.99 + 0.02 * _unit("of_seed", number))).round().cast(whole).clip(1)

    def text(column: str, width: int) -> pl.Expr:
        return pl.col(column).cast(pl.String).str.zfill(width)

    trading = TRADING.select(pl.all().gather(frame["kind"]))
    valued = (
        pl.concat([frame, trading, calendar.select(pl.all().gather(frame["d"]))], how="horizontal")
        .with_columns(of_day=pl.col("identity") ^ pl.col("of_day"), of_seed=pl.col("identity") ^ pl.col("of_seed"))
        .with_columns(
            trades=(1 + pl.col("most") * _unit("of_day", 0) ** 4 / (1 + pl.col("rank") / 25)).cast(whole),
            open=near(1),
            close=near(2),
            spread=(price * 0.005).cast(whole).clip(1),
        )
        .with_columns(open=pl.when(pl.col("trades") == 1).then(close).otherwise(pl.col("open")))
        .with_columns(
            high=pl.max_horizontal("open", "close") + _wide(3),
            low=(pl.min_horizontal("open", "close") - _wide(4)).clip(1),
        )
        .with_columns(
            average=lowest + ((highest - lowest) * _unit("of_seed", 5)).cast(whole),
            # An odd seed trades an odd number of lots more: every row of a republished day differs.
            quantity=pl.col("lot")
            * (pl.col("trades") + 2 * (10.0 ** (4 * _unit("of_seed", 6))).cast(whole) + seed % 2),
            bid=pl.when(_unit("of_day", 7) < pl.col("no_bid")).then(0).otherwise((close - pl.col("spread")).clip(1)),
            ask=pl.when(_unit("of_day", 8) < pl.col("no_ask")).then(0).otherwise(close + pl.col("spread")),
        )
        .with_columns(volume=pl.col("quantity") * pl.col("average") // pl.col("factor"))
    )
    if {1987, 1988} & {day.year for day in days}:
        valued = valued.with_columns(head=_garbled())
    prices = [text(name, 13) for name in ("open", "high", "low", "average", "close", "bid", "ask")]
    record = pl.concat_str(
        "date", "head", "currency", *prices,
        text("trades", 5), text("quantity", 18), text("volume", 18), "tail",
    )  # fmt: skip
    return str(valued.select(record.str.join("\r\n")).item())


def _garbled() -> pl.Expr:
    """The head of a row, PRAZOT at its end, with control bytes there in a few odd-lot rows of 1987 and 1988."""
    struck = (pl.col("kind") == ODD_LOT) & (_unit("of_day", 9) < _CONTROL_SHARE)
    struck &= pl.col("date").str.slice(2, 4).is_in(["1987", "1988"])
    choice = (pl.col("identity") % len(_CONTROL)).cast(pl.Int64)
    marks = pl.lit(pl.Series(_CONTROL)).gather(choice)
    return pl.when(struck).then(pl.col("head").str.slice(0, 39) + marks).otherwise(pl.col("head"))


def _wide(number: int) -> pl.Expr:
    """How far past open and close a day went; nowhere where there was one trade."""
    wide = (pl.col("price") * 0.01 * _unit("of_seed", number)).cast(pl.Int64)
    return pl.when(pl.col("trades") == 1).then(0).otherwise(wide)

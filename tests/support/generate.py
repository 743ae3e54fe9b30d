"""Format-exact COTAHIST and price reports, the same bytes for the same date and seed."""

from __future__ import annotations

import io
import random
import zipfile
from datetime import date
from xml.sax.saxutils import escape

_MARKETS = (("02", 10, "   "), ("96", 20, "   "), ("62", 30, "030"), ("78", 70, "000"), ("82", 80, "000"))


def zipped(name: str, data: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(name, data)
    return buffer.getvalue()


def _ticker(number: int) -> str:
    return "".join(chr(65 + number // 26**place % 26) for place in (3, 2, 1, 0))


def quote(day: date, number: int, rng: random.Random) -> str:
    """One record 01."""
    bdi, market, term = _MARKETS[number % len(_MARKETS)]
    low = rng.randint(100, 999_999)
    high = low + rng.randint(0, 5_000)
    prices = [rng.randint(low, high), high, low, rng.randint(low, high), rng.randint(low, high), low, high]
    quantity = rng.randint(1, 10**6)
    return (
        f"01{day:%Y%m%d}{bdi}{_ticker(number) + '3':<12}{market:03}{'PAPEL ' + _ticker(number):<12}"
        f"{'ON      NM':<10}{term}{'R$':<4}"
        + "".join(f"{price:013}" for price in prices)
        + f"{rng.randint(1, 99999):05}{quantity:018}{quantity * prices[3]:018}{0:013}0"
        + f"99991231{1:07}{0:013}{'BR' + _ticker(number) + 'ACNOR1':<12}{100:03}"
    )


def cotahist(days: list[date], rows: int, seed: int = 0) -> bytes:
    """A COTAHIST text of `rows` quotes for each of `days`."""
    lines = [f"00COTAHIST.{days[-1].year}BOVESPA {days[-1]:%Y%m%d}".ljust(245)]
    for day in days:
        rng = random.Random(f"{day}/{seed}")
        lines += [quote(day, number, rng) for number in range(rows)]
    lines.append(f"99COTAHIST.{days[-1].year}BOVESPA {days[-1]:%Y%m%d}{len(lines) + 1:011}".ljust(245))
    return "\r\n".join(lines).encode("latin-1")


def price_report(day: date, rows: int, seed: int = 0) -> bytes:
    """A BVBG.187 price report of about `rows` futures, and an option and a fund that are none."""
    rng = random.Random(f"{day}/{seed}")
    symbols = [
        f"{family}{month}{year:02}"
        for year in range(day.year % 100 + 1, 99)
        for family in ("DI1", "DOL", "IND", "PETRO")
        for month in "FGHJKMNQUVXZ"
    ][:rows]
    reports = []
    for symbol in [*symbols, "DOLG25P006100E", "MBRF11"]:
        price = rng.randint(100_000, 9_999_999)
        settled = (
            f'<AdjstdQt Ccy="BRL">{price / 100:.2f}</AdjstdQt><AdjstdQtStin>F</AdjstdQtStin>'
            f'<PrvsAdjstdQt Ccy="BRL">{price / 100 + 1:.2f}</PrvsAdjstdQt>'
            if symbol in symbols
            else ""
        )
        reports.append(
            '<BizGrp><Document xmlns="urn:bvmf.217.01.xsd"><PricRpt>'
            f"<TradDt><Dt>{day}</Dt></TradDt><SctyId><TckrSymb>{escape(symbol)}</TckrSymb></SctyId>"
            f"<FinInstrmId><OthrId><Id>{rng.randint(10**11, 10**12)}</Id><Tp><Prtry>8</Prtry></Tp></OthrId>"
            "<PlcOfListg><MktIdrCd>BVMF</MktIdrCd></PlcOfListg></FinInstrmId>"
            f"<FinInstrmAttrbts><OpnIntrst>{rng.randint(1, 10**6)}</OpnIntrst>{settled}</FinInstrmAttrbts>"
            "</PricRpt></Document></BizGrp>"
        )
    return (
        '<?xml version="1.0" encoding="utf-8"?><Document xmlns="urn:bvmf.052.01.xsd"><BizFileHdr><Xchg>'
        f"<BizGrpDesc><BizGrpDtls><TtlNbOfMsg>{len(reports)}</TtlNbOfMsg><BizGrpTp>BVBG.187.01</BizGrpTp>"
        f"</BizGrpDtls></BizGrpDesc>{''.join(reports)}</Xchg></BizFileHdr></Document>"
    ).encode()

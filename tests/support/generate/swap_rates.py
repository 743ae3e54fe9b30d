"""The TS file: market rates for swaps, all curves of a day, fixed width."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import lru_cache

from pyb3.calendar import next_session

from . import rates
from .archive import STUB, self_extracting, zipped
from .contracts import listed
from .dates import business_days
from .draws import Draws, walk
from .indexes import index_value
from .settlements import exchange

# Codes and descriptions of B3's TS files of 2014 and 2026, as the file itself and public projects show them; the
# description is cut at fifteen characters there too. The numbers are government bonds.
_CURVES = """
ACC DIxDOL Aj. Cupo|APR DIxPRE Aj. PRE|ARB REAIS X ARS|ARS ARS X DOL|AUD DOL X AUD|BIT Futuro de Bitco
BRP IBRX50 X PRE|CAD CAD X DOL|CHF CHF X DOL|CLP CLP X DOL|CNH CNH X DOL|CNL Curva Futuro CN|CNY CNY X DOL
CYI CONV. YIELD|CYM Convenience Yie|CYS Convenience Yie|CYX Convenience Yie|DCL CUPOM LIMPO - S|DCO SELIC X DOL
DCP CUPOM LIMPO|DEU DOL X EUR|DGL Cupom Limpo de|DIC DI X IPCA|DIM DIxIGPM|DOC DIxXDOL Cupom l|DOL DIxDOL|DP DOLxPRE
DPL Cupom Limpo de|DYE DOL X YEN|EBR Futuro de Ether|ECC CUPOM SUJO DE E|EST Curva Futuro Ta|ETR Futuro de Ether
EUC CUPOM EURO|EUR R$ x EURO|FTS FTSE/JSE TOP 40|GBP DOL X GBP|GLD Curva Futuro Ou|HAN HANG SENG INDEX
IAS IPCA SINTÉTICO|INP IBOVESPA|IPS IGPxPRE SINTET.|ITC ITC X SELIC|JPY REAIS X IENE|LEU Juros em EUR
LIB Juros em USD|LJP Juros em JPY|MBR Curva de Índice|MXN MXN X DOL|NOK NOK X DOL|NZD NZD X DOL|PRE DIxPRE|PTX PTAX
RDA REAIS X DOLAR A|RDC REAIS X DOLAR C|RFS REAIS X FRANCO|RLI REAIS X LIBRA|RPL REAIS X PESO CH|RPM REAIS X PESO ME
RRA REAIS X RANDE S|RUB RUB X DOL|RYN REAIS X IUAN|RYR REAIS X LIRA TU|RZE REAIS X DOLAR N|SAB BOI GORDO
SAC C.ARÁBICA (US$)|SAM MILHO|SAU SPREAD DOL AUST|SBP S.BASKET X PRÉ|SBR Futuro de Solan|SCA SPREAD DOL CANA
SCF SPREAD FRANCO S|SCL SPREAD PESO CHI|SCN SPREAD IUAN X D|SDE DOLx EURO|SEK SEK X DOL|SFR Curva Futuro Ta
SGP SPREAD LIBRA X|SJC Curva de Soja C|SLP SELICxPRE|SLT SPREAD LTN|SML Curva Small Cap|SMX SPREAD PESO MEX
SNZ SPREAD DOLAR NZ|SOL Futuro de Solan|SOY Curva de Soja F|STR SPREAD LIRA TUR|SYD SPREAD IEN X DO
SZA SPREAD RANDE SU|TFP TBFxPRE|TIC NTN-B|TIE Curva Futuro Ta|TIM NTN-C|TJP TJLPxPRE|TLF LFT|TP TRxPRE|TPR LTN
TR DIxTR|TRY TRY X DOL|VIX Curva Futuro VI|XFI IFIX|YCC Cupom sujo de y|YCL IENE - Cupom Li|YCS IEN X CUPOM
ZAR ZAR X DOL|ZEU Curva Zero Juro|ZMX Curva Zero Juro|ZUS Curva Zero Juro|010 LTN|021 LFT|076 NTN-B|077 NTN-C
095 NTN-F
"""
# Curves of 2019-09-10 that are not in the lists of 2014 and 2026, which have others in their place.
_ENDED = """
072 NTN-A3|ACF AÇÚCAR CRISTAL|BRA BRAX11 x PRÉ|BVA BOVA11 x PRÉ|CMO CSMO11 x PRÉ|FIN FIND11 x PRÉ|GOV GOVE11 x PRÉ
MIC MICEX INDEX|MLA MILA11 x PRÉ|MOB MOBI11 x PRÉ|SET Spread ETN/ETH|SFI curva de preço|SFJ Spread SJC/SFI
SMA SMAL11 x PRÉ|SUS ISUS11 x PRÉ|WTI PETROLEO CME
"""
_BEGUN = (
    "BIT CNL CYM CYS CYX DCP EBR EST ETR GLD LEU LJP MBR SBR SFR SML SOL SOY TIE VIX XFI ZEU ZMX ZUS"
).split()  # fmt: skip
_TURN = 2022  # the year between 2019 and 2026 in which the list changes here; B3's own years are not known
# Curves that are prices or index points, and about which value they move; the rest are % a year.
PRICES = {
    "BIT": 330000.0, "BRP": 21000.0, "CNL": 900.0, "EUR": 5.9, "FTS": 76000.0, "GLD": 2040.0, "HAN": 16500.0,
    "JPY": 0.037, "RDA": 3.6, "RDC": 4.0, "RFS": 6.2, "RLI": 6.9, "RPL": 0.0058, "RPM": 0.3, "RRA": 0.29,
    "RYN": 0.75, "RYR": 0.18, "RZE": 3.3, "SAB": 260.0, "SAC": 260.0, "SAM": 68.0, "SML": 2100.0, "SOY": 450.0,
    "SJC": 25.0, "VIX": 14.0, "XFI": 3300.0, "EBR": 13000.0, "ETR": 2500.0, "SBR": 500.0, "SOL": 100.0,
    "MBR": 1800.0,
    # As on 2019-09-10.
    "ACF": 61.72, "ARB": 0.0735, "ARS": 55.957, "AUD": 0.6861, "BRA": 84.48, "BVA": 99.21, "CAD": 1.315,
    "CHF": 0.9911, "CLP": 712.2, "CMO": 50.9, "CNH": 7.1109, "CNY": 7.1126, "DEU": 1.1048, "DYE": 107.43,
    "FIN": 117.56, "GBP": 1.2356, "GOV": 44.36, "IAS": 5229.93, "IPS": 736.402, "ITC": 205322.55, "MIC": 2788.0,
    "MLA": 48.72, "MOB": 9.25, "MXN": 19.5265, "NOK": 8.9576, "NZD": 0.6419, "RUB": 65.3574, "SCF": 1.0, "SCL": 1.0,
    "SCN": 1.0, "SEK": 9.6734, "SET": 1.0942, "SFI": 20.99, "SFJ": 0.89, "SMA": 107.32, "SNZ": 1.0, "STR": 1.0,
    "SUS": 34.95, "SZA": 1.0, "TRY": 5.767, "WTI": 57.4, "ZAR": 14.6617,
}  # fmt: skip
_NEGATIVE = ("ZEU", "LJP", "YCL", "YCC", "SAU", "SCA", "SGP", "SMX", "SYD", "CYM")
_FIXED = (1, 7, 14, 21, *range(30, 361, 30), 540, 720, 900, 1080, 1440, 1800, 2520, 3600)


@lru_cache
def curves(year: int = 2026) -> dict[str, str]:
    """Description by code in a year's files, in their order, which is that of the codes but for 021."""
    text = _CURVES if year >= _TURN else _CURVES + _ENDED
    rows = [row.split(" ", 1) for row in text.strip().replace("\n\n", "\n").replace("\n", "|").split("|")]
    found = {code: description for code, description in sorted(rows, key=lambda row: (row[0] != "021", row[0]))}
    if year < _TURN:
        found = {code: text for code, text in found.items() if code not in _BEGUN}
        found |= {"LIB": "LIB - LIBOR(US$)", "SNZ": "SPREAD DOLAR NO"}
    return found


def swap_rates(day: date, vertices: int = 20, seed: int = 0, *, line_end: str = "\r\n") -> bytes:
    """The text: about `vertices` for each curve, and in PRE one at the maturity of each DI1 at its settlement rate."""
    lines: list[str] = []
    for code, description in curves(day.year).items():
        rate = _rate(code, day, seed)
        for kind, number, maturity in _vertices(code, day, vertices):
            value = round(rate(maturity) * 10**7)
            term = f"{(maturity - day).days:05}{business_days(day, maturity):05}"
            lines.append(
                f"{len(lines) % 999_999 + 1:06}00101{day:%Y%m%d}T1{code:<5}{description:<15.15}{term}"
                f"{'-' if value < 0 else '+'}{abs(value):014}{kind}{number:05}"
            )
    return (line_end.join(lines) + line_end).encode("latin-1")


def swap_rates_zip(day: date, vertices: int = 20, seed: int = 0) -> bytes:
    """As pesquisapregao answers: a ZIP that holds a self-extracting archive that holds the text."""
    text = swap_rates(day, vertices, seed)
    return zipped(f"TS{day:%y%m%d}.ex_", self_extracting("TaxaSwap.txt", text, day, stub=STUB), day)


def _vertices(code: str, day: date, count: int) -> Iterator[tuple[str, int, date]]:
    """F with the days it stands for, or M with its own calendar days; each on a session, none twice."""
    fixed = {next_session(day + timedelta(days)): days for days in reversed(_FIXED[:count])}
    moving = {next_session(day + timedelta(days)) for days in _moving(count - len(fixed))}
    if code == "PRE":
        maturities = {contract.maturity for contract in listed(day) if contract.family.code == "DI1"}
        moving |= maturities
        fixed = {maturity: days for maturity, days in fixed.items() if maturity not in maturities}
    for maturity in sorted(moving | set(fixed)):
        if maturity in fixed:
            yield "F", fixed[maturity], maturity
        else:
            yield "M", (maturity - day).days, maturity


def _moving(count: int) -> Iterator[int]:
    for place in range(max(0, count)):
        yield 5 + place * 3 if place < 20 else 65 + (place - 20) * 37


def _rate(code: str, day: date, seed: int) -> Callable[[date], float]:
    if code in ("PRE", "APR", "SLP"):
        less = {"PRE": 0.0, "APR": 0.004, "SLP": 0.008}[code]
        return lambda maturity: rates.fixed(day, maturity, seed) - less
    if code in ("DIC", "DPL", "TIC", "076"):
        more = {"DIC": 0.0, "DPL": 0.11, "TIC": 0.25, "076": 0.25}[code]
        return lambda maturity: rates.real(day, maturity, seed) + more
    if code in ("DOL", "DOC", "DCO", "ACC", "DCL", "DCP"):
        twist = {"DOL": 0.0, "DOC": 0.0, "DCO": 0.012, "ACC": 0.02, "DCL": -1.0, "DCP": 0.05}[code]
        if code == "DCL":  # below zero over days, far below over one
            return lambda maturity: round(rates.dollar(day, maturity, seed) - 120 / max(1, (maturity - day).days), 2)
        return lambda maturity: rates.dollar(day, maturity, seed) + twist
    if code in ("PTX", "INP", "SBP"):
        spot = exchange(day, seed) if code == "PTX" else index_value("IBOV", day, seed)
        return lambda maturity: spot * 100_000 / rates.unit_price(rates.fixed(day, maturity, seed), day, maturity)
    level = walk(f"swap {code}", day, 0.01)
    draws = Draws("swap", code, day, seed)
    if code in PRICES:
        price = PRICES[code] * math.exp(max(-1.0, min(1.0, level))) * (1 + draws.around(0.002))
        return lambda maturity: price * (1 + 0.0001 * (maturity - day).days)
    base = draws.around(0.02) + level + (-0.8 if code in _NEGATIVE else 5.0)
    tilt = 0.4 if code in _NEGATIVE else 1.5
    return lambda maturity: round(base + tilt * (1 - math.exp(-(maturity - day).days / 700)), 4)

"""Yield curves: market rates for swaps, every curve of B3's TS file."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import polars as pl

from ..errors import WrongDate
from .base import Batch, Dataset, Origin

# What the numbers of a curve are. B3 publishes them in one field and does not say which; these codes are known by
# description and values of the file of 2019-09-10, which has 105 curves.
RATES = frozenset(
    # interest in reais, clean and dirty coupons, Libor
    "PRE APR SLP TR TP TFP TJP DP DIC DIM DOC DOL DCO ACC DCL DPL DGL LIB EUC ECC YCC YCL YCS CYI"
    # government bonds: LTN, LFT, NTN-A3, NTN-B, NTN-C, NTN-F
    " TIC TIM TLF TPR 010 021 072 076 077 095"
    # interest and coupons by their descriptions in files of other years: Juros em EUR, Curva Zero Juro, Cupom limpo
    " DCP LEU LJP ZEU ZMX ZUS".split()
)
PRICES = frozenset(
    # reais for a dollar, a euro, a yen; reais for other currencies; these for a dollar
    "PTX EUR JPY RLI RFS RDA RDC RYN RPM RPL RRA RYR RZE ARB"
    " AUD CAD CHF CLP CNH CNY DEU DYE GBP MXN NOK NZD SEK TRY ZAR RUB ARS"
    # commodities; indexes of shares; index funds at the PRE rate; levels of inflation and Selic
    " SAB SAM SAC SJC SFI ACF WTI INP BRP SBP HAN FTS MIC BVA SMA MLA BRA CMO FIN GOV MOB SUS ITC IAS IPS".split()
)
# Neither for certain: spreads that begin at 1 (SCF), that may be differences of rates (SDE), or of a commodity's
# contracts (SET). The second line is of curves that later files have, and whose numbers no file at hand shows.
UNCERTAIN = frozenset(
    "SAU SCA SCF SCL SCN SDE SET SFJ SGP SLT SMX SNZ STR SYD SZA"
    " BIT CNL CYM CYS CYX EBR EST ETR GLD MBR SBR SFR SML SOL SOY TIE VIX XFI".split()
)


class YieldCurves(Dataset):
    """TS files. A curve that is in none of the lists is kept in `value`, and named as an unknown code."""

    filename = "yield_curves.yaml"

    def __init__(self) -> None:
        super().__init__()
        known = tuple(sorted(RATES | PRICES | UNCERTAIN))
        code = replace(self.template.field("curve_code"), codes=known)
        fields = tuple(code if field.name == code.name else field for field in self.template.fields)
        self.template = replace(self.template, fields=fields)

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        days = frame["refdate"].unique().sort()
        if len(days) > 1:  # no header says what day the file is of: all its records must
            raise WrongDate(f"{origin.name} holds rows of {days[0]} and of {days[-1]}; a file is of one day")
        of_rates, of_prices = (pl.col("curve_code").is_in(sorted(codes)) for codes in (RATES, PRICES))
        published = pl.col("rate")
        frame = frame.with_columns(
            rate=pl.when(of_rates).then(published),
            price=pl.when(of_prices).then(published),
            value=pl.when(~of_rates & ~of_prices).then(published),
        )
        yield from super().shape(frame, origin)

"""The futures that are listed on a day, family by family, as B3 lists them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import lru_cache
from itertools import islice

from .dates import LETTERS, code, future_maturity, months_from, next_month

# Family; months; how many contracts; how many of them come together in a small file; kind; currency; value about which
# it moves; decimals; multiplier; market segment; description. Counts and months are those of 2025-02-03.
_FAMILIES = """
DI1;ladder;39;14;fixed;BRL;0;3;1;FINANCIAL;Taxa Média de Depósitos Interfinanceiros de Um Dia
DOL;ladder;25;6;price;BRL;5400;3;50;FINANCIAL;Taxa de Câmbio de Reais por Dólar Comercial
IND;GJMQVZ;12;2;price;BRL;125000;0;1;FINANCIAL;Ibovespa
WIN;GJMQVZ;12;2;price;BRL;125000;0;0.2;FINANCIAL;Minicontrato de Ibovespa
WDO;ladder;20;4;price;BRL;5400;3;10;FINANCIAL;Minicontrato de Dólar Comercial
DAP;coupon;21;5;real;BRL;0;3;0.00025;FINANCIAL;Cupom de IPCA
DDI;ladder;39;5;dollar;BRL;0;3;0.5;FINANCIAL;Cupom Cambial de DI1
FRC;ladder;38;3;forward;BRL;0;2;0.5;FINANCIAL;FRA de Cupom Cambial
BGI;FGHJKMNQUVXZ;11;3;price;BRL;260;2;330;AGRIBUSINESS;Boi Gordo
CCM;FHKNUX;8;3;price;BRL;68;2;450;AGRIBUSINESS;Milho
ICF;HKNUZ;8;2;price;USD;260;2;100;AGRIBUSINESS;Café Arábica
ETH;FGHJKMNQUVXZ;14;2;price;BRL;2500;1;30;AGRIBUSINESS;Etanol Hidratado
DCO;ladder;39;2;dollar;BRL;0;3;0.5;FINANCIAL;Cupom Cambial de OC1
OC1;ladder;39;2;fixed;BRL;0;3;1;FINANCIAL;Taxa Média das Operações Compromissadas de Um Dia
FRO;ladder;38;2;forward;BRL;0;2;0.5;FINANCIAL;FRA de Cupom Cambial OC1
SJC;FHKNQUX;9;2;price;USD;25;4;450;AGRIBUSINESS;Soja CME
SML;GJMQVZ;12;1;price;BRL;2100;2;1;FINANCIAL;Índice Small Cap
ISP;HMUZ;5;1;price;USD;4800;2;50;FINANCIAL;S&P 500
WSP;HMUZ;4;1;price;USD;4800;2;2.5;FINANCIAL;Micro S&P 500
BIT;FGHJKMNQUVXZ;2;1;price;BRL;330000;2;0.1;FINANCIAL;Bitcoin
EUR;FGHJKMNQUVXZ;5;1;price;BRL;5900;3;50;FINANCIAL;Real por Euro
JPY;FGHJKMNQUVXZ;5;1;price;BRL;3700;3;50;FINANCIAL;Real por Iene
GBP;FGHJKMNQUVXZ;5;1;price;BRL;6900;3;35;FINANCIAL;Real por Libra Esterlina
AUD;FGHJKMNQUVXZ;5;1;price;BRL;3600;3;60;FINANCIAL;Real por Dólar Australiano
CAD;FGHJKMNQUVXZ;5;1;price;BRL;4050;3;60;FINANCIAL;Real por Dólar Canadense
MXN;FGHJKMNQUVXZ;5;1;price;BRL;2850;3;75;FINANCIAL;Real por Peso Mexicano
CHF;FGHJKMNQUVXZ;5;1;price;BRL;6300;3;50;FINANCIAL;Real por Franco Suíço
CLP;FGHJKMNQUVXZ;5;1;price;BRL;5900;3;25;FINANCIAL;Real por Peso Chileno
CNY;FGHJKMNQUVXZ;5;1;price;BRL;7600;3;35;FINANCIAL;Real por Iuan
NZD;FGHJKMNQUVXZ;5;1;price;BRL;3350;3;75;FINANCIAL;Real por Dólar da Nova Zelândia
TRY;FGHJKMNQUVXZ;5;1;price;BRL;180;3;75;FINANCIAL;Real por Lira Turca
ZAR;FGHJKMNQUVXZ;5;1;price;BRL;2900;3;35;FINANCIAL;Real por Rande
ARB;FGHJKMNQUVXZ;5;1;price;BRL;6;3;150;FINANCIAL;Real por Peso Argentino
EUP;FGHJKMNQUVXZ;5;1;price;USD;1090;2;50;FINANCIAL;Dólar por Euro
JAP;FGHJKMNQUVXZ;5;1;price;JPY;145000;1;1;FINANCIAL;Iene por Dólar
AFS;FGHJKMNQUVXZ;5;1;price;ZAR;18800;1;10;FINANCIAL;Rande por Dólar
AUS;FGHJKMNQUVXZ;5;1;price;USD;660;2;60;FINANCIAL;Dólar por Dólar Australiano
CAN;FGHJKMNQUVXZ;5;1;price;CAD;1340;2;50;FINANCIAL;Dólar Canadense por Dólar
CHL;FGHJKMNQUVXZ;5;1;price;CLP;920000;1;1;FINANCIAL;Peso Chileno por Dólar
CNH;FGHJKMNQUVXZ;5;1;price;CNY;7180;2;10;FINANCIAL;Iuan por Dólar
GBR;FGHJKMNQUVXZ;5;1;price;USD;1270;2;35;FINANCIAL;Dólar por Libra
MEX;FGHJKMNQUVXZ;5;1;price;MXN;17000;2;10;FINANCIAL;Peso Mexicano por Dólar
NOK;FGHJKMNQUVXZ;5;1;price;NOK;10500;2;10;FINANCIAL;Coroa Norueguesa por Dólar
NZL;FGHJKMNQUVXZ;5;1;price;USD;615;2;75;FINANCIAL;Dólar por Dólar da Nova Zelândia
SEK;FGHJKMNQUVXZ;5;1;price;SEK;10450;1;10;FINANCIAL;Coroa Sueca por Dólar
SWI;FGHJKMNQUVXZ;5;1;price;CHF;870;2;50;FINANCIAL;Franco Suíço por Dólar
TUQ;FGHJKMNQUVXZ;5;1;price;TRY;30000;1;1;FINANCIAL;Lira Turca por Dólar
ARS;FGHJKMNQUVXZ;5;1;price;ARS;820000;1;1;FINANCIAL;Peso Argentino por Dólar
RUB;FGHJKMNQUVXZ;5;1;price;RUB;90000;1;1;FINANCIAL;Rublo por Dólar
BRI;GJMQVZ;3;1;price;BRL;21500;0;1;FINANCIAL;Índice Brasil 50
DAX;HMUZ;3;1;price;EUR;16700;0;5;FINANCIAL;DAX
ESX;HMUZ;3;1;price;EUR;4500;0;5;FINANCIAL;Euro Stoxx 50
JSE;HMUZ;3;1;price;BRL;69000;0;1;FINANCIAL;FTSE/JSE Top 40
T10;HMUZ;2;1;price;USD;111;4;1000;FINANCIAL;US Treasury Note de 10 Anos
WEU;FGHJKMNQUVXZ;2;1;price;BRL;5900;3;10;FINANCIAL;Minicontrato de Euro
HSI;FGHJKMNQUVXZ;2;1;price;BRL;16500;0;0.4;FINANCIAL;Hang Seng
IMV;FGHJKMNQUVXZ;2;1;price;ARS;1050000;0;0.04;FINANCIAL;Merval
INK;HMUZ;2;1;price;JPY;36000;0;1;FINANCIAL;Nikkei 225
CNL;HKNUX;5;1;price;BRL;900;2;100;AGRIBUSINESS;Café Conilon
SOY;HKX;3;1;price;USD;450;2;34;AGRIBUSINESS;Soja FOB Santos
XFI;GJMQVZ;2;1;price;BRL;3300;1;10;FINANCIAL;IFIX
ETR;FGHJKMNQUVXZ;2;1;price;USD;2500;2;0.25;FINANCIAL;Ether
SOL;FGHJKMNQUVXZ;2;1;price;USD;150;2;5;FINANCIAL;Solana
GLD;GJMQVZ;3;1;price;USD;4000;2;1;FINANCIAL;Ouro
SFR;HMUZ;4;1;price;USD;96;3;2500;FINANCIAL;Taxa SOFR de Três Meses
EST;HMUZ;4;1;price;EUR;98;3;2500;FINANCIAL;Taxa Euro STR de Três Meses
TIE;HMUZ;4;1;price;MXN;92;3;2500;FINANCIAL;Taxa TIIE de Um Dia
"""
# Listed on 2026-01-12 and not on 2025-02-03; the first day of each is not known.
_NEW = {name: date(2025, 7, 1) for name in ("ETR", "SOL", "GLD", "SFR", "EST", "TIE")}
# Issuer and kind of share of the single-stock futures; each has two contracts.
STOCKS = (
    "PETRP VALEO ABEVO B3SAO BBASO BBDCP ITUBP USIMA KLBNI MGLUO ELETO CMIGP CCROO CIELO COGNO CSNAO CYREO EMBRO "
    "GGBRP HAPVO ITSAP JBSSO LRENO MRVEO NTCOO PCARO PRIOO RADLO RAILO RENTO SUZBO TOTSO UGPAO VIVTO WEGEO"
).split()


@dataclass(frozen=True, slots=True)
class Family:
    """`kind` is how it settles: fixed, real, dollar (in rate and unit price), forward (in rate), price or stock."""

    code: str
    months: str
    size: int
    together: int
    kind: str
    currency: str
    base: float
    decimals: int
    multiplier: float
    segment: str
    description: str

    @property
    def in_rate(self) -> bool:
        return self.kind in ("fixed", "real", "dollar", "forward")


@dataclass(frozen=True, slots=True)
class Contract:
    """A listed future; `place` is its place in its family's ladder, 0 the nearest."""

    symbol: str
    family: Family
    maturity: date
    place: int


@lru_cache
def families() -> tuple[Family, ...]:
    found = []
    for row in _FAMILIES.strip().splitlines():
        name, months, size, together, kind, currency, base, decimals, multiplier, segment, description = row.split(";")
        found.append(
            Family(
                name, months, int(size), int(together), kind, currency, float(base), int(decimals), float(multiplier),
                segment, description,
            )
        )  # fmt: skip
    for stock in STOCKS:
        description = f"Futuro de {stock[:4]}"
        found.append(
            Family(stock, "FGHJKMNQUVXZ", 2, 1, "stock", "BRL", 0.0, 2, 1.0, "FINANCIAL", description)
        )  # fmt: skip
    return tuple(found)


def _wanted(months: str, start: date, year: int, month: int) -> bool:
    """Whether a family lists this month: near ones all, far ones ever fewer."""
    letter, ahead = LETTERS[month - 1], (year - start.year) * 12 + month - start.month
    if months == "ladder":
        years = year - start.year
        return ahead <= 11 or letter == "F" or years <= 4 and letter in "JNV" or years == 5 and letter == "N"
    if months == "coupon":  # the maturities of IPCA bonds, and of each January
        bond = letter == ("K" if year % 2 else "Q")
        return ahead <= 5 or bond or (letter == "F" and year - start.year <= 2)
    return letter in months


def _ladder(family: Family, day: date, count: int) -> Iterator[Contract]:
    if day < _NEW.get(family.code, date.min):
        return
    start = day
    if family.kind == "forward":  # the first month is the short leg of all of them
        start = date(*next_month(day.year, day.month), 1)
    found = 0
    for year, month in months_from(start):
        if found == count or year > day.year + 70:
            return
        symbol = family.code + code(year, month)
        if count == family.size and not _wanted(family.months, day, year, month):
            continue
        maturity = future_maturity(symbol, year, month)
        if maturity > day:
            yield Contract(symbol, family, maturity, found)
            found += 1


def _order(contract: Contract, rank: int) -> tuple[int, int, int]:
    return contract.place // contract.family.together, rank, contract.place


@lru_cache(maxsize=64)
def listed(day: date) -> tuple[Contract, ...]:
    """Every future listed on a day, the ones that trade most first."""
    found = [
        (_order(contract, rank), contract)
        for rank, family in enumerate(families())
        for contract in _ladder(family, day, family.size)
    ]
    return tuple(contract for _, contract in sorted(found, key=lambda pair: pair[0]))


@lru_cache(maxsize=4)
def _far(day: date) -> tuple[Contract, ...]:
    """Months that B3 does not list, for files larger than any real one."""
    known = {contract.symbol for contract in listed(day)}
    found = [
        (contract.maturity, rank, contract)
        for rank, family in enumerate(families())
        for contract in _ladder(family, day, 10**6)
        if contract.symbol not in known
    ]
    return tuple(contract for _, _, contract in sorted(found, key=lambda item: item[:2]))


def contracts(day: date, count: int) -> tuple[Contract, ...]:
    """The first `count` futures of a day."""
    near = listed(day)
    if count <= len(near):
        return near[:count]
    return (*near, *islice(_far(day), count - len(near)))

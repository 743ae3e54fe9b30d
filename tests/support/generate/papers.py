"""The papers of the cash market: well-known tickers first, then as many made-up ones as are asked for."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from .draws import Draws, key, walk

# Ticker, name as COTAHIST cuts it, specification (with EJ, ED, EDJ where a right has gone), price about which it moves.
# One of each common kind comes early, so that small files hold them too.
_KNOWN = """
PETR4;PETROBRAS;PN      N2;36|VALE3;VALE;ON      NM;68|AAPL34;APPLE;DRN;48|HGLG11;FII HGLG PAX;CI;161
BOVA11;ISHARES BOVA;CI;124|ITUB4;ITAUUNIBANCO;PN      N1;32|TAEE11;TAESA;UNT ED  N2;36|PETR3;PETROBRAS;ON      N2;39
OIBR3;OI;ON      N1;2|BBDC4;BRADESCO;PN      N1;15|KNRI11;FII KINEA;CI;158|MSFT34;MICROSOFT;DRN;81
ABEV3;AMBEV S/A;ON;14|B3SA3;B3;ON      NM;13|USIM5;USIMINAS;PNA     N1;8|SNAG11;FIAGRO SUNO;CI;10
KDIF11;KINEA INFRAF;CI;128|SMLL11;SMALL CAP;SML);2033
BBAS3;BRASIL;ON  EDJ NM;55|MGLU3;MAGAZ LUIZA;ON      NM;2|WEGE3;WEG;ON      NM;35|ELET6;ELETROBRAS;PNB     N1;43
SMAL11;ISHARES SMAL;CI;110|ITSA4;ITAUSA;PN  EJ  N1;10|SUZB3;SUZANO S.A.;ON      NM;53|GGBR4;GERDAU;PN      N1;23
RENT3;LOCALIZA;ON      NM;60|JBSS3;JBS;ON      NM;24|BBDC3;BRADESCO;ON  EJ  N1;13|ELET3;ELETROBRAS;ON      N1;40
KLBN11;KLABIN S/A;UNT     N2;21|BPAC11;BTGP BANCO;UNT     N2;35|SANB11;SANTANDER BR;UNT;30|AMZO34;AMAZON;DRN;38
CSNA3;SID NACIONAL;ON;18|LREN3;LOJAS RENNER;ON      NM;17|PRIO3;PETRORIO;ON      NM;45
EQTL3;EQUATORIAL;ON      NM;34|RADL3;RAIADROGASIL;ON      NM;27|RAIL3;RUMO S.A.;ON      NM;22
VIVT3;TELEF BRASIL;ON  EDJ;53|CMIG4;CEMIG;PN      N1;11|EMBR3;EMBRAER;ON      NM;22|SBSP3;SABESP;ON      NM;75
UGPA3;ULTRAPAR;ON      NM;27|HAPV3;HAPVIDA;ON      NM;4|CPLE6;COPEL;PNB     N2;10|CCRO3;CCR SA;ON      NM;14
TIMS3;TIM;ON      NM;18|HYPE3;HYPERA;ON      NM;33|BBSE3;BBSEGURIDADE;ON      NM;33|NTCO3;GRUPO NATURA;ON      NM;16
BRFS3;BRF SA;ON      NM;14|COGN3;COGNA ON;ON      NM;3|CSAN3;COSAN;ON      NM;18|CYRE3;CYRELA REALT;ON      NM;24
TOTS3;TOTVS;ON      NM;32|MULT3;MULTIPLAN;ON      N2;28|ENGI11;ENERGISA;UNT     N2;53
EGIE3;ENGIE BRASIL;ON      NM;43|GOAU4;GERDAU MET;PN      N1;11|BRAP4;BRADESPAR;PN      N1;24
BRKM5;BRASKEM;PNA     N1;20|CIEL3;CIELO;ON      NM;5|CPFE3;CPFL ENERGIA;ON      NM;37|AZUL4;AZUL;PN      N2;15
GOLL4;GOL;PN      N2;8|CVCB3;CVC BRASIL;ON      NM;4|YDUQ3;YDUQS PART;ON      NM;21|MRVE3;MRV;ON      NM;10
MRFG3;MARFRIG;ON      NM;10|BEEF3;MINERVA;ON      NM;8|PCAR3;P.ACUCAR-CBD;ON      NM;4|QUAL3;QUALICORP;ON      NM;3
IRBR3;IRBBRASIL RE;ON      NM;43|EZTC3;EZTEC;ON      NM;17|FLRY3;FLEURY;ON      NM;17
SLCE3;SLC AGRICOLA;ON      NM;19|VBBR3;VIBRA;ON      NM;23|ASAI3;ASSAI;ON      NM;13|RDOR3;REDE D OR;ON      NM;28
CRFB3;CARREFOUR BR;ON      NM;12|FNAM11;FINAM;CI *;0.18|JBSS32;JBS N.V.;DR2;88|IVVB11;ISHARE SP500;CI;260
MXRF11;FII MAXI REN;CI;10
"""

# Of forty made-up papers, how many are of a kind; in the proportions of 2021-06-25 and 2022-02-03.
_KINDS = (
    ["bdr"] * 12 + ["share"] * 11 + ["fii"] * 8 + ["preferred"] * 3 + ["etf"] * 2
    + ["unsponsored"] + ["recovery"] + ["fiagro"] + ["right"]
)  # fmt: skip
_ORDER = sorted(range(len(_KINDS)), key=lambda n: key("kinds", n))
_LEVELS = ("NM", "NM", "NM", "N1", "N2", "MA", "  ")


@dataclass(frozen=True, slots=True)
class Paper:
    """A line of the cash market. `kind` says what it is, `rank` how much it trades (0 most)."""

    symbol: str
    name: str
    specification: str
    kind: str
    bdi: str
    isin: str
    base: float
    rank: int

    @property
    def issuer(self) -> str:
        return self.symbol[:4]

    @property
    def stock(self) -> bool:
        """Whether it has odd lots, terms and options as shares and units do."""
        return self.kind in ("share", "preferred", "unit")

    @property
    def lot(self) -> int:
        return 100 if self.stock or self.kind in ("recovery", "right") else 1

    @property
    def quote_factor(self) -> int:
        return 1000 if self.specification == "CI *" else 10 if self.kind == "index" else 1

    def price(self, day: date) -> float:
        """Where it stands on a day, in R$: a random walk of 1.5 % a day."""
        return max(0.01, self.base * math.exp(max(-2.0, min(2.0, walk(self.symbol, day, 0.016)))))


_DIGITS = {character: str(int(character, 36)) for character in "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"}
_DOUBLED = {str(digit): 2 * digit // 10 + 2 * digit % 10 for digit in range(10)}


def check_digit(isin: str) -> str:
    """The last character of an ISIN, from its first eleven."""
    digits = "".join([_DIGITS[character] for character in isin])[::-1]
    total = sum([_DOUBLED[digit] for digit in digits[::2]]) + sum(map(int, digits[1::2]))
    return str(-total % 10)


def make_isin(issuer: str, kind: str, specification: str) -> str:
    """`BRPETRACNPR6` for PETR and PN."""
    if kind == "unit":
        body = "CDAM1"
    elif kind in ("bdr", "unsponsored"):
        body = "BDR00"
    elif kind in ("fii", "etf", "fiagro", "infra"):
        body = "CTF00"
    elif kind == "index":
        body = "INDM1"
    elif kind == "right":
        body = {"BNS": "N01OR", "DIR": "D01OR"}.get(specification[:3], "R01OR")
    else:
        body = "ACN" + {"PN": "PR", "PNA": "PA", "PNB": "PB"}.get(specification.split()[0], "OR")
    return (isin := f"BR{issuer}{body}") + check_digit(isin)


def _letters(number: int, places: int) -> str:
    return "".join(chr(65 + number // 26**place % 26) for place in range(places - 1, -1, -1))


def _kind_of(symbol: str, name: str, specification: str) -> str:
    if symbol == "OIBR3":
        return "recovery"
    if specification.startswith("UNT"):
        return "unit"
    if specification.startswith("DR"):
        return "unsponsored" if specification == "DR2" else "bdr"
    if specification == "SML)":
        return "index"
    if "INFRA" in name:
        return "infra"
    if symbol.endswith("11"):
        return "fii" if name.startswith("FII") else "fiagro" if name.startswith("FIAGRO") else "etf"
    return "preferred" if specification.startswith("PN") else "share"


_BDI = {"recovery": "08", "fii": "12", "fiagro": "13", "etf": "14", "infra": "14", "right": "10"}


def _paper(
    symbol: str, name: str, specification: str, kind: str, base: float, rank: int, bdi: str | None = None
) -> Paper:
    isin = make_isin(symbol[:4], kind, specification)
    return Paper(symbol, name, specification, kind, bdi or _BDI.get(kind, "02"), isin, base, rank)


_CODES = 26**3
# First letters of made-up issuers by kind, one for each time the three letters after it are used up.
_PREFIXES = {
    "share": "HS", "preferred": "PQ", "fii": "FV", "fiagro": "GW", "etf": "EX",
    "right": "DY", "recovery": "RU", "unsponsored": "BZ",
}  # fmt: skip
_MOST = 2 * _CODES


def _made_up(number: int, rank: int, taken: frozenset[str]) -> Paper:
    kind = _KINDS[_ORDER[number % len(_KINDS)]]
    draws = Draws("paper", number)
    use, letters = number // _CODES, _letters(number * 17 % _CODES, 3)
    base = math.exp(1.0 + 3.5 * draws.unit())
    level = draws.choice(_LEVELS)
    if kind == "preferred" and level in ("NM", "MA"):  # these levels are for issuers of common shares alone
        level = "N1"
    if kind == "bdr":  # a digit in second place keeps them apart from the others
        symbol = f"{letters[0]}{use * 4 + number % 4 + 1}{letters[1:]}34"
        return _paper(symbol, f"{letters} INC", "DRN", kind, 10 * base, rank)
    issuer = next(code for prefix in (_PREFIXES[kind][use], *"LKO") if (code := prefix + letters) not in taken)
    if kind == "unsponsored":
        return _paper(f"{issuer}39", f"{issuer} ETF", "DRE", kind, 5 * base, rank)
    if kind == "etf" and number % 3 == 0:  # infrastructure funds share the code of the ETFs
        return _paper(f"{issuer}11", f"{letters} INFRA", "CI", "infra", 40 + base, rank)
    if kind in ("fii", "fiagro", "etf"):
        mark = "CI  ER" if kind == "fii" and number % 3 == 0 else "CI"
        sanctioned = "05" if kind == "fii" and draws.unit() < 0.02 else None
        return _paper(f"{issuer}11", f"{kind.upper()} {letters}", mark, kind, 40 + base, rank, sanctioned)
    if kind == "right" and number % 80 < 40:
        return _paper(f"{issuer}11", f"{issuer} S/A", f"BNS ORD {level}".rstrip(), kind, base / 20, rank, "22")
    if kind == "right" and number % 80 < 60:  # a receipt bears the specification of its share
        return _paper(f"{issuer}9", f"{issuer} S/A", f"ON      {level}".rstrip(), kind, base, rank)
    if kind == "right":
        return _paper(f"{issuer}1", f"{issuer} S/A", f"DIR ORD {level}".rstrip(), kind, base / 20, rank)
    if kind == "recovery":
        out_of_court = "07" if number % 200 < 40 else None
        mark = f"ON      {level}".rstrip()
        return _paper(f"{issuer}3", f"{issuer} S/A", mark, kind, base / 8, rank, out_of_court)
    letter, digit = ("PN", "4") if kind == "preferred" else ("ON", "3")
    return _paper(f"{issuer}{digit}", f"{issuer} S/A", f"{letter}      {level}".rstrip(), kind, base, rank)


@lru_cache(maxsize=4)
def papers(count: int) -> tuple[Paper, ...]:
    """The first `count` papers, those that trade most first."""
    if count > _MOST:
        raise ValueError(f"there are codes for {_MOST} papers, not for {count}")
    known = []
    for rank, row in enumerate(_KNOWN.strip().replace("\n", "|").split("|")[:count]):
        symbol, name, specification, price = row.split(";")
        kind = _kind_of(symbol, name, specification)
        known.append(_paper(symbol, name, specification, kind, float(price), rank))
    taken = frozenset(paper.issuer for paper in known)
    made = [_made_up(number, len(known) + number, taken) for number in range(count - len(known))]
    return (*known, *made)

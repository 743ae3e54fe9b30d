"""B3's indexes: their values on a day, their members, and the quantities in their portfolios."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date
from functools import lru_cache

from .draws import Draws, walk
from .papers import Paper, papers

# Code, name in the index report, value about which it moves, members: of IBXX and SMLL as many as in October 2026.
_TABLE = """
IBOV;IBOVESPA;120000;86|BDRX;BDRX;13400;60|MLCX;MIDLARGE CAP;2360;64|UTIL;UTILITIES;8620;14|INDX;INDUSTRIAL;26900;30
IVBX;IVBX2;16900;50|ICO2;ICO2;2440;40|IBXL;IBRX 50;20200;50|IFIX;IND FDO IMOB;2840;40|IBRA;IBRASIL;4890;90
IGCX;IGOVERNANCA;20000;80|IGCT;IGC TRADE;5500;75|SMLL;SMALL CAP;2950;104|ISEE;ISUSTENTABIL;4040;35
IFIL;IFIX L B3;1260;30|IBXX;IBRX BRASIL;52000;100|IEEX;IEELETRICA;81300;10|ICON;ICONSUMO;5290;35
IMAT;IMAT BASICOS;7210;9|IGNM;IGC - NM;4530;60|IDIV;I DIVIDENDOS;6810;40|IFNC;IFINANCEIRO;11400;15
IMOB;IMOBILIARIO;968;8|ITAG;ITAG ALONG;27200;70|AGFS;AGFREE IBOV;18000;12|IAGRO;IAGRO-FFS B3;15000;15
GPTW;GPTW B3;1900;30|IBHB;IBOV HIGHBETA;9000;20|IBLV;IBOV LOWVOL;11000;25|IBSD;IBOV SMART DV;10000;30
IBEW;IBOV EQUALWGT;8000;80|IBEP;IBRX EMP PRIV;9500;60|IBEE;IBRX EMP EST;9500;9|IBBR;IBOV BR;15000;60
IBBE;IBOV BR EW;9000;60|IDVR;IDIVERSA B3;1000;50|IBBC;IBOV B3 BR+;25000;90
"""
# What an index is made of, where it is not of shares and units.
_KINDS = {"IFIX": ("fii",), "IFIL": ("fii",), "BDRX": ("bdr",), "IAGRO": ("share", "preferred")}
_SEGMENTS = (
    "Bens Indls / Máqs e Equips", "Cons N  Básico / Alimentos Processados", "Cons N Cíclico / Bebidas",
    "Consumo Cíclico / Comércio", "Consumo Cíclico/Constr Civil", "Financ e Outros / Interms Financs",
    "Mats Básicos / Mineração", "Mats Básicos / Sid Metalurgia", "Petróleo/ Gás e Biocombustíveis",
    "Saúde/SM Hosp An.Diag", "Utilidade Públ / Água Saneamento", "Utilidade Públ / Energ Elétrica",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Index:
    code: str
    name: str
    base: float
    size: int


@dataclass(frozen=True, slots=True)
class Member:
    """A paper's place in a portfolio: `weight` in thousandths of a per cent."""

    paper: Paper
    segment: str
    quantity: int
    weight: int


@lru_cache
def indexes() -> dict[str, Index]:
    found = {}
    for row in _TABLE.strip().replace("\n", "|").split("|"):
        code, name, base, size = row.split(";")
        found[code] = Index(code, name, float(base), int(size))
    return found


def index_value(code: str, day: date, seed: int = 0) -> float:
    """The close of an index, to the cent."""
    level = indexes()[code].base * math.exp(max(-1.5, min(1.5, walk(f"index {code}", day, 0.010))))
    return round(level * (1 + Draws("index", code, day, seed).around(0.002)), 2)


@lru_cache(maxsize=256)
def members(code: str, day: date, seed: int = 0) -> tuple[Member, ...]:
    """The members of an index on a day, with weights that sum to exactly 100 %."""
    index = indexes()[code]
    kinds = _KINDS.get(code, ("share", "preferred", "unit"))
    fitting = [paper for paper in papers(400) if paper.kind in kinds]
    start = 0 if index.size > 40 else Draws("members", code).integer(0, 12)
    chosen = fitting[start : start + index.size]
    quarter = (day.year * 12 + day.month - 1) // 4  # quantities change with the portfolio, three times a year
    quantities = [
        10_000 + int(Draws("quantity", code, paper.symbol, quarter, seed).unit() ** 3 * 5_000_000_000)
        for paper in chosen
    ]
    values = [quantity * paper.price(day) for paper, quantity in zip(chosen, quantities, strict=True)]
    total = sum(values)
    weights = [int(value / total * 100_000) for value in values]
    largest = max(range(len(weights)), key=weights.__getitem__)
    weights[largest] += 100_000 - sum(weights)
    return tuple(
        Member(paper, _SEGMENTS[Draws("segment", paper.issuer).integer(0, len(_SEGMENTS) - 1)], quantity, weight)
        for paper, quantity, weight in zip(chosen, quantities, weights, strict=True)
    )

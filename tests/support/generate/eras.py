"""What of COTAHIST's rows follows from their time."""

from __future__ import annotations

from collections import Counter
from datetime import date
from typing import NamedTuple

from .draws import key
from .papers import Paper

_BDRS_APART = date(2025, 1, 1)  # BDRs are 02 on 2022-02-03, 34 and 35 on 2026-04-17; the day between is not known
_ISINS = date(1995, 5, 15)  # internal codes before, as `VGORACPP`
_BLOCK_LOTS = date(2023, 1, 1)  # market 021, by B3's circular 016/2023; its first day is not known
_INFRA_CI = date(2023, 1, 1)  # infrastructure funds are `FIDC` on 2022-02-03, `CI` on 2026-10-02
# In how many units a price is quoted in the old years; the factors are those that occur, their shares are not known.
_OLD_FACTORS = (1,) * 8 + (1000,) * 8 + (10, 100, 10_000, 1_000_000)


class Era(NamedTuple):
    """What of a day's rows follows from its time."""

    old: bool
    block_lots: bool
    infra_ci: bool
    bdrs_apart: bool

    @classmethod
    def of(cls, day: date) -> Era:
        return cls(day < _ISINS, day >= _BLOCK_LOTS, day >= _INFRA_CI, day >= _BDRS_APART)


def internal_code(paper: Paper) -> str:
    """What stood in the ISIN's place before 1995-05-15: `PETRACPN    `."""
    return f"{paper.issuer}AC{paper.specification[:3].rstrip()}".ljust(12)


def old_factor(paper: Paper) -> int:
    """For how many shares a price stands."""
    if paper.quote_factor != 1:
        return paper.quote_factor
    return _OLD_FACTORS[key("factor", paper.issuer) % len(_OLD_FACTORS)]


def old_symbols(lines: tuple[Paper, ...]) -> list[str]:
    """`PET 4` for PETR4, where no other issuer has these three letters."""
    issuers = {paper.issuer for paper in lines}
    short = Counter(issuer[:3] for issuer in issuers)
    return [p.symbol if short[p.issuer[:3]] > 1 else f"{p.issuer[:3]} {p.symbol[4:]}" for p in lines]

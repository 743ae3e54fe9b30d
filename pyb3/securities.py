"""Shares, units, BDRs and funds, told apart among the quotes of COTAHIST."""

from __future__ import annotations

from typing import TypeVar

import polars as pl

Frame = TypeVar("Frame", pl.DataFrame, pl.LazyFrame)

# Kinds of paper stand in the first four characters of ESPECI, ex-rights marks and levels after them. In the files
# of 2021-06-25 and 2022-02-03 they agree with the kind in the ISIN (positions 7-9) for every quote of the cash
# market; unlike ISINs they are there before 1995, and unlike BDI codes they did not change (BDRs were 02 in 2022,
# 34 and 35 in 2026).
SHARE = r"^(O[NRPE]|P[NRPE][A-HV]?)$"  # ordinary and preferred: registered, redeemable, bearer, endorsable
UNIT = r"^(UNT|CDA)$"
_BDR = r"^(BDR|DR[123NE])$"
FUND = "CI"
_CREDIT_FUND = "FIDC"

# The BDI code 14 also holds funds that are no ETFs; only their names tell.
_NO_ETF = r"^(FIP|FIA|FIC|FIDC|FDC|FIRF|FI|FII|FIAGRO|FISET|FINAM|FINOR|FUNRES|FUNDES)\b"


def shares(quotes: Frame) -> Frame:
    """Ordinary and preferred shares, of any class and at any situation, in the cash market.

    `quotes` are rows of `cotahist_get`; all their columns stay. Receipts, rights and bonuses are not shares.

    >>> shares(cotahist_get("2024-01-15")).filter(symbol="PETR4").select("symbol", "specification").row(0)
    ('PETR4', 'PN      N2')
    """
    return _cash(quotes).filter(kind().str.contains(SHARE), ~_is_receipt())


def units(quotes: Frame) -> Frame:
    """Units, certificates that bundle shares (TAEE11, SANB11), in the cash market.

    >>> units(cotahist_get("2024-01-15")).filter(symbol="TAEE11").height
    1
    """
    return _cash(quotes).filter(kind().str.contains(UNIT))


def equities(quotes: Frame) -> Frame:
    """Shares and units in the cash market.

    >>> quotes = cotahist_get("2024-01-15")
    >>> equities(quotes).height == shares(quotes).height + units(quotes).height
    True
    """
    return _cash(quotes).filter(kind().str.contains(f"{SHARE}|{UNIT}"), ~_is_receipt())


def bdrs(quotes: Frame) -> Frame:
    """Brazilian depositary receipts (AAPL34), those of ETFs included, in the cash market.

    >>> bdrs(cotahist_get("2024-01-15")).filter(symbol="AAPL34").height
    1
    """
    return _cash(quotes).filter(kind().str.contains(_BDR))


def etfs(quotes: Frame) -> Frame:
    """Exchange-traded index funds (BOVA11) in the cash market.

    They are fund shares of BDI code 14, but for the closed funds there that are no ETFs: private-equity (FIP), of
    shares (FIA), credit and incentive funds, known by name.

    >>> etfs(cotahist_get("2024-01-15")).filter(symbol="BOVA11").height
    1
    """
    name = pl.col("company_name")
    return _funds(quotes).filter(pl.col("bdi_code") == "14", ~name.str.contains(_NO_ETF).fill_null(False))


def fiis(quotes: Frame) -> Frame:
    """Real-estate funds (KNRI11) in the cash market, sanctioned ones included; their subscription rights are not.

    >>> fiis(cotahist_get("2024-01-15")).filter(symbol="KNRI11").height
    1
    """
    named = pl.col("company_name").str.contains(r"\bFII\b").fill_null(False)
    return _funds(quotes).filter((pl.col("bdi_code") == "12") | named)


def fiagros(quotes: Frame) -> Frame:
    """Funds of agribusiness chains (SNAG11) in the cash market: fund shares of BDI code 13.

    >>> fiagros(cotahist_get("2024-01-15")).filter(symbol="SNAG11").height
    1
    """
    return _funds(quotes).filter(pl.col("bdi_code") == "13")


def fidcs(quotes: Frame) -> Frame:
    """Credit and infrastructure funds (BDIF11) in the cash market: specification FIDC.

    >>> fidcs(cotahist_get("2024-01-15")).filter(symbol="PETR4").height
    0
    """
    return _cash(quotes).filter(kind() == _CREDIT_FUND)


def _cash(quotes: Frame) -> Frame:
    return quotes.filter(pl.col("market_type") == 10)


def _funds(quotes: Frame) -> Frame:
    return _cash(quotes).filter(kind() == FUND)


def kind() -> pl.Expr:
    """The kind of paper; `*` marks one that is quoted by the thousand."""
    return pl.col("specification").str.head(4).str.strip_chars(" *")


def _is_receipt() -> pl.Expr:
    return pl.col("specification").str.slice(4, 3) == "REC"

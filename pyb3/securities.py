"""Shares, units, BDRs and funds, told apart among the quotes of COTAHIST."""

from __future__ import annotations

from typing import TypeVar

import polars as pl

from .errors import UsageError

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

# Closed funds share the BDI code 14 with ETFs. Until 2022 all of them bear a kind of fund as the first word of their
# name or the specification FIDC (2021-06-25, 2022-02-03). In 2026 they do not: KINEA INFRAF, SPARTA INFRA.
_CLOSED_FUND = (
    r"^(FI|FII|FDC|FIAGRO|FISET|FINAM|FINOR|FUNRES|FUNDES)\b"
    r"|\b(FIP|FIA|FIC|FIDC|FIRF|IE)\b|\bINFR"
)

# Security categories of the list of symbols: names in InstrumentsConsolidated, B3's codes for them in IN.
_SHARES = r"SHARES|11"
_UNITS = r"UNIT|13"
_BDRS = r"BDR|1"
_ETFS = r"ETF .*|3|21|22|55"
_FUNDS = r"FUNDS|6"
_CATEGORY = "_category"


def shares(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Ordinary and preferred shares, of any class and at any situation, in the cash market.

    `quotes` are rows of `cotahist_get`; all their columns stay. Receipts, rights and bonuses are not shares, also where
    they bear the specification of the share: BDI code 10, or an ISIN such as BRPETRR09PR1.

    `symbols` are rows of `symbols_get`. Their `security_category` then decides: that of the same day, else the newest
    one of the frame. Papers that `symbols` does not list are picked as without it. Raises UsageError where `symbols`
    lacks that column.

    >>> shares(cotahist_get("2024-01-15")).filter(symbol="PETR4").select("symbol", "specification").row(0)
    ('PETR4', 'PN      N2')
    """
    return _picked(quotes, symbols, kind().str.contains(SHARE) & ~_is_receipt(), _SHARES)


def units(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Units, certificates that bundle shares (TAEE11, SANB11), in the cash market; their receipts are not.

    `symbols` decides by `security_category`, as in `shares`.

    >>> units(cotahist_get("2024-01-15")).filter(symbol="TAEE11").height
    1
    """
    return _picked(quotes, symbols, kind().str.contains(UNIT) & ~_is_receipt(), _UNITS)


def equities(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Shares and units in the cash market.

    `symbols` decides by `security_category`, as in `shares`.

    >>> quotes = cotahist_get("2024-01-15")
    >>> equities(quotes).height == shares(quotes).height + units(quotes).height
    True
    """
    own = kind().str.contains(f"{SHARE}|{UNIT}") & ~_is_receipt()
    return _picked(quotes, symbols, own, f"{_SHARES}|{_UNITS}")


def bdrs(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Brazilian depositary receipts (AAPL34), those of ETFs included, in the cash market.

    `symbols` decides by `security_category`, as in `shares`.

    >>> bdrs(cotahist_get("2024-01-15")).filter(symbol="AAPL34").height
    1
    """
    return _picked(quotes, symbols, kind().str.contains(_BDR), _BDRS)


def etfs(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Exchange-traded index funds (BOVA11) in the cash market.

    With `symbols`, rows of `symbols_get`, their `security_category` decides, as in `shares`: this is certain.

    Without `symbols` they are fund shares of BDI code 14 whose name does not say that they are a closed fund:
    private-equity (FIP), of shares (FIA), credit, infrastructure (INFRA, IE) and incentive funds. On the files of
    2021-06-25 and 2022-02-03 this keeps exactly the ETFs. In later years it is not certain: B3 has given up the
    specification FIDC, and a closed fund whose name says nothing is taken for an ETF. In August 2026 127 of 247
    tickers of BDI code 14 were ETFs.

    >>> quotes, symbols = cotahist_get("2024-01-15"), symbols_get("2024-01-15")
    >>> etfs(quotes, symbols).filter(symbol="BOVA11").height
    1
    """
    name = pl.col("company_name")
    closed = (name.str.contains(_CLOSED_FUND) & ~name.str.contains("ETF")).fill_null(False)
    return _picked(quotes, symbols, _fund(pl.col("bdi_code") == "14") & ~closed, _ETFS)


def fiis(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Real-estate funds (KNRI11) in the cash market, sanctioned ones included; their subscription rights are not.

    They are fund shares of BDI code 12, or with FII in their name. Of these, `symbols`, rows of `symbols_get`, takes
    away what is not registered as a fund, such as an ETF of real-estate funds.

    >>> fiis(cotahist_get("2024-01-15")).filter(symbol="KNRI11").height
    1
    """
    named = pl.col("company_name").str.contains(r"\bFII\b").fill_null(False)
    return _picked(quotes, symbols, _fund((pl.col("bdi_code") == "12") | named), _FUNDS, only_among_own=True)


def fiagros(quotes: Frame, symbols: pl.DataFrame | None = None) -> Frame:
    """Funds of agribusiness chains (SNAG11) in the cash market: fund shares of BDI code 13.

    Of these, `symbols`, rows of `symbols_get`, takes away what is not registered as a fund.

    >>> fiagros(cotahist_get("2024-01-15")).filter(symbol="SNAG11").height
    1
    """
    return _picked(quotes, symbols, _fund(pl.col("bdi_code") == "13"), _FUNDS, only_among_own=True)


def fidcs(quotes: Frame) -> Frame:
    """Credit and infrastructure funds (BDIF11) in the cash market: specification FIDC.

    B3 has given up this specification: it stands in the files of 2021 and 2022, in those of 2026 these funds are CI
    as others are, and nothing in COTAHIST or in the list of symbols names their kind.

    >>> fidcs(cotahist_get("2024-01-15")).filter(symbol="PETR4").height
    0
    """
    return quotes.filter(_in_cash_market(), kind() == _CREDIT_FUND)


def kind() -> pl.Expr:
    """The kind of paper; `*` marks one that is quoted by the thousand."""
    return pl.col("specification").str.head(4).str.strip_chars(" *")


def _in_cash_market() -> pl.Expr:
    return pl.col("market_type") == 10


def _fund(condition: pl.Expr) -> pl.Expr:
    return (kind() == FUND) & condition


def _is_receipt() -> pl.Expr:
    """Receipts and rights; a row of 2026 has a receipt with the specification of its share, and BDI code 10."""
    says_so = pl.col("specification").str.slice(4, 3) == "REC"
    in_isin = pl.col("^isin$").str.contains(r"^BR.{4}R\d\d")  # a pattern, for frames without the column
    return pl.any_horizontal(says_so, pl.col("bdi_code") == "10", in_isin).fill_null(False)


def _picked(
    quotes: Frame, symbols: pl.DataFrame | None, own: pl.Expr, categories: str, *, only_among_own: bool = False
) -> Frame:
    """Quotes of the cash market that `own` is true of, or whose category is one of `categories` where it is known.

    With `only_among_own` both must be true.
    """
    cash = quotes.filter(_in_cash_market())
    if symbols is None:
        return cash.filter(own)
    chosen = pl.col(_CATEGORY).str.contains(f"^({categories})$")
    rule = own & chosen.fill_null(True) if only_among_own else pl.coalesce(chosen, own)
    return _with_category(cash, symbols).filter(rule).drop(_CATEGORY)


def _with_category(quotes: Frame, symbols: pl.DataFrame) -> Frame:
    """Each quote with the category of its paper: of its day, else the newest of the frame, else NULL."""
    if missing := {"refdate", "symbol", "security_category"} - set(symbols.columns):
        raise UsageError(f"symbols lacks the column {', '.join(sorted(missing))}; give rows of symbols_get")
    listed = symbols.filter(pl.col("security_category").is_not_null())
    if "market" in listed.columns:  # a ticker may be listed in another market too, as something else
        listed = listed.filter(pl.col("market") == "EQUITY-CASH")
    listed = listed.select("refdate", "symbol", _newest="security_category").sort("refdate")
    of_day = listed.unique(["refdate", "symbol"], keep="first").rename({"_newest": _CATEGORY})
    newest = listed.unique("symbol", keep="last").select("symbol", "_newest")
    found = _joined(_joined(quotes, of_day, ["refdate", "symbol"]), newest, ["symbol"])
    return found.with_columns(pl.coalesce(_CATEGORY, "_newest").alias(_CATEGORY)).drop("_newest")


def _joined(quotes: Frame, listed: pl.DataFrame, on: list[str]) -> Frame:
    if isinstance(quotes, pl.LazyFrame):
        return quotes.join(listed.lazy(), on=on, how="left", maintain_order="left")
    return quotes.join(listed, on=on, how="left", maintain_order="left")

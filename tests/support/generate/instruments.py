"""Every instrument registered on a day: the papers, their odd lots, terms and options, and the derivatives."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import lru_cache
from itertools import islice

from .contracts import Contract, contracts
from .dates import business_days, code, future_maturity, months_from
from .draws import key
from .listing import Shares, stock_options
from .papers import Paper, check_digit, papers
from .price_others import option_symbols

_FOREVER = "9999-12-31"
_LEVELS = {"NM": "NOVO MERCADO", "N1": "NIVEL 1", "N2": "NIVEL 2", "MA": "BOVESPA MAIS"}
# Kind of paper: security category, CFI code, and what its name ends in.
_PAPERS = {
    "share": ("SHARES", "ESVUFR", "S.A."), "preferred": ("SHARES", "EPNNPR", "S.A."),
    "unit": ("UNIT", "EMXXXR", "S.A."), "recovery": ("SHARES", "ESVUFR", "S.A. - EM RECUPERAÇÃO JUDICIAL"),
    "bdr": ("BDR", "EDSXPR", "INC."),
    "unsponsored": ("BDR", "EDSXPR", "ETF"), "fii": ("FUNDS", "CICIRU", "FDO INV IMOB - RESP LIM"),
    "fiagro": ("FUNDS", "CICIRU", "FIAGRO - IMOBILIÁRIO"), "etf": ("ETF EQUITIES", "CEOGES", "FUNDO DE ÍNDICE"),
    "infra": ("FUNDS", "CICIRU", "FIC FDO INC INV INFRA"), "index": ("INDEX", "MXXXXX", "FECHAMENTO"),
    "right": ("RIGHTS", "RSXXXX", "S.A."),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Instrument:
    """One instrument: the group it has in the instrument file, and its columns in InstrumentsConsolidated, written with
    a decimal point; `legs` are the tickers it is made of or derived from."""

    block: str
    symbol: str
    isin: str
    columns: dict[str, str]
    legs: tuple[str, ...] = ()
    paper: Paper | None = None
    contract: Contract | None = field(default=None, repr=False)


def instruments(day: date, rows: int = 500) -> Iterable[Instrument]:
    """The same tickers as in the COTAHIST and the price report of the day with so many rows."""
    return _kept(day, rows) if rows <= 2000 else _all(day, rows)


@lru_cache(maxsize=8)
def _kept(day: date, rows: int) -> tuple[Instrument, ...]:
    return tuple(_all(day, rows))


def _all(day: date, rows: int) -> Iterator[Instrument]:
    yield from _equities(rows)
    yield from _stock_options(day, rows)
    for contract in contracts(day, min(rows, 640)):
        yield _future(contract, day)
    yield from _rolls(day)
    yield from _spot_options(day, rows // 8)


def _equities(rows: int) -> Iterator[Instrument]:
    shares = Shares.of(rows)
    lines = papers(shares.cash)
    for paper in lines:
        yield _paper(paper, paper.symbol, "CASH")
    stocks = sorted(lines, key=lambda paper: (not paper.stock, paper.rank))
    for paper in stocks[: shares.odd_lot]:
        yield _paper(paper, f"{paper.symbol}F", "ODD LOT")
    for paper in stocks[: -(-shares.term // 3)]:
        columns = {
            "SgmtNm": "EQUITY FORWARD", "MktNm": "EQUITY-DERIVATE", "SctyCtgyNm": "COMMON EQUITIES FORWARD",
            "TradgStartDt": "2017-02-08", "TradgEndDt": _FOREVER, "CFICd": "EMXXXR", "AllcnRndLot": "1",
            "DstrbtnId": _distribution(paper), "PricFctr": str(paper.quote_factor), "CtdyTrtmntTpNm": "FUNGIBLE",
        }  # fmt: skip
        symbol = f"{paper.symbol}T"
        yield _instrument("EqtyFwdInf", symbol, _isin(f"BR{paper.issuer}TNO00"), paper.issuer, paper.issuer, columns,
                          (paper.symbol,), paper)  # fmt: skip


def _paper(paper: Paper, symbol: str, segment: str) -> Instrument:
    category, cfi, ending = _PAPERS[paper.kind]
    start = date(2015, 1, 2) + timedelta(key("start", symbol) % 2500)
    columns = {
        "SgmtNm": segment, "MktNm": "EQUITY-CASH", "SctyCtgyNm": category, "TradgStartDt": f"{start}",
        "TradgEndDt": _FOREVER, "CFICd": cfi, "AllcnRndLot": "1",
        "DstrbtnId": _distribution(paper), "PricFctr": str(paper.quote_factor), "DaysToSttlm": "2",
        "SpcfctnCd": paper.specification, "CrpnNm": f"{paper.name} {ending}", "CorpActnStartDt": _FOREVER,
        "CtdyTrtmntTpNm": "FUNGIBLE", "MktCptlstn": str(100_000 + key("capital", paper.issuer) % 15_000_000_000),
        "CorpGovnLvlNm": _LEVELS.get(paper.specification[8:10], ""),
    }  # fmt: skip
    return _instrument("EqtyInf", symbol, paper.isin, paper.issuer, paper.issuer, columns, (), paper)


def _stock_options(day: date, rows: int) -> Iterator[Instrument]:
    if not Shares.of(rows).options:
        return
    frame = stock_options([day], rows).select("symbol", "under", "issuer", "isin", "strike", "maturity", "put")
    for symbol, under, issuer, isin, strike, maturity, put in frame.iter_rows():
        end = f"{maturity[:4]}-{maturity[4:6]}-{maturity[6:]}"
        number = key("option", symbol, maturity)
        style = "AMER" if number % 3 == 0 and not put else "EURO"
        columns = {
            "SgmtNm": "EQUITY PUT" if put else "EQUITY CALL", "MktNm": "EQUITY-DERIVATE",
            "SctyCtgyNm": "OPTION ON EQUITIES", "XprtnDt": end,
            "TradgStartDt": f"{date.fromisoformat(end) - timedelta(60 + number % 300)}", "TradgEndDt": end,
            "CFICd": f"O{'P' if put else 'C'}{style[0]}SPS", "OptnTp": "Put" if put else "Call", "AllcnRndLot": "100",
            "DlvryTpNm": "FINANCIAL", "ExrcPric": _number(strike / 100, 2), "OptnStyle": style, "PrmUpfrntInd": "true",
            "DstrbtnId": isin[12:], "PricFctr": "1", "DaysToSttlm": "1", "SrsTpNm": "SEM CORRECAO", "PrtcnFlg": "true",
            "AutomtcExrcInd": "false",
        }  # fmt: skip
        body = f"BR{issuer}{under[-1]}{symbol[4]}{_base36(number, 3)}"
        yield _instrument("OptnOnEqtsInf", symbol, _isin(body), under, issuer, columns, (under,))


def _future(contract: Contract, day: date) -> Instrument:
    family, end = contract.family, contract.maturity
    rate = family.kind in ("fixed", "real", "dollar")
    columns = {
        "SgmtNm": family.segment, "MktNm": "FUTURE", "SctyCtgyNm": "STOCK FUTURE" if family.kind == "stock" else "",
        "XprtnDt": f"{end}", "XprtnCd": contract.symbol[-3:], "TradgStartDt": f"{end - timedelta(720)}",
        "TradgEndDt": f"{end - timedelta(3) if rate else end}",
        "BaseCd": {"fixed": "252", "real": "252", "dollar": "360"}.get(family.kind, ""),
        "ConvsCritNm": {"fixed": "EXPONENTIAL", "real": "EXPONENTIAL", "dollar": "LINEAR"}.get(family.kind, ""),
        "MtrtyDtTrgtPt": "100000" if rate else "", "ReqrdConvsInd": "true" if rate else "", "CFICd": "FFCCSX",
        "CtrctMltplr": _number(family.multiplier, 9), "AsstQtnQty": "1", "AllcnRndLot": "1", "DlvryTpNm": "FINANCIAL",
        **_days(day, end), "ValTpNm": "RATE" if family.in_rate else "PRICE",
    }  # fmt: skip
    asset = family.code
    return _instrument(
        "FutrCtrctsInf", contract.symbol, _future_isin(contract), asset, family.description,
        {**columns, "TradgCcy": family.currency}, (asset,), contract=contract,
    )  # fmt: skip


def _future_isin(contract: Contract) -> str:
    number = key("isin", contract.symbol)
    if contract.family.kind == "stock":
        return _isin(f"BR{contract.symbol[:4]}{10_000 + number % 90_000}")
    return _isin(f"BRBMEF{contract.family.code}{_base36(number, 2)}")


def _rolls(day: date) -> Iterator[Instrument]:
    months = [code(year, month) for year, month in islice(months_from(day), 1, 4)]
    for roll, asset in (("DR1", "DOL"), ("WD1", "WDO"), ("WI1", "WIN")):
        near, far = asset + months[0], asset + months[1]
        columns = {
            "SgmtNm": "FINANCIAL", "MktNm": "FUTURE", "SctyCtgyNm": "ROLLOVER", "XprtnDt": f"{day + timedelta(30)}",
            "XprtnCd": f"{months[0][0]}{months[0][-1]}{months[1][0]}{months[1][-1]}", "TradgStartDt": f"{day}",
            "TradgEndDt": f"{day + timedelta(29)}", "CFICd": "KFXXXX", "AllcnRndLot": "5",
            "RlvrBasePricNm": "LAST PRICE", "OpngFutrPosDay": "0", "SdTpCd1": "SELL", "UndrlygTckrSymb1": near,
            "SdTpCd2": "BUYI", "UndrlygTckrSymb2": far,
        }  # fmt: skip
        symbol = f"{roll}{months[0]}{months[1]}"
        yield _instrument("StrtgyInf", symbol, _isin(f"BRBMEF{roll}{_base36(key(symbol), 2)}"), roll,
                          f"Rolagem de {asset}", columns, (near, far))  # fmt: skip


def _spot_options(day: date, count: int) -> Iterator[Instrument]:
    for symbol, currency in islice(option_symbols(day), count):
        asset, month, put = symbol[:3], symbol[3:6], symbol[6] == "P"
        year, number = 2000 + int(month[1:]), "FGHJKMNQUVXZ".index(month[0]) + 1
        end = future_maturity(f"DOL{month}", year, number)
        columns = {
            "SgmtNm": "AGRIBUSINESS" if asset in ("BGI", "CCM", "ICF", "SJC") else "FINANCIAL",
            "MktNm": "OPTIONS ON FUTURE" if asset in ("BGI", "CCM", "ICF", "SJC") else "OPTIONS ON SPOT",
            "XprtnDt": f"{end}", "XprtnCd": month, "TradgStartDt": f"{end - timedelta(400)}", "TradgEndDt": f"{end}",
            "CFICd": f"O{'P' if put else 'C'}EMCS", "OptnTp": "Put" if put else "Call", "CtrctMltplr": "50",
            "AsstQtnQty": "1", "AllcnRndLot": "1", **_days(day, end), "ExrcPric": str(int(symbol[7:])),
            "OptnStyle": "EURO", "PrmUpfrntInd": "true", "OpngPosLmtDt": f"{end - timedelta(1)}", "TradgCcy": currency,
        }  # fmt: skip
        yield _instrument("OptnOnSpotAndFutrsInf", symbol, _isin(f"BRBMEF{asset}{_base36(key(symbol), 2)}"), asset,
                          f"Opções de {asset}", columns, (asset,))  # fmt: skip


def _instrument(
    block: str, symbol: str, isin: str, asset: str, description: str, columns: dict[str, str],
    legs: tuple[str, ...] = (), paper: Paper | None = None, contract: Contract | None = None,
) -> Instrument:  # fmt: skip
    shown = {"TckrSymb": symbol, "Asst": asset, "AsstDesc": description, "TradgCcy": "BRL", **columns, "ISIN": isin}
    return Instrument(block, symbol, isin, shown, legs, paper, contract)


def _days(day: date, end: date) -> dict[str, str]:
    days = business_days(day, end)
    return {"WdrwlDays": str(days), "WrkgDays": str(max(0, days - days // 60)), "ClnrDays": str((end - day).days)}


def _distribution(paper: Paper) -> str:
    return str(100 + key(paper.isin) % 150)


def _isin(body: str) -> str:
    return body + check_digit(body)


def _base36(number: int, places: int) -> str:
    letters = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
    return "".join(letters[number // 36**place % 36] for place in range(places))


def _number(value: float, decimals: int) -> str:
    text = f"{value:.{decimals}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text

"""The daily CSV files of arquivos.b3.com.br: instruments registered, and trade information of the session."""

from __future__ import annotations

from datetime import date

from .contracts import Contract
from .draws import Draws
from .instruments import Instrument, instruments
from .settlements import settlement

INSTRUMENT_COLUMNS = (
    "RptDt;TckrSymb;Asst;AsstDesc;SgmtNm;MktNm;SctyCtgyNm;XprtnDt;XprtnCd;TradgStartDt;TradgEndDt;BaseCd;ConvsCritNm;"
    "MtrtyDtTrgtPt;ReqrdConvsInd;ISIN;CFICd;DlvryNtceStartDt;DlvryNtceEndDt;OptnTp;CtrctMltplr;AsstQtnQty;AllcnRndLot;"
    "TradgCcy;DlvryTpNm;WdrwlDays;WrkgDays;ClnrDays;RlvrBasePricNm;OpngFutrPosDay;SdTpCd1;UndrlygTckrSymb1;SdTpCd2;"
    "UndrlygTckrSymb2;PureGoldWght;ExrcPric;OptnStyle;ValTpNm;PrmUpfrntInd;OpngPosLmtDt;DstrbtnId;PricFctr;DaysToSttlm;"
    "SrsTpNm;PrtcnFlg;AutomtcExrcInd;SpcfctnCd;CrpnNm;CorpActnStartDt;CtdyTrtmntTpNm;MktCptlstn;CorpGovnLvlNm"
).split(";")
TRADE_COLUMNS = (
    "RptDt;TckrSymb;ISIN;SgmtNm;MinPric;MaxPric;TradAvrgPric;LastPric;OscnPctg;AdjstdQt;AdjstdQtTax;RefPric;TradQty;"
    "FinInstrmQty;NtlFinVol"
).split(";")
_NUMBERS = {"CtrctMltplr", "AsstQtnQty", "ExrcPric", "PureGoldWght"}
FINAL, PARTIAL, PRELIMINARY = "Final", "Parcial", "Preliminar"


def _written(status: str | None, columns: list[str], rows: list[str], line_end: str) -> bytes:
    first = [] if status is None else [f"Status do Arquivo: {status}"]
    return (line_end.join([*first, ";".join(columns), *rows]) + line_end).encode("latin-1")


def instruments_consolidated(
    day: date, rows: int = 500, seed: int = 0, *, status: str | None = FINAL, line_end: str = "\r\n"
) -> bytes:
    """InstrumentsConsolidated: 52 columns, Latin-1, decimal comma. The seed moves the share counts."""
    shown = [_instrument(day, found, seed) for found in instruments(day, rows)]
    return _written(status, INSTRUMENT_COLUMNS, shown, line_end)


def _instrument(day: date, found: Instrument, seed: int) -> str:
    shown = {"RptDt": f"{day}", **found.columns}
    if seed and "MktCptlstn" in shown:
        shown["MktCptlstn"] = str(int(shown["MktCptlstn"]) + seed)
    return ";".join(
        text.replace(".", ",") if (text := shown.get(column, "")) and column in _NUMBERS else text
        for column in INSTRUMENT_COLUMNS
    )


def trade_information(
    day: date, rows: int = 500, seed: int = 0, *, status: str | None = FINAL, line_end: str = "\r\n"
) -> bytes:
    """TradeInformationConsolidated: what each instrument traded and settled at; no opening price in this file."""
    shown = [_traded(day, found, seed) for found in instruments(day, rows)]
    return _written(status, TRADE_COLUMNS, shown, line_end)


def _traded(day: date, found: Instrument, seed: int) -> str:
    values = _future(found.contract, day, seed) if found.contract else _other(found, day, seed)
    return ";".join([f"{day}", found.symbol, found.isin, found.columns["SgmtNm"], *values])


def comma(value: float | None, decimals: int) -> str:
    """A number as these files write it: decimal comma, no zeros behind, nothing for none."""
    if value is None:
        return ""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text.replace(".", ",")


def _future(contract: Contract, day: date, seed: int) -> list[str]:
    found = settlement(contract, day, seed)
    decimals, trading = contract.family.decimals, found.trading
    settled = [comma(found.price, 2 if contract.family.in_rate else decimals), comma(found.rate, 3), ""]
    if trading is None:
        return ["", "", "", "", "", *settled, "", "", ""]
    prices = [comma(value, decimals) for value in (trading.low, trading.high, trading.average, trading.last)]
    oscillation = comma(Draws("oscillation", contract.symbol, day, seed).around(2), 2)
    volume = trading.quantity * (found.price or 100_000) * contract.family.multiplier
    return [*prices, oscillation, *settled, str(trading.trades), str(trading.quantity), comma(volume, 2)]


def _other(found: Instrument, day: date, seed: int) -> list[str]:
    draws = Draws("traded", found.symbol, day, seed)
    price = found.paper.price(day) if found.paper else 0.5 + 3 * draws.unit()
    if found.paper is None and draws.unit() < 0.5:  # options without a trade show a reference price alone
        return ["", "", "", "", "", "", "", comma(price, 2), "", "", ""]
    last = price * (1 + draws.around(0.01))
    low, high = min(price, last) * (1 - 0.01 * draws.unit()), max(price, last) * (1 + 0.01 * draws.unit())
    trades = draws.skewed(40_000)
    quantity = trades * draws.integer(1, 500)
    average = low + (high - low) * draws.unit()
    return [
        *(comma(value, 2) for value in (low, high, average, last)), comma(draws.around(5), 2), "", "", "", str(trades),
        str(quantity), comma(quantity * average, 2),
    ]  # fmt: skip

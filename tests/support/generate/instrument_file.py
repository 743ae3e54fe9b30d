"""The instrument file IN (BVBG.028.02): one message an instrument, with a group of fields by its kind."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from xml.sax.saxutils import escape

from .archive import nested
from .bvbg import IN, MESSAGE_CLOSING, closing, ended, message_opening, opening
from .instruments import Instrument, instruments
from .price_rows import security_id

_MARKETS = {"CASH": "10", "ODD LOT": "20", "EQUITY FORWARD": "30", "EQUITY CALL": "70", "EQUITY PUT": "80"}
_SEGMENTS = {"EQUITY-CASH": "1", "EQUITY-DERIVATE": "2"}
_CATEGORIES = {
    "SHARES": "11", "UNIT": "13", "BDR": "1", "FUNDS": "6", "ETF EQUITIES": "3", "RIGHTS": "12", "STOCK FUTURE": "80",
}  # fmt: skip
# Fields of each group, in the order of the real messages that public projects quote; a name in small letters is
# worked out, the others are the columns of InstrumentsConsolidated.
_GROUPS: dict[str, str] = {
    "EqtyInf": "category ISIN DstrbtnId CFICd SpcfctnCd CrpnNm TckrSymb payment AllcnRndLot PricFctr TradgStartDt"
    " TradgEndDt CorpActnStartDt exnumber custody TradgCcy MktCptlstn lastprice firstprice governance DaysToSttlm",
    "EqtyFwdInf": "category TckrSymb ISIN DstrbtnId CFICd payment AllcnRndLot PricFctr TradgStartDt TradgEndDt custody"
    " TradgCcy underlying",
    "OptnOnEqtsInf": "category ISIN TckrSymb exercise OptnStyle XprtnDt optiontype underlying PrtcnFlg PrmUpfrntInd"
    " TradgStartDt TradgEndDt payment AllcnRndLot PricFctr TradgCcy DaysToSttlm delivery AutomtcExrcInd",
    "ExrcEqtsInf": "exercisecategory exercisesymbol ISIN TradgCcy TradgStartDt TradgEndDt delivery option",
    "FutrCtrctsInf": "category XprtnDt TckrSymb XprtnCd TradgStartDt TradgEndDt valuetype BaseCd criterion"
    " MtrtyDtTrgtPt ReqrdConvsInd ISIN CFICd delivery payment multiplier quotation AllcnRndLot TradgCcy underlying"
    " WdrwlDays WrkgDays ClnrDays",
    "OptnOnSpotAndFutrsInf": "ISIN TckrSymb exercise exercisestyle XprtnDt XprtnCd optiontype multiplier quotation"
    " payment AllcnRndLot CFICd underlying PrmUpfrntInd TradgStartDt TradgEndDt OpngPosLmtDt TradgCcy"
    " WdrwlDays WrkgDays ClnrDays",
    "DrvsOptnExrcInf": "exercisecategory exercisesymbol ISIN derivative WdrwlDays WrkgDays ClnrDays",
    "StrtgyInf": "category XprtnDt TckrSymb XprtnCd TradgStartDt TradgEndDt valuetype ISIN CFICd AllcnRndLot TradgCcy"
    " giveup legs",
}
_NAMES = {block: names.split() for block, names in _GROUPS.items()}
_NESTED = {
    "underlying": "UndrlygInstrmId",
    "option": "OptnExrcInstrmId",
    "derivative": "DerivOptnExrcInstrmId",
    "legs": "",
}
_MONEY = {"ExrcPric", "LastPric", "FrstPric"}
_EXERCISES = {"OptnOnEqtsInf": "ExrcEqtsInf", "OptnOnSpotAndFutrsInf": "DrvsOptnExrcInf"}
# Bonds, a receipt and a lending contract: kinds without a ticker of this market, as quoted from a file of 2026-03-06.
_FIXED = (
    ("FxdIncmInf", "LFTS11", "1", "10", "SctyCtgy=71 ISIN=BRLFTSCTF006 TckrSymb=LFTS11 TradgStartDt=2022-11-08"
     " TradgEndDt=9999-12-31 TradgCcy=BRL PmtTp=0 DaysToSttlm=1 AllcnRndLot=1 PricFctr=1"),
    ("NtlBdInf", "NTNB", "1", "10", "SctyCtgy=33 ISIN=BRSTNCNI1951 SelicCd=891300 BaseDt=2000-07-01 MtrtyVal=0"
     " BaseDtPric=1 IsseDt=2017-02-24 MtrtyDt=2028-12-15 BrzlnFdrlGovntBdTpCd=28 SctyLndgGovntBdInd=false"
     " GovntBdRepoSpcfcInd=false GovntBdRepoGnlInd=false"),
    ("IntlBdInf", "GERM", "1", "10", "SctyCtgy=36 ISIN=DE0001102408 CUSIP=LW7430652 IssrCtry=276 IssePric=100.48000000"
     " IsseDt=2016-07-15 MtrtyDt=2026-08-15 Ccy=EUR"),
    ("ADRInf", "GFSA", "1", "10", "SctyCtgy=39 ISIN=US3626074005 CFICd=MMXXXX CUSIP=362607400 PrgmLvl=3 Ppsn=2"
     " TradgCcy=USD"),
)  # fmt: skip
_PAD = " " * 14


def instrument_file_zip(day: date, rows: int = 500, seed: int = 0, *, versions: int = 1) -> bytes:
    """As pesquisapregao answers.

    Real ones hold two snapshots, of before the session and after it, and the earlier one's name sorts last: so does
    this with two `versions`. Earlier ones have other prices, so that a reader of the wrong one shows.
    """
    members = {}
    for version in range(1, 2) if versions == 1 else range(versions):
        of_version = seed if version in (versions - 1, versions) else seed + 1000 + version
        members[IN.member(day, version)] = instrument_file(day, rows, of_version, version=version)
    return nested(f"IN{day:%y%m%d}.zip", members, day)


def instrument_file(day: date, rows: int = 500, seed: int = 0, *, version: int = 1) -> bytes:
    """The XML: the instruments of the day's other files, and one message of each other kind; version 0 is that of
    before the session."""
    messages = list(_messages(day, rows, seed))
    before, after = ended(IN, message_opening(IN, day, version)), ended(IN, MESSAGE_CLOSING)
    body = (before + ended(IN, message) + after for message in messages)
    return "".join([opening(IN, day, len(messages), version), *body, closing(IN)]).encode()


def _messages(day: date, rows: int, seed: int) -> Iterator[str]:
    for number, found in enumerate(instruments(day, rows)):
        values = _worked_out(found, seed)
        yield _message(day, found, found.block, values)
        if found.block in _EXERCISES and number % 5 == 0:  # about as many as the real file has
            yield _message(day, found, _EXERCISES[found.block], values)
    for block, asset, segment, market, fields in _FIXED:
        lines = [f"{_PAD}  <{tag}>{text}</{tag}>" for tag, text in (pair.split("=") for pair in fields.split())]
        yield _frame(day, security_id(f"{block} {asset}"), asset, asset, market, segment, asset, block, lines)


def _message(day: date, found: Instrument, block: str, values: dict[str, tuple[str, str]]) -> str:
    columns = found.columns
    market = _MARKETS.get(columns["SgmtNm"]) or {"FUTURE": "2", "OPTIONS ON SPOT": "3"}.get(columns["MktNm"], "4")
    segment = _SEGMENTS.get(columns["MktNm"]) or {"AGRIBUSINESS": "4"}.get(columns["SgmtNm"], "5")
    if block == "ExrcEqtsInf":
        market = "12" if market == "70" else "13"
    description = found.paper.name + found.paper.specification if found.paper else columns["AsstDesc"]
    lines: list[str] = []
    for name in _NAMES[block]:
        if name in _NESTED:
            lines += _nested_field(found, name)
            continue
        tag, text = values.get(name) or (name, columns.get(name, ""))
        if text:
            money = ' Ccy="BRL"' if tag in _MONEY else ""
            lines.append(f"{_PAD}  <{tag}{money}>{escape(text) if '&' in text else text}</{tag}>")
    identity = security_id(found.symbol if block == found.block else f"{found.symbol}E")
    return _frame(day, identity, columns["Asst"], columns["AsstDesc"], market, segment, description, block, lines)


def _frame(
    day: date, identity: str, asset: str, asset_name: str, market: str, segment: str, description: str, block: str,
    lines: list[str],
) -> str:  # fmt: skip
    inside = "\n".join(lines)
    return f"""          <Instrm>
            <RptParams>
              <ActvtyInd>true</ActvtyInd>
              <Frqcy>DAIL</Frqcy>
              <NetPosId>XXXX</NetPosId>
              <RptDtAndTm>
                <Dt>{day}</Dt>
              </RptDtAndTm>
              <UpdTp>COMP</UpdTp>
            </RptParams>
            <FinInstrmId>
{_number(identity, 14)}
            </FinInstrmId>
            <FinInstrmAttrCmon>
              <Asst>{escape(asset)}</Asst>
              <AsstDesc>{escape(asset_name)}</AsstDesc>
              <Mkt>{market}</Mkt>
              <Sgmt>{segment}</Sgmt>
              <Desc>{escape(description)}</Desc>
            </FinInstrmAttrCmon>
            <InstrmInf>
              <{block}>
{inside}
              </{block}>
            </InstrmInf>
          </Instrm>
"""


def _number(identity: str, pad: int) -> str:
    lines = [
        "<OthrId>", f"  <Id>{identity}</Id>", "  <Tp>", "    <Prtry>8</Prtry>", "  </Tp>", "</OthrId>", "<PlcOfListg>",
        "  <MktIdrCd>BVMF</MktIdrCd>", "</PlcOfListg>",
    ]  # fmt: skip
    return "\n".join(" " * pad + line for line in lines)


def _nested_field(found: Instrument, name: str) -> list[str]:
    """The instruments that one is derived from or made of."""
    if name == "legs":
        sides = zip(("BUYI", "SELL"), found.legs, strict=True)
        return [line for n, (side, leg) in enumerate(sides, 1) for line in _leg(n, side, leg)]
    tag, symbol = _NESTED[name], found.legs[0] if name == "underlying" else found.symbol
    return [f"{_PAD}  <{tag}>", _number(security_id(symbol), 18), f"{_PAD}  </{tag}>"]


def _leg(number: int, side: str, symbol: str) -> list[str]:
    pad = _PAD + "  "
    return [
        f"{pad}<StrtgyLegList>", f"{pad}  <LegId>{number}</LegId>", f"{pad}  <SdTpCd>{side}</SdTpCd>",
        f"{pad}  <UndrlygInstrmId>", _number(security_id(symbol), 20), f"{pad}  </UndrlygInstrmId>",
        f"{pad}</StrtgyLegList>",
    ]  # fmt: skip


def _worked_out(found: Instrument, seed: int) -> dict[str, tuple[str, str]]:
    """Tag and text of what the columns do not hold as the file wants it."""
    columns = found.columns
    price = f"{found.paper.base + seed / 100:.2f}" if found.paper else ""
    return {
        "category": ("SctyCtgy", _CATEGORIES.get(columns.get("SctyCtgyNm", ""), "0")),
        "exercisecategory": ("SctyCtgy", "17"),
        "exercisesymbol": ("TckrSymb", f"{found.symbol}E"),
        "payment": ("PmtTp", "0"),
        "exnumber": ("EXDstrbtnNb", "0"),
        "custody": ("CtdyTrtmntTp", "1"),
        "lastprice": ("LastPric", price),
        "firstprice": ("FrstPric", price),
        "governance": ("GovnInd", {"NM": "3", "N1": "1", "N2": "2"}.get(columns.get("SpcfctnCd", "")[8:10], "0")),
        "exercise": ("ExrcPric", columns.get("ExrcPric", "")),
        "exercisestyle": ("ExrcStyle", columns.get("OptnStyle", "")),
        "optiontype": ("OptnTp", {"Call": "CALL", "Put": "PUTT"}.get(columns.get("OptnTp", ""), "")),
        "delivery": ("DlvryTp", "1"),
        "valuetype": ("ValTpCd", "0" if columns.get("ValTpNm") == "RATE" else "1"),
        "criterion": ("ConvsCrit", {"LINEAR": "1", "EXPONENTIAL": "2"}.get(columns.get("ConvsCritNm", ""), "")),
        "multiplier": ("CtrctMltplr", f"{float(columns.get('CtrctMltplr') or 0):.9f}"),
        "quotation": ("AsstQtnQty", "1.000000000"),
        "giveup": ("PrtlGvUpAllwncInd", "false"),
    }

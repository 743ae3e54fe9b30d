"""The index report IR (BVBG.087): values of the day of each index, of funds on indexes, and BDR references."""

from __future__ import annotations

from datetime import date

from .archive import nested
from .dates import previous
from .draws import Draws
from .indexes import index_value, indexes
from .papers import papers
from .price_rows import plain, security_id

_NAME = "BVBG.087.01"
# Funds whose reference value B3 computes through the day, and the index each follows, at what part of it.
_FUNDS = (
    ("BRAX", "IBXX", 500), ("ISUS", "ISEE", 100), ("BBOV", "IBOV", 1970), ("ECOO", "ICO2", 21.6), ("SMAL", "SMLL", 24),
    ("BOVA", "IBOV", 1040), ("DIVO", "IDIV", 100), ("FIND", "IFNC", 100), ("GOVE", "IGCT", 100), ("MATB", "IMAT", 180),
)  # fmt: skip


def _identifier(day: date) -> str:
    return f"BV000335{day:%Y%m%d}0001000000000000004"


def index_report_zip(day: date, rows: int = 500, seed: int = 0) -> bytes:
    """As pesquisapregao answers: a ZIP in a ZIP."""
    return nested(f"IR{day:%y%m%d}.zip", {f"{_NAME}_{_identifier(day)}.xml": index_report(day, rows, seed)}, day)


def index_report(day: date, rows: int = 500, seed: int = 0) -> bytes:
    """The XML: every index and a test one, funds, and about `rows` / 5 BDRs. One message holds them all."""
    body = [
        '<Document xmlns="urn:bvmf.218.01.xsd">', "    <IndxRpt>", "        <TradDt>", f"            <Dt>{day}</Dt>",
        "        </TradDt>",
    ]  # fmt: skip
    body += _index("TFIX", "INDICE TESTE", (2800.0, 2800.0, 8000.0, 4155.65, 4000.0, 4000.0), None, (6, 0, 2))
    for code, index in indexes().items():
        settled = round(_prices(code, day, seed)[3])
        body += _index(code, index.name, _prices(code, day, seed), settled, _counts(code, index.size, day, seed))
    for fund, code, part in _FUNDS:
        values = tuple(value / part for value in _prices(code, day, seed))
        body += ["        <IOPVInf>", *_security(fund, 12), *_values(values, 12), "        </IOPVInf>"]
    for paper in [paper for paper in papers(max(60, rows)) if paper.kind == "bdr"][: max(5, rows // 5)]:
        price = f'            <RefPric Ccy="BRL">{plain(paper.price(day), 2)}</RefPric>'
        body += ["        <BDRInf>", *_security(paper.symbol, 12), price, "        </BDRInf>"]
    body += ["    </IndxRpt>", "</Document>"]
    return (_head(day) + "\n".join(body) + _TAIL).encode()


def _prices(code: str, day: date, seed: int) -> tuple[float, float, float, float, float, float]:
    """Open, low, high, average, close of the day before, close: the close is what the index pages show."""
    before, close = index_value(code, previous(day), seed), index_value(code, day, seed)
    draws = Draws("index day", code, day, seed)
    opening = round(before * (1 + draws.around(0.0005)), 2)
    low = round(min(opening, close) * (1 - draws.unit() * 0.004), 2)
    high = round(max(opening, close) * (1 + draws.unit() * 0.004), 2)
    return opening, low, high, round(low + (high - low) * draws.unit(), 2), before, close


def _counts(code: str, size: int, day: date, seed: int) -> tuple[int, int, int]:
    draws = Draws("index counts", code, day, seed)
    rising = draws.integer(0, size)
    falling = draws.integer(0, size - rising)
    return rising, falling, size - rising - falling


def _index(
    code: str, name: str, values: tuple[float, ...], settled: int | None, counts: tuple[int, int, int]
) -> list[str]:
    lines = ["        <IndxInf>", "            <SctyInf>", *_security(code, 16), *_values(values, 16)]
    lines += ["            </SctyInf>", f"            <AsstDesc>{name}</AsstDesc>"]
    if settled is not None:
        lines.append(f'            <SttlmVal Ccy="BRL">{settled}</SttlmVal>')
    for tag, count in zip(("Rsng", "Flng", "Stbl"), counts, strict=True):
        lines.append(f"            <{tag}ShrsNb>{count}</{tag}ShrsNb>")
    return [*lines, "        </IndxInf>"]


def _security(symbol: str, pad: int) -> list[str]:
    lines = [
        "<SctyId>", f"    <TckrSymb>{symbol}</TckrSymb>", "</SctyId>", "<FinInstrmId>", "    <OthrId>",
        f"        <Id>{security_id(symbol)}</Id>", "        <Tp>", "            <Prtry>8</Prtry>", "        </Tp>",
        "    </OthrId>", "    <PlcOfListg>", "        <MktIdrCd>BVMF</MktIdrCd>", "    </PlcOfListg>", "</FinInstrmId>",
    ]  # fmt: skip
    return [" " * pad + line for line in lines]


def _values(values: tuple[float, ...], pad: int) -> list[str]:
    tags = ("OpngPric", "MinPric", "MaxPric", "TradAvrgPric", "PrvsDayClsgPric", "ClsgPric", "IndxVal")
    shown = zip(tags, (*values, values[-1]), strict=True)
    lines = [f'{" " * pad}<{tag} Ccy="BRL">{plain(value, 2)}</{tag}>' for tag, value in shown]
    return [*lines, f"{' ' * pad}<OscnVal>{plain(values[-1] / values[-2] - 1, 4)}</OscnVal>"]


def _party(tag: str, party: str, pad: int, *, scheme_first: bool) -> str:
    """In this file the header is written with tabs, and its two places put these in another order."""
    scheme = ["\t\t\t\t\t<SchmeNm>", "\t\t\t\t\t\t<Prtry>39</Prtry>", "\t\t\t\t\t</SchmeNm>"]
    issuer = ["\t\t\t\t\t<Issr>40</Issr>"]
    inside = scheme + issuer if scheme_first else issuer + scheme
    lines = [
        f"<{tag}>", "\t<OrgId>", "\t\t<Id>", "\t\t\t<OrgId>", "\t\t\t\t<Othr>", f"\t\t\t\t\t<Id>{party}</Id>", *inside,
        "\t\t\t\t</Othr>", "\t\t\t</OrgId>", "\t\t</Id>", "\t</OrgId>", f"</{tag}>",
    ]  # fmt: skip
    return "".join("\t" * pad + line + "\r\n" for line in lines)


def _head(day: date) -> str:
    made = f"{day}T17:27:00"
    return (
        '<?xml version="1.0" encoding="utf-8" ?>\r\n'
        '<Document xsi:schemaLocation="urn:bvmf.052.01.xsd bvmf.052.01.xsd"\r\n'
        '\txmlns="urn:bvmf.052.01.xsd" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance">\r\n'
        "\t<BizFileHdr>\r\n\t\t<Xchg>\r\n\t\t\t<BizGrpDesc>\r\n"
        + _party("Fr", "BVMF", 4, scheme_first=False)
        + _party("To", "PUBLIC", 4, scheme_first=False)
        + f"\t\t\t\t<BizGrpDtls>\r\n\t\t\t\t\t<BizGrpIdr>{_identifier(day)}</BizGrpIdr>\r\n"
        f"\t\t\t\t\t<TtlNbOfMsg>1</TtlNbOfMsg>\r\n\t\t\t\t\t<BizGrpTp>{_NAME}</BizGrpTp>\r\n"
        f"\t\t\t\t\t<CreDtAndTm>{made}</CreDtAndTm>\r\n\t\t\t\t</BizGrpDtls>\r\n"
        "\t\t\t\t<MsgTpDef>\r\n\t\t\t\t\t<MsgDefIdr>bvmf.218.01</MsgDefIdr>\r\n\t\t\t\t\t<NbOfMsg>1</NbOfMsg>\r\n"
        "\t\t\t\t</MsgTpDef>\r\n\t\t\t</BizGrpDesc>\r\n\t\t\t<BizGrp>\r\n"
        '\t\t\t\t<AppHdr xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.01"\r\n'
        '\t\t\t\t\txmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"\r\n'
        '\t\t\t\t\txsi:schemaLocation="urn:iso:std:iso:20022:tech:xsd:head.001.001.01 head.001.001.01.xsd">\r\n'
        f"\t\t\t\t\t<BizMsgIdr>{_identifier(day)}</BizMsgIdr>\r\n\t\t\t\t\t<MsgDefIdr>bvmf.218.01</MsgDefIdr>\r\n"
        f"\t\t\t\t\t<CreDt>{made}.0Z</CreDt>\r\n"
        + _party("Fr", "BVMF", 5, scheme_first=True)
        + _party("To", "PUBLIC", 5, scheme_first=True)
        + "\t\t\t\t</AppHdr>"
    )


_TAIL = "\r\n\t\t\t</BizGrp>\r\n\t\t</Xchg>\r\n\t</BizFileHdr>\r\n</Document>"

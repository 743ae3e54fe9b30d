"""The frame that B3's XML files share: a header that counts messages, then one group a message."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

_ROOT = (
    '<Document xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
    ' xsi:schemaLocation="urn:bvmf.052.01.xsd bvmf.052.01.xsd" xmlns="urn:bvmf.052.01.xsd">'
)
_XSI = 'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"'
FIRST = -1
_HEAD = f'<AppHdr {_XSI} xmlns="urn:iso:std:iso:20022:tech:xsd:head.001.001.01">'


@dataclass(frozen=True, slots=True)
class Kind:
    """A file type of B3's: its name, the numbers that its identifiers are made of, its message, and how it is written.

    The full report (2018-01-02) has a BOM and CRLF and no end of line at its end; the short one (2023-02-02 and
    2025-02-03) has neither BOM nor CR.
    """

    name: str
    sender: str
    middle: str
    message: str
    namespace: str
    made_at: tuple[int, int, int, int]
    windows: bool
    named_later: int = 0

    def identifier(self, day: date, version: int = 0) -> str:
        """Grows with the time at which B3 made the file, and so with each version it publishes."""
        return self._numbered(day, self.made(day, version))

    def _numbered(self, day: date, made: datetime) -> str:
        return f"{self.sender}{day:%Y%m%d}{self.middle}{made:%H%M%S}{self.made_at[3]:04}"

    def made(self, day: date, version: int = 0) -> datetime:
        """When B3 made a version; `FIRST` is the evening's first report of prices."""
        hour, minute, second, _ = self.made_at if version != FIRST else (18, 10, 27, 0)
        return datetime(day.year, day.month, day.day, hour, minute, second) + timedelta(minutes=17 * max(0, version))

    def member(self, day: date, version: int = 0) -> str:
        """Name of the XML inside the ZIP: the time in it is some seconds after that of the XML in the full report."""
        named = self.made(day, version) + timedelta(seconds=self.named_later)
        return f"{self.name}_{self._numbered(day, named)}.xml"


@dataclass(frozen=True, slots=True)
class Snapshots(Kind):
    """The instrument file: before the session and after it, named by numbers that do not sort by time."""

    def made(self, day: date, version: int = 0) -> datetime:
        hour, minute, second, _ = self.made_at if version else (7, 1, 0, 0)
        return datetime(day.year, day.month, day.day, hour, minute, second) + timedelta(
            minutes=17 * max(0, version - 1)
        )

    def identifier(self, day: date, version: int = 0) -> str:
        """A number of 14 digits in the morning and 15 in the evening: the morning's sorts last."""
        number = 130_766_122_944_845 + 1_000_000_000 * (version - 1) if version else 88_966_122_944_845
        return f"{self.sender}{day:%Y%m%d}{self.middle}{number}"

    def member(self, day: date, version: int = 0) -> str:
        return f"{self.name}_{self.identifier(day, version)}.xml"


SPRD = Kind("BVBG.187.01", "BV000471", "000100007", "BVMF.217.01", "urn:bvmf.217.01.xsd", (19, 31, 37, 4000), False)
SPRE = Kind("BVBG.186.01", "BV000470", "000100006", "BVMF.217.01", "urn:bvmf.217.01.xsd", (18, 58, 12, 4100), False)
PR = Kind("BVBG.086.01", "BV000328", "032800000", "BVMF.217.01", "urn:bvmf.217.01.xsd", (20, 43, 42, 7880), True, 9)
IN = Snapshots("BVBG.028.02", "BV000327", "0001", "bvmf.100.02", "urn:bvmf.100.02.xsd", (18, 40, 30, 1386), True)


def _party(tag: str, party: str, pad: str, *, last: str) -> list[str]:
    lines = [f"<{tag}>", "  <OrgId>", "    <Id>", "      <OrgId>", "        <Othr>", f"          <Id>{party}</Id>"]
    scheme = ["          <SchmeNm>", "            <Prtry>39</Prtry>", "          </SchmeNm>"]
    issuer = ["          <Issr>40</Issr>"]
    lines += scheme + issuer if last == "Issr" else issuer + scheme
    lines += ["        </Othr>", "      </OrgId>", "    </Id>", "  </OrgId>", f"</{tag}>"]
    return [pad + line for line in lines]


def opening(kind: Kind, day: date, messages: int, version: int = 0) -> str:
    """Everything before the first message."""
    pad = " " * 8
    lines = ['<?xml version="1.0" encoding="utf-8"?>', _ROOT, "  <BizFileHdr>", "    <Xchg>", "      <BizGrpDesc>"]
    lines += _party("Fr", "BVMF", pad, last="SchmeNm") + _party("To", "PUBLIC", pad, last="SchmeNm")
    lines += [
        f"{pad}<BizGrpDtls>",
        f"{pad}  <BizGrpIdr>{kind.identifier(day, version)}</BizGrpIdr>",
        f"{pad}  <TtlNbOfMsg>{messages}</TtlNbOfMsg>",
        f"{pad}  <BizGrpTp>{kind.name}</BizGrpTp>",
        f"{pad}  <CreDtAndTm>{kind.made(day, version):%Y-%m-%dT%H:%M:%S}</CreDtAndTm>",
        f"{pad}</BizGrpDtls>",
        f"{pad}<MsgTpDef>",
        f"{pad}  <MsgDefIdr>{kind.message}</MsgDefIdr>",
        f"{pad}  <NbOfMsg>{messages}</NbOfMsg>",
        f"{pad}</MsgTpDef>",
        "      </BizGrpDesc>",
    ]
    return _ended(kind, "\n".join(lines) + "\n", first=True)


def message_opening(kind: Kind, day: date, version: int = 0) -> str:
    """What stands before a message's own text: its header is the same but for number and time."""
    pad = " " * 10
    at = kind.made(day, version) + timedelta(hours=3)
    lines = [
        "      <BizGrp>",
        f"        {_HEAD}",
        f"{pad}<BizMsgIdr>{kind.identifier(day, version)}</BizMsgIdr>",
        f"{pad}<MsgDefIdr>{kind.message}</MsgDefIdr>",
        f"{pad}<CreDt>{at:%Y-%m-%dT%H:%M:%SZ}</CreDt>",
        *_party("Fr", "BVMF", pad, last="Issr"),
        *_party("To", "PUBLIC", pad, last="Issr"),
        "        </AppHdr>",
        f'        <Document {_XSI} xmlns="{kind.namespace}">',
    ]
    return "\n".join(lines) + "\n"


MESSAGE_CLOSING = "        </Document>\n      </BizGrp>\n"


def closing(kind: Kind) -> str:
    text = "    </Xchg>\n  </BizFileHdr>\n</Document>"
    return _ended(kind, text if kind.windows else text + "\n")


def _ended(kind: Kind, text: str, *, first: bool = False) -> str:
    if not kind.windows:
        return text
    return ("\ufeff" if first else "") + text.replace("\n", "\r\n")


def ended(kind: Kind, text: str) -> str:
    """A message's text with the line ends of its kind of file."""
    return _ended(kind, text)

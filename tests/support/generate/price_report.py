"""Price reports: SPRD (BVBG.187, derivatives), SPRE (BVBG.186, equities) and PR (BVBG.086, everything)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import date, timedelta
from itertools import islice
from pathlib import Path
from xml.sax.saxutils import escape

from pyb3.calendar import next_session

from .archive import nested, streamed
from .bvbg import FIRST, MESSAGE_CLOSING, PR, SPRD, SPRE, Kind, closing, ended, message_opening, opening
from .price_others import Report, other_rows
from .price_rows import Row, astray, future_rows

KINDS = {"SPRD": SPRD, "SPRE": SPRE, "PR": PR}


def price_report(
    day: date,
    rows: int,
    seed: int = 0,
    *,
    kind: str = "SPRD",
    others: int = 2,
    strays: Sequence[str] = (),
    version: int = 0,
    first: bool = False,
) -> bytes:
    """The XML of a report of `rows` futures among `others` that are none; the first ones alone where these are few.

    `strays` are tickers that stand once more at its end with the next session's date. A later `version` is made later.
    With `first` it is the evening's first, of 18:10: some families are not settled yet, exercised options are missing.
    """
    version = FIRST if first else version
    found = list(_rows(day, rows, seed, KINDS[kind], others, first=first))
    known = {row.symbol: row for row in found}
    found += [astray(known[symbol], next_session(day + timedelta(1))) for symbol in strays]
    return "".join(_texts(KINDS[kind], day, found, len(found), version)).encode()


def price_report_zip(
    day: date, rows: int, seed: int = 0, *, kind: str = "SPRD", versions: int = 1, strays: Sequence[str] = (),
    first: bool = False,
) -> bytes:  # fmt: skip
    """As pesquisapregao answers: a ZIP in a ZIP, with one XML for each version published.

    For two futures a short report has two that are none, a full one one; real ones have six, and thirty. Versions
    before the last have other values, so that a reader of the wrong one shows. With `first` the ZIP is that of 18:10,
    which holds the unfinished report of the same values alone.
    """
    others = rows if kind == "SPRD" else rows // 2
    members = {}
    for version in [FIRST] if first else range(versions):
        of_version = seed if version in (versions - 1, FIRST) else seed + 1000 + version
        text = price_report(
            day, rows, of_version, kind=kind, others=others, strays=strays, version=version, first=first
        )
        members[KINDS[kind].member(day, version)] = text
    return nested(f"{kind}{day:%y%m%d}.zip", members, day)


def write_price_report(path: str | Path, day: date, messages: int = 65_000, seed: int = 0, *, kind: str = "PR") -> None:
    """Write a report of so many messages (65,000 of PR are 150 MB), as XML, or in a ZIP where the path says `.zip`."""
    path, what = Path(path), KINDS[kind]
    futures = min(messages, 640)
    found = _rows(day, futures, seed, what, messages - futures)
    chunks = (text.encode() for text in _texts(what, day, found, messages, 0))
    with path.open("wb") as file:
        if path.suffix == ".zip":
            streamed(file, what.member(day), chunks, day)
        else:
            file.writelines(chunks)


def _rows(day: date, futures: int, seed: int, kind: Kind, others: int, *, first: bool = False) -> Iterator[Row]:
    if kind is SPRE:
        return other_rows(day, futures + others, seed, Report.EQUITIES, first=first)
    report = Report.FULL if kind is PR else Report.SHORT
    rest = other_rows(day, others, seed, report, first=first)
    settled = future_rows(day, futures, seed, full=kind is PR, first=first)
    return _mixed(settled, rest, others // futures if futures else 0)


def _mixed(futures: Iterator[Row], rest: Iterator[Row], between: int) -> Iterator[Row]:
    """Futures among the rest, as they stand in B3's: no order at all."""
    for row in futures:
        yield row
        yield from islice(rest, between)
    yield from rest


def _texts(kind: Kind, day: date, rows: Iterable[Row], count: int, version: int) -> Iterator[str]:
    yield opening(kind, day, count, version)
    before, after = ended(kind, message_opening(kind, day, version)), ended(kind, MESSAGE_CLOSING)
    details = "<TradDtls />" if kind.windows else "<TradDtls/>"
    for row in rows:
        yield before + ended(kind, _message(row, details)) + after
    yield closing(kind)


def _message(row: Row, details: str) -> str:
    if row.trades is not None:
        inside = "" if row.days_to_settlement is None else _line(14, "DaysToSttlm", None, str(row.days_to_settlement))
        inside += _line(14, "TradQty", None, str(row.trades))
        details = f"<TradDtls>\n{inside}            </TradDtls>"
    shown = "".join(_line(14, tag, currency, text) for tag, currency, text in row.attributes)
    return f"""          <PricRpt>
            <TradDt>
              <Dt>{row.day}</Dt>
            </TradDt>
            <SctyId>
              <TckrSymb>{escape(row.symbol)}</TckrSymb>
            </SctyId>
            <FinInstrmId>
              <OthrId>
                <Id>{row.security_id}</Id>
                <Tp>
                  <Prtry>8</Prtry>
                </Tp>
              </OthrId>
              <PlcOfListg>
                <MktIdrCd>BVMF</MktIdrCd>
              </PlcOfListg>
            </FinInstrmId>
            {details}
            <FinInstrmAttrbts>
{shown}            </FinInstrmAttrbts>
          </PricRpt>
"""


def _line(pad: int, tag: str, currency: str | None, text: str) -> str:
    money = f' Ccy="{currency}"' if currency else ""
    return f"{' ' * pad}<{tag}{money}>{text}</{tag}>\n"

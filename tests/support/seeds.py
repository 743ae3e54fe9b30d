"""A small file of each format, as B3 publishes it, beside what is known of it: where mutations begin."""

from __future__ import annotations

import gzip
import io
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from typing import Any

from lxml import etree

from pyb3.datasets import registry
from pyb3.template import Format, Template

from . import generate

DAY = date(2024, 1, 15)
_ENGLISH, _PORTUGUESE = {"language": "en-us", "year": 2024}, {"language": "pt-br", "year": 2024}


@dataclass(frozen=True)
class Seed:
    """A file of a dataset's format; `asked` is what B3 was asked for."""

    dataset: str
    format: str
    data: bytes
    asked: Mapping[str, Any] = field(default_factory=dict)

    @property
    def template(self) -> Template:
        return registry.get(self.dataset).template

    @property
    def form(self) -> Format:
        return self.template.formats[self.format]

    def __repr__(self) -> str:
        return f"{self.dataset}-{self.format}-{'-'.join(map(str, self.asked.values())) or 'unasked'}"


def _few(answer: bytes, rows: int) -> bytes:
    """An answer with its first records alone."""
    document = json.loads(answer)
    del document["results"][rows:]
    document["page"]["totalRecords"] = rows
    return json.dumps(document, ensure_ascii=False).encode()


def _pages(answer: bytes, size: int) -> bytes:
    """An answer in pages, one after another."""
    document = json.loads(answer)
    rows, pages = document["results"], list[bytes]()
    for start in range(0, len(rows), size):
        said = {"pageNumber": len(pages) + 1, "totalPages": -(-len(rows) // size)}
        page = document | {"page": document["page"] | said, "results": rows[start : start + size]}
        pages.append(json.dumps(page, ensure_ascii=False).encode())
    return b"\n".join(pages)


def _slim(report: bytes, messages: int, infos: int = 2) -> bytes:
    """A report of its first messages, without their envelopes and indentation."""
    root = etree.fromstring(report)
    for tag, most in (("AppHdr", 0), ("Fr", 0), ("To", 0), ("BizGrp", messages), ("IndxInf", infos), ("IOPVInf", 1)):
        for element in list(root.iter(f"{{*}}{tag}"))[most:]:
            element.getparent().remove(element)
    [count] = root.iter("{*}TtlNbOfMsg")
    count.text = str(min(messages, int(count.text)))
    return re.sub(rb">\s+<", b">\n<", etree.tostring(root, xml_declaration=True, encoding="utf-8"))


@cache
def seeds(reader: str) -> tuple[Seed, ...]:
    """The files that a reader reads."""
    match reader:
        case "fixed_width":
            return (
                Seed("cotahist", "cotahist", generate.cotahist([DAY], 4)),
                Seed("cotahist", "cotahist", generate.cotahist([date(1986, 1, 2)], 1, line_end=False)),
                Seed("yield_curves", "taxa_swap", b"\r\n".join(generate.swap_rates(DAY, 2).split(b"\r\n")[:6])),
            )
        case "delimited":
            return (
                Seed("futures", "trade_information", generate.trade_information(DAY, 6)),
                Seed("futures", "bulletin", generate.derivatives_bulletin(DAY, 4)),
                Seed("symbols", "consolidated", generate.instruments_consolidated(DAY, 3)),
            )
        case "xml_messages":
            return (
                Seed("futures", "price_report", _slim(generate.price_report(DAY, 3), 3)),
                Seed("symbols", "instrument_file", _slim(generate.instrument_file(DAY, 2), 4)),
                Seed("index_historical", "index_report", _slim(generate.index_report(DAY, 3), 1)),
            )
        case "json_records":
            current = generate.portfolio_day("IBOV", DAY)
            return (
                Seed("index_composition", "current", _few(current, 3), _ENGLISH),
                Seed("index_composition", "current", _few(current, 2)),
                Seed(
                    "index_composition",
                    "theoretical",
                    _few(generate.theoretical_portfolio("IBOV", DAY), 3),
                    _PORTUGUESE,
                ),
                Seed("index_composition", "listed", _few(generate.stock_index(DAY), 3)),
                Seed("index_composition", "current", _pages(_few(current, 3), 2), _ENGLISH),
            )
        case "json_months":
            english = generate.index_year("IBOV", 2024, DAY)
            portuguese = generate.index_year("IBOV", 2024, date(2024, 12, 30), language="pt-br")
            return (
                Seed("index_historical", "statistics", english, _ENGLISH),
                Seed("index_historical", "statistics", portuguese, {"year": 2024}),
                Seed("index_historical", "statistics", portuguese, _PORTUGUESE),
            )
        case _:
            raise LookupError(reader)


@cache
def archives() -> dict[str, bytes]:
    """Files as B3 packs them, small ones."""
    text = generate.cotahist([DAY], 3)
    stream = io.BytesIO()
    generate.streamed(stream, "COTAHIST_A2024.TXT", [text[:300], text[300:]])
    return {
        "plain": text,
        "zip": generate.zipped("COTAHIST_D15012024.TXT", text),
        "streamed": stream.getvalue(),
        "nested": generate.nested("SPRD240115.zip", {"a.xml": b"<a/>", "b.xml": text[:500]}),
        "program": generate.self_extracting("TaxaSwap.txt", text[:400]),
        "program in a zip": generate.zipped("TS240115.ex_", generate.self_extracting("TaxaSwap.txt", text[:400])),
        "several": generate.packed(
            {
                "COTAHIST_D15012024.TXT": text[:600],
                "read me.txt": b"Quotes of a day.",
                "__MACOSX/._COTAHIST_D15012024.TXT": b"\x00\x05\x16\x07",
                "TS240115.ex_": generate.self_extracting("TaxaSwap.txt", text[:400]),
            }
        ),
        "gzip": gzip.compress(text, mtime=0),
    }


TEMPLATE = """\
name: prices
description: Prices of a day
table: prices
key: [refdate, symbol]
formats:
  lines: {reader: fixed_width, width: 40, record: "01"}
  table: &table {reader: delimited, separator: ";", keep: {Papel: '^[A-Z]{4}'}}
  other: *table
sources:
  - {name: D, period: day, format: lines, url: "https://b3/{date:%Y}", file: "D{date:%d%m%Y}.zip", signature: "^01"}
  - name: I
    period: year
    serves: [year, day]
    format: table
    request: base64
    payload: {index: "{item}", page: 1}
    each: index
    url: "https://b3/"
    file: "I_{item}_{date:%Y}.csv"
    valid_from: 2018-01-01
    seen: 2024-01-15
    evidence: one file
checks: [{name: low, rule: price < 9, severity: soft, description: "It is low", seen: 2024-01-16, evidence: "words"}]
years: [{year: 2024, rows: 9, sessions: 3, first: 2024-01-15, last: 2024-12-30}]
fields:
  - {name: refdate, b3: DATE, at: {lines: [3, 8], table: Data}, type: date, nullable: false, description: "Day"}
  - {name: symbol, b3: SYMB, at: {lines: [11, 12], table: [Papel, Ativo]}, type: text, nullable: false, description: T}
  - {name: price, b3: PRICE, at: {lines: [24, 13, 23], table: Preço}, type: decimal, decimals: 2, description: "Price"}
  - {name: days, b3: DAYS, at: {lines: [37, 4]}, type: integer, blank: "0", description: "D", seen: 2024-01-15}
"""

READERS = ("fixed_width", "delimited", "xml_messages", "json_records", "json_months")

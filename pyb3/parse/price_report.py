"""Read B3's price report (BVBG.086, .186, .187): XML, streamed, one message an instrument."""

from __future__ import annotations

from pathlib import Path

import polars as pl
from lxml import etree

from ..errors import FileError, Incomplete
from ..template import Template
from .archive import open_member
from .typed import typed

_REPORT = "{urn:bvmf.217.01.xsd}"


def read_price_report(path: Path, template: Template, *, allow_incomplete: bool = False) -> pl.DataFrame:
    """Parse every PricRpt into the template's published (not derived) columns.

    The number of messages must be the one the file's header says. Raises FileError, Incomplete, FieldInvalid.
    """
    fields = [field for field in template.fields if not field.derived]
    wanted = {field.path: field.name for field in fields}
    rows: dict[str, list[str | None]] = {field.name: [] for field in fields}
    lines: list[int] = []
    unknown: set[str] = set()
    announced: int | None = None
    with open_member(path) as (name, stream):
        try:
            events = etree.iterparse(
                stream,
                events=("end",),
                tag=("{*}TtlNbOfMsg", f"{_REPORT}PricRpt", "{*}BizGrp"),
                resolve_entities=False,
                no_network=True,
                load_dtd=False,
            )
            for _, element in events:
                tag = etree.QName(element).localname
                if tag == "TtlNbOfMsg":
                    announced = int(element.text or "0")
                elif tag == "PricRpt":
                    values = _leaves(element)
                    unknown |= values.keys() - wanted.keys()
                    for column, target in wanted.items():
                        rows[target].append(values.get(column))
                    lines.append(element.sourceline)
                else:
                    element.clear()
                    while element.getprevious() is not None and element.getprevious().tag == element.tag:
                        del element.getparent()[0]
        except etree.XMLSyntaxError as error:
            raise FileError(f"{name} is damaged or no price report: {error.msg}") from error
        except ValueError as error:
            raise FileError(f"{name}: TtlNbOfMsg is no number") from error
    if announced is None:
        raise FileError(f"{name} is no price report: it has no TtlNbOfMsg")
    unknown = {path for path in unknown if not path.endswith("/@Ccy")}
    if unknown:
        raise FileError(f"{name} has fields the template does not know: {', '.join(sorted(unknown))}")
    if announced != len(lines) and not allow_incomplete:
        raise Incomplete(f"{name} holds {len(lines):,} messages, its header says {announced:,}")
    text = pl.DataFrame(rows, schema=dict.fromkeys(rows, pl.String))
    return typed(text, fields, name, pl.Series(lines, dtype=pl.Int64), implied=False)


def _leaves(report: etree._Element) -> dict[str, str]:
    """Path to text of each leaf below a report; the currency of an amount is `path/@Ccy`."""
    values: dict[str, str] = {}

    def walk(element: etree._Element, prefix: str) -> None:
        for child in element:
            if not isinstance(child.tag, str):
                continue
            path = prefix + child.tag.rpartition("}")[2]
            if len(child):
                walk(child, path + "/")
            elif child.text and (text := child.text.strip()):
                values[path] = text
                if currency := child.get("Ccy"):
                    values[path + "/@Ccy"] = currency

    walk(report, "")
    return values

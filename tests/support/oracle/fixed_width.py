"""Fixed-width records by slices of a line."""

from __future__ import annotations

import re
from typing import Any

from pyb3.parse.typed import Notation
from pyb3.template import Field, Format, Template

from . import Table, require
from .values import value_of


def read(data: bytes, template: Template, form: Format) -> Table:
    """The records between header and trailer. Raises Refused."""
    options = form.options
    text = data.removeprefix(b"\xef\xbb\xbf").decode("latin-1").rstrip("\r\n\x1a")
    require(text, "empty")
    lines = [line.removesuffix("\r") for line in text.split("\n")]
    announced, edges = len(lines), {}
    for edge, at in (("header", 0), ("trailer", -1)):
        if edge in options:
            require(lines, f"no {edge}")
            found = re.fullmatch(options[edge] + " *", lines.pop(at), re.ASCII)
            require(found, f"no {edge}")
            assert found is not None
            edges[edge] = found.groupdict()
    blank = sum(not line.strip(" ") for line in lines)
    lines = [line for line in lines if line.strip(" ")]
    if "trailer" in edges:
        numbers = {"lines": announced, "records": announced - len(edges)}
        whole = {numbers[what] for what in options.get("trailer_counts", ["lines"])}
        said = int(edges["trailer"]["records"])
        require(said in whole or said + blank in whole, f"{announced} lines")
    fields = [field for field in template.fields if form.name in field.at]
    notation = Notation(decimal="", date=options.get("date", "%Y%m%d"))
    rows = [tuple(_value(line, field, form, notation) for field in fields) for line in map(_record(form), lines)]
    columns = [field.name for field in fields]
    if "running" in options:
        numbers = [row[columns.index(options["running"])] for row in rows]
        steps = [number - before for before, number in zip(numbers, numbers[1:], strict=False)]
        usual = max(1, steps[0]) if steps else 1
        anew = [step < 0 and number <= 1 for step, number in zip(steps, numbers[1:], strict=True)]
        require(all(step == usual or new for step, new in zip(steps, anew, strict=True)), "records are missing")
    return Table(columns, rows)


def _record(form: Format) -> Any:
    width, record, at = form.options["width"], form.options["record"], form.options.get("record_at", 1) - 1

    def checked(line: str) -> str:
        line = line[:width] + line[width:].rstrip(" ")
        require(len(line) == width and line[at : at + len(record)] == record, f"no record: {line!r}")
        return line

    return checked


def _value(line: str, field: Field, form: Format, notation: Notation) -> Any:
    start, length, *sign = field.at[form.name]
    text: str | None = line[start - 1 : start - 1 + length].strip(" ")
    if text == "":
        text = field.blank
    elif sign:
        mark = line[sign[0] - 1]
        require(mark in "+-", f"{mark!r} is no sign")
        text = mark + (text or "")
    return value_of(field, text, notation)

"""Delimited lines by the csv module, which quotes nothing here."""

from __future__ import annotations

import csv
import re
from typing import Any

from pyb3.parse.typed import Notation
from pyb3.template import Format, Template

from . import Table, require
from .values import value_of


def read(data: bytes, template: Template, form: Format) -> Table:
    """The lines after the header. Raises Refused."""
    options = form.options
    separator = options.get("separator", ";")
    lines = _decoded(data.rstrip(b"\r\n\x1a")).split("\n")
    places = template.names(form.name)
    known = {name for several in places.values() for name in several}
    names, start = _header(lines[:50], separator, known)
    require(all(names.count(name) == 1 for name in known.intersection(names)), "a column twice")
    found: dict[str, int | None] = {}
    for name, several in places.items():
        found[name] = next((names.index(place) for place in several if place in names), None)
        needed = not template.field(name).nullable or name in template.key
        require(found[name] is not None or not needed, f"no column for {name}")
    keep = {name: re.compile(pattern) for name, pattern in options.get("keep", {}).items()}
    require(keep.keys() <= set(names), "no column to keep by")
    rows = lines[start:]
    if rows and "footer" in options and re.match(options["footer"], rows[-1]):
        rows.pop()
    notation = Notation(options.get("decimal", ","), options.get("thousands", ""), options.get("date", "%Y-%m-%d"))
    read_rows = []
    for line in rows:
        if not line.strip(" \r"):
            continue
        [texts] = csv.reader([line.replace("\r", "\U0010ffff")], delimiter=separator, quoting=csv.QUOTE_NONE)
        texts = [text.replace("\U0010ffff", "\r").strip(" \r") for text in texts]
        while len(texts) > len(names) and not any(texts[len(names) :]):
            texts.pop()
        require(len(texts) == len(names), f"{len(texts)} fields")
        if all(wanted.search(texts[names.index(name)]) for name, wanted in keep.items()):
            read_rows.append(tuple(_value(template, name, at, texts, options, notation) for name, at in found.items()))
    order = [name for name, at in found.items() if at is not None] + [name for name, at in found.items() if at is None]
    at = [list(found).index(name) for name in order]
    return Table(order, [tuple(row[place] for place in at) for row in read_rows])


def _value(template: Template, name: str, at: int | None, texts: list[str], options: Any, notation: Notation) -> Any:
    if at is None:
        return None
    field = template.field(name)
    return value_of(field, field.blank if texts[at] in ("", options.get("blank", "")) else texts[at], notation)


def _header(lines: list[str], separator: str, known: set[str]) -> tuple[list[str], int]:
    for number, line in enumerate(lines, 1):
        names = [name.strip() for name in line.split(separator)]
        if len(known.intersection(names)) > 1:
            return names, number
    require(False, "no header")
    raise AssertionError


def _decoded(data: bytes) -> str:
    if data.startswith(b"\xef\xbb\xbf"):
        try:
            return data[3:].decode("utf-8")
        except UnicodeDecodeError:
            require(False, "neither UTF-8 nor Latin-1 as a whole")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        return data.decode("latin-1")

"""Answers of B3's JSON pages: a list of records, or a table of days and months."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from decimal import Decimal, InvalidOperation
from typing import Any

from pyb3.parse.typed import Notation
from pyb3.template import Field, Format, Template

from . import Refused, Table, require
from .values import value_of

_LANGUAGES = {"en-us": Notation(".", ",", "%m/%d/%y"), "pt-br": Notation(",", ".", "%d/%m/%y")}


def read_records(data: bytes, template: Template, form: Format, asked: Mapping[str, Any]) -> Table:
    """A row a record. Raises Refused."""
    options, documents = form.options, _documents(data)
    document, free = documents[0], options.get("uncounted", False)
    places = template.columns(form.name)
    fields = [template.field(name) for name in places]
    found = [record for one in documents for record in _listed(one, options["records"])]
    if len(documents) > 1:
        require(all(one.get("header") == document.get("header") for one in documents), "two headers")
        for place in (options["count"], options["pages"]):
            said = [_at(one, place) for one in documents]
            require(all(number == said[0] for number in said), "pages of two answers")
    if not found:
        require(_at(document, options["count"]) == 0, "no record, and not 0 of them")
        return Table(list(places), [])
    count, pages = _at(document, options["count"]), _at(document, options["pages"])
    require(count == len(found) or (free and count is None), "records are missing")
    require(pages in (0, len(documents)) or (free and pages is None), "pages are missing")
    cells = [
        [
            record.get(place.partition("/")[2]) if place.startswith(f"{options['records']}/") else _at(document, place)
            for place in places.values()
        ]
        for record in found
    ]
    ways = options.get("date", [])
    for way in [ways] if isinstance(ways, str) else ways:
        try:
            return Table(list(places), _rows(cells, fields, Notation(date=way)))
        except Refused:
            continue
    require(not ways, "no way to write dates fits")
    return Table(list(places), _in_one_language(cells, fields, asked))


def read_months(data: bytes, template: Template, form: Format, asked: Mapping[str, Any]) -> Table:
    """A row a day that has a value. Raises Refused."""
    options, document = form.options, _document(data)
    columns = {place: name for name, place in template.columns(form.name).items()}
    names = [columns["date"], columns["value"]]
    found = _listed(document, options["records"])
    if not found:
        return Table(names, [])
    year = str(asked.get("year", ""))
    require(len(year) == 4 and year.isascii() and year.isdigit() and year[0] in "12", "no year")
    rows, days = [], []
    for record in found:
        day = record.get(options["day"])
        if isinstance(day, str) and re.fullmatch(r"\d{1,2}", day.strip()):
            day = int(day)
        require(type(day) is int and 1 <= day <= 31 and day not in days, f"day {day!r}")
        days.append(day)
        for month in range(1, 13):
            cell = record.get(f"{options['value']}{month}")
            if not _blank(cell):
                try:
                    rows.append((date(int(year), month, day), cell))
                except ValueError as error:
                    raise Refused(str(error)) from error
    rows.sort(key=lambda row: row[0])
    extremes = []
    for kind in (options["lowest"], options["highest"]):
        months = document.get(kind) or {}
        require(isinstance(months, dict), f"{kind} is no object")
        extremes += [cell for n in range(1, 13) if not _blank(cell := months.get(f"{options['value']}{n}"))]
    field = template.field(columns["value"])
    values = _in_one_language([[cell] for _, cell in rows] + [[cell] for cell in extremes], [field], asked)
    return Table(names, [(day, value) for (day, _), (value,) in zip(rows, values, strict=False)])


def _documents(data: bytes) -> list[dict[str, Any]]:
    """The pages of a file: a page ends where what stands so far is an object for the first time."""
    try:
        return [_document(data)]
    except Refused:
        pieces, found = data.split(b"}"), list[dict[str, Any]]()
    start = 0
    for end in range(1, len(pieces)):
        try:
            piece = (b"}".join(pieces[start:end]) + b"}").strip(b" \t\r\n")
            while piece.startswith(b"\xef\xbb\xbf"):
                piece = piece[3:].strip(b" \t\r\n")
            found.append(_document(piece))
        except Refused:
            continue
        start = end
    rest = b"}".join(pieces[start:]).replace(b"\xef\xbb\xbf", b"")
    require(not rest.strip(b" \t\r\n") and len(found) > 1, "no page, or something behind it")
    require(all(isinstance(one.get("page"), dict) and isinstance(one.get("results"), list) for one in found), "no page")
    require([one["page"].get("pageNumber") for one in found] == list(range(1, len(found) + 1)), "not pages 1 to n")
    return found


def _document(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    try:
        document = json.loads(text, parse_float=_number, parse_constant=_refuse, object_pairs_hook=_distinct)
    except (ValueError, RecursionError, InvalidOperation) as error:
        raise Refused(str(error)) from error
    require(isinstance(document, dict), "no object")
    return document


def _number(text: str) -> Decimal:
    number = Decimal(text)
    require(len(text) <= 100 and abs(number.adjusted()) <= 100, "no number of B3's")
    return number


def _refuse(text: str) -> Any:
    raise Refused(text)


def _distinct(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    require(len({name for name, _ in pairs}) == len(pairs), "a name twice")
    return dict(pairs)


def _listed(document: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    require(name in document, f"no {name}")
    found = document[name] if document[name] is not None else []
    require(isinstance(found, list) and all(isinstance(record, dict) for record in found), f"{name} is no list")
    return list(found)


def _at(document: Any, place: str) -> Any:
    for step in place.split("/"):
        require(document is None or isinstance(document, dict), f"no object at {place}")
        document = (document or {}).get(step)
    return document


def _blank(cell: Any) -> bool:
    return cell is None or isinstance(cell, str) and cell.strip() == ""


def _in_one_language(cells: Sequence[Sequence[Any]], fields: Sequence[Field], asked: Mapping[str, Any]) -> Any:
    """The rows in the language that was asked for, or the one that fits."""
    language = asked.get("language")
    fitting = []
    for name in [language] if language else list(_LANGUAGES):
        try:
            fitting.append(_rows(cells, fields, _LANGUAGES[name]))
        except Refused:
            continue
    require(fitting and all(rows == fitting[0] for rows in fitting), "no language, or two")
    return fitting[0]


def _rows(cells: Sequence[Sequence[Any]], fields: Sequence[Field], notation: Notation) -> list[tuple[Any, ...]]:
    return [
        tuple(value_of(f, _text(cell, notation), notation) for f, cell in zip(fields, row, strict=True))
        for row in cells
    ]


def _text(cell: Any, notation: Notation) -> str | None:
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, Decimal):
        return format(cell, "f").replace(".", notation.decimal)
    if isinstance(cell, int):
        return str(cell)
    require(cell is None or isinstance(cell, str), "no single value")
    if isinstance(cell, str):
        require(not any(0xD800 <= ord(letter) < 0xE000 for letter in cell), "half a character")
    return (cell or "").strip() or None

"""Read B3's JSON lists: one object a row, beside a header of all of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from functools import partial
from typing import Any

import polars as pl

from ..errors import FileError, Incomplete
from ..template import Field, Format, Template
from .archive import Member
from .json_document import read_document, records, shown, text_of, typed_in_its_language
from .rejects import Rejects, set_aside
from .typed import Notation, typed


def read_json_records(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the records of an answer as one typed frame, or nothing where B3 has none.

    Options: `records`, the name of the list; `count` and `pages`, where the answer says how many records and pages
    there are (all of them must be here); `uncounted`, true where an answer need not say so; `ignored` paths; `date`,
    how dates are written where that does not depend on the language, in one way or in several. A place is
    `results/cod` in each record, or `header/date` once for all. Fields that the template lacks, or the answer, are
    noted. Bad records are set aside in the member's rejects by their number.
    Raises FileError, Incomplete, FieldInvalid.
    """
    options, name = form.options, member.name
    document = read_document(member)
    rows = records(member, document, options["records"])
    if not rows:
        if (said := _at(name, document, options["count"])) != 0:
            raise FileError(f"{name} lists nothing, its {options['count']} is {shown(said)}: B3 refuses the page size")
        member.notes.append(f"{name} lists nothing")
        return
    if not allow_incomplete:
        _complete(member, document, len(document[options["records"]]), options)
    places = template.columns(form.name)
    _note_strangers(member, document, rows, places, options)
    fields = [template.field(field) for field in places]
    where = f"{name}, {options['records']}"
    listed = rows
    member.rejects.text = lambda number: shown(listed[number])
    rows = _single_valued(rows, list(places.values()), options["records"], name, member.rejects)
    lines = pl.Series(list(rows), dtype=pl.Int64)

    def texts(notation: Notation) -> pl.DataFrame:
        columns = {}
        for field, place in places.items():
            top, _, rest = place.partition("/")
            if top == options["records"]:
                columns[field] = [text_of(row.get(rest), notation, f"{name}, {place}") for row in rows.values()]
            else:
                columns[field] = [text_of(_at(name, document, place), notation, f"{name}, {place}")] * len(rows)
        return pl.DataFrame(columns, schema=dict.fromkeys(columns, pl.String))

    if "date" in options:
        notation = Notation(date=_way(options["date"], texts(Notation()), fields))
        frame = typed(texts(notation), fields, notation, where, lines, member.rejects)
    else:
        frame = typed_in_its_language(member, texts, fields, where, lines)
    if frame.height:
        yield frame


def _single_valued(
    rows: Mapping[int, Mapping[str, Any]], places: Sequence[str], listed: str, name: str, rejects: Rejects
) -> dict[int, Mapping[str, Any]]:
    """The records whose values are single ones; the others are set aside."""
    good = {}
    for number, row in rows.items():
        try:
            for place in places:
                if place.startswith(f"{listed}/"):
                    text_of(row.get(place.partition("/")[2]), Notation(), f"{name}, {place}")
            good[number] = row
        except FileError as error:
            set_aside(rejects, number, error, partial(shown, row))
    return good


def _at(name: str, document: Mapping[str, Any], place: str) -> Any:
    value: Any = document
    for step in place.split("/"):
        if value is not None and not isinstance(value, dict):
            raise FileError(f"{name} has no object at {place.rpartition('/')[0]}")
        value = (value or {}).get(step)
    return value


def _way(ways: str | Sequence[str], texts: pl.DataFrame, fields: Sequence[Field]) -> str:
    """The first of the ways to write a date that all dates fit; where none does, the first."""
    ways = [ways] if isinstance(ways, str) else ways
    dates = {text for field in fields if field.type == "date" for text in texts[field.name].drop_nulls().unique()}
    return next((way for way in ways if all(_is_date(text, way) for text in dates)), ways[0])


def _is_date(text: str, way: str) -> bool:
    try:
        datetime.strptime(text, way)
    except ValueError:
        return False
    return True


def _complete(member: Member, document: Mapping[str, Any], found: int, options: Mapping[str, Any]) -> None:
    name = member.name
    announced, pages = _at(name, document, options["count"]), _at(name, document, options["pages"])
    if announced != found and not (announced is None and options.get("uncounted")):
        raise Incomplete(f"{name} holds {found:,} records, its {options['count']} says {shown(announced)}")
    if pages == 0:  # reported of a page that held all its records
        member.notes.append(f"{name} says that it has 0 pages, and holds all of its {found:,} records")
    elif pages != 1 and not (pages is None and options.get("uncounted")):
        raise Incomplete(f"{name} does not hold all of its {shown(pages)} pages")


def _note_strangers(
    member: Member,
    document: Mapping[str, Any],
    rows: Mapping[int, Mapping[str, Any]],
    places: Mapping[str, str],
    options: Mapping[str, Any],
) -> None:
    listed = options["records"]
    found = {f"{listed}/{key}" for row in rows.values() for key in row}
    for top, value in document.items():
        if top != listed:
            found |= {f"{top}/{key}" for key in value} if isinstance(value, dict) else {top}
    known = {*places.values(), options["count"], options["pages"], *options.get("ignored", ())}
    if unknown := sorted(found - known):
        member.notes.append(f"{member.name} has fields that are not read: {', '.join(unknown)}")
    if missing := sorted(set(places.values()) - found):
        member.notes.append(f"{member.name} lacks {', '.join(missing)}")

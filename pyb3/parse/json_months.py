"""Read B3's JSON of a year: an object for each day of the month, with a value for each month."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import polars as pl

from ..errors import FieldInvalid, FileError
from ..template import Format, Template
from .archive import Member
from .json_document import read_document, records, text_of, typed_in_its_language
from .typed import Notation

_MONTHS = range(1, 13)


def read_json_months(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the days of a year that have a value, in order, as one typed frame; nothing where B3 has none.

    The year is the one B3 was asked for: the answer does not say it. Options: `records`, the name of the list, `day`
    and `value`, the names in its objects (the month's number follows `value`); `lowest` and `highest`, the objects
    with each month's extremes: where they are not those of the days, that is noted. Places: `date` and `value`.
    Raises FileError, FieldInvalid.
    """
    options, name = form.options, member.name
    document = read_document(member)
    rows = records(member, document, options["records"])
    if not rows:
        member.notes.append(f"{name} lists nothing")
        return
    if not re.fullmatch(r"[12]\d{3}", year := str(member.asked.get("year", ""))):
        raise FileError(f"{name} does not say which year it is of")
    where = f"{name}, {options['records']}"
    cells = list(_cells(where, rows, options))
    extremes = [
        (kind, month, cell)
        for kind in (options["lowest"], options["highest"])
        for month in _MONTHS
        if not _blank(cell := _object(name, document, kind).get(f"{options['value']}{month}"))
    ]
    _note_strangers(member, document, rows, options)
    columns = {place: field for field, place in template.columns(form.name).items()}
    dates = [_date(where, int(year), month, day, options, cell) for month, day, cell in cells]

    def texts(notation: Notation) -> pl.DataFrame:
        values = [cell for *_, cell in [*cells, *extremes]]
        text = [text_of(value, notation, f"{name}, {options['value']}") for value in values]
        return pl.DataFrame({columns["value"]: text}, schema={columns["value"]: pl.String})

    lines = pl.Series([day for _, day, _ in cells] + [0] * len(extremes), dtype=pl.Int64)
    values = typed_in_its_language(member, texts, [template.field(columns["value"])], where, lines)
    frame = values.head(len(cells)).select(pl.Series(columns["date"], dates, dtype=pl.Date), pl.all())
    _compare(member, frame, [(kind, month) for kind, month, _ in extremes], values.tail(len(extremes)), options)
    yield frame


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _cells(where: str, rows: Sequence[Mapping[str, Any]], options: Mapping[str, Any]) -> Iterator[tuple[int, int, Any]]:
    """Month, day and value, in order, where there is one: B3 writes null where there was no session."""
    by_day: dict[int, Mapping[str, Any]] = {}
    for number, row in enumerate(rows, 1):
        day = row.get(options["day"])
        if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= 31:
            raise FieldInvalid(where, number, options["day"], str(day), "a day of the month")
        if day in by_day:
            raise FileError(f"{where}: day {day} stands there twice")
        by_day[day] = row
    for month in _MONTHS:
        for day in sorted(by_day):
            if not _blank(cell := by_day[day].get(f"{options['value']}{month}")):
                yield month, day, cell


def _date(where: str, year: int, month: int, day: int, options: Mapping[str, Any], cell: Any) -> date:
    try:
        return date(year, month, day)
    except ValueError as error:
        raise FieldInvalid(where, day, f"{options['value']}{month}", str(cell), f"of a day of {year}") from error


def _object(name: str, document: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    found = document.get(key) or {}
    if not isinstance(found, dict):
        raise FileError(f"{name} has no object named {key!r}")
    return found


def _compare(
    member: Member,
    frame: pl.DataFrame,
    extremes: list[tuple[str, int]],
    values: pl.DataFrame,
    options: Mapping[str, Any],
) -> None:
    """Note where a month's extremes are not those of its days: B3 may have corrected one without the other."""
    date_column, value_column = frame.columns
    for (kind, month), said in zip(extremes, values.to_series(), strict=True):
        days = frame.filter(pl.col(date_column).dt.month() == month)[value_column]
        seen = days.min() if kind == options["lowest"] else days.max()
        if seen != said:
            member.notes.append(f"{member.name}: {kind} of month {month} is {said}, that of its days {seen!s}")


def _note_strangers(
    member: Member, document: Mapping[str, Any], rows: Sequence[Mapping[str, Any]], options: Mapping[str, Any]
) -> None:
    known = {options["day"], *(f"{options['value']}{month}" for month in _MONTHS)}
    found = {f"{options['records']}/{key}" for row in rows for key in row if key not in known}
    found |= document.keys() - {options["records"], options["lowest"], options["highest"]}
    if found:
        member.notes.append(f"{member.name} has fields that are not read: {', '.join(sorted(found))}")

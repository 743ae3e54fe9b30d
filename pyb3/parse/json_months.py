"""Read B3's JSON of a year: an object for each day of the month, with a value for each month."""

from __future__ import annotations

import re
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from functools import partial
from typing import Any

import polars as pl

from ..errors import FieldInvalid, FileError
from ..template import Format, Template
from .archive import Member
from .json_document import read_document, records, shown, text_of, typed_in_its_language
from .rejects import LINE, set_aside
from .typed import Notation

_MONTHS = range(1, 13)


def read_json_months(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the days of a year that have a value, in order, as one typed frame; nothing where B3 has none.

    The year is the one B3 was asked for: the answer does not say it. Options: `records`, the name of the list, `day`
    and `value`, the names in its objects (the month's number follows `value`); `lowest` and `highest`, the objects
    with each month's extremes: where they are not those of the days, that is noted. Places: `date` and `value`.
    Bad values are set aside in the member's rejects by 100 times the number of their object, plus their month; extremes
    count as objects after the list's. Raises FileError, FieldInvalid.
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
    cells = [*_days(where, int(year), rows, options, member), *_extremes(document, options, member)]
    _note_strangers(member, document, rows, options)
    columns = {place: field for field, place in template.columns(form.name).items()}

    def texts(notation: Notation) -> pl.DataFrame:
        text = [text_of(cell.value, notation, f"{name}, {options['value']}") for cell in cells]
        return pl.DataFrame({columns["value"]: text}, schema={columns["value"]: pl.String})

    known = {cell.number: cell for cell in cells}
    member.rejects.text = lambda number: shown(known[number].value)
    lines = pl.Series(list(known), dtype=pl.Int64)
    # A value that cannot be read leaves nothing of its row.
    field = replace(template.field(columns["value"]), nullable=False)
    values = typed_in_its_language(member, texts, [field], where, lines)
    cells = [known[number] for number in values[LINE]]
    dates = pl.Series(columns["date"], [cell.day for cell in cells], dtype=pl.Date)
    frame = values.select(dates, pl.all()).filter(dates.is_not_null())
    _compare(member, frame, [cell for cell in cells if cell.day is None], values.filter(dates.is_null()), options)
    if frame.height:
        yield frame


@dataclass(frozen=True, slots=True)
class _Cell:
    """A value: of a day, or of a month's extreme, whose name is its kind."""

    number: int
    month: int
    value: Any
    day: date | None = None
    kind: str = ""


def _blank(cell: Any) -> bool:
    return cell is None or (isinstance(cell, str) and not cell.strip())


def _days(
    where: str, year: int, rows: Mapping[int, Mapping[str, Any]], options: Mapping[str, Any], member: Member
) -> Iterator[_Cell]:
    """Values in the order of their days, where there is one: B3 writes null where there was no session."""
    by_day: dict[int, int] = {}
    for number, row in rows.items():
        try:
            by_day[_day(where, number, row, options, by_day)] = number
        except FileError as error:
            set_aside(member.rejects, 100 * number, error, partial(shown, row))
    for month in _MONTHS:
        for day, number in sorted(by_day.items()):
            value = rows[number].get(f"{options['value']}{month}")
            if not _blank(value):
                try:
                    found = _date(where, year, month, day, options, value)
                    yield _Cell(100 * number + month, month, _single(value, where, options), found)
                except FileError as error:
                    set_aside(member.rejects, 100 * number + month, error, partial(shown, value))


def _extremes(document: Mapping[str, Any], options: Mapping[str, Any], member: Member) -> Iterator[_Cell]:
    after = len(document[options["records"]]) + 1
    for number, kind in enumerate((options["lowest"], options["highest"]), after):
        extremes = _object(member.name, document, kind)
        for month in _MONTHS:
            value = extremes.get(f"{options['value']}{month}")
            if not _blank(value):
                yield _Cell(100 * number + month, month, _single(value, member.name, options), kind=kind)


def _day(where: str, number: int, row: Mapping[str, Any], options: Mapping[str, Any], known: Container[int]) -> int:
    day = row.get(options["day"])
    if isinstance(day, str) and re.fullmatch(r"\d{1,2}", day.strip()):
        day = int(day)
    if not isinstance(day, int) or isinstance(day, bool) or not 1 <= day <= 31:
        raise FieldInvalid(where, number, options["day"], str(day), "a day of the month")
    if day in known:
        raise FileError(f"{where}: day {day} stands there twice")
    return day


def _single(value: Any, where: str, options: Mapping[str, Any]) -> Any:
    """The value, which must be a single one. Raises FileError."""
    text_of(value, Notation(), f"{where}, {options['value']}")
    return value


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
    extremes: Sequence[_Cell],
    values: pl.DataFrame,
    options: Mapping[str, Any],
) -> None:
    """Note where a month's extremes are not those of its days: B3 may have corrected one without the other."""
    date_column, value_column, *_ = frame.columns
    for extreme, said in zip(extremes, values.to_series(), strict=True):
        days = frame.filter(pl.col(date_column).dt.month() == extreme.month)[value_column]
        seen = days.min() if extreme.kind == options["lowest"] else days.max()
        if seen != said:
            told = f"{extreme.kind} of month {extreme.month} is {said}, that of its days {seen!s}"
            member.notes.append(f"{member.name}: {told}")


def _note_strangers(
    member: Member, document: Mapping[str, Any], rows: Mapping[int, Mapping[str, Any]], options: Mapping[str, Any]
) -> None:
    known = {options["day"], *(f"{options['value']}{month}" for month in _MONTHS)}
    found = {f"{options['records']}/{key}" for row in rows.values() for key in row if key not in known}
    found |= document.keys() - {options["records"], options["lowest"], options["highest"]}
    if found:
        member.notes.append(f"{member.name} has fields that are not read: {', '.join(sorted(found))}")

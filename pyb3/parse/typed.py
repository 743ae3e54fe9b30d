"""From text columns to the template's types, exactly; a value that does not parse is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

import polars as pl

from ..errors import FieldInvalid
from ..template import Field, Template, dtype
from .rejects import Rejects, located

_TRUTH = {"true": True, "false": False, "Y": True, "N": False, "S": True, "1": True, "0": False}
_DIGITS = {"%Y": "[0-9]{4}", "%y": "[0-9]{2}", "%m": "[0-9]{2}", "%d": "[0-9]{2}"}


def schema(template: Template) -> dict[str, pl.DataType]:
    """Column names and Polars types of a template's frame, in order."""
    return {field.name: dtype(field) for field in template.fields}


@dataclass(frozen=True, slots=True)
class Notation:
    """How a format writes numbers and dates.

    `decimal` is the decimal mark, or "" where decimals are implied by position; `thousands` the grouping mark;
    `date` a strftime pattern.
    """

    decimal: str = "."
    thousands: str = ""
    date: str = "%Y-%m-%d"


def typed(
    text: pl.DataFrame,
    fields: Iterable[Field],
    notation: Notation,
    file: str,
    lines: pl.Series,
    rejects: Rejects | None = None,
) -> pl.DataFrame:
    """Cast text columns (named as the fields, blanks already null) to their types.

    Raises FieldInvalid with the line (from `lines`) of the first value that does not fit its field. With `rejects`
    rows with such values are set aside, and the others come with their lines.
    """
    fields = list(fields)
    wrong: dict[int, FieldInvalid] = {}

    def refuse(field: Field, condition: pl.Expr, expected: str) -> None:
        """Raise the error for the first of a field's wrong values, or remember them all."""
        for row in text.select(condition.fill_null(False)).to_series().arg_true():
            error = FieldInvalid(file, int(lines[row]), field.b3, text[field.name][row] or "", expected)
            if rejects is None:
                raise error
            wrong.setdefault(row, error)

    frame = text.select(_cast(field, notation).alias(field.name) for field in fields)
    blanks, nulls = text.null_count().row(0, named=True), frame.null_count().row(0, named=True)
    texts = [field.name for field in fields if field.type == "text"]
    with_nul = text.select(pl.col(texts).str.contains("\0", literal=True).any()).row(0, named=True) if texts else {}
    for field in fields:
        if blanks[field.name] and not field.nullable:
            refuse(field, pl.col(field.name).is_null(), "allowed to be blank")
        if with_nul.get(field.name):
            refuse(field, pl.col(field.name).str.contains("\0", literal=True), "text: it holds a NUL")
        if nulls[field.name] > blanks[field.name]:  # some value is not what its cast can read
            column = text.select(_spelled(field, notation)).to_series()
            if column.null_count() > blanks[field.name]:
                unread = pl.col(field.name).is_not_null() & pl.lit(column).is_null()
                refuse(field, unread, _expected(field, notation))
            frame = frame.with_columns(column.alias(field.name))
    if rejects is None:
        return frame
    for row, error in sorted(wrong.items()):
        rejects.add(int(lines[row]), error.reason, error.field)
    good = pl.Series([row not in wrong for row in range(frame.height)], dtype=pl.Boolean)
    return located(frame, lines).filter(good)


def _expected(field: Field, notation: Notation) -> str:
    number = f"a number of {field.decimals} decimals" if notation.decimal else "a number"
    return {"integer": "a whole number", "decimal": number, "date": "a date", "boolean": "a truth value"}[field.type]


def _cast(field: Field, notation: Notation) -> pl.Expr:
    """The value as its type, null where it is none: `typed` looks for those."""
    column = pl.col(field.name)
    match field.type:
        case "integer":
            return _ungrouped(column, notation).cast(pl.Int64, strict=False)
        case "decimal" if not notation.decimal:
            # Up to 18 digits, which is nearly all there is: units first, then Decimal times Decimal, which is exact.
            unit = pl.lit(Decimal((0, (1,), -field.decimals)))
            units = column.cast(pl.Int64, strict=False).cast(pl.Decimal(38, 0))
            return (units * unit).cast(pl.Decimal(38, field.decimals))
        case "decimal":  # the cast alone would round, and read an exponent
            mark = re.escape(notation.decimal)
            plain = _ungrouped(column, notation)
            number = plain.str.contains(rf"^[+-]?[0-9]{{1,25}}({mark}[0-9]{{0,{field.decimals}}}0*)?$")
            value = plain.str.replace(notation.decimal, ".", literal=True)
            return pl.when(number).then(value).cast(pl.Decimal(38, field.decimals), strict=False)
        case "date":
            # Every digit too: 2024013 and "2024 1 3" would be read as 3 January, -024 as a year before Christ.
            parts = re.sub("%.", lambda part: _DIGITS.get(part[0], ".+"), re.escape(notation.date))
            whole = column.str.contains(f"^{parts}$")
            # Null where it is no day of the calendar: `typed` names such a value.
            value = pl.when(whole).then(column).str.to_date(notation.date, strict=False)
            return pl.when(value >= date.min).then(value)
        case "boolean":
            return column.replace_strict(_TRUTH, default=None, return_dtype=pl.Boolean)
        case _:
            return column


def _spelled(field: Field, notation: Notation) -> pl.Expr:
    """The same for implied decimals of any length, by way of text."""
    if field.type != "decimal" or notation.decimal:
        return _cast(field, notation)
    column = pl.col(field.name)
    sign = column.str.extract(r"^([+-])").fill_null("")
    digits = column.str.strip_chars_start("+-").str.zfill(field.decimals + 1)
    whole, fraction = digits.str.head(-field.decimals), digits.str.tail(field.decimals)
    text = pl.concat_str(sign, whole, pl.lit("."), fraction) if field.decimals else column
    number = column.str.contains(r"^[+-]?[0-9]{1,29}$")
    return pl.when(number).then(text).cast(pl.Decimal(38, field.decimals), strict=False)


def _ungrouped(column: pl.Expr, notation: Notation) -> pl.Expr:
    """Digits without their grouping marks, which must stand between groups of three."""
    if not notation.thousands:
        return column
    mark = "\\" + notation.thousands
    grouped = column.str.contains(rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})*(\{notation.decimal or '.'}[0-9]*)?$")
    plain = column.str.replace_all(notation.thousands, "", literal=True)
    return pl.when(grouped).then(plain).otherwise(column)

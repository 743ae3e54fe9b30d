"""From text columns to the template's types, exactly; a value that does not parse is named."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import polars as pl

from ..errors import FieldInvalid
from ..template import Field, Template

_TRUTH = {"true": True, "false": False, "Y": True, "N": False, "S": True, "1": True, "0": False}


def dtype(field: Field) -> pl.DataType:
    """The Polars type of a field: String, Int64, Decimal(38, decimals), Date or Boolean."""
    match field.type:
        case "integer":
            return pl.Int64()
        case "decimal":
            return pl.Decimal(38, field.decimals)
        case "date":
            return pl.Date()
        case "boolean":
            return pl.Boolean()
        case _:
            return pl.String()


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


def typed(text: pl.DataFrame, fields: Iterable[Field], notation: Notation, file: str, lines: pl.Series) -> pl.DataFrame:
    """Cast text columns (named as the fields, blanks already null) to their types.

    Raises FieldInvalid with the line (from `lines`) of the first value that does not fit its field.
    """
    fields = list(fields)
    checks = [
        check.any().alias(f"{number}/{kind}")
        for number, field in enumerate(fields)
        for kind, check in _wrong(field, notation).items()
    ]
    found = text.select(checks).row(0) if checks and text.height else ()
    for check, wrong in zip(checks, found, strict=bool(found)):
        if wrong:
            number, kind = check.meta.output_name().split("/")
            field = fields[int(number)]
            column = text[field.name]
            where = text.select(_wrong(field, notation)[kind]).to_series().fill_null(False).arg_max()
            raise FieldInvalid(file, int(lines[where or 0]), field.b3, column[where or 0] or "", kind)
    frame = text.select(_cast(field, notation).alias(field.name) for field in fields)
    for field in fields:
        if field.type == "date" and frame[field.name].null_count() > text[field.name].null_count():
            where = (frame[field.name].is_null() & text[field.name].is_not_null()).arg_max() or 0
            raise FieldInvalid(file, int(lines[where]), field.b3, text[field.name][where], "a date")
    return frame


def _wrong(field: Field, notation: Notation) -> dict[str, pl.Expr]:
    """What must not be, by what the value should have been."""
    column, wrong = pl.col(field.name), {}
    if not field.nullable:
        wrong["allowed to be blank"] = column.is_null()
    match field.type:
        case "integer":
            wrong["a whole number"] = ~_ungrouped(column, notation).str.contains(r"^[+-]?\d{1,18}$")
        case "decimal" if not notation.decimal:
            wrong["a number"] = ~column.str.contains(r"^[+-]?\d{1,29}$")
        case "decimal":
            mark = "\\" + notation.decimal
            pattern = rf"^[+-]?\d{{1,25}}({mark}\d{{0,{field.decimals}}}0*)?$"
            wrong[f"a number of {field.decimals} decimals"] = ~_ungrouped(column, notation).str.contains(pattern)
        case "boolean":
            wrong["a truth value"] = ~column.is_in(list(_TRUTH))
        case "text":
            wrong["text: it holds a NUL"] = column.str.contains("\0", literal=True)
    return wrong


def _ungrouped(column: pl.Expr, notation: Notation) -> pl.Expr:
    """Digits without their grouping marks, which must stand between groups of three."""
    if not notation.thousands:
        return column
    mark = "\\" + notation.thousands
    grouped = column.str.contains(rf"^[+-]?\d{{1,3}}({mark}\d{{3}})*(\{notation.decimal or '.'}\d*)?$")
    plain = column.str.replace_all(notation.thousands, "", literal=True)
    return pl.when(grouped).then(plain).otherwise(column)


def _cast(field: Field, notation: Notation) -> pl.Expr:
    column = pl.col(field.name)
    match field.type:
        case "decimal" if not notation.decimal:
            sign = column.str.extract(r"^([+-])").fill_null("")
            digits = column.str.strip_chars_start("+-").str.zfill(field.decimals + 1)
            text = pl.concat_str(sign, digits.str.head(-field.decimals), pl.lit("."), digits.str.tail(field.decimals))
            return text.cast(pl.Decimal(38, field.decimals))
        case "decimal":
            plain = _ungrouped(column, notation).str.replace(notation.decimal, ".", literal=True)
            return plain.cast(pl.Decimal(38, field.decimals))
        case "date":
            # strict=False: typed() looks for what came out null and names it with its line.
            return column.str.to_date(notation.date, strict=False)
        case "integer":
            return _ungrouped(column, notation).cast(pl.Int64)
        case "boolean":
            return column.replace_strict(_TRUTH, return_dtype=pl.Boolean)
        case _:
            return column

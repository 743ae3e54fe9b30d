"""From text columns to the template's types, exactly; a value that does not parse is named."""

from __future__ import annotations

import polars as pl

from ..errors import FieldInvalid
from ..template import Field, Template


def dtype(field: Field) -> pl.DataType:
    """The Polars type of a field: String, Int64, Decimal(38, decimals) or Date."""
    match field.type:
        case "integer":
            return pl.Int64()
        case "decimal":
            return pl.Decimal(38, field.decimals)
        case "date":
            return pl.Date()
        case _:
            return pl.String()


def schema(template: Template) -> dict[str, pl.DataType]:
    """Column names and Polars types of a template's frame, in order."""
    return {field.name: dtype(field) for field in template.fields}


def typed(text: pl.DataFrame, fields: list[Field], file: str, lines: pl.Series, implied: bool) -> pl.DataFrame:
    """Cast text columns (named as the fields) to their types.

    `implied` says whether decimals are implied by position (fixed width) or written with a point (XML).
    Raises FieldInvalid with the line (from `lines`) of the first value that does not fit its field.
    """
    for field in fields:
        _check(text[field.name], field, file, lines, implied)
    frame = text.select(_cast(field, implied).alias(field.name) for field in fields)
    for field in fields:
        if field.type == "date":
            bad = frame[field.name].is_null() & text[field.name].is_not_null()
            _refuse(bad, text[field.name], field, file, lines, "a date")
    return frame


def _pattern(field: Field, implied: bool) -> tuple[str, str] | None:
    match field.type:
        case "integer":
            return r"^[+-]?\d{1,18}$", "a whole number"
        case "decimal" if implied:
            return r"^\d{1,29}$", "a number"
        case "decimal":
            return rf"^[+-]?\d{{1,25}}(\.\d{{0,{field.decimals}}}0*)?$", f"a number of {field.decimals} decimals"
        case "date":
            return r"^\d{4}-?\d{2}-?\d{2}$", "a date"
        case _:
            return None


def _check(column: pl.Series, field: Field, file: str, lines: pl.Series, implied: bool) -> None:
    if not field.nullable:
        _refuse(column.is_null(), column, field, file, lines, "allowed to be blank")
    if expected := _pattern(field, implied):
        pattern, words = expected
        _refuse(~column.str.contains(pattern).fill_null(True), column, field, file, lines, words)


def _refuse(bad: pl.Series, column: pl.Series, field: Field, file: str, lines: pl.Series, words: str) -> None:
    index = bad.arg_max() if bad.any() else None
    if index is not None:
        raise FieldInvalid(file, int(lines[index]), field.b3, column[index] or "", words)


def _cast(field: Field, implied: bool) -> pl.Expr:
    column = pl.col(field.name)
    match field.type:
        case "decimal" if implied:
            padded = column.str.zfill(field.decimals + 1)
            text = pl.concat_str(padded.str.head(-field.decimals), pl.lit("."), padded.str.tail(field.decimals))
            return text.cast(pl.Decimal(38, field.decimals))
        case "decimal":
            return column.cast(pl.Decimal(38, field.decimals))
        case "date":
            # strict=False: typed() looks for what came out null and names it with its line.
            return column.str.replace_all("-", "").str.to_date("%Y%m%d", strict=False)
        case "integer":
            return column.cast(pl.Int64)
        case _:
            return column

"""From text columns to the template's types, exactly; a value that does not parse is named."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from dataclasses import field as dataclass_field
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl

from ..errors import FieldInvalid
from ..template import Field, Template, dtype
from .rejects import Rejects, located

_TRUTH = {
    word: truth
    for words, truth in ((("true", "y", "s", "sim", "1"), True), (("false", "n", "não", "nao", "0"), False))
    for spelled in words
    for word in (spelled, spelled.upper(), spelled.capitalize())
}
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
    rejects: Rejects,
) -> pl.DataFrame:
    """Cast text columns (named as the fields, blanks already null) to their types; rows come with their `lines`.

    A value that does not fit its field is set aside and NULL, or its whole row is where the field may not be NULL. What
    loses nothing is read and counted as a remark: texts that the field's `nulls` names, a NUL in a text, decimals
    beyond the field's, which are rounded half to even. Raises FieldInvalid for the first value that does not fit where
    `rejects` is strict, NULs and rounding included.
    """
    fields = list(fields)
    frame = text.select(_cast(field, notation).alias(field.name) for field in fields)
    blanks, nulls = text.null_count().row(0, named=True), frame.null_count().row(0, named=True)
    rejects.count_values({field.b3: found for field in fields if (found := text.height - blanks[field.name])})
    batch = _Batch(text, notation, file, lines, rejects)
    texts = [field.name for field in fields if field.type == "text"]
    with_nul = text.select(pl.col(texts).str.contains("\0", literal=True).any()).row(0, named=True) if texts else {}
    for field in fields:
        if blanks[field.name] and not field.nullable:
            batch.refuse(field, text[field.name].is_null().arg_true(), "allowed to be blank")
        if with_nul.get(field.name):
            frame = frame.with_columns(batch.without_nul(field))
        if nulls[field.name] > blanks[field.name]:  # some value is not what its cast can read
            column = text.select(_spelled(field, notation)).to_series()
            if column.null_count() > blanks[field.name]:
                column = batch.mended(field, column)
            frame = frame.with_columns(column.alias(field.name))
    return batch.good(located(frame, lines))


@dataclass(slots=True)
class _Batch:
    """Texts that are being cast, and the rows of them that cannot be loaded."""

    text: pl.DataFrame
    notation: Notation
    file: str
    lines: pl.Series
    rejects: Rejects
    wrong: dict[int, FieldInvalid] = dataclass_field(default_factory=dict)

    def good(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows of a frame that can be loaded; the others are set aside."""
        if not self.wrong:
            return frame
        for row, error in sorted(self.wrong.items()):
            self.rejects.add(int(self.lines[row]), error.reason, error.field)
        return frame.filter(pl.Series([row not in self.wrong for row in range(frame.height)], dtype=pl.Boolean))

    def refuse(self, field: Field, rows: Iterable[int], expected: str) -> None:
        """Remember rows that cannot be loaded. Raises the error of the first where nothing may be set aside."""
        for row in rows:
            error = self._error(field, row, expected)
            if self.rejects.strict:
                raise error
            self.wrong.setdefault(row, error)

    def mended(self, field: Field, column: pl.Series) -> pl.Series:
        """A column with what can be said of texts that its cast could not read: a value, NULL, or a bad row."""
        text = self.text[field.name]
        nulls = re.compile(field.nulls, re.DOTALL) if field.nulls else None
        values: dict[int, object] = {}
        for row in (text.is_not_null() & column.is_null()).arg_true():
            written, line = text[row], int(self.lines[row])
            if nulls is not None and nulls.fullmatch(written):
                self.rejects.remark(field.b3, "a text for no value", line, written)
                if field.blank is not None:
                    values[row] = int(field.blank) if field.type == "integer" else field.blank
                elif not field.nullable:
                    self.refuse(field, [row], "allowed to be blank")
            elif (day := _long_year(field, self.notation, written)) is not None:
                self.rejects.remark(field.b3, "a year of four digits", line, written)
                values[row] = day
            elif not self.rejects.strict and (rounded := _rounded(field, self.notation, written)) is not None:
                self.rejects.remark(field.b3, f"more than {field.decimals} decimals, rounded", line, written)
                values[row] = rounded
            elif field.nullable:
                self.rejects.add_value(line, self._error(field, row, _expected(field, self.notation)))
            else:
                self.refuse(field, [row], _expected(field, self.notation))
        if not values:
            return column
        instead = pl.Series("instead", [values.get(row) for row in range(len(column))], dtype=column.dtype)
        return pl.select(pl.coalesce(column, instead).alias(field.name)).to_series()

    def without_nul(self, field: Field) -> pl.Series:
        """A text column whose NULs are read as blanks: PostgreSQL has no text with one, and B3 pads with blanks."""
        text = self.text[field.name]
        rows = text.str.contains("\0", literal=True).fill_null(False).arg_true()
        if self.rejects.strict:
            self.refuse(field, rows, "text: it holds a NUL")
        for row in rows:
            self.rejects.remark(field.b3, "a NUL is read as a blank", int(self.lines[row]), text[row])
        plain = text.str.replace_all("\0", " ", literal=True).str.strip_chars(" ")
        if not field.nullable:
            self.refuse(field, (plain == "").fill_null(False).arg_true(), "allowed to be blank")
        return plain.replace("", field.blank)

    def _error(self, field: Field, row: int, expected: str) -> FieldInvalid:
        return FieldInvalid(self.file, int(self.lines[row]), field.b3, self.text[field.name][row] or "", expected)


def _long_year(field: Field, notation: Notation, written: str) -> date | None:
    """A date whose year has four digits where the notation has two; None where it is another thing."""
    if field.type != "date" or "%y" not in notation.date or not re.search("[0-9]{4}", written):
        return None
    try:
        return datetime.strptime(written, notation.date.replace("%y", "%Y")).date()
    except ValueError:
        return None


def _rounded(field: Field, notation: Notation, written: str) -> Decimal | None:
    """A decimal that has more decimals than its field, rounded half to even; None where it is another thing."""
    if field.type != "decimal" or not notation.decimal:
        return None
    if notation.thousands and not _is_grouped(written, notation):
        return None
    plain = written.replace(notation.thousands, "") if notation.thousands else written
    found = re.fullmatch(rf"([+-]?[0-9]{{1,25}}){re.escape(notation.decimal)}([0-9]{{1,40}})", plain)
    if found is None:
        return None
    places = Decimal(1).scaleb(-field.decimals)
    return Decimal(f"{found[1]}.{found[2]}").quantize(places, ROUND_HALF_EVEN, Context(prec=80))


def _expected(field: Field, notation: Notation) -> str:
    number = f"a number of {field.decimals} decimals" if notation.decimal else "a number"
    return {"integer": "a whole number", "decimal": number, "date": "a date", "boolean": "a truth value"}[field.type]


def _cast(field: Field, notation: Notation) -> pl.Expr:
    """The value as its type, null where it is none: `typed` looks for those."""
    column = pl.col(field.name)
    match field.type:
        case "integer":  # B3's catalogue gives quantities eight decimals; a whole number may end in .00000000
            plain = _ungrouped(column, notation)
            if notation.decimal:
                plain = plain.str.replace(rf"^([+-]?[0-9]+){re.escape(notation.decimal)}0*$", "$1")
            return plain.cast(pl.Int64, strict=False)  # null where it is not one: `typed` looks for those
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
            if field.nulls:  # 0001-01-01 is a date too
                whole &= ~column.str.contains(f"^(?:{field.nulls})$")
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
    plain = column.str.replace_all(notation.thousands, "", literal=True)
    return pl.when(column.str.contains(_grouping(notation))).then(plain).otherwise(column)


def _is_grouped(text: str, notation: Notation) -> bool:
    return re.search(_grouping(notation), text) is not None


def _grouping(notation: Notation) -> str:
    mark = "\\" + notation.thousands
    return rf"^[+-]?[0-9]{{1,3}}({mark}[0-9]{{3}})*(\{notation.decimal or '.'}[0-9]*)?$"

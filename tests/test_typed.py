"""Text becomes a type exactly, or is set aside with its address: NULL where the field may be, else without its row."""

from __future__ import annotations

from datetime import date
from decimal import ROUND_HALF_EVEN, Context, Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.errors import FieldInvalid
from pyb3.parse.rejects import LINE, Rejects
from pyb3.parse.typed import Notation, typed
from pyb3.template import Field

IMPLIED, POINT, COMMA = Notation(decimal="", date="%Y%m%d"), Notation(), Notation(decimal=",", thousands=".")
ODD = st.text("0123456789+-.,eE_ x٣", max_size=12)


def cast(text: str | None, field: Field, notation: Notation, rejects: Rejects) -> pl.DataFrame:
    """A value among good ones, as the second row on line 12."""
    good = {"text": "A", "integer": "1", "decimal": "1", "boolean": "true", "date": "20240115"}[field.type]
    if field.type == "date" and notation is not IMPLIED:
        good = "2024-01-15"
    frame = pl.DataFrame({"value": [good, text, good]}, schema={"value": pl.String})
    return typed(frame, [field], notation, "x.TXT", pl.Series([11, 12, 14]), rejects)


def one(text: str | None, kind: str, notation: Notation = IMPLIED, decimals: int = 0, nullable: bool = True):  # noqa: ANN202
    """The value where nothing may be set aside."""
    field = Field("value", "B3NAME", kind, "", {}, decimals, nullable)
    return cast(text, field, notation, Rejects("x.TXT", strict=True))["value"][1]


@given(st.integers(-(10**29) + 1, 10**29 - 1), st.sampled_from((0, 2, 6, 7, 9)))
def test_implied_decimals_are_exact_at_any_length(units: int, decimals: int) -> None:
    assert one(str(units), "decimal", decimals=decimals) == Decimal(f"{units}e-{decimals}")
    assert one(f"{abs(units):029}", "decimal", decimals=decimals) == Decimal(f"{abs(units)}e-{decimals}")


@given(st.integers(-(10**24), 10**24), st.integers(0, 10**9 - 1))
def test_decimals_with_a_mark_are_exact(whole: int, fraction: int) -> None:
    wanted = Decimal(f"{whole}.{fraction:09}")
    assert one(f"{whole}.{fraction:09}", "decimal", POINT, 9) == wanted
    assert one(f"{whole:,}".replace(",", ".") + f",{fraction:09}", "decimal", COMMA, 9) == wanted


@given(st.integers(-(2**63), 2**63 - 1))
def test_whole_numbers_are_exact(number: int) -> None:
    assert one(str(number), "integer") == number


@given(st.dates(date(1900, 1, 1)))
def test_dates_are_exact(day: date) -> None:
    assert one(f"{day.year:04}{day:%m%d}", "date") == day


@given(ODD)
def test_odd_text_is_a_whole_number_or_an_error(text: str) -> None:
    body = text[1:] if text[:1] in ("+", "-") else text
    if body.isascii() and body.isdigit():
        assert one(text, "integer") == int(text)
    else:
        with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* is not a whole number"):
            one(text, "integer")


@given(ODD)
def test_odd_text_is_an_implied_decimal_or_an_error(text: str) -> None:
    body = text[1:] if text[:1] in ("+", "-") else text
    if body.isascii() and body.isdigit():
        assert one(text, "decimal", decimals=2) == Decimal(f"{text}e-2")
    else:
        with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* is not a number"):
            one(text, "decimal", decimals=2)


@given(ODD)
def test_odd_text_is_never_rounded_nor_read_as_an_exponent(text: str) -> None:
    body = text[1:] if text[:1] in ("+", "-") else text
    whole, _, fraction = body.partition(".")
    digits = whole.isascii() and whole.isdigit() and (fraction == "" or fraction.isascii() and fraction.isdigit())
    if digits and fraction[2:].strip("0") == "":
        assert one(text, "decimal", POINT, 2) == Decimal(text.rstrip("."))
    else:
        with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* is not a number of 2 decimals"):
            one(text, "decimal", POINT, 2)


@pytest.mark.parametrize("kind", ["text", "integer", "decimal", "date", "boolean"])
def test_a_blank_is_null_or_an_error_where_it_may_not_be(kind: str) -> None:
    assert one(None, kind) is None
    with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* is not allowed to be blank"):
        one(None, kind, nullable=False)


@pytest.mark.parametrize("text", ["20240230", "2024013", "0", "99999999", "2024-1-1", " 20240115"])
def test_what_is_no_date_is_an_error(text: str) -> None:
    with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* is not a date"):
        one(text, "date")


@pytest.mark.parametrize("text", ["", "T", "yes", "2", "on", "verdade"])
def test_what_is_no_truth_value_is_an_error(text: str) -> None:
    with pytest.raises(FieldInvalid, match="is not a truth value"):
        one(text, "boolean")


@pytest.mark.parametrize(
    ("texts", "truth"),
    [
        ("true True TRUE y Y s S sim Sim SIM 1", True),
        ("false False FALSE n N não Não NÃO nao Nao NAO 0", False),
    ],
)
def test_a_truth_value_is_read_in_english_and_in_portuguese(texts: str, truth: bool) -> None:
    for text in texts.split():
        assert one(text, "boolean") is truth


def test_a_nul_in_a_text_is_an_error_where_nothing_may_be_odd() -> None:
    with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* holds a NUL"):
        one("A\0B", "text")


BAD = {"integer": "1O", "decimal": "1,5.0", "date": "20240230", "boolean": "talvez"}
EXPECTED = {"integer": "a whole number", "decimal": "a number", "date": "a date", "boolean": "a truth value"}


@pytest.mark.parametrize("kind", BAD)
def test_an_odd_value_is_null_and_set_aside_with_line_field_and_text(kind: str) -> None:
    rejects = Rejects("x.TXT")
    rejects.text = {12: "the whole line"}.__getitem__
    field = Field("value", "B3NAME", kind, "", {})
    frame = cast(BAD[kind], field, IMPLIED, rejects)
    assert frame["value"].is_null().to_list() == [False, True, False]
    assert frame[LINE].to_list() == [11, 12, 14]
    (record,) = rejects.records
    assert (record.file, record.line, record.field, record.record) == ("x.TXT", 12, "B3NAME", "the whole line")
    assert record.loaded and record.reason == f'"{BAD[kind]}" is not {EXPECTED[kind]}'
    assert (rejects.rows, rejects.values, rejects.partial) == (0, 1, True)


@pytest.mark.parametrize("kind", [*BAD, "blank"])
def test_a_record_without_a_value_that_it_must_have_is_set_aside(kind: str) -> None:
    rejects = Rejects("x.TXT")
    rejects.text = {12: "the whole line"}.__getitem__
    field = Field("value", "B3NAME", "integer" if kind == "blank" else kind, "", {}, nullable=False)
    frame = cast(BAD.get(kind), field, IMPLIED, rejects)
    assert frame[LINE].to_list() == [11, 14] and not frame["value"].null_count()
    (record,) = rejects.records
    assert (record.line, record.field, record.record, record.loaded) == (12, "B3NAME", "the whole line", False)
    assert (rejects.rows, rejects.values, rejects.partial) == (1, 0, True)


def test_a_record_with_a_bad_value_and_an_odd_one_is_set_aside_for_the_bad_one() -> None:
    rejects = Rejects("x.TXT")
    fields = [Field("odd", "ODD", "integer", "", {}), Field("bad", "BAD", "integer", "", {}, nullable=False)]
    text = pl.DataFrame({"odd": ["1", "x", "3"], "bad": ["1", "y", "3"]})
    frame = typed(text, fields, IMPLIED, "x.TXT", pl.Series([1, 2, 3]), rejects)
    assert frame.rows() == [(1, 1, 1), (3, 3, 3)]
    assert rejects.rows == 1
    assert [(record.line, record.field) for record in rejects.records if not record.loaded] == [(2, "BAD")]


def _remarks(rejects: Rejects) -> list[str]:
    """The remarks; nothing is set aside."""
    assert not rejects.partial and rejects.records == []
    return list(rejects.remarks())


@pytest.mark.parametrize(
    ("kind", "nulls", "text", "blank", "value"),
    [
        ("date", "0+", "00000000", None, None),
        ("integer", "[\\0-\x1f ]+", "\0\x0f", "0", 0),
        ("integer", "-", "-", None, None),
        ("decimal", "-|N/D", "N/D", None, None),
    ],
)
def test_a_text_that_stands_for_no_value_is_remarked_and_not_set_aside(
    kind: str, nulls: str, text: str, blank: str | None, value: object
) -> None:
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", kind, "", {}, nulls=nulls, blank=blank)
    assert cast(text, field, IMPLIED, rejects)["value"][1] == value
    assert _remarks(rejects) == [f"x.TXT, field B3NAME: a text for no value (once, first line 12: {ascii(text)})"]
    assert cast(text, field, IMPLIED, Rejects("x.TXT", strict=True))["value"][1] == value, "B3 writes it so"


def test_a_text_that_stands_for_no_value_is_no_value_of_a_field_that_must_have_one() -> None:
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", "date", "", {}, nullable=False, nulls="0+")
    assert cast("00000000", field, IMPLIED, rejects)[LINE].to_list() == [11, 14]
    assert [(record.line, record.loaded) for record in rejects.records] == [(12, False)]


def test_nuls_in_a_text_are_read_as_blanks_and_remarked() -> None:
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", "text", "", {})
    assert cast("\0A\0B\0 ", field, IMPLIED, rejects)["value"].to_list() == ["A", "A B", "A"]
    (told,) = _remarks(rejects)
    assert told.startswith("x.TXT, field B3NAME: a NUL is read as a blank (once, first line 12: ")
    assert cast("\0\0", field, IMPLIED, Rejects())["value"].to_list() == ["A", None, "A"]


def test_a_text_of_nuls_alone_is_blank_where_it_may_not_be() -> None:
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", "text", "", {}, nullable=False)
    assert cast("\0\0", field, IMPLIED, rejects)[LINE].to_list() == [11, 14]
    (record,) = rejects.records
    assert record.reason.endswith("is not allowed to be blank")


@given(
    units=st.integers(-(10**20), 10**20), extra=st.integers(0, 10**8 - 1), decimals=st.integers(0, 9),
    comma=st.booleans(),
)  # fmt: skip
def test_decimals_beyond_the_columns_are_rounded_half_to_even_and_remarked(
    units: int, extra: int, decimals: int, comma: bool
) -> None:
    exact = Decimal(f"{units}e-{decimals}") + (1 if units >= 0 else -1) * Decimal(f"{extra}e-{decimals + 8}")
    notation = COMMA if comma else POINT
    text = f"{exact:,.{decimals + 8}f}"
    text = text.translate(str.maketrans(",.", ".,")) if comma else text.replace(",", "")
    wanted = exact.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_EVEN, Context(prec=80))
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", "decimal", "", {}, decimals)
    assert cast(text, field, notation, rejects)["value"][1] == wanted
    told = _remarks(rejects)
    assert told == ([] if extra == 0 else [
        f"x.TXT, field B3NAME: more than {decimals} decimals, rounded (once, first line 12: {ascii(text[:40])})"
    ])  # fmt: skip
    if extra:
        with pytest.raises(FieldInvalid, match=f"line 12, field B3NAME: .* is not a number of {decimals} decimals"):
            cast(text, field, notation, Rejects("x.TXT", strict=True))


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.125", "0.12"), ("0.135", "0.14"), ("-0.125", "-0.12"), ("0.1250000001", "0.13"), ("0.115", "0.12")],
)
def test_a_half_is_rounded_to_the_even_digit(text: str, value: str) -> None:
    field = Field("value", "B3NAME", "decimal", "", {}, 2)
    assert cast(text, field, POINT, Rejects())["value"][1] == Decimal(value)


@given(st.integers(-(2**63), 2**63 - 1), st.integers(0, 12), st.booleans())
def test_a_whole_number_may_end_in_zeros_behind_the_mark(number: int, zeros: int, comma: bool) -> None:
    notation, mark = (COMMA, ",") if comma else (POINT, ".")
    assert one(f"{number}{mark}{'0' * zeros}", "integer", notation) == number
    with pytest.raises(FieldInvalid, match="is not a whole number"):
        one(f"{number}{mark}{'0' * zeros}1", "integer", notation)


@given(st.lists(st.none() | st.integers(0, 99) | st.sampled_from(["x", "1O", "-", ""]), max_size=30))
def test_exactly_the_odd_values_are_null_and_set_aside(values: list[int | str | None]) -> None:
    rejects = Rejects("x.TXT")
    field = Field("value", "B3NAME", "integer", "", {})
    text = pl.DataFrame({"value": [None if v is None else str(v) for v in values]}, schema={"value": pl.String})
    frame = typed(text, [field], IMPLIED, "x.TXT", pl.Series(range(5, 5 + len(values)), dtype=pl.Int64), rejects)
    assert frame["value"].to_list() == [v if isinstance(v, int) else None for v in values]
    odd = [line for line, value in enumerate(values, 5) if isinstance(value, str)]
    found = len([value for value in values if value is not None])
    assert rejects.values == len(odd)
    # A field that is odd in most of its values is named once.
    assert [record.line for record in rejects.records] == (odd[:1] if 2 * len(odd) > found else odd)

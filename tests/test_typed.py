"""Text becomes a type exactly, or is an error with an address."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.errors import FieldInvalid
from pyb3.parse.typed import Notation, typed
from pyb3.template import Field

IMPLIED, POINT, COMMA = Notation(decimal="", date="%Y%m%d"), Notation(), Notation(decimal=",", thousands=".")
ODD = st.text("0123456789+-.,eE_ x٣", max_size=12)


def one(text: str | None, kind: str, notation: Notation = IMPLIED, decimals: int = 0, nullable: bool = True):  # noqa: ANN202
    """A value among good ones, as the second row on line 12."""
    good = {"text": "A", "integer": "1", "decimal": "1", "boolean": "true", "date": "20240115"}[kind]
    if kind == "date" and notation is not IMPLIED:
        good = "2024-01-15"
    field = Field("value", "B3NAME", kind, "", {}, decimals, nullable)
    frame = pl.DataFrame({"value": [good, text]}, schema={"value": pl.String})
    return typed(frame, [field], notation, "x.TXT", pl.Series([11, 12]))["value"][1]


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


@pytest.mark.parametrize("text", ["", "T", "yes", "2", "TRUE"])
def test_what_is_no_truth_value_is_an_error(text: str) -> None:
    with pytest.raises(FieldInvalid, match="is not a truth value"):
        one(text, "boolean")


def test_a_nul_in_a_text_is_an_error() -> None:
    with pytest.raises(FieldInvalid, match="line 12, field B3NAME: .* holds a NUL"):
        one("A\0B", "text")

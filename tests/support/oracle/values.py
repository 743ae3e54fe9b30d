"""What a text means as a value of a field."""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Any

from pyb3.parse.typed import Notation
from pyb3.template import Field

from . import require

_BOOLEANS = dict.fromkeys("true True TRUE y Y s S sim Sim SIM 1".split(), True) | dict.fromkeys(
    "false False FALSE n N não Não NÃO nao Nao NAO 0".split(), False
)
_DATE_PARTS = {"%Y": "(?P<Y>[0-9]{4})", "%y": "(?P<y>[0-9]{2})", "%m": "(?P<m>[0-9]{2})", "%d": "(?P<d>[0-9]{2})"}


def value_of(field: Field, text: str | None, notation: Notation) -> Any:
    """The text, or None for a blank, as int, Decimal, date, bool or str. Raises Refused."""
    if text is not None and field.nulls and re.fullmatch(field.nulls, text, re.DOTALL):
        text = field.blank
    if text is None:
        require(field.nullable, f"{field.name} is blank")
        return None
    match field.type:
        case "integer":
            plain = _ungrouped(text, notation)
            if notation.decimal:
                plain = re.sub(rf"(?<=[0-9]){re.escape(notation.decimal)}0*$", "", plain)
            require(re.fullmatch("[+-]?[0-9]+", plain), f"{text!r} is no whole number")
            require(-(2**63) <= int(plain) < 2**63, f"{text!r} is too long")
            return int(plain)
        case "decimal":
            return _implied(field, text) if notation.decimal == "" else _decimal(field, text, notation)
        case "date":
            return _date(text, notation.date)
        case "boolean":
            require(text in _BOOLEANS, f"{text!r} is no truth value")
            return _BOOLEANS[text]
        case _:
            require("\0" not in text, "a NUL")
            return text


def _exact(negative: bool, digits: str, decimals: int) -> Decimal:
    """By its digits: no context rounds it."""
    found = digits.lstrip("0") or "0"
    require(len(found) <= 38, f"{digits} has more digits than any column")
    return Decimal((int(negative), tuple(map(int, found)), -decimals))


def _implied(field: Field, text: str) -> Decimal:
    require(re.fullmatch("[+-]?[0-9]{1,29}", text), f"{text!r} is no number")
    return _exact(text[0] == "-", text.lstrip("+-"), field.decimals)


def _decimal(field: Field, text: str, notation: Notation) -> Decimal:
    whole, mark, fraction = _ungrouped(text, notation).partition(notation.decimal)
    require(re.fullmatch("[+-]?[0-9]{1,25}", whole) and re.fullmatch("[0-9]*", fraction), f"{text!r} is no number")
    kept = fraction[: field.decimals].ljust(field.decimals, "0")
    require(fraction[field.decimals :].strip("0") == "", f"{text!r} would be rounded")
    return _exact(whole[0] == "-", whole.lstrip("+-") + kept, field.decimals)


def _ungrouped(text: str, notation: Notation) -> str:
    """Without its grouping marks, where each stands before three digits of the whole part."""
    whole, mark, fraction = text.partition(notation.decimal or ".")
    if not notation.thousands or notation.thousands not in whole:
        return text
    first, *others = whole.removeprefix("-").removeprefix("+").split(notation.thousands)
    grouped = re.fullmatch("[0-9]{1,3}", first) and all(re.fullmatch("[0-9]{3}", other) for other in others)
    require(grouped and re.fullmatch("[0-9]*", fraction), f"{text!r} is grouped in another way")
    return whole.replace(notation.thousands, "") + mark + fraction


def _date(text: str, written: str) -> date:
    found = None
    for one in (written, written.replace("%y", "%Y")):
        pattern = re.sub("%.", lambda part: _DATE_PARTS[part[0]], one)
        found = found or re.fullmatch(pattern, text)
    require(found, f"{text!r} is no date")
    assert found is not None
    parts = {name: int(digits) for name, digits in found.groupdict().items()}
    if "y" in parts:  # two digits are of 1970 to 2069
        parts["Y"] = parts["y"] + (1900 if parts["y"] >= 70 else 2000)
    try:
        return date(parts["Y"], parts["m"], parts["d"])
    except ValueError:
        require(False, f"{text!r} is no day")
        raise

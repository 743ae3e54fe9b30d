"""One column of a dataset, and its types in PostgreSQL and Polars."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import polars as pl

OCCURRENCE = "occurrence"
"""The key column that numbers rows of one file that share the rest of their key and differ."""

TYPES = ("text", "integer", "decimal", "date", "boolean")


@dataclass(frozen=True, slots=True)
class Field:
    """One column: our name, B3's name, type, and where each format has it.

    `at` maps a format to a place in its files: `[from, width]` or `[from, width, sign]` (where the sign stands in a
    column of its own), a path of tags or a header, or several of these where one file has this and another that. A
    field without a place is derived by the dataset's class. `codes` are the values known of a field that holds codes:
    another is kept as it is, and told. `nulls` is a regular expression of texts that B3 writes where there is no value:
    they are read as `blank`, or NULL, and counted. `seen` and `evidence` say what it rests on where that is not its
    source's files: the newest session of real bytes that show it, and words.
    """

    name: str
    b3: str
    type: str
    description: str
    at: Mapping[str, Any]
    decimals: int = 0
    nullable: bool = True
    blank: str | None = None
    nulls: str = ""
    codes: tuple[str | int, ...] = ()
    seen: date | None = None
    evidence: str = ""

    def sql_type(self) -> str:
        """The PostgreSQL type: text, bigint, numeric(38,decimals), date or boolean."""
        return {"integer": "bigint", "decimal": f"numeric(38,{self.decimals})"}.get(self.type, self.type)


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


def is_place(place: Any) -> bool:
    """Whether `at` may have it for one format."""
    if isinstance(place, str):
        return place != ""
    if not isinstance(place, list) or not place:
        return False
    if all(type(number) is int for number in place):
        return len(place) in (2, 3) and min(place) > 0
    return all(isinstance(name, str) and name for name in place)

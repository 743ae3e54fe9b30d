"""What must hold of every row, as a rule over its columns."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import polars as pl

from ..errors import one_line
from .field import Field, dtype

SEVERITIES = ("hard", "soft")


@dataclass(frozen=True, slots=True)
class Check:
    """A rule that good rows keep.

    `rule` is an SQL expression over the template's columns that is true of a good row; where it is NULL, as it is of
    a value that is not there, nothing is broken. A `hard` check sets the row aside, a `soft` one is told and nothing
    more. `description` says what holds, in a few words. `seen` and `evidence` say what it rests on, as in a field.
    """

    name: str
    rule: str
    severity: str
    description: str
    seen: date | None = None
    evidence: str = ""


def breach(check: Check) -> pl.Expr:
    """True of the rows that break a check's rule, false or null of the others."""
    return ~pl.sql_expr(check.rule)


def columns(check: Check, fields: Iterable[Field]) -> list[str]:
    """The columns that a rule looks at, in their order. Raises ValueError, in one line, where it is no rule of rows."""
    schema = {field.name: dtype(field) for field in fields}
    try:
        rule = breach(check)
        named = rule.meta.root_names()
        if unknown := sorted(set(named) - schema.keys()):
            raise ValueError(f"there is no column {', '.join(unknown)}")
        found = pl.DataFrame(schema=schema).select(pl.sql_expr(check.rule).alias("rule"))
    except pl.exceptions.PolarsError as error:
        raise ValueError(one_line(str(error).partition("\n")[0])) from error
    if found.schema["rule"] != pl.Boolean or found.height or not named:
        raise ValueError("it is not true or false of each row")
    return [name for name in schema if name in named]

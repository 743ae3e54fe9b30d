"""Hold a unit's rows against the checks and codes of its template."""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache

import polars as pl

from ..errors import CheckFailed, counted
from ..template import OCCURRENCE, Check, Field, Template, breach
from .rejects import LINE, Rejects

_CODES = 20  # unknown codes of a field that are counted one by one: a hostile file may have a million
_SHOWN = 5


class Contract:
    """The checks of a template, and what they say of the batches that were held against them.

    A batch is looked at once, by one select. A check of columns that a batch has not says nothing of it.
    """

    def __init__(self, template: Template) -> None:
        self._key = [name for name in template.key if name != OCCURRENCE]  # numbered later
        self._checks = {check.name: _Rule(check) for check in template.checks}
        self._codes = {field.name: _Codes(field) for field in template.fields if field.codes}
        self._rows = 0
        self._asked = cache(self._asked_of)

    def hold(self, frame: pl.DataFrame, file: str, rejects: Rejects) -> pl.DataFrame:
        """The rows that may be loaded: those that break no hard check; all of them where `rejects` is strict."""
        self._rows += frame.height
        rules, codes, asked = self._asked(frozenset(frame.columns))
        if not asked:
            return frame
        found = frame.select(asked).row(0, named=True)
        for one in codes:
            if found[f"#{one.name}"]:
                one.count(frame)
        for rule in rules:
            if not found[rule.check.name]:
                continue
            bad = frame.filter(rule.breach)
            if not rejects.strict and rule.check.severity == "hard":
                for row in bad.iter_rows(named=True):
                    rejects.add(row[LINE], rule.broken_by(row))
                frame = frame.filter(~pl.col(LINE).is_in(bad[LINE].implode()))
            elif bad.height:
                rule.count(bad, file, self._key)
        return frame

    def _asked_of(self, columns: frozenset[str]) -> tuple[list[_Rule], list[_Codes], list[pl.Expr]]:
        """The rules and codes that a frame of these columns can be asked of, and what it is asked."""
        rules = [rule for rule in self._checks.values() if rule.columns <= columns]
        codes = [one for name, one in self._codes.items() if name in columns]
        asked = [rule.breach.any().alias(rule.check.name) for rule in rules]
        return rules, codes, asked + [one.unknown.any().alias(f"#{one.name}") for one in codes]

    def verdict(self) -> list[str]:
        """What is to be told of the unit. Raises CheckFailed where a hard check is broken."""
        broken = [rule for rule in self._checks.values() if rule.rows]
        for rule in broken:
            if rule.check.severity == "hard":
                raise CheckFailed(rule.told(self._rows))
        told = [rule.told(self._rows) for rule in broken]
        return told + [one.told() for one in self._codes.values() if one.known_not]


class _Rule:
    """A check, and the rows that broke it: how many, and the first of them."""

    def __init__(self, check: Check) -> None:
        self.check, self.breach = check, breach(check)
        self.columns = set(self.breach.meta.root_names())
        self.rows, self._first = 0, ""

    def broken_by(self, row: dict[str, object]) -> str:
        return f"check {self.check.name} ({self.check.description}): {_shown(row, sorted(self.columns))}"

    def count(self, bad: pl.DataFrame, file: str, key: Iterable[str]) -> None:
        if not self.rows:
            row = bad.row(0, named=True)
            values = _shown(row, sorted(self.columns.difference(key)))
            self._first = f"{file}, {_shown(row, key)}" + (f": {values}" if values else "")
        self.rows += bad.height

    def told(self, rows: int) -> str:
        return (
            f"{counted(self.rows, 'row')} of {rows:,} against check {self.check.name} ({self.check.description}), "
            f"first {self._first}"
        )


class _Codes:
    """A field's codes, and those met that are none of them."""

    def __init__(self, field: Field) -> None:
        self.name = field.name
        self.unknown = ~pl.col(field.name).is_in(list(field.codes))
        self.known_not: dict[str, int] = {}
        self._others = 0

    def count(self, frame: pl.DataFrame) -> None:
        found = frame.filter(self.unknown)[self.name].value_counts(sort=True)
        for value, count in found.iter_rows():
            code = str(value)[:40]
            if code in self.known_not or len(self.known_not) < _CODES:
                self.known_not[code] = self.known_not.get(code, 0) + count
            else:
                self._others += count

    def told(self) -> str:
        codes = sorted(self.known_not.items(), key=lambda item: -item[1])
        others = self._others + sum(count for _, count in codes[_SHOWN:])
        shown = [f"{code} ({counted(count, 'row')})" for code, count in codes[:_SHOWN]]
        return f"{self.name} has codes that PyB3 does not know: {', '.join(shown)}" + (
            f" and others ({counted(others, 'row')})" if others else ""
        )


def _shown(row: dict[str, object], names: Iterable[str]) -> str:
    return ", ".join(f"{name}={str(row[name])[:40]}" for name in names)

"""Rows that may differ from the table's: copied into temporary tables, one for each set of columns, then merged."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from ..errors import DuplicateKey
from ..template import Template
from ..unit import Counts
from . import revisions
from .copy import copy_text, listed
from .phrases import NUMBER, own, row, same_key


@dataclass(frozen=True, slots=True)
class _Stage:
    name: sql.Identifier
    columns: tuple[str, ...]
    overwrite: bool


@dataclass
class Stages:
    """The stages of one load. A key may stand in one twice only where that is `folding`."""

    connection: psycopg.Connection[Any]
    template: Template
    counts: Counts
    numbered: bool
    folding: bool
    _stages: dict[tuple[tuple[str, ...], bool], _Stage] = field(default_factory=dict)

    def add(self, columns: tuple[str, ...], overwrite: bool, text: bytes) -> None:
        """Append rows that are `written`."""
        known = self._stages.get((columns, overwrite))
        if known is None:
            known = _Stage(sql.Identifier(f"pyb3_stage_{len(self._stages)}"), columns, overwrite)
            self._stages[columns, overwrite] = known
            self._execute(
                "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                known.name,
                listed(columns),
                own(self.template.table),
            )
        copy_text(self.connection, known.name, columns, text)

    def merge(self) -> None:
        """Write all that differs, and count it. Raises DuplicateKey."""
        for stage in self._stages.values():
            self._merge(stage)

    def _merge(self, stage: _Stage) -> None:
        """Write what differs. ON CONFLICT locks every row it meets, so rows that are there are left out before it."""
        if self.folding:
            self._fold(stage)
        self._execute("ANALYZE {}", stage.name)
        key = self.template.key
        values = [name for name in stage.columns if name not in key]
        changed = sql.SQL("{} IS DISTINCT FROM {}").format(row("t", values), row("s", values))
        number = (NUMBER,) if self.numbered else ()
        parts = {
            "table": own(self.template.table),
            "stage": stage.name,
            "join": same_key(self.template, "t", "s"),
            "columns": listed(stage.columns),
            "row": sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in stage.columns),
            "key": listed(key),
            "changed": changed,
            "set": sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in (*values, *number)
            ),
        }
        if stage.overwrite:
            revisions.keep_updated(self.connection, self.template, stage.name, values, self.numbered)
            found = self.connection.execute(
                sql.SQL(
                    "WITH differing AS MATERIALIZED (SELECT {row}, t.refdate IS NULL AS pyb3_new"
                    " FROM {stage} s LEFT JOIN {table} t ON {join} WHERE t.refdate IS NULL OR {changed}),"
                    " written AS (INSERT INTO {table} ({columns}) SELECT {columns} FROM differing"
                    " ON CONFLICT ({key}) DO UPDATE SET {set})"
                    " SELECT count(*) FILTER (WHERE pyb3_new), count(*) FILTER (WHERE NOT pyb3_new), 0,"
                    " (SELECT count(*) FROM {stage}) FROM differing"
                ).format(**parts)
            ).fetchone()
        else:
            found = self.connection.execute(
                sql.SQL(
                    "WITH kept AS (SELECT count(*) AS n FROM {stage} s JOIN {table} t ON {join} WHERE {changed}),"
                    " written AS (INSERT INTO {table} ({columns})"
                    " SELECT {row} FROM {stage} s LEFT JOIN {table} t ON {join} WHERE t.refdate IS NULL"
                    " ON CONFLICT ({key}) DO NOTHING RETURNING 1)"
                    " SELECT (SELECT count(*) FROM written), 0, kept.n, (SELECT count(*) FROM {stage}) FROM kept"
                ).format(**parts)
            ).fetchone()
        inserted, updated, kept, staged = found or (0, 0, 0, 0)
        self.counts.inserted += inserted
        self.counts.updated += updated
        self.counts.kept += kept
        self.counts.unchanged += staged - inserted - updated - kept

    def _fold(self, stage: _Stage) -> None:
        """Equal rows of several batches become one; rows that share a key and differ are an error."""
        key = listed(self.template.key)
        count = "SELECT count(*) FROM {}"
        before = self._execute(count, stage.name).fetchone()
        self._execute("CREATE TEMP TABLE pyb3_folded ON COMMIT DROP AS SELECT DISTINCT * FROM {}", stage.name)
        self._execute("TRUNCATE {}", stage.name)
        self._execute("INSERT INTO {} SELECT * FROM pyb3_folded", stage.name)
        self._execute("DROP TABLE pyb3_folded")
        after = self._execute(count, stage.name).fetchone()
        self.counts.folded += (before or (0,))[0] - (after or (0,))[0]
        twice = self._execute("SELECT {} FROM {} GROUP BY {} HAVING count(*) > 1 LIMIT 1", key, stage.name, key)
        if found := twice.fetchone():
            raise twice_in(self.template, found)

    def _execute(self, query: LiteralString, *parts: sql.Composable) -> psycopg.Cursor[Any]:
        return self.connection.execute(sql.SQL(query).format(*parts))


def twice_in(template: Template, key: Iterable[Any]) -> DuplicateKey:
    """What is wrong where two rows that share a key differ."""
    named = ", ".join(f"{name}={value}" for name, value in zip(template.key, key, strict=True))
    return DuplicateKey(f"{template.name}: two different rows share the key {named}")

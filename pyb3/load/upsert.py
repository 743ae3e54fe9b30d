"""One unit's rows into its table, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, LiteralString, Protocol

import polars as pl
import psycopg
from psycopg import errors, sql

from .. import settings
from ..errors import DatabaseError, DuplicateKey, one_line
from ..parse.ahead import ahead
from ..template import Template
from .copy import copy_in, held, lines, listed
from .years import Years


class Batch(Protocol):
    """Rows to load; those that must not overwrite are loaded only where the table has none of their key."""

    @property
    def frame(self) -> pl.DataFrame: ...
    @property
    def overwrite(self) -> bool: ...


@dataclass(slots=True)
class Counts:
    """What became of a unit's rows; `kept` rows differ from the table's, which knew better."""

    rows: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    folded: int = 0


def load(
    connection: psycopg.Connection[Any],
    template: Template,
    read: Callable[[], Iterable[Batch]],
    *,
    before: Callable[[], object] = lambda: None,
    after: Callable[[Counts], object] = lambda counts: None,
) -> Counts:
    """Upsert what `read()` yields and commit, or change nothing. Blocks other loads of the same days.

    `before` and `after` are called in the same transaction.

    Days that the table has no row of are copied straight into it. Of the others the table's rows are read, and only
    rows that are not among them are staged and written: a load that changes nothing writes nothing and locks no row.
    Only columns a batch has are touched. Raises DuplicateKey, DatabaseError, and whatever `read` raises.
    """
    for staged_only in (False, True):
        try:
            with connection.transaction():
                before()
                counts = _Transaction(connection, template, staged_only).run(read())
                after(counts)
            return counts
        except (errors.UniqueViolation, errors.CardinalityViolation, errors.DeadlockDetected, _Twice) as error:
            # Equal rows in two batches, or two loads that met half-way: staging sorts both out.
            if staged_only:
                raise DatabaseError(f"loading {template.name} failed: {one_line(error)}") from error
        except psycopg.Error as error:
            raise DatabaseError(f"loading {template.name} failed: {one_line(error)}") from error
    raise AssertionError("unreachable")


class _Twice(Exception):
    """A key of a row that is to be written was met in another batch, in a row that the table holds as it is."""


@dataclass(slots=True)
class _Stage:
    """A temporary table for batches of the same columns."""

    name: sql.Identifier
    columns: tuple[str, ...]
    overwrite: bool


@dataclass(frozen=True, slots=True)
class _Held:
    """The table's rows of some days as lines of some columns."""

    columns: tuple[str, ...] = ()
    days: frozenset[date] = frozenset()
    lines: pl.Series = field(default_factory=lambda: pl.Series(dtype=pl.String))


@dataclass
class _Transaction:
    connection: psycopg.Connection[Any]
    template: Template
    staged_only: bool
    counts: Counts = field(default_factory=Counts)
    # Days the table had no row of, with the columns this load has copied for them since.
    fresh: dict[date, tuple[str, ...] | None] = field(default_factory=dict)
    locked: set[date] = field(default_factory=set)
    stages: dict[tuple[tuple[str, ...], bool], _Stage] = field(default_factory=dict)
    # What the table holds of the days last read, line by line; and the hashed keys of rows found and not found there.
    held: _Held = field(default_factory=_Held)
    same: list[pl.Series] = field(default_factory=list)
    other: list[pl.Series] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.years = Years(self.connection, settings.schema(), self.template.table)

    def run(self, batches: Iterable[Batch]) -> Counts:
        # Days are found by the key, whatever the statistics say of a table that has just been filled.
        self._execute("SET LOCAL enable_seqscan = off")
        for batch in ahead(batches):
            self._add(batch)
        self._execute("SET LOCAL enable_seqscan = on")
        self.years.attach()
        if self.same and self.other and pl.concat(self.other).is_in(pl.concat(self.same).implode()).any():
            raise _Twice(f"{self.template.name}: two rows share a key")
        for stage in self.stages.values():
            self._merge(stage)
        return self.counts

    @cached_property
    def _number(self) -> dict[str, int | None]:
        """The column that bears the ingestion's number, and the number; another package's table may have none."""
        found = self.connection.execute(
            "SELECT attname, nullif(current_setting('pyb3.ingestion_id', true), '')::bigint"
            " FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'ingestion_id'",
            (self._table.as_string(self.connection),),
        )
        return dict(found.fetchall())

    @property
    def _table(self) -> sql.Identifier:
        return sql.Identifier(settings.schema(), self.template.table)

    def _add(self, batch: Batch) -> None:
        self.counts.rows += batch.frame.height
        frame = self._folded(batch.frame)
        columns = tuple(frame.columns)
        days = frame["refdate"].unique().sort().to_list()
        self._lock(days)
        if not batch.overwrite or self.staged_only:
            copy_in(self.connection, self._stage(columns, batch.overwrite).name, frame)
            return
        straight = [day for day in days if day in self.fresh and self.fresh[day] in (None, columns)]
        self.fresh.update(dict.fromkeys(straight, columns))
        for year in sorted({day.year for day in straight}):
            own = [day for day in straight if day.year == year]
            self._copy(frame.filter(pl.col("refdate").is_in(own)), self.years.loose(year))
        if not (part := self._differing(frame.filter(~pl.col("refdate").is_in(straight)))).is_empty():
            copy_in(self.connection, self._stage(columns, True).name, part)

    def _copy(self, frame: pl.DataFrame, loose: sql.Identifier | None) -> None:
        """Copy rows straight into the table, or a loose year of it, in the key's order, which an index takes best."""
        numbered = frame.with_columns(pl.lit(self._number[name]).alias(name) for name in self._number)
        copy_in(self.connection, loose or self._table, numbered.sort(self.template.key), frozen=loose is not None)
        self.counts.inserted += frame.height

    def _differing(self, frame: pl.DataFrame) -> pl.DataFrame:
        """The rows that the table does not hold just so; the others are unchanged."""
        if frame.is_empty() or (own := lines(frame)) is None:
            return frame
        columns, days = tuple(frame.columns), frozenset(frame["refdate"].unique())
        known = self.held if self.held.columns == columns else _Held()
        if more := sorted(days - known.days):
            if (found := held(self.connection, self._table, columns, more, self.template.key)) is None:
                return frame
            self.held = _Held(columns, frozenset(more), found)
            # A day may go on from one batch to the next: what was read last is looked at once more.
            known = _Held(columns, days, pl.concat([known.lines, found]))
        same = own.is_in(known.lines.implode())
        self.counts.unchanged += int(same.sum())
        keys = frame.select(self.template.key).hash_rows()
        self.same.append(keys.filter(same))
        self.other.append(keys.filter(~same))
        return frame.filter(~same)

    def _folded(self, frame: pl.DataFrame) -> pl.DataFrame:
        """Equal rows become one; rows that share a key and differ are an error."""
        key = list(self.template.key)
        if not frame.select(key).is_duplicated().any():
            return frame
        folded = frame.unique(maintain_order=True)
        self.counts.folded += frame.height - folded.height
        if not (twice := folded.filter(folded.select(key).is_duplicated())).is_empty():
            self._refuse_twice([twice[name][0] for name in key])
        return folded

    def _refuse_twice(self, values: Iterable[Any]) -> None:
        named = ", ".join(f"{name}={value}" for name, value in zip(self.template.key, values, strict=True))
        raise DuplicateKey(f"{self.template.name}: two different rows share the key {named}")

    def _lock(self, days: list[date]) -> None:
        """Wait for other loads of these days, and learn which of them the table has no row of."""
        new = [day for day in days if day not in self.locked]
        if not new:
            return
        self.locked.update(new)
        for year in sorted({day.year for day in new}):
            self.years.open(year, loose=not self.staged_only)
        lock = "SELECT pg_advisory_xact_lock(hashtext(%s), d - date '2000-01-01') FROM unnest(%s::date[]) d"
        self.connection.execute(lock, (f"pyb3/{settings.schema()}.{self.template.table}", new))
        # COPY does not write into a table whose row-level security binds this user: such days are all staged.
        # One day at a time, in the key's order: the key's own index is taken, in the day's own partition.
        absent = sql.SQL(
            "SELECT NOT row_security_active(%s::regclass)"
            " AND (SELECT refdate FROM {} WHERE refdate = %s ORDER BY {} LIMIT 1) IS NULL"
        ).format(self._table, listed(self.template.key))
        name = self._table.as_string(self.connection)
        for day in new:
            if self.years.loose(day.year):
                self.fresh[day] = None
            elif self.connection.execute(absent, (name, day)).fetchone() == (True,):
                self.fresh[day] = None

    def _stage(self, columns: tuple[str, ...], overwrite: bool) -> _Stage:
        known = self.stages.get((columns, overwrite))
        if known is None:
            known = _Stage(sql.Identifier(f"pyb3_stage_{len(self.stages)}"), columns, overwrite)
            self.stages[columns, overwrite] = known
            self._execute(
                "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                known.name,
                listed(columns),
                self._table,
            )
        return known

    def _merge(self, stage: _Stage) -> None:
        """Write what differs. ON CONFLICT locks every row it meets, so rows that are there are left out before it."""
        self._fold_stage(stage)
        self._execute("ANALYZE {}", stage.name)
        key = self.template.key
        values = [name for name in stage.columns if name not in key]
        changed = sql.SQL("{} IS DISTINCT FROM {}").format(_row("t", values), _row("s", values))
        join = sql.SQL(" AND ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in key)
        parts = {
            "table": self._table,
            "stage": stage.name,
            "join": join,
            "columns": listed(stage.columns),
            "row": sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in stage.columns),
            "key": listed(key),
            "changed": changed,
            "set": sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in (*values, *self._number)
            ),
        }
        if stage.overwrite:
            row = self.connection.execute(
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
            row = self.connection.execute(
                sql.SQL(
                    "WITH kept AS (SELECT count(*) AS n FROM {stage} s JOIN {table} t ON {join} WHERE {changed}),"
                    " written AS (INSERT INTO {table} ({columns})"
                    " SELECT {row} FROM {stage} s LEFT JOIN {table} t ON {join} WHERE t.refdate IS NULL"
                    " ON CONFLICT ({key}) DO NOTHING RETURNING 1)"
                    " SELECT (SELECT count(*) FROM written), 0, kept.n, (SELECT count(*) FROM {stage}) FROM kept"
                ).format(**parts)
            ).fetchone()
        inserted, updated, kept, staged = row or (0, 0, 0, 0)
        self.counts.inserted += inserted
        self.counts.updated += updated
        self.counts.kept += kept
        self.counts.unchanged += staged - inserted - updated - kept

    def _fold_stage(self, stage: _Stage) -> None:
        """The same across batches: only where one followed another can a key stand twice by now."""
        if not self.staged_only:
            return
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
            self._refuse_twice(found)

    def _execute(self, query: LiteralString, *parts: sql.Composable) -> psycopg.Cursor[Any]:
        return self.connection.execute(sql.SQL(query).format(*parts))


def _row(alias: LiteralString, columns: Iterable[str]) -> sql.Composed:
    fields = sql.SQL(", ").join(sql.SQL(alias + ".{}").format(sql.Identifier(name)) for name in columns)
    return sql.SQL("ROW({})").format(fields)

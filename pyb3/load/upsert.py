"""One unit's rows into its table, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property
from typing import Any, LiteralString, Protocol

import polars as pl
import psycopg
from psycopg import errors, sql

from .. import settings
from ..errors import DatabaseError, DuplicateKey
from ..template import Template

_SLICE = 50_000  # rows written to COPY at a time


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

    Days that the table has no row of are copied straight into it; the others are staged, and only rows that
    differ are written. Only columns a batch has are touched. Raises DuplicateKey, DatabaseError, and whatever
    `read` raises.
    """
    for staged_only in (False, True):
        try:
            with connection.transaction():
                before()
                counts = _Transaction(connection, template, staged_only).run(read())
                after(counts)
            return counts
        except (errors.UniqueViolation, errors.CardinalityViolation, errors.DeadlockDetected) as error:
            # Equal rows in two batches, or two loads that met half-way: staging sorts both out.
            if staged_only:
                raise DatabaseError(f"loading {template.name} failed: {_line(error)}") from error
        except psycopg.Error as error:
            raise DatabaseError(f"loading {template.name} failed: {_line(error)}") from error
    raise AssertionError("unreachable")


def _line(error: psycopg.Error) -> str:
    return " ".join(str(error).split())


@dataclass(slots=True)
class _Stage:
    """A temporary table for batches of the same columns."""

    name: sql.Identifier
    columns: tuple[str, ...]
    overwrite: bool


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

    def run(self, batches: Iterable[Batch]) -> Counts:
        for batch in prefetched(batches):
            self._add(batch)
        for stage in self.stages.values():
            self._merge(stage)
        return self.counts

    @cached_property
    def _number(self) -> tuple[str, ...]:
        """The column that bears the ingestion's number; another package's table may have none."""
        found = self.connection.execute(
            "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attname = 'ingestion_id'",
            (self._table.as_string(self.connection),),
        )
        return tuple(str(name) for (name,) in found)

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
            self._copy(self._stage(columns, batch.overwrite).name, frame)
            return
        straight = [day for day in days if day in self.fresh and self.fresh[day] in (None, columns)]
        self.fresh.update(dict.fromkeys(straight, columns))
        for part in frame.with_columns(__straight=pl.col("refdate").is_in(straight)).partition_by("__straight"):
            direct = part["__straight"][0]
            part = part.drop("__straight")
            self._copy(self._table if direct else self._stage(columns, True).name, part)
            if direct:
                self.counts.inserted += part.height

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
        lock = "SELECT pg_advisory_xact_lock(hashtext(%s), d - date '2000-01-01') FROM unnest(%s::date[]) d"
        self.connection.execute(lock, (f"pyb3/{settings.schema()}.{self.template.table}", new))
        # COPY does not write into a table whose row-level security binds this user: such days are all staged.
        absent = sql.SQL(
            "SELECT d FROM unnest(%s::date[]) d WHERE NOT row_security_active(%s::regclass)"
            " AND NOT EXISTS (SELECT FROM {} WHERE refdate = d)"
        ).format(self._table)
        name = self._table.as_string(self.connection)
        self.fresh.update({day: None for (day,) in self.connection.execute(absent, (new, name))})

    def _stage(self, columns: tuple[str, ...], overwrite: bool) -> _Stage:
        known = self.stages.get((columns, overwrite))
        if known is None:
            known = _Stage(sql.Identifier(f"pyb3_stage_{len(self.stages)}"), columns, overwrite)
            self.stages[columns, overwrite] = known
            self._execute(
                "CREATE TEMP TABLE {} ON COMMIT DROP AS SELECT {} FROM {} WITH NO DATA",
                known.name,
                _listed(columns),
                self._table,
            )
        return known

    def _copy(self, table: sql.Identifier, frame: pl.DataFrame) -> None:
        query = sql.SQL("COPY {} ({}) FROM STDIN (FORMAT csv)").format(table, _listed(frame.columns))
        with self.connection.cursor().copy(query) as copy:
            for part in frame.iter_slices(_SLICE):
                copy.write(part.write_csv(include_header=False).encode())

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
            "columns": _listed(stage.columns),
            "row": sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in stage.columns),
            "key": _listed(key),
            "changed": changed,
            "set": sql.SQL(", ").join(
                sql.SQL("{0} = excluded.{0}").format(sql.Identifier(name)) for name in (*values, *self._number)
            ),
        }
        if stage.overwrite:
            row = self.connection.execute(
                sql.SQL(
                    "WITH written AS (INSERT INTO {table} ({columns})"
                    " SELECT {row} FROM {stage} s LEFT JOIN {table} t ON {join} WHERE t.refdate IS NULL OR {changed}"
                    " ON CONFLICT ({key}) DO UPDATE SET {set} RETURNING (xmax = 0) AS fresh)"
                    " SELECT count(*) FILTER (WHERE fresh), count(*) FILTER (WHERE NOT fresh), 0,"
                    " (SELECT count(*) FROM {stage}) FROM written"
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
        key = _listed(self.template.key)
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


def _listed(columns: Iterable[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, columns))


def _row(alias: LiteralString, columns: Iterable[str]) -> sql.Composed:
    fields = sql.SQL(", ").join(sql.SQL(alias + ".{}").format(sql.Identifier(name)) for name in columns)
    return sql.SQL("ROW({})").format(fields)


def prefetched(batches: Iterable[Batch]) -> Iterator[Batch]:
    """The same batches, the next one parsed while one is being copied."""
    from concurrent.futures import ThreadPoolExecutor

    iterator = iter(batches)
    with ThreadPoolExecutor(1, thread_name_prefix="parse") as worker:
        following = worker.submit(next, iterator, None)
        while (batch := following.result()) is not None:
            following = worker.submit(next, iterator, None)
            yield batch

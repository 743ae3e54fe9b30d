"""One unit's rows into its table, in one transaction."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import cached_property, partial
from typing import Any, LiteralString

import polars as pl
import psycopg
from psycopg import errors, sql

from .. import settings
from ..errors import DatabaseError, DuplicateKey, one_line
from ..parse.ahead import ahead
from ..template import Template
from ..unit import Counts
from . import days, gone, ledger, revisions
from .copy import copy_in, copy_text, listed, written
from .days import Batch, Day
from .phrases import NUMBER, is_numbered, own, row, same_key
from .years import Years


@dataclass(slots=True)
class Loaded:
    """What a load has done: the number of its ingestion, its counts, and on which days rows are gone."""

    number: int
    counts: Counts = field(default_factory=Counts)
    gone: Mapping[date, int] = field(default_factory=dict)


def load(
    connection: psycopg.Connection[Any],
    template: Template,
    read: Callable[[], Iterable[Batch]],
    *,
    prune: Callable[[], bool] = lambda: False,
    better: Callable[[], Sequence[str]] = lambda: (),
    after: Callable[[Loaded], object] = lambda loaded: None,
) -> Loaded:
    """Upsert what `read()` yields and commit, or change nothing. Blocks other loads of the same days.

    What updated rows had before is kept in `revisions`. Rows that are gone from the files are counted, and removed
    where `prune()` says so; those of the `better()` sources are not missed. Both are asked when all is read, and
    `after` is called at the end of the same transaction.

    Days that the table has no row of are copied straight into it. Of the others the table's rows are read, and only
    rows that are not among them are staged and written: a load that changes nothing writes nothing and locks no row.
    Only columns a batch has are touched. Raises DuplicateKey, DatabaseError, and whatever `read` raises.
    """
    for staged_only in (False, True):
        try:
            with connection.transaction():
                loaded = Loaded(ledger.begin(connection))
                _Transaction(connection, template, staged_only, loaded).run(read(), prune, better)
                after(loaded)
            return loaded
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


@dataclass
class _Transaction:
    connection: psycopg.Connection[Any]
    template: Template
    staged_only: bool
    loaded: Loaded
    # Days the table had no row of, with the columns this load has copied for them since.
    fresh: dict[date, tuple[str, ...] | None] = field(default_factory=dict)
    locked: set[date] = field(default_factory=set)
    stages: dict[tuple[tuple[str, ...], bool], _Stage] = field(default_factory=dict)
    # What the table holds of the days last read, in these columns; and the hashed keys of rows found there, and not.
    held: dict[date, Day] = field(default_factory=dict)
    held_columns: tuple[str, ...] = ()
    seen: gone.Seen = field(default_factory=gone.Seen)
    other: list[pl.Series] = field(default_factory=list)

    sending: Future[None] | None = None

    def __post_init__(self) -> None:
        self.years = Years(self.connection, settings.schema(), self.template.table)

    def run(self, batches: Iterable[Batch], prune: Callable[[], bool], better: Callable[[], Sequence[str]]) -> None:
        # Days are found by the key, whatever the statistics say of a table that has just been filled.
        self._execute("SET LOCAL enable_seqscan = off")
        with ThreadPoolExecutor(1, thread_name_prefix="send") as self.sender:  # which ends before anything is undone
            for batch in ahead(days.whole(batches)):
                self._add(batch)
            self._sent()
        self._execute("SET LOCAL enable_seqscan = on")
        self.years.attach()
        if self.seen.same and self.other and pl.concat(self.other).is_in(pl.concat(self.seen.same).implode()).any():
            raise _Twice(f"{self.template.name}: two rows share a key")
        for stage in self.stages.values():
            self._merge(stage)
        self._look_for_gone(prune, better)

    @property
    def counts(self) -> Counts:
        return self.loaded.counts

    @cached_property
    def _numbered(self) -> bool:
        return is_numbered(self.connection, self.template.table)

    @property
    def _table(self) -> sql.Identifier:
        return own(self.template.table)

    def _add(self, batch: Batch) -> None:
        self.counts.rows += batch.frame.height
        frame = self._folded(batch.frame)
        columns = tuple(frame.columns)
        these = frame["refdate"].unique().sort().to_list()
        self._lock(these)
        if batch.overwrite:
            self.seen.cover(columns, batch.whole, these)
        straight = []
        if batch.overwrite and not self.staged_only:
            straight = [day for day in these if day in self.fresh and self.fresh[day] in (None, columns)]
            self.fresh.update(dict.fromkeys(straight, columns))
        for year in sorted({day.year for day in straight}):
            of_year = [day for day in straight if day.year == year]
            self._copy(frame.filter(pl.col("refdate").is_in(of_year)), self.years.loose(year))
        if not (part := frame.filter(~pl.col("refdate").is_in(straight))).is_empty():
            self._sent()
            part = part.sort(self.template.key)
            keys = part.select(self.template.key).hash_rows()
            self.seen.keys.append(keys)
            if batch.overwrite and not self.staged_only:
                part = self._differing(part, keys)
            if not part.is_empty():
                copy_in(self.connection, self._stage(columns, batch.overwrite).name, part)

    def _copy(self, frame: pl.DataFrame, loose: sql.Identifier | None) -> None:
        """Copy rows straight into the table, or a loose year of it, in the key's order, which an index takes best.

        A loose year asks nothing of the server between its batches: one is sent while the next is made ready.
        """
        numbered = frame.with_columns(pl.lit(self.loaded.number).alias(NUMBER)) if self._numbered else frame
        text = written(numbered.sort(self.template.key))
        self._sent()
        send = partial(copy_text, self.connection, loose or self._table, numbered.columns, text, loose is not None)
        if loose is None:
            send()
        else:
            self.sending = self.sender.submit(send)
        self.counts.inserted += frame.height

    def _sent(self) -> None:
        """Wait until the connection is free. Raises what sending raised."""
        if self.sending is not None:
            sending, self.sending = self.sending, None
            sending.result()

    def _differing(self, frame: pl.DataFrame, keys: pl.Series) -> pl.DataFrame:
        """The rows of a sorted frame that the table does not hold just so; the others are unchanged."""
        if self.held_columns != (columns := tuple(frame.columns)):
            self.held_columns, self.held = columns, {}
        these = frame["refdate"].unique().to_list()
        more = sorted(day for day in these if day not in self.held)
        reading = self.sender.submit(
            days.held, self.connection, self._table, frame.schema, more, self.template.key
        )  # while the file's rows are written
        mine = list(days.texts(frame))
        read = reading.result()
        # A day may go on from one batch to the next: what was read last is looked at once more.
        self.held = {day: known for day, known in self.held.items() if day in these} | read
        masks = [some.among(self.held[day]) for day, some in mine]
        if any(mask is None for mask in masks):
            self.seen.held(these, None)
            return frame
        self.seen.held(more, sum(day.rows for day in read.values()))
        same = pl.concat([mask for mask in masks if mask is not None])
        self.counts.unchanged += int(same.sum())
        self.seen.same.append(keys.filter(same))
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

    def _lock(self, these: list[date]) -> None:
        """Wait for other loads of these days, and learn which of them the table has no row of."""
        new = [day for day in these if day not in self.locked]
        if not new:
            return
        self.locked.update(new)
        if any(self.years.loose(day.year) is None for day in new):
            self._sent()
        for year in sorted({day.year for day in new}):
            self.years.open(year, loose=not self.staged_only)
        # Others wait for a loose year as a whole.
        self.fresh.update(dict.fromkeys(day for day in new if self.years.loose(day.year)))
        if not (new := [day for day in new if self.years.loose(day.year) is None]):
            return
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
            if self.connection.execute(absent, (name, day)).fetchone() == (True,):
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
        changed = sql.SQL("{} IS DISTINCT FROM {}").format(row("t", values), row("s", values))
        number = (NUMBER,) if self._numbered else ()
        parts = {
            "table": self._table,
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
            revisions.keep_updated(self.connection, self.template, stage.name, values, self._numbered)
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

    def _look_for_gone(self, prune: Callable[[], bool], better: Callable[[], Sequence[str]]) -> None:
        """Count the rows that the files have no more, and remove them where they are to be."""
        if self.seen.nothing_gone(self.counts.updated):
            return
        old = sorted(self.seen.days.difference(self.fresh))
        self.loaded.gone = gone.find(
            self.connection, self.template, self.seen, old, better=better(), numbered=self._numbered
        )
        self.counts.gone = sum(self.loaded.gone.values())
        if self.counts.gone and prune():
            self.counts.removed = revisions.remove(self.connection, self.template, gone.keys(), self._numbered)

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

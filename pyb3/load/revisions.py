"""The values that rows had before a load changed or removed them, kept in the load's own transaction."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from functools import partial
from itertools import groupby
from operator import itemgetter
from typing import Any, LiteralString

import psycopg
from psycopg import sql
from psycopg.types.json import set_json_loads

from ..template import Template
from .copy import listed
from .phrases import NUMBER, own, row, same_key

_COLUMNS = ("refdate", "dataset", "key", "ingestion_id", "change", "columns", "old", "old_ingestion_id")


def keep_updated(
    connection: psycopg.Connection[Any],
    template: Template,
    stage: sql.Identifier,
    values: Sequence[str],
    numbered: bool,
) -> None:
    """Keep what the rows that differ from those of `stage` have in the columns `values`, before they are updated.

    Built as text: a function call for each column that changed, and none for the others.
    """
    query = sql.SQL(
        "INSERT INTO {revisions} AS known ({columns}) SELECT t.refdate, {dataset}, {key}, {ingestion}, 'updated',"
        " array_remove(ARRAY[{names}]::text[], NULL),"
        " ('{{' || array_to_string(ARRAY[{old}]::text[], ',') || '}}')::jsonb, {number}"
        " FROM {stage} s JOIN {table} t ON {join} WHERE {differ}"
        # Two stages of one load may each change a row: what it had before the first is what it had.
        " ON CONFLICT (refdate, dataset, key, ingestion_id) DO UPDATE SET old = excluded.old || known.old,"
        " columns = known.columns || ARRAY(SELECT unnest(excluded.columns) EXCEPT SELECT unnest(known.columns))"
    ).format(
        **_parts(template, numbered),
        stage=stage,
        join=same_key(template, "t", "s"),
        names=_each_changed("{name}", values),
        old=_each_changed("{label} || coalesce(to_json(t.{column})::text, 'null')", values),
        differ=sql.SQL("{} IS DISTINCT FROM {}").format(row("t", values), row("s", values)),
    )
    connection.execute(query)


def remove(connection: psycopg.Connection[Any], template: Template, gone: sql.Identifier, numbered: bool) -> int:
    """Remove the rows whose keys are in the table `gone`, keep all that they held, and say how many they were."""
    query = sql.SQL(
        "WITH t AS (DELETE FROM {table} t USING {gone} s WHERE {join} RETURNING t.*)"
        " INSERT INTO {revisions} ({columns}) SELECT t.refdate, {dataset}, {key}, {ingestion}, 'removed',"
        " ARRAY(SELECT jsonb_object_keys(o.old)), o.old, {number}"
        " FROM t CROSS JOIN LATERAL (SELECT to_jsonb(t) - {besides}::text[] AS old) o"
    ).format(
        **_parts(template, numbered),
        gone=gone,
        join=same_key(template, "t", "s"),
        besides=sql.Literal([*template.key, NUMBER]),
    )
    return connection.execute(query).rowcount


def of_day(connection: psycopg.Connection[Any], template: Template, day: date) -> dict[int, list[dict[str, Any]]]:
    """What each ingestion changed in rows of a day, the newest first: a row's key, and values before and after.

    After a change is what the next one found, or what the table holds now; decimals are Decimal.
    """
    query = sql.SQL(
        "WITH now AS MATERIALIZED (SELECT {key} AS key, to_jsonb(t) AS held FROM {table} t WHERE refdate = %(day)s)"
        " SELECT r.ingestion_id, r.key, r.change, r.old_ingestion_id, c.name, r.old->c.name,"
        " CASE WHEN r.change = 'removed' THEN NULL"
        " WHEN lead(r.change) OVER later IS NOT NULL THEN lead(r.old->c.name) OVER later ELSE now.held->c.name END"
        " FROM {revisions} r CROSS JOIN unnest(r.columns) WITH ORDINALITY c(name, place) LEFT JOIN now USING (key)"
        " WHERE r.dataset = {dataset} AND r.refdate = %(day)s"
        " WINDOW later AS (PARTITION BY r.key, c.name ORDER BY r.ingestion_id)"
        " ORDER BY r.ingestion_id DESC, r.key, c.place"
    ).format(**_parts(template, True))
    found: dict[int, list[dict[str, Any]]] = {}
    with connection.cursor() as cursor:
        set_json_loads(partial(json.loads, parse_float=Decimal), cursor)
        rows = cursor.execute(query, {"day": day})
        for (number, key, change, before), values in groupby(rows, itemgetter(0, 1, 2, 3)):
            columns = {name: {"old": old, "new": new} for *_, name, old, new in values}
            row = {"key": key, "change": change, "old_ingestion_id": before, "columns": columns}
            found.setdefault(number, []).append(row)
    return found


def _parts(template: Template, numbered: bool) -> dict[str, sql.Composable]:
    named = [sql.SQL("{}, t.{}").format(sql.Literal(name), sql.Identifier(name)) for name in template.key[1:]]
    return {
        "revisions": own("revisions"),
        "columns": listed(_COLUMNS),
        "table": own(template.table),
        "dataset": sql.Literal(template.name),
        "key": sql.SQL("jsonb_build_object({})").format(sql.SQL(", ").join(named)),
        "ingestion": sql.SQL("current_setting('pyb3.ingestion_id')::bigint"),
        "number": sql.SQL("t.{}").format(sql.Identifier(NUMBER)) if numbered else sql.SQL("NULL::bigint"),
    }


def _each_changed(what: LiteralString, values: Sequence[str]) -> sql.Composed:
    """`what` of each column that differs, NULL of the others."""
    one = "CASE WHEN t.{column} IS DISTINCT FROM s.{column} THEN " + what + " END"
    return sql.SQL(", ").join(
        sql.SQL(one).format(column=sql.Identifier(name), name=sql.Literal(name), label=sql.Literal(f'"{name}":'))
        for name in values
    )

"""A day's rows as one text: the table and the file tell equal rows alike, and others differently."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date
from decimal import Decimal

import polars as pl
import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from pyb3.load import days
from pyb3.load.copy import copy_in
from tests.test_load import Rows

KINDS = {"text": pl.String(), "numeric": pl.Decimal(38, 3), "bigint": pl.Int64(), "boolean": pl.Boolean()}
ODD = [None, "", "a", "A", "ç", "\x02", "\x02x", "a\x1fb", "x\ny", "\r", "\x01", 'a,"b"', "NULL", "\\N", "t"]
VALUES = {
    "text": st.sampled_from(ODD),
    "numeric": st.none() | st.decimals(-10, 10, places=3).map(lambda number: number + 0),  # PostgreSQL has no -0
    "bigint": st.none() | st.sampled_from([0, -1, 1, 2**63 - 1, -(2**63)]),
    "boolean": st.none() | st.booleans(),
}
TABLE = sql.Identifier("pg_temp", "held")


def put(connection: psycopg.Connection, kinds: list[str], rows: list[dict]) -> pl.DataFrame:
    """The rows in a new table of columns of these types, beside `refdate` and `n`, and as a frame."""
    types = {"refdate": "date", "n": "bigint"} | {f"c{at}": kind for at, kind in enumerate(kinds)}
    schema = {"refdate": pl.Date(), "n": pl.Int64()} | {f"c{at}": KINDS[kind] for at, kind in enumerate(kinds)}
    columns = sql.SQL(", ").join(
        sql.SQL("{} {}").format(sql.Identifier(name), sql.SQL(kind)) for name, kind in types.items()
    )
    connection.execute(sql.SQL("DROP TABLE IF EXISTS {}").format(TABLE))
    connection.execute(sql.SQL("CREATE TEMP TABLE held ({})").format(columns))
    frame = pl.DataFrame(rows, schema=schema).sort("refdate", "n")
    copy_in(connection, TABLE, frame)
    return frame


def rows_of(draw: st.DrawFn, kinds: list[str]) -> list[dict]:
    numbers = draw(st.lists(st.tuples(st.integers(1, 3), st.integers(1, 4)), unique=True, max_size=8))
    return [
        {"refdate": date(2024, 1, day), "n": n} | {f"c{at}": draw(VALUES[kind]) for at, kind in enumerate(kinds)}
        for day, n in numbers
    ]


@given(st.data())
def test_rows_are_told_apart_exactly(server_connection, data: st.DataObject) -> None:
    kinds = data.draw(st.lists(st.sampled_from(list(KINDS)), min_size=1, max_size=6))
    theirs = rows_of(data.draw, kinds)
    frame = put(server_connection, kinds, theirs)
    mine = [dict(row) for row in theirs]
    for row in mine:
        if data.draw(st.booleans()):
            at = data.draw(st.integers(0, len(kinds) - 1))
            row[f"c{at}"] = data.draw(VALUES[kinds[at]])
    read = days.held(server_connection, TABLE, frame.schema, [date(2024, 1, n) for n in (1, 2, 3)], ["refdate", "n"])
    for day, told in days.texts(pl.DataFrame(mine, schema=frame.schema).sort("refdate", "n")):
        own = [row for row in mine if row["refdate"] == day]
        others = [row for row in theirs if row["refdate"] == day]
        own.sort(key=lambda row: row["n"])
        others.sort(key=lambda row: row["n"])
        assert told.rows == len(own)
        same = told.among(read[day])
        if same is None:
            assert holds(mine, "\x1f\n\x01\r") or (holds(others, "\n\x01\r") and own != others)
        else:
            assert same.to_list() == [row in others for row in own]


def holds(rows: list[dict], marks: str) -> bool:
    """Whether a text of the rows has one of these characters."""
    return any(isinstance(value, str) and set(value) & set(marks) for row in rows for value in row.values())


@pytest.fixture(scope="module")
def server_connection(server: str) -> Iterator[psycopg.Connection]:
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


@pytest.mark.parametrize("width", [44, 90, 91, 200])
def test_wide_rows_are_told_too(server_connection, width: int) -> None:
    kinds = [list(KINDS)[at % len(KINDS)] for at in range(width)]
    values = {"text": "a", "numeric": Decimal("1.500"), "bigint": 7, "boolean": True}
    full = {"refdate": date(2024, 1, 2), "n": 1} | {f"c{at}": values[kind] for at, kind in enumerate(kinds)}
    blank = full | {"n": 2, "c3": None, f"c{width - 1}": None}
    frame = put(server_connection, kinds, [full, blank])
    (read,) = days.held(server_connection, TABLE, frame.schema, [date(2024, 1, 2)], ["refdate", "n"]).values()
    ((_, told),) = days.texts(frame)
    assert told == read and told.text is not None and told.text.count(b"\x1f") == 2 * width


def test_what_stands_between_fields_cannot_hide_in_one(server_connection) -> None:
    """Rows of other fields could have the same text."""
    day = date(2024, 1, 2)
    frame = put(server_connection, ["text", "text"], [{"refdate": day, "n": 1, "c0": "a\x1fb", "c1": "c"}])
    (read,) = days.held(server_connection, TABLE, frame.schema, [day], ["refdate", "n"]).values()
    other = frame.with_columns(c0=pl.lit("a"), c1=pl.lit("b\x1fc"))
    ((_, told),) = days.texts(other)
    assert told.among(read) is None
    ((_, told),) = days.texts(frame.with_columns(c0=pl.lit("a"), c1=pl.lit("b")))
    assert told.among(read).to_list() == [False]


@given(st.integers(0, 2**32))
def test_batches_are_put_together_and_no_day_is_split(number: int) -> None:
    chance = random.Random(number)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(days, "_FEW", 20)
        patch.setattr(days, "_LONG", 100)
        counts = [chance.choice([1, 3, 30, 90]) for _ in range(chance.randint(0, 9))]
        dates = [date(2024, 1, 1 + at) for at, count in enumerate(counts) for _ in range(count)]
        rows = pl.DataFrame({"refdate": dates, "n": range(len(dates))}, schema={"refdate": pl.Date, "n": pl.Int64})
        size = chance.choice([1, 7, 40])
        batches = [Rows(part, whole={"n": at % 2}) for at, part in enumerate(rows.iter_slices(size))]
        parts = list(days.whole(batches))
        assert pl.concat([rows[:0], *(part.frame for part in parts)]).equals(rows)
        of_days = [day for part in parts for day in part.frame["refdate"].unique()]
        assert len(of_days) == len(set(of_days)), "no day is as long as may be split here"
        assert len(parts) <= 1 or len(rows) >= 20
        if len(batches) > 1 and len(parts) == 1:
            assert [*parts[0].wholes] == [{"n": 0}, {"n": 1}]


def test_a_day_that_is_long_does_not_wait_to_be_whole(monkeypatch) -> None:
    monkeypatch.setattr(days, "_FEW", 2)
    monkeypatch.setattr(days, "_LONG", 10)
    rows = pl.DataFrame({"refdate": [date(2024, 1, 2)] * 40, "n": range(40)})
    parts = list(days.whole([Rows(part) for part in rows.iter_slices(8)]))
    assert [part.frame.height for part in parts] == [16, 16, 8]


def test_batches_of_other_columns_stay_apart() -> None:
    rows = pl.DataFrame({"refdate": [date(2024, 1, 2)], "n": [1], "m": [1]})
    batches = [Rows(rows.select("refdate", "n")), Rows(rows), Rows(rows, overwrite=False), Rows(rows, whole=None)]
    assert [(part.frame.width, part.overwrite, part.wholes) for part in days.whole(batches)] == [
        (2, True, ({},)),
        (3, True, ({},)),
        (3, False, ({},)),
        (3, True, (None,)),
    ]

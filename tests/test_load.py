"""A load writes what differs, all of it or nothing, and never one row twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import Decimal

import polars as pl
import psycopg
import pytest

from pyb3.datasets import registry
from pyb3.errors import DatabaseError, DuplicateKey, FileError
from pyb3.load import connect, upsert
from pyb3.parse.typed import schema
from pyb3.unit import Counts

DAY = date(2024, 1, 15)
COTAHIST = registry.get("cotahist").template
SYMBOLS = registry.get("symbols").template
CURVES = registry.get("yield_curves").template


@dataclass
class Rows:
    frame: pl.DataFrame
    overwrite: bool = True
    whole: Mapping[str, object] | None = field(default_factory=dict)


def quotes(number: int, day: date = DAY, first: int = 0, **values: object) -> pl.DataFrame:
    """Quotes of made-up symbols on a day."""
    rows = [
        {
            "record_type": "01", "refdate": day, "bdi_code": "02", "symbol": f"SYM{n:05}", "market_type": 10,
            "company_name": "A, \"B\" & CO", "term_days": 0, "occurrence": 1, "close": Decimal(n).scaleb(-2),
            "quantity": n,
        }
        | values
        for n in range(first, first + number)
    ]  # fmt: skip
    return pl.DataFrame(rows, schema=schema(COTAHIST))


def load(*batches: pl.DataFrame | Rows, template=COTAHIST) -> Counts:
    with connect.connect() as connection:
        rows = [b if isinstance(b, Rows) else Rows(b) for b in batches]
        return upsert.load(connection, template, lambda: rows).counts


def counts(found: Counts) -> tuple[int, int, int, int]:
    return found.rows, found.inserted, found.updated, found.unchanged


def position(database: psycopg.Connection) -> int:
    return int(database.execute("SELECT pg_current_wal_insert_lsn() - '0/0'").fetchone()[0])


def test_a_server_that_goes_away_is_a_database_error(database) -> None:
    with pytest.raises(DatabaseError, match="gone away.* terminating connection"), connect.connect() as connection:
        database.execute("SELECT pg_terminate_backend(%s)", (connection.info.backend_pid,))
        connection.execute("SELECT 1")


def test_a_fresh_day_is_inserted_whole(database) -> None:
    assert counts(load(quotes(100))) == (100, 100, 0, 0)
    assert database.execute("SELECT count(*), sum(close) FROM cotahist").fetchone() == (100, Decimal("49.50"))


def test_a_second_load_writes_and_locks_no_row(database) -> None:
    first = position(database)
    load(quotes(20_000))
    written = position(database) - first
    database.execute("VACUUM cotahist")  # as autovacuum does: a row's first reader notes down that it is committed
    before = position(database)
    assert counts(load(quotes(20_000))) == (20_000, 0, 0, 20_000)
    assert position(database) - before < 0.05 * written
    assert database.execute("SELECT count(*) FROM cotahist WHERE xmax <> 0").fetchone() == (0,)


def test_only_the_row_that_differs_is_written(database) -> None:
    load(quotes(500))
    old = dict(database.execute("SELECT symbol, xmin::text FROM cotahist").fetchall())
    changed = quotes(500).with_columns(
        close=pl.when(pl.col("symbol") == "SYM00007")
        .then(pl.lit(Decimal("9.99")))
        .otherwise("close")
        .cast(pl.Decimal(38, 2))
    )
    assert counts(load(changed)) == (500, 0, 1, 499)
    new = dict(database.execute("SELECT symbol, xmin::text FROM cotahist").fetchall())
    assert {symbol for symbol in new if new[symbol] != old[symbol]} == {"SYM00007"}


def test_rows_new_to_a_day_are_inserted_beside_the_unchanged(database) -> None:
    load(quotes(10))
    assert counts(load(quotes(15))) == (15, 5, 0, 10)


def test_a_null_is_not_an_empty_text(database) -> None:
    load(quotes(1, specification=None))
    assert counts(load(quotes(1, specification=""))) == (1, 0, 1, 0)
    assert database.execute("SELECT specification FROM cotahist").fetchone() == ("",)
    assert counts(load(quotes(1, specification=""))) == (1, 0, 0, 1)
    assert counts(load(quotes(1, specification=None))) == (1, 0, 1, 0)


@pytest.mark.parametrize("text", ['"', ",", "a\nb", "\\.", "\\N", "'", "ação", " x ", "\x01", "NULL", "\r"])
def test_any_text_arrives_as_it_is_and_is_unchanged_when_it_comes_again(database, text: str) -> None:
    load(quotes(2, company_name=text))
    assert database.execute("SELECT DISTINCT company_name FROM cotahist").fetchall() == [(text,)]
    assert counts(load(quotes(2, company_name=text))) == (2, 0, 0, 2)


def test_negative_decimals_arrive_and_a_change_of_sign_is_a_change(database) -> None:
    def curve(rate: str) -> pl.DataFrame:
        row = {
            "transaction_id": 1, "record_type": "01", "refdate": DAY, "curve_code": "DCL", "calendar_days": 1,
            "rate": Decimal(rate), "vertex_kind": "F", "vertex_code": "00001", "occurrence": 1,
        }  # fmt: skip
        return pl.DataFrame([row], schema=schema(CURVES))

    load(curve("-1.1796000"), template=CURVES)
    assert database.execute("SELECT rate FROM yield_curves").fetchone() == (Decimal("-1.1796000"),)
    assert counts(load(curve("-1.1796000"), template=CURVES)) == (1, 0, 0, 1)
    assert counts(load(curve("1.1796000"), template=CURVES)) == (1, 0, 1, 0)


def test_truth_values_arrive_and_are_unchanged_when_they_come_again(database) -> None:
    rows = [
        {
            "refdate": DAY,
            "symbol": f"S{n}",
            "segment": "CASH",
            "market": "M",
            "occurrence": 1,
            "protected": value,
            "source": "IN",
        }
        for n, value in enumerate((True, False, None))
    ]
    frame = pl.DataFrame(rows, schema=schema(SYMBOLS))
    load(frame, template=SYMBOLS)
    found = database.execute("SELECT protected FROM symbols ORDER BY symbol").fetchall()
    assert found == [(True,), (False,), (None,)]
    assert counts(load(frame, template=SYMBOLS)) == (3, 0, 0, 3)


@pytest.mark.parametrize("there", [False, True])
def test_equal_rows_fold_within_a_batch_and_across_batches(database, there: bool) -> None:
    if there:
        load(quotes(5))
    found = load(quotes(5), pl.concat([quotes(3, first=5), quotes(1, first=5)]), quotes(2))
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (8,)
    assert (found.rows, found.inserted) == (11, 3 if there else 8)


@pytest.mark.parametrize("there", [False, True])
@pytest.mark.parametrize("apart", [False, True])
def test_different_rows_of_one_key_are_refused_and_nothing_is_written(database, there: bool, apart: bool) -> None:
    if there:
        load(quotes(5))
    other = quotes(1, first=3, close=Decimal("7.77"))
    with pytest.raises(DuplicateKey, match="symbol=SYM00003"):
        load(*[quotes(5), other] if apart else [pl.concat([quotes(5), other])])
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (5 if there else 0,)
    assert database.execute("SELECT count(*) FROM cotahist WHERE close = 7.77").fetchone() == (0,)


def test_a_stray_row_never_overwrites_but_is_not_lost(database) -> None:
    load(quotes(3))
    strays = pl.concat([quotes(1, close=Decimal("5.55")), quotes(1, first=9)])
    found = load(Rows(strays, overwrite=False))
    assert (found.inserted, found.updated, found.kept) == (1, 0, 1)
    assert database.execute("SELECT count(*) FROM cotahist WHERE close = 5.55").fetchone() == (0,)


def test_a_day_spread_over_batches_is_compared_whole(database) -> None:
    days = [quotes(40, DAY + timedelta(n)) for n in range(4)]
    load(*days)
    rows = pl.concat(days)
    assert counts(load(*rows.iter_slices(27))) == (160, 0, 0, 160)


def test_an_error_in_the_last_batch_leaves_nothing(database) -> None:
    def read() -> Iterator[Rows]:
        yield Rows(quotes(100))
        yield Rows(quotes(100, DAY + timedelta(1)))
        raise FileError("damaged at its end")

    with connect.connect() as connection, pytest.raises(FileError, match="damaged"):
        upsert.load(connection, COTAHIST, read)
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_two_loads_of_one_day_at_once_insert_it_once(database) -> None:
    found: list[Counts] = []
    threads = [threading.Thread(target=lambda: found.append(load(quotes(3_000)))) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(counts(one) for one in found) == [(3_000, 0, 0, 3_000), (3_000, 3_000, 0, 0)]
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (3_000,)


def test_no_staging_table_is_left(database) -> None:
    load(quotes(5))
    load(quotes(5, company_name="X"))
    assert database.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'pyb3%%'").fetchone() == (0,)


@pytest.mark.parametrize("day", [date(1985, 12, 30), date(1986, 1, 2), date(2024, 12, 30), date(2050, 1, 3)])
def test_a_day_of_any_year_has_a_place(database, day: date) -> None:
    assert counts(load(quotes(3, day))) == (3, 3, 0, 0)
    assert counts(load(quotes(3, day, company_name="X"))) == (3, 0, 3, 0)

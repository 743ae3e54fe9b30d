"""The view `futures_with_maturities`: what the library's `with_maturities` gives, in the database."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import psycopg
import pytest
from psycopg import sql

import pyb3 as library
from pyb3.datasets import registry
from tests.conftest import at
from tests.support.simulator import Simulator

DAY = date(2025, 2, 3)
LISTED = [
    ("SJCH25", "AGRIBUSINESS", "FUTURE", date(2025, 2, 27)),
    ("SJCK25", "AGRIBUSINESS", "OPTIONS ON FUTURE", date(2025, 4, 29)),
    ("SJCU25", "AGRIBUSINESS", "FUTURE", date(2025, 8, 28)),
    ("SJCU25", "FINANCIAL", "FUTURE", date(2025, 8, 29)),
    ("SJCX25", "AGRIBUSINESS", "FUTURE", date(2025, 10, 30)),
    ("SJCX25", "FINANCIAL", "FUTURE", date(2025, 10, 30)),
    ("PETRPG25", "FUTURE", "EQUITY-DERIVATE", date(2025, 2, 21)),
    ("DI1F27", "FINANCIAL", "FUTURE", date(2027, 1, 5)),
]
SOURCES = "SELECT symbol, maturity_date, maturity_source FROM futures_with_maturities WHERE symbol = ANY(%s)"


def fill(database: psycopg.Connection, day: date = DAY) -> None:
    for symbol, segment, market, expiration in LISTED:
        database.execute(
            "INSERT INTO symbols (refdate, symbol, segment, market, maturity_date, source)"
            " VALUES (%s, %s, %s, %s, %s, 'InstrumentsConsolidated')",
            (day, symbol, segment, market, expiration),
        )


def test_the_view_has_the_maturities_of_that_days_list(pyb3, database, real: Path) -> None:
    pyb3(f"ingest futures --file {real}/futures/SPRD250203.zip")
    fill(database, date(2025, 2, 4))
    asked = (["SJCH25", "SJCK25", "SJCU25", "SJCX25", "PETRPG25", "DI1F27"],)
    of_another_day = {row[0]: row[1:] for row in database.execute(SOURCES, asked)}
    assert of_another_day.pop("DI1F27") == (date(2027, 1, 4), "rule")
    assert set(of_another_day.values()) == {(None, None)}
    fill(database)
    assert {row[0]: row[1:] for row in database.execute(SOURCES, asked)} == {
        "SJCH25": (date(2025, 2, 27), "symbols"),
        "SJCK25": (None, None),
        "SJCU25": (None, None),
        "SJCX25": (date(2025, 10, 30), "symbols"),
        "PETRPG25": (date(2025, 2, 21), "symbols"),
        "DI1F27": (date(2027, 1, 4), "rule"),
    }


def test_the_view_has_each_row_and_column_of_futures_once(pyb3, database, real: Path) -> None:
    pyb3(f"ingest futures --file {real}/futures/SPRD250203.zip")
    fill(database)
    names = [f.name for f in registry.get("futures").template.fields if f.name != "maturity_date"]
    columns = ", ".join(f'"{name}"' for name in [*names, "ingestion_id"])
    table, view = (
        database.execute(f"SELECT {columns} FROM {relation} ORDER BY refdate, symbol").fetchall()
        for relation in ("futures", "futures_with_maturities")
    )
    assert len(table) == 642 and view == table
    found = database.execute(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'futures_with_maturities'::regclass AND attnum > 0"
    ).fetchall()
    assert {name for (name,) in found} == {*names, "maturity_date", "ingestion_id", "maturity_source"}


def test_view_and_library_agree(pyb3, database, simulator: Simulator) -> None:
    pyb3("ingest futures --date 2024-01-15")
    pyb3("ingest symbols --date 2024-01-15")
    theirs = "SELECT refdate, symbol, maturity_date, maturity_source FROM futures_with_maturities ORDER BY symbol"
    futures = library.with_maturities(library.futures_get("2024-01-15"), library.symbols_get("2024-01-15"))
    ours = futures.select("refdate", "symbol", "maturity_date", "maturity_source").sort("symbol")
    assert database.execute(theirs).fetchall() == ours.rows()
    assert {"rule", "symbols"} == set(ours["maturity_source"])
    assert futures.filter(pl.col("maturity_date").is_null()).is_empty()


def test_a_table_of_futures_still_verifies_when_the_list_is_there(pyb3, database, simulator: Simulator) -> None:
    pyb3("ingest futures --date 2024-01-15")
    pyb3("ingest symbols --date 2024-01-15")
    assert pyb3("verify futures --date 2024-01-15 --json").json["result"] == "verified"


@pytest.mark.parametrize("with_symbols", [False, True])
def test_the_view_shows_a_reader_no_more_than_the_tables_do(
    pyb3, database, trusting: str, real: Path, with_symbols: bool
) -> None:
    pyb3(f"ingest futures --file {real}/futures/SPRD250203.zip")
    fill(database)
    name = f"viewer_{database.info.dbname}"
    role = sql.Identifier(name)
    database.execute(sql.SQL("CREATE ROLE {} LOGIN").format(role))
    database.execute(sql.SQL("GRANT SELECT ON futures, symbols, futures_with_maturities TO {}").format(role))
    for table in ("futures", "symbols"):
        database.execute(sql.SQL("ALTER TABLE {} ENABLE ROW LEVEL SECURITY").format(sql.Identifier(table)))
    for table in ("futures", "symbols") if with_symbols else ():
        query = "CREATE POLICY readers ON {} FOR SELECT TO {} USING (true)"
        database.execute(sql.SQL(query).format(sql.Identifier(table), role))
    with psycopg.connect(at(trusting, database.info.dbname, user=name)) as reader:
        rows = reader.execute("SELECT count(*), count(*) FILTER (WHERE maturity_source = 'symbols') FROM"
                              " futures_with_maturities").fetchone()  # fmt: skip
    assert rows == ((642, 3) if with_symbols else (0, 0))
    database.execute(sql.SQL("DROP OWNED BY {}").format(role))
    database.execute(sql.SQL("DROP ROLE {}").format(role))

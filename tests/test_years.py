"""cotahist is in parts, a year each, which are made by the first load of the year."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from tests.support import generate

DAY = date(2024, 1, 15)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "day.TXT"
    path.write_bytes(generate.cotahist([DAY], 50))
    return path


def _parts(database) -> list[str]:
    query = "SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'cotahist'::regclass ORDER BY 1"
    return [name for (name,) in database.execute(query)]


def _count(database) -> int:
    return database.execute("SELECT count(*) FROM cotahist").fetchone()[0]


def test_a_year_is_made_with_its_first_rows_and_is_like_any_other_part(pyb3, database, file: Path) -> None:
    assert _parts(database) == []
    assert pyb3(f"ingest cotahist --file {file}").code == 0
    assert _parts(database) == ["cotahist_2024"]
    assert _count(database) == 50
    indexes = database.execute("SELECT count(*) FROM pg_index WHERE indrelid = 'cotahist_2024'::regclass")
    assert indexes.fetchone() == (2,)
    checks = database.execute(
        "SELECT count(*) FROM pg_constraint WHERE conrelid = 'cotahist_2024'::regclass AND contype = 'c'"
    )
    assert checks.fetchone() == (0,), "the partition's own bounds are enough"
    secured = database.execute("SELECT relrowsecurity FROM pg_class WHERE oid = 'cotahist_2024'::regclass")
    assert secured.fetchone() == (True,)
    assert database.execute("SELECT count(*) FROM cotahist WHERE ingestion_id IS NULL").fetchone() == (0,)
    again = pyb3(f"ingest cotahist --file {file} --force --json").json
    assert (again["inserted"], again["updated"], again["unchanged"]) == (0, 0, 50)


def test_a_load_that_fails_leaves_no_part(refused, database, file: Path) -> None:
    lines = file.read_bytes().split(b"\r\n")
    file.write_bytes(b"\r\n".join([*lines[:-3], *lines[-2:]]))
    refused(f"ingest cotahist --file {file}", 6, "holds 49 records, its trailer says 52")
    assert _parts(database) == []


def test_equal_records_far_apart_are_one_row_of_a_new_year(pyb3, database, tmp_path: Path) -> None:
    """The key that a new year does not have yet finds them at the end, and staging sorts them out."""
    lines = generate.cotahist([DAY], 40_000).split(b"\r\n")
    lines[-3] = lines[1]
    path = tmp_path / "day.TXT"
    path.write_bytes(b"\r\n".join(lines))
    answer = pyb3(f"ingest cotahist --file {path} --json").json
    assert (answer["rows"], answer["inserted"], answer["folded"]) == (40_000, 39_999, 1)
    assert _count(database) == 39_999


def test_a_trigger_of_the_table_sees_the_first_rows_of_a_year_too(pyb3, database, file: Path) -> None:
    database.execute("CREATE TABLE seen (n bigint)")
    database.execute(
        "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN INSERT INTO seen SELECT count(*) FROM added; RETURN NULL; END'"
    )
    database.execute(
        "CREATE TRIGGER see AFTER INSERT ON cotahist REFERENCING NEW TABLE AS added EXECUTE FUNCTION see()"
    )
    assert pyb3(f"ingest cotahist --file {file}").code == 0
    assert database.execute("SELECT sum(n) FROM seen").fetchone() == (50,)


def test_forced_row_security_binds_the_owner_in_a_new_year_too(pyb3, database, server, file: Path) -> None:
    database.execute("ALTER TABLE cotahist FORCE ROW LEVEL SECURITY")
    database.execute("ALTER TABLE cotahist ENABLE ROW LEVEL SECURITY")
    database.execute("CREATE POLICY few ON cotahist WITH CHECK (symbol IS NOT NULL)")
    assert pyb3(f"ingest cotahist --file {file}").code == 0
    assert _count(database) == 50


def test_rows_and_years_survive_the_way_back_and_forth(pyb3, database, file: Path) -> None:
    pyb3(f"ingest cotahist --file {file}")
    before = database.execute("SELECT * FROM cotahist ORDER BY refdate, symbol, term_days").fetchall()
    assert pyb3("db downgrade 0007").code == 0
    assert {"cotahist_1986", "cotahist_2024", "cotahist_2045", "cotahist_other"} <= set(_parts(database))
    database.execute(
        "INSERT INTO cotahist (record_type, refdate, bdi_code, symbol, market_type, term_days)"
        " VALUES ('01', '2050-01-03', '02', 'PETR4', 10, 0)"
    )
    assert pyb3("db upgrade").code == 0
    assert _parts(database) == ["cotahist_2024", "cotahist_2050"]
    database.execute("DELETE FROM cotahist WHERE refdate = '2050-01-03'")
    assert database.execute("SELECT * FROM cotahist ORDER BY refdate, symbol, term_days").fetchall() == before


def test_nobody_but_the_owner_may_make_a_year(database) -> None:
    rights = database.execute(
        "SELECT proname, proacl::text FROM pg_proc WHERE proname LIKE 'cotahist%%year' ORDER BY 1"
    ).fetchall()
    assert [name for name, _ in rights] == ["cotahist_attach_year", "cotahist_new_year"]
    assert not any("=X/" in acl.replace("postgres=X/", "") for _, acl in rights), rights


def test_the_beginning_of_a_symbol_is_found_by_the_index(pyb3, database, file: Path) -> None:
    pyb3(f"ingest cotahist --file {file}")
    database.execute("SET enable_seqscan = off")
    plan = database.execute("EXPLAIN SELECT * FROM cotahist WHERE symbol LIKE 'PETR%%'").fetchall()
    assert any("symbol >= 'PETR'" in line for (line,) in plan)

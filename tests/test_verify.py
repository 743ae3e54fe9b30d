"""The tables are held against the cached files: what was loaded verifies clean, what was changed since is told."""

from __future__ import annotations

from dataclasses import replace

import psycopg
import pytest

from pyb3 import calendar, settings
from pyb3.datasets import registry
from tests.conftest import at

DAY = "2024-01-15"


def results(answer) -> dict[str, str]:
    return {one["unit"]: one["result"] for one in answer.objects}


@pytest.mark.parametrize("name", registry.names())
def test_every_dataset_verifies_clean_after_it_was_loaded(pyb3, database, simulator, name: str) -> None:
    done = pyb3(f"ingest {name} --date last --json").json
    asked = len(simulator.requests)
    answer = pyb3(f"verify {name} --json")
    assert {one["result"] for one in answer.objects} == {"verified"}, answer.out
    assert sum(one["rows"] for one in answer.objects) == database.execute(f"SELECT count(*) FROM {name}").fetchone()[0]
    assert answer.code == 0 and done["rows"] > 0
    assert len(simulator.requests) == asked, "B3 is not asked"


def test_a_value_that_was_altered_is_told_with_both_values(pyb3, database, simulator) -> None:
    pyb3(f"ingest futures --date {DAY}")
    symbol, before = database.execute(
        "SELECT symbol, price FROM futures WHERE price IS NOT NULL ORDER BY 1 LIMIT 1"
    ).fetchone()
    database.execute("UPDATE futures SET price = price + 1 WHERE symbol = %s", (symbol,))
    answer = pyb3(f"verify futures --date {DAY} --json")
    assert answer.code == 4
    found = answer.json
    assert (found["result"], found["missing"], found["differing"], found["extra"]) == ("differs", 0, 1, 0)
    assert found["differences"] == [
        {
            "kind": "differs",
            "key": {"refdate": DAY, "symbol": symbol, "occurrence": "1"},
            "column": "price",
            "file": str(before),
            "table": str(before + 1),
        }
    ]
    assert symbol in pyb3("verify").out


def test_a_row_that_was_deleted_and_one_that_was_added_are_told(pyb3, database, simulator) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    first = "(SELECT symbol FROM cotahist ORDER BY symbol LIMIT 1)"
    (gone,) = database.execute(f"DELETE FROM cotahist WHERE symbol = {first} RETURNING symbol").fetchall()[0]
    database.execute(
        "INSERT INTO cotahist (record_type, refdate, bdi_code, symbol, market_type, term_days)"
        " VALUES ('01', %s, '02', 'INVENTED', 10, 0)",
        (DAY,),
    )
    answer = pyb3("verify cotahist --json")
    assert answer.code == 4
    told = {(one["kind"], one["key"]["symbol"]) for one in answer.json["differences"]}
    assert told == {("missing", gone), ("extra", "INVENTED")}


def test_null_is_not_an_empty_text(pyb3, database, simulator) -> None:
    pyb3(f"ingest symbols --date {DAY}")
    changed = database.execute("UPDATE symbols SET option_type = '' WHERE option_type IS NULL").rowcount
    assert changed > 0
    found = pyb3("verify symbols --json").json
    assert found["differing"] == changed
    assert {(one["file"], one["table"]) for one in found["differences"]} == {(None, "")}


@pytest.mark.parametrize("change", ["UPDATE {} SET ingestion_id = NULL", "SELECT 1"])
def test_rows_older_than_the_ledger_verify_all_the_same(pyb3, database, simulator, change: str) -> None:
    pyb3(f"ingest symbols --date {DAY}")
    database.execute(change.format("symbols"))
    assert pyb3("verify symbols --json").json["result"] == "verified"


def test_a_file_that_is_not_in_the_cache_is_told_and_not_fetched(pyb3, database, simulator) -> None:
    done = pyb3(f"ingest cotahist --date {DAY} --json").json
    path = settings.cache_dir() / "cotahist" / "COTAHIST_D15012024.ZIP"
    kept = path.read_bytes()
    path.unlink()
    simulator.requests.clear()
    answer = pyb3("verify cotahist --json")
    assert (answer.code, answer.json["result"]) == (4, "not_in_cache")
    path.write_bytes(b"PK" + kept)
    answer = pyb3("verify cotahist --json")
    assert (answer.code, answer.json["result"]) == (4, "other_bytes")
    assert simulator.requests == []
    elsewhere = path.with_name("at_hand.zip")
    elsewhere.write_bytes(kept)
    answer = pyb3(f"verify cotahist --file {elsewhere} --json")
    assert (answer.code, answer.json["result"], answer.json["rows"]) == (0, "verified", done["rows"])


def test_of_several_files_one_that_is_another_is_told(pyb3, database, simulator) -> None:
    pyb3("ingest index_composition --date last")
    (path,) = (settings.cache_dir() / "index_composition").glob("GetPortfolioDay_IBOV_????????.json")
    path.write_text("{}")
    answer = pyb3("verify index_composition --json")
    assert (answer.code, {one["result"] for one in answer.objects}) == (4, {"other_bytes"})


def test_bytes_that_the_ledger_does_not_know_are_told(pyb3, database, simulator, tmp_path) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    (tmp_path / "x.zip").write_bytes(b"x")
    answer = pyb3(f"verify cotahist --file {tmp_path / 'x.zip'} --json")
    assert (answer.code, answer.json["result"]) == (4, "never_loaded")


def test_a_year_is_held_against_its_file_but_for_days_that_came_since(
    pyb3, database, simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    cotahist = registry.get("cotahist")  # a simulated year is shorter than B3's: see test_year_counts
    monkeypatch.setattr(cotahist, "template", replace(cotahist.template, years=()))
    simulator.rows = 40
    pyb3("backfill cotahist --year 2023")
    answer = pyb3("verify cotahist --year 2023 --json")
    rows = database.execute("SELECT count(*) FROM cotahist").fetchone()[0]
    assert (answer.code, results(answer), answer.json["rows"]) == (0, {"2023": "verified"}, rows)
    simulator.exchange.seed = 1
    assert pyb3("ingest cotahist --date 2023-06-15 --json").json["updated"] > 0
    answer = pyb3("verify cotahist --json")
    assert results(answer) == {"2023": "verified", "2023-06-15": "verified"}, answer.out
    assert sum(one["rows"] for one in answer.objects) <= rows + 40
    database.execute("UPDATE cotahist SET trades = trades + 1 WHERE refdate > '2023-07-01'")
    answer = pyb3("verify cotahist --json")
    assert results(answer) == {"2023": "differs", "2023-06-15": "verified"}
    assert len(answer.objects[0]["differences"]) == 10, "those of a unit are bounded"


def test_days_that_one_months_file_served_are_each_held_against_it(pyb3, database, simulator) -> None:
    simulator.exchange.absent = ["COTAHIST_D"]
    assert pyb3("backfill cotahist --from 2023-06-14 --to 2023-06-16").code == 0
    database.execute("UPDATE cotahist SET trades = trades + 1 WHERE refdate = '2023-06-15'")
    answer = pyb3("verify cotahist --json")
    assert {one["file"] for one in answer.objects} == {"COTAHIST_M062023.ZIP"}
    assert results(answer) == {"2023-06-14": "verified", "2023-06-15": "differs", "2023-06-16": "verified"}
    rows = database.execute("SELECT refdate::text, count(*) FROM cotahist GROUP BY 1").fetchall()
    assert {(one["unit"], one["rows"]) for one in answer.objects} == set(rows)


def test_a_row_that_only_an_earlier_file_of_the_day_has_is_no_difference(pyb3, database, simulator) -> None:
    simulator.rows = 500
    pyb3(f"ingest cotahist --date {DAY}")
    earlier = (settings.cache_dir() / "cotahist" / "COTAHIST_D15012024.ZIP").read_bytes()
    simulator.rows = 400
    pyb3(f"ingest cotahist --date {DAY} --refresh")
    (total,) = database.execute("SELECT count(*) FROM cotahist").fetchone()
    found = pyb3("verify cotahist --json").json
    assert (found["result"], found["unchecked"]) == ("verified", total - 400)
    assert total > 400 and "not in the cache" in found["message"]
    # The name of the file in the ledger is all that says where an earlier one lies.
    (settings.cache_dir() / "cotahist" / "earlier.zip").write_bytes(earlier)
    database.execute("UPDATE ingestions SET file = 'earlier.zip' WHERE id = 1")
    found = pyb3("verify cotahist --json").json
    assert (found["result"], found["elsewhere"], found["unchecked"]) == ("verified", total - 400, 0)
    database.execute("UPDATE cotahist SET trades = trades + 1 WHERE ingestion_id = 1")
    found = pyb3("verify cotahist --json").json
    assert found["result"] == "differs" and found["extra"] + found["differing"] >= total - 400


def test_a_day_and_a_year_that_bring_other_columns_of_a_row_are_both_held(pyb3, database, simulator) -> None:
    day = calendar.previous_session(calendar.today())
    pyb3(f"ingest index_historical --date {day}")
    pyb3(f"backfill index_historical --year {day.year}")
    answer = pyb3("verify index_historical --json")
    assert results(answer) == {str(day): "verified", f"{day.year}": "verified"}, answer.out
    database.execute("UPDATE index_historical SET close = close + 1 WHERE close IS NOT NULL AND refdate = %s", (day,))
    assert results(pyb3("verify index_historical --json"))[str(day)] == "differs"


def test_a_stray_row_of_another_session_is_looked_for_in_the_file_that_has_it(pyb3, database, real) -> None:
    file = real / "futures" / "PR180102.xml.gz"
    pyb3(f"ingest futures --file {file}")
    answer = pyb3(f"verify futures --file {file} --json")
    assert (answer.code, answer.json["result"]) == (0, "verified"), answer.out
    (settings.cache_dir() / "futures").mkdir(parents=True)
    (settings.cache_dir() / "futures" / file.name).write_bytes(file.read_bytes())
    answer = pyb3("verify futures --json")
    strays = database.execute("SELECT count(*) FROM futures WHERE refdate > '2018-01-02'").fetchone()[0]
    assert strays and results(answer) == {"2018-01-02": "verified", "2018-01-03": "verified"}
    assert answer.objects[1]["elsewhere"] == strays
    database.execute("UPDATE futures SET trades = -1 WHERE refdate > '2018-01-02'")
    assert pyb3("verify futures --json").code == 4
    database.execute("DELETE FROM futures WHERE refdate > '2018-01-02'")
    assert pyb3("verify futures --json").json["missing"] == strays


def test_what_was_never_loaded_is_told_where_it_is_asked_for(pyb3, database, simulator) -> None:
    assert pyb3("verify").code == 4
    pyb3(f"ingest cotahist --date {DAY}")
    answer = pyb3("verify cotahist --from 2024-01-11 --to 2024-01-17 --json")
    assert answer.code == 4
    assert results(answer) == {
        DAY: "verified", "2024-01-11..2024-01-12": "never_loaded", "2024-01-16..2024-01-17": "never_loaded"
    }  # fmt: skip
    assert pyb3("verify cotahist --date 2024-01-16").code == 4
    database.execute("SELECT cotahist_new_year(2020)")
    database.execute("SELECT cotahist_attach_year(2020)")
    database.execute(
        "INSERT INTO cotahist (record_type, refdate, bdi_code, symbol, market_type, term_days)"
        " VALUES ('01', '2020-01-02', '02', 'INVENTED', 10, 0)"
    )
    answer = pyb3("verify cotahist --json")
    assert answer.code == 4 and results(answer)["2020-01-02"] == "never_loaded"


def test_a_role_that_may_only_read_verifies_also_where_row_security_binds_it(
    pyb3, database, simulator, trusting, monkeypatch
) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    role = f"reader_{database.info.dbname}"
    database.execute(f"CREATE ROLE {role} LOGIN")
    try:
        database.execute(f"GRANT USAGE ON SCHEMA public TO {role}")
        database.execute(f"GRANT SELECT ON cotahist, ingestions, alembic_version TO {role}")
        database.execute("ALTER TABLE cotahist ENABLE ROW LEVEL SECURITY")
        monkeypatch.setenv("DATABASE_URL", at(trusting, database.info.dbname, user=role))
        answer = pyb3("verify cotahist --json")
        assert answer.json["missing"] == 500 and "policies may hide rows" in answer.json["message"]
        database.execute(f"CREATE POLICY readers ON cotahist FOR SELECT TO {role} USING (true)")
        answer = pyb3("verify cotahist --json")
        assert (answer.code, answer.json["result"], answer.json["rows"]) == (0, "verified", 500)
    finally:
        database.execute(f"DROP OWNED BY {role}")
        database.execute(f"DROP ROLE {role}")


def test_nothing_is_written(pyb3, database, simulator) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    counters = "SELECT sum(n_tup_ins + n_tup_upd + n_tup_del) FROM pg_stat_user_tables"
    with psycopg.connect(database.info.dsn, autocommit=True) as watching:
        watching.execute("SELECT pg_stat_force_next_flush()")
        before = watching.execute(counters).fetchone()
        assert pyb3("verify").code == 0
        watching.execute("SELECT pg_stat_clear_snapshot()")
        assert watching.execute(counters).fetchone() == before


def test_a_table_that_is_not_there_and_wrong_options_are_one_line(refused, bare_database, tmp_path) -> None:
    refused("verify", 7, "pyb3 db upgrade")
    refused("verify cotahist --date 2024-01-15 --year 2024", 2, "say one of")
    refused("verify cotahist --from 2024-01-15", 2, "say one of")
    refused("verify cotahist --from 2024-01-15 --to 2024-01-12", 2, "is after")
    refused(f"verify --file {tmp_path}/none", 6, "no such file")
    refused(f"verify cotahist --file {tmp_path}/none", 6, "no such file")
    refused("verify cotahist --index IBOV", 2, "--index")


def test_a_day_without_a_session_has_nothing_to_verify(refused, database) -> None:
    refused("verify cotahist --date 2024-01-14", 3, "no session")

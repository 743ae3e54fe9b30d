"""The ledger: each attempt is written down, bytes it knows are not read again, and what is missing can be filled."""

from __future__ import annotations

from datetime import date, timedelta

from pyb3 import calendar

DAY = "2024-01-15"


def recent(count: int) -> list[date]:
    """The last sessions before today."""
    today = calendar.today()
    return calendar.sessions(today - timedelta(3 * count + 14), today - timedelta(1))[-count:]


def test_an_ingestion_is_written_down_with_the_bytes_it_read(pyb3, database, simulator) -> None:
    done = pyb3(f"ingest cotahist --date {DAY} --json").json
    row = database.execute(
        "SELECT dataset, unit, first_date, last_date, source, sha256, rows, inserted, outcome, error_code,"
        " url LIKE '%%COTAHIST_D15012024.ZIP', size > 0, ended_at >= started_at FROM ingestions"
    ).fetchall()
    day = date(2024, 1, 15)
    assert row == [
        ("cotahist", DAY, day, day, "COTAHIST_D", done["sha256"], 500, 500, "loaded", None, True, True, True)
    ]
    numbers = "SELECT DISTINCT c.ingestion_id = i.id FROM cotahist c, ingestions i"
    assert database.execute(numbers).fetchall() == [(True,)]


def test_bytes_the_ledger_knows_are_not_read_again_unless_forced(pyb3, database, simulator) -> None:
    pyb3(f"ingest futures --date {DAY}")
    database.execute("UPDATE futures SET trades = 1 WHERE symbol = (SELECT min(symbol) FROM futures)")
    again = pyb3(f"ingest futures --date {DAY} --json").json
    assert (again["outcome"], again["unchanged"]) == ("unchanged", again["rows"])
    forced = pyb3(f"ingest futures --date {DAY} --force --json").json
    assert (forced["outcome"], forced["updated"]) == ("loaded", 1)
    newest = database.execute("SELECT count(*) FROM futures WHERE ingestion_id = 3").fetchone()
    assert newest == (1,), "a row bears the ingestion that wrote it last"


def test_rows_that_are_gone_from_the_table_are_loaded_again(pyb3, database, simulator) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    database.execute("DELETE FROM cotahist WHERE symbol = (SELECT min(symbol) FROM cotahist)")
    again = pyb3(f"ingest cotahist --date {DAY} --json").json
    assert again["inserted"] > 0
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (500,)


def test_the_same_bytes_are_read_again_after_others_have_changed_their_day(pyb3, database, simulator) -> None:
    pyb3(f"ingest cotahist --date {DAY}")
    simulator.exchange.seed = 1
    assert pyb3(f"ingest cotahist --date {DAY} --refresh --json").json["updated"] == 500
    simulator.exchange.seed = 0
    assert pyb3(f"ingest cotahist --date {DAY} --refresh --json").json["updated"] == 500


def test_a_failure_is_written_down_and_changes_nothing_else(pyb3, database, simulator) -> None:
    day = recent(1)[0]
    simulator.faults = ["cut zip"] * 9
    answer = pyb3(f"ingest cotahist --date {day}")
    assert answer.code == 5
    row = database.execute("SELECT unit, outcome, error_code, error_message, rows FROM ingestions").fetchone()
    assert row is not None
    assert row[:3] == (str(day), "failed", "source")
    assert row[3] in answer.err
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_a_holiday_is_not_written_down(pyb3, database, simulator) -> None:
    assert pyb3("ingest cotahist --date 2024-12-25").code == 3
    assert database.execute("SELECT count(*) FROM ingestions").fetchone() == (0,)


def test_status_names_the_missing_sessions_and_backfill_fills_them(pyb3, database, simulator) -> None:
    days = recent(8)
    for day in (days[0], days[5]):
        pyb3(f"ingest cotahist --date {day}")
    status = pyb3("status cotahist --json")
    missing = [str(day) for day in days if day not in (days[0], days[5])]
    assert (status.code, status.json["missing"]) == (4, missing)
    assert (status.json["first"], status.json["last"]) == (str(days[0]), str(days[5]))
    assert status.json["stale_since"] == str(days[6])
    filled = pyb3("backfill cotahist --missing --json")
    assert [line["unit"] for line in filled.objects] == missing
    assert pyb3("status cotahist").code == 0
    again = pyb3("backfill cotahist --missing --json")
    assert (again.code, again.objects) == (0, [])


def test_a_year_that_lacks_a_month_is_filled_by_its_own_file(pyb3, database, simulator) -> None:
    done = pyb3("backfill cotahist --missing --from 2023-11-01 --to 2024-01-03 --json")
    assert [line["unit"] for line in done.objects] == ["2023", "2024-01-02", "2024-01-03"]


def test_where_to_begin_must_be_known(pyb3, database, simulator) -> None:
    answer = pyb3("backfill cotahist --missing")
    assert answer.code == 2
    assert "--from" in answer.err


def test_a_session_of_which_there_are_but_strays_is_missing(pyb3, database, simulator, tmp_path) -> None:
    from tests.support import generate

    day, following = recent(2)
    path = tmp_path / "stray.xml"
    path.write_bytes(generate.price_report(day, 50, strays=[f"DI1F{day.year % 100 + 1}"]))
    assert pyb3(f"ingest futures --file {path}").code == 0
    assert database.execute("SELECT count(*) FROM futures WHERE refdate > %s", (day,)).fetchone() == (1,)
    assert pyb3("status futures --json").json["missing"] == [str(following)]


def test_history_tells_what_was_loaded_when(pyb3, database, simulator) -> None:
    for line in ("ingest cotahist --date 2024-01-15", "ingest cotahist --date 2024-01-16"):
        pyb3(line)
    pyb3(f"ingest cotahist --date {DAY} --force")
    lines = pyb3(f"history cotahist --date {DAY} --json").objects
    assert [(line["unit"], line["outcome"]) for line in lines] == [(DAY, "unchanged"), (DAY, "loaded")]
    assert len(pyb3("history cotahist --json").objects) == 3
    assert DAY in pyb3("history cotahist").out

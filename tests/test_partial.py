"""A bad record or value of a file costs that record or value: the unit is partial, exit 4, and says what is missing."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import polars as pl
import pytest

from pyb3 import PartialData, cotahist_get
from pyb3.errors import FieldInvalid, FileError
from tests.support import generate

DAY = date(2024, 1, 15)
NAME = "COTAHIST_D15012024.TXT"
SHOW = f"'pyb3 history cotahist --date {DAY} --rejected' shows them"
RECORD = {7: ("DATPRE", b"20240230")}  # a column of the key: its record is set aside
VALUE = {9: ("INDOPC", b"X")}
LINE = f"ingest cotahist --date {DAY}"


def quotes(changes: Mapping[int, tuple[str, bytes]], rows: int = 40) -> bytes:
    """A session's quotes with one field of some lines changed."""
    text = generate.cotahist([DAY], rows)
    for line, (name, value) in changes.items():
        text = generate.replace_field(text, line, name, value)
    return text


def at_hand(folder: Path, changes: Mapping[int, tuple[str, bytes]]) -> Path:
    (folder / NAME).write_bytes(quotes(changes))
    return folder / NAME


def published(simulator, changes: Mapping[int, tuple[str, bytes]], *, times: int = 1) -> None:
    """B3 publishes that file of the session, to so many requests."""
    text = quotes(changes)
    simulator.faults.append({"kind": "change", "where": "_D15012024", "times": times, "change": lambda _: text})


def symbol(line: int) -> str:
    return quotes({}).split(b"\r\n")[line - 1][12:24].decode().strip()


def count(database, table: str) -> int:
    return database.execute(f'SELECT count(*) FROM "{table}"').fetchone()[0]


def test_a_bad_record_is_set_aside_and_the_others_are_loaded(pyb3, database, simulator) -> None:
    published(simulator, RECORD)
    answer = pyb3(f"{LINE} --json")
    done = answer.json
    assert (answer.code, done["outcome"]) == (4, "partial")
    assert [done[name] for name in ("rows", "inserted", "rejected", "rejected_values")] == [39, 39, 1, 0]
    assert done["warnings"] == [f"1 record set aside; {SHOW}"]
    assert answer.err == f"pyb3: cotahist {DAY}: {done['warnings'][0]}\n"
    assert "error" not in done
    assert count(database, "cotahist") == 39
    assert database.execute("SELECT count(*) FROM cotahist WHERE symbol = %s", (symbol(7),)).fetchone() == (0,)
    text = quotes(RECORD).split(b"\r\n")[6].decode("latin-1")
    kept = database.execute(
        "SELECT ingestion_id, file, line, dataset, unit, field, reason, record, loaded FROM rejected_rows"
    ).fetchall()
    assert kept == [(1, NAME, 7, "cotahist", str(DAY), "DATPRE", '"20240230" is not a date', text, False)]
    ledger = "SELECT outcome, rows, inserted, rejected, rejected_values, warnings, error_code FROM ingestions"
    assert database.execute(ledger).fetchall() == [("partial", 39, 39, 1, 0, done["warnings"], None)]


def test_a_bad_value_is_null_in_a_row_that_is_loaded(pyb3, database, simulator) -> None:
    published(simulator, VALUE)
    answer = pyb3(f"{LINE} --json")
    done = answer.json
    assert (answer.code, done["outcome"]) == (4, "partial")
    assert [done[name] for name in ("rows", "inserted", "rejected", "rejected_values")] == [40, 40, 0, 1]
    assert done["warnings"] == [f"1 value not read and NULL; {SHOW}"]
    kept = database.execute("SELECT line, field, reason, loaded FROM rejected_rows").fetchall()
    assert [(line, field, loaded) for line, field, _, loaded in kept] == [(9, "INDOPC", True)]
    assert kept[0][2].startswith('"X" is not ')
    row = database.execute("SELECT strike_correction FROM cotahist WHERE symbol = %s", (symbol(9),)).fetchall()
    assert row == [(None,)]


def test_several_of_both_are_counted_and_told_in_one_line(pyb3, database, tmp_path: Path) -> None:
    changes = {**RECORD, 8: ("CODNEG", b" " * 12), **VALUE, 11: ("INDOPC", b"Y")}
    done = pyb3(f"ingest cotahist --file {at_hand(tmp_path, changes)} --json").json
    assert (done["rows"], done["rejected"], done["rejected_values"]) == (38, 2, 2)
    assert done["warnings"] == [f"2 records set aside and 2 values not read and NULL; {SHOW}"]


def test_the_same_bytes_are_partial_again_and_are_not_read(pyb3, database, simulator) -> None:
    published(simulator, {**RECORD, **VALUE})
    first = pyb3(f"{LINE} --json").json
    written = database.execute("SELECT max(xmin::text::bigint) FROM cotahist").fetchone()
    aside = database.execute("SELECT * FROM rejected_rows").fetchall()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("pyb3.datasets.base.Dataset.read", None)  # reading would fail
        answer = pyb3(f"{LINE} --json")
    done = answer.json
    assert (answer.code, done["outcome"]) == (4, "partial")
    assert [done[name] for name in ("rows", "inserted", "updated", "unchanged")] == [39, 0, 0, 39]
    assert (done["rejected"], done["rejected_values"], done["warnings"]) == (1, 1, first["warnings"])
    assert database.execute("SELECT max(xmin::text::bigint) FROM cotahist").fetchone() == written
    assert database.execute("SELECT * FROM rejected_rows").fetchall() == aside
    assert database.execute("SELECT outcome FROM ingestions ORDER BY id").fetchall() == [("partial",), ("partial",)]


@pytest.mark.parametrize("changes", [RECORD, VALUE], ids=["record", "value"])
def test_strict_refuses_at_the_first_and_writes_nothing(pyb3, refused, database, simulator, changes) -> None:
    published(simulator, changes)
    words = "line 7, field DATPRE" if changes is RECORD else "line 9, field INDOPC"
    refused(f"{LINE} --strict", 6, words)
    assert (count(database, "cotahist"), count(database, "rejected_rows")) == (0, 0)
    assert all("_D15012024" in path for path in simulator.requests), "no other source is asked: B3's file is refused"
    assert database.execute("SELECT outcome, error_code FROM ingestions").fetchall() == [("failed", "field-invalid")]


def test_strict_refuses_bytes_that_were_loaded_in_part(pyb3, refused, database, simulator) -> None:
    published(simulator, RECORD, times=2)
    pyb3(LINE)
    before = database.execute("SELECT c::text FROM cotahist c ORDER BY 1").fetchall()
    for command in ("ingest", "load"):
        refused(f"{command} cotahist --date {DAY} --strict", 6, "line 7, field DATPRE")
    assert database.execute("SELECT c::text FROM cotahist c ORDER BY 1").fetchall() == before
    assert count(database, "rejected_rows") == 1


def test_a_backfill_goes_on_after_a_partial_unit_and_ends_with_four(pyb3, database, simulator) -> None:
    published(simulator, RECORD)
    simulator.rows = 40
    answer = pyb3("backfill cotahist --from 2024-01-15 --to 2024-01-16 --json")
    assert answer.code == 4
    assert [(one["unit"], one["outcome"], one["inserted"]) for one in answer.objects] == [
        ("2024-01-15", "partial", 39),
        ("2024-01-16", "loaded", 40),
    ]
    table = pyb3("backfill cotahist --from 2024-01-15 --to 2024-01-16")
    assert (table.code, "partial" in table.out, "rejected" in table.out) == (4, True, True)
    strict = pyb3("backfill cotahist --from 2024-01-15 --to 2024-01-16 --strict --json")
    assert strict.code == 4
    assert [one["outcome"] for one in strict.objects] == ["failed", "unchanged"]


def test_history_and_status_show_what_is_missing_until_the_unit_is_whole(pyb3, database, simulator) -> None:
    simulator.rows = 40
    published(simulator, {**RECORD, **VALUE})
    pyb3(LINE)
    shown = pyb3(f"history cotahist --date {DAY} --rejected --json").objects
    assert [(row["line"], row["field"], row["loaded"]) for row in shown] == [
        (7, "DATPRE", False),
        (9, "INDOPC", True),
    ]
    table = pyb3(f"history cotahist --date {DAY} --rejected").out
    assert '"20240230" is not a date' in table
    status = pyb3("status cotahist --json")
    assert (status.code, status.json["partial"]) == (4, [str(DAY)])
    assert f"cotahist {DAY} is partial" in pyb3("status cotahist").err
    whole = pyb3(f"{LINE} --refresh --json")
    assert (whole.code, whole.json["outcome"]) == (0, "loaded")
    assert [whole.json[name] for name in ("inserted", "updated", "unchanged", "rejected")] == [1, 1, 38, 0]
    assert pyb3("status cotahist --json").json["partial"] == []


def test_verify_compares_a_partial_day_with_what_could_be_read_of_its_file(pyb3, database, simulator) -> None:
    published(simulator, {**RECORD, **VALUE})
    pyb3(LINE)
    answer = pyb3("verify cotahist --json")
    assert (answer.code, answer.json["result"], answer.json["rows"]) == (0, "verified", 39)
    database.execute("DELETE FROM cotahist WHERE symbol = %s", (symbol(9),))
    answer = pyb3("verify cotahist --json")
    assert (answer.code, answer.json["result"], answer.json["missing"]) == (4, "differs", 1)


def test_parse_writes_the_others_and_ends_with_four(pyb3, tmp_path: Path) -> None:
    path = at_hand(tmp_path, {**RECORD, **VALUE})
    for output in (tmp_path / "x.parquet", tmp_path / "x.csv"):
        answer = pyb3(f"parse cotahist --file {path} --output {output}")
        assert answer.code == 4
        left_out, null = answer.err.splitlines()
        assert left_out == f'pyb3: left out: {NAME} line 7, field DATPRE: "20240230" is not a date'
        assert null.startswith(f'pyb3: is NULL: {NAME} line 9, field INDOPC: "X" is not ')
    frame = pl.read_parquet(tmp_path / "x.parquet")
    assert (frame.height, pl.read_csv(tmp_path / "x.csv").height) == (39, 39)
    assert frame.filter(symbol=symbol(9))["strike_correction"].to_list() == [None]
    assert pyb3(f"parse cotahist --file {path}").code == 4
    strict = pyb3(f"parse cotahist --file {path} --strict --output {tmp_path}/y.parquet")
    assert (strict.code, (tmp_path / "y.parquet").exists()) == (6, False)


@pytest.mark.parametrize(("bad", "code"), [(10, 4), (11, 6)])
def test_more_bad_records_than_the_share_refuse_a_file(pyb3, database, tmp_path: Path, bad: int, code: int) -> None:
    path = at_hand(tmp_path, {line: RECORD[7] for line in range(2, 2 + bad)})
    answer = pyb3(f"ingest cotahist --file {path} --json")
    assert answer.code == code
    assert count(database, "cotahist") == (30 if code == 4 else 0)
    assert count(database, "rejected_rows") == (10 if code == 4 else 0)
    if code == 6:
        assert "11 of 40 records are bad, too many to load the rest" in answer.json["error"]["message"]


def test_the_share_of_a_long_file_is_one_in_a_hundred(pyb3, database, tmp_path: Path) -> None:
    for bad, code in ((20, 4), (21, 6)):
        (tmp_path / NAME).write_bytes(quotes({line: RECORD[7] for line in range(2, 2 + bad)}, 2_000))
        assert pyb3(f"ingest cotahist --file {tmp_path / NAME}").code == code


def test_the_library_returns_the_others_and_warns_with_what_was_set_aside(simulator) -> None:
    published(simulator, {**RECORD, **VALUE})
    with pytest.warns(PartialData, match="1 record set aside; 1 value not read and NULL; first ") as caught:
        frame = cotahist_get(DAY)
    (warning,) = caught
    assert Path(warning.filename) == Path(__file__)
    assert isinstance(warning.message, PartialData)
    record, value = warning.message.rejected
    assert (record.file, record.line, record.field, record.loaded) == (NAME, 7, "DATPRE", False)
    assert record.record == quotes(RECORD).split(b"\r\n")[6].decode("latin-1")
    assert (value.line, value.field, value.loaded) == (9, "INDOPC", True)
    assert frame.height == 39
    assert symbol(7) not in frame["symbol"]
    assert frame.filter(symbol=symbol(9))["strike_correction"].to_list() == [None]


def test_strict_makes_the_librarys_warning_an_error(simulator, tmp_path: Path) -> None:
    published(simulator, RECORD)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(FieldInvalid, match="line 7, field DATPRE"):
            cotahist_get(DAY, strict=True)
        with pytest.raises(FileError, match="line 9, field INDOPC"):
            cotahist_get(file=at_hand(tmp_path, VALUE), strict=True)
        assert all("_D15012024" in path for path in simulator.requests)


def test_a_row_whose_record_is_bad_now_is_not_pruned(pyb3, database, tmp_path: Path) -> None:
    pyb3(f"ingest cotahist --file {at_hand(tmp_path, {})}")
    answer = pyb3(f"ingest cotahist --file {at_hand(tmp_path, RECORD)} --prune --json")
    done = answer.json
    assert (answer.code, done["outcome"], done["unchanged"]) == (4, "partial", 39)
    assert (done["rejected"], done["gone"], done["removed"]) == (1, 1, 0)
    assert any("nothing is removed where records were set aside (1)" in warning for warning in done["warnings"])
    assert count(database, "cotahist") == 40


def test_a_value_that_is_bad_now_does_not_keep_rows_from_being_pruned(pyb3, database, tmp_path: Path) -> None:
    path = at_hand(tmp_path, {})
    pyb3(f"ingest cotahist --file {path}")
    database.execute(
        "INSERT INTO cotahist SELECT (jsonb_populate_record(c, jsonb_build_object('symbol', 'GONE3'))).*"
        " FROM cotahist c WHERE symbol = %s",
        (symbol(2),),
    )
    done = pyb3(f"ingest cotahist --file {at_hand(tmp_path, VALUE)} --prune --json").json
    assert (done["outcome"], done["updated"], done["gone"], done["removed"]) == ("partial", 1, 1, 1)
    old = database.execute("SELECT columns, old FROM revisions WHERE change = 'updated'").fetchall()
    assert [columns for columns, _ in old] == [["strike_correction"]]


def test_an_odd_value_of_a_record_that_is_set_aside_is_not_counted(pyb3, database, tmp_path: Path) -> None:
    text = quotes({7: ("INDOPC", b"X"), 9: ("INDOPC", b"Y"), 11: ("INDOPC", b"Z")})
    text = generate.replace_field(text, 7, "DATPRE", b"20240230")
    text = generate.replace_field(text, 9, "VOLTOT", b"-%017d" % 5)
    (tmp_path / NAME).write_bytes(text)
    done = pyb3(f"ingest cotahist --file {tmp_path / NAME} --json").json
    assert (done["rows"], done["rejected"], done["rejected_values"]) == (38, 2, 1)
    kept = database.execute("SELECT line, field, loaded FROM rejected_rows ORDER BY line").fetchall()
    assert kept == [(7, "DATPRE", False), (9, None, False), (11, "INDOPC", True)]


def test_an_odd_value_of_a_record_that_stands_twice_is_counted_once(pyb3, database, tmp_path: Path) -> None:
    lines = quotes({7: ("INDOPC", b"X")}).split(b"\r\n")
    lines[9] = lines[6]
    (tmp_path / NAME).write_bytes(b"\r\n".join(lines))
    done = pyb3(f"ingest cotahist --file {tmp_path / NAME} --json").json
    assert (done["rows"], done["inserted"], done["folded"], done["rejected_values"]) == (40, 39, 1, 1)


def test_a_day_out_of_a_months_file_is_whole_though_another_day_has_an_odd_value(pyb3, database, simulator) -> None:
    simulator.exchange.absent.append("COTAHIST_D")
    days = [DAY, date(2024, 1, 16)]
    text = generate.replace_field(generate.cotahist(days, 20), 30, "INDOPC", b"X")
    simulator.faults.append({"kind": "change", "where": "COTAHIST_M", "change": lambda _: text})
    whole, odd = (pyb3(f"ingest cotahist --date {day} --json") for day in days)
    assert (whole.code, whole.json["outcome"], whole.json["rows"], whole.json["rejected_values"]) == (
        0,
        "loaded",
        20,
        0,
    )
    assert (odd.code, odd.json["outcome"], odd.json["rows"], odd.json["rejected_values"]) == (4, "partial", 20, 1)
    with pytest.warns(PartialData, match="1 value not read and NULL") as caught:
        cotahist_get(start=DAY, end=days[1])
    assert len(caught) == 1


def test_a_field_that_is_odd_in_every_record_counts_once(pyb3, database, tmp_path: Path) -> None:
    path = at_hand(tmp_path, {line: VALUE[9] for line in range(2, 42)})
    answer = pyb3(f"ingest cotahist --file {path} --json")
    assert (answer.code, answer.json["rows"], answer.json["rejected_values"]) == (4, 40, 40)
    words = 'field INDOPC could not be read: 40 of 40 values, first line 2: "X" is not a whole number; it is NULL there'
    assert answer.json["warnings"][0] == f"{NAME}, {words}"
    assert database.execute("SELECT line, field FROM rejected_rows").fetchall() == [(2, "INDOPC")]
    assert pyb3(f"ingest cotahist --file {path} --strict").code == 6

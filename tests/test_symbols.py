"""Symbols: every instrument of a day in all its columns, and the instrument file where that file is missing."""

from __future__ import annotations

import shutil
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import polars as pl
import pytest

from pyb3 import calendar, settings
from pyb3.datasets import registry
from pyb3.errors import FileError, NotPublished
from pyb3.file import File
from pyb3.parse.rejects import Rejects
from tests.support import generate

DAY = date(2024, 1, 15)
KEY = "refdate, symbol, segment, market"
CSV, IN = "fileName=InstrumentsConsolidated", "filelist=IN"


def frame(path: Path, rejects: Rejects | None = None) -> pl.DataFrame:
    return registry.get("symbols").frame([File.at(path)], rejects=rejects)


def written(folder: Path, data: bytes) -> Path:
    (folder / "instruments.csv").write_bytes(data)
    return folder / "instruments.csv"


def as_b3_writes(value) -> str:
    """A value of the frame as it stands in B3's file."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:f}".rstrip("0").rstrip(".").replace(".", ",") if isinstance(value, Decimal) else str(value)


def rows_again(rows: pl.DataFrame) -> list[str]:
    """The file's lines, written again from the frame."""
    names = [field.name for field in registry.get("symbols").template.fields if "consolidated" in field.at]
    return [";".join(map(as_b3_writes, row)) for row in rows.select(names).iter_rows()]


def test_every_line_of_the_real_file_can_be_written_again(real: Path) -> None:
    path = real / "symbols" / "InstrumentsConsolidated_20220128.excerpt.csv"
    header, *lines = path.read_bytes().decode("latin-1").splitlines()
    places = registry.get("symbols").template.names("consolidated").values()
    assert [place for (place,) in places] == header.split(";"), "every column, in B3's order"
    assert len(header.split(";")) == 52
    rows = frame(path)
    assert rows_again(rows) == lines
    assert set(rows["source"]) == {"InstrumentsConsolidated"}
    assert not rows.select(registry.get("symbols").template.key).is_duplicated().any()


def test_the_real_file_loads_once(pyb3, database, real: Path) -> None:
    line = f"ingest symbols --file {real}/symbols/InstrumentsConsolidated_20220128.excerpt.csv --json"
    first, second = pyb3(line).json, pyb3(line).json
    assert (first["outcome"], first["refdate"]) == ("loaded", "2022-01-28")
    assert first["inserted"] == second["unchanged"] > 0
    assert (second["outcome"], second["inserted"], second["updated"]) == ("unchanged", 0, 0)
    row = database.execute(
        "SELECT segment, market, maturity_date, maturity_code, strike, option_type, option_style, premium_upfront,"
        " protected, automatic_exercise, round_lot, market_capitalization FROM symbols WHERE symbol = 'PETRB25'"
    ).fetchone()
    assert row == (
        *("EQUITY CALL", "EQUITY-DERIVATE", date(2023, 2, 17), None, Decimal("19.510000000"), "Call", "AMER"),
        *(True, True, False, 100, None),
    )


def test_every_line_of_a_day_can_be_written_again(tmp_path: Path) -> None:
    data = generate.instruments_consolidated(DAY, 3000)
    _, _, *lines = data.decode("latin-1").splitlines()
    assert rows_again(frame(written(tmp_path, data))) == lines


def test_a_day_comes_from_b3_once(pyb3, database, simulator) -> None:
    first = pyb3(f"ingest symbols --date {DAY} --json").json
    second = pyb3(f"ingest symbols --date {DAY} --json").json
    assert (first["outcome"], first["source"]) == ("loaded", "InstrumentsConsolidated")
    assert first["inserted"] >= 500
    assert (second["outcome"], second["unchanged"]) == ("unchanged", first["inserted"])
    asked, downloaded = simulator.requests
    assert asked.endswith(f"requestname?fileName=InstrumentsConsolidated&date={DAY}")
    assert "/api/download/?token=" in downloaded, "and no more requests: the second comes from the cache"


def test_the_table_has_the_columns_of_the_template(database) -> None:
    for name in ("symbols", "yield_curves", "futures"):
        columns = database.execute(
            "SELECT column_name, is_nullable = 'YES' FROM information_schema.columns"
            " WHERE table_name = %s ORDER BY ordinal_position",
            [name],
        ).fetchall()
        fields = {field.name: field.nullable for field in registry.get(name).template.fields}
        assert {name: nullable for name, nullable in columns if name in fields} == fields


@pytest.mark.parametrize("status", ["Parcial", "Preliminar"])
def test_a_file_that_is_not_final_is_not_kept(
    pyb3, refused, database, simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, status: str
) -> None:
    simulator.exchange.file_status = status
    simulator.exchange.absent = [IN]
    answer = pyb3(f"ingest symbols --date {DAY} --json")
    assert (answer.code, answer.json["outcome"]) == (3, "not_published")
    assert database.execute("SELECT count(*) FROM symbols").fetchone() == (0,)
    assert not [path for path in (tmp_path / "cache").rglob("*") if "Instruments" in path.name]

    simulator.exchange.file_status = "Final"
    assert pyb3(f"ingest symbols --date {DAY} --json").json["outcome"] == "loaded"


def test_a_status_of_the_day_leaves_what_was_loaded(pyb3, database, simulator) -> None:
    loaded = pyb3(f"ingest symbols --date {DAY} --json").json
    simulator.exchange.file_status, simulator.exchange.absent = "Parcial", [IN]
    kept = pyb3(f"ingest symbols --date {DAY} --refresh")
    assert kept.code == 0 and "B3 has it no more; kept as it is" in kept.err
    again = pyb3(f"ingest symbols --date {DAY} --json").json
    assert (again["outcome"], again["unchanged"]) == ("unchanged", loaded["inserted"])


@pytest.mark.parametrize("status", ["Parcial", "Preliminar"])
def test_a_file_at_hand_that_is_not_final_says_so(refused, database, tmp_path: Path, status: str) -> None:
    path = written(tmp_path, generate.instruments_consolidated(DAY, 5, status=status))
    refused(f"ingest symbols --file {path}", 3, f'not B3\'s final file, it says "Status do Arquivo: {status}"')
    with pytest.raises(NotPublished):
        frame(path)


def test_the_instrument_file_stands_in(pyb3, database, simulator) -> None:
    pyb3(f"ingest symbols --date {DAY}")
    consolidated = set(database.execute(f"SELECT {KEY} FROM symbols").fetchall())
    database.execute("TRUNCATE symbols")
    shutil.rmtree(settings.cache_dir())
    simulator.exchange.absent = [CSV]
    done = pyb3(f"ingest symbols --date {DAY} --refresh --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "IN")
    registered = set(database.execute(f"SELECT {KEY} FROM symbols").fetchall())
    assert registered > consolidated, "segments and markets have the consolidated file's names"
    more = {symbol for _, symbol, *_ in registered - consolidated}
    assert {symbol for symbol in more if symbol[-1] != "E"} == {"LFTS11"}, "the others are options' exercises"
    assert database.execute("SELECT DISTINCT source FROM symbols").fetchall() == [("IN",)]


def test_the_instrument_file_says_what_the_consolidated_one_says(tmp_path: Path) -> None:
    """Where IN has a value and no code of its own for it, the two agree."""
    one = frame(written(tmp_path, generate.instruments_consolidated(DAY, 2000)))
    (tmp_path / "IN240115.xml").write_bytes(generate.instrument_file(DAY, 2000))
    other = frame(tmp_path / "IN240115.xml")
    template = registry.get("symbols").template
    both = one.join(other, on=list(template.key), suffix="_in", validate="1:1")
    assert both.height == one.height
    coded = {field.name for field in template.fields if "in IN B3's code" in field.description}
    left_out = {field.name for field in template.fields if "instrument_file" not in field.at} - {"occurrence"}
    assert left_out == {"side_1", "underlying_symbol_1", "side_2", "underlying_symbol_2", "source"}
    for name in {field.name for field in template.fields} - coded - left_out - set(template.key):
        held = both.filter(pl.col(f"{name}_in").is_not_null() & pl.col(name).is_not_null())
        assert (held[name] == held[f"{name}_in"]).all(), name
    given = {name for name in one.columns if other[name].null_count() < other.height}
    assert {"isin", "strike", "option_type", "option_style", "maturity_date", "contract_multiplier"} <= given


def test_the_days_own_session_is_not_asked_of_the_instrument_file() -> None:
    template, day = registry.get("symbols").template, calendar.previous_session(date(2024, 1, 15))
    unit = registry.get("symbols").unit("day", day)
    assert [source.name for source in template.sources_for(unit, day)] == ["InstrumentsConsolidated"]
    later = [source.name for source in template.sources_for(unit, day + timedelta(1))]
    assert later == ["InstrumentsConsolidated", "IN"]


def test_before_2018_nobody_is_asked(refused, pyb3, database, simulator) -> None:
    refused("backfill symbols --year 2017", 2, "B3 has no data of 2017 for symbols; its files begin in 2018")
    assert pyb3("ingest symbols --date 2017-03-01").code == 3, "no source reaches that day"
    assert simulator.requests == []


def test_a_ticker_may_stand_in_two_markets(pyb3, database, tmp_path: Path) -> None:
    data = generate.instruments_consolidated(DAY, 5)
    last = data.splitlines(keepends=True)[-1].split(b";")
    other = b";".join([*last[:4], b"ODD LOT", *last[5:]])
    done = pyb3(f"ingest symbols --file {written(tmp_path, data + other)} --json").json
    assert (done["inserted"], done["folded"]) == (data.count(b"\n") - 1, 0)


def test_a_new_column_is_named_and_the_rest_loads(pyb3, database, tmp_path: Path) -> None:
    lines = generate.instruments_consolidated(DAY, 5).decode("latin-1").splitlines()
    wider = [lines[0], lines[1] + ";NewNm", *(line + ";x" for line in lines[2:])]
    answer = pyb3(f"ingest symbols --file {written(tmp_path, chr(10).join(wider).encode('latin-1'))}")
    assert answer.code == 0
    assert "NewNm" in answer.err


def without(column: str, data: bytes) -> bytes:
    lines = [line.split(b";") for line in data.splitlines()]
    at = lines[1].index(column.encode())
    return b"\n".join([lines[0][0], *(b";".join(line[:at] + line[at + 1 :]) for line in lines[1:])])


def test_a_column_that_is_gone_is_null_and_named(pyb3, database, tmp_path: Path) -> None:
    data = without("CFICd", generate.instruments_consolidated(DAY, 5))
    path = written(tmp_path, data)
    answer = pyb3(f"ingest symbols --file {path}")
    assert answer.code == 0
    assert "CFICd" in answer.err
    rows = data.count(b"\n") - 1
    assert database.execute("SELECT count(*), count(cfi_code) FROM symbols").fetchone() == (rows, 0)


@pytest.mark.parametrize("column", ["RptDt", "TckrSymb", "SgmtNm", "MktNm"])
def test_without_a_key_column_it_is_no_file(refused, database, tmp_path: Path, column: str) -> None:
    path = written(tmp_path, without(column, generate.instruments_consolidated(DAY, 5)))
    refused(f"ingest symbols --file {path}", 6, f"instruments.csv .*{column}")
    assert database.execute("SELECT count(*) FROM symbols").fetchone() == (0,)


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (b";BRL;", b";BRL;;", "line 3: it has 53 fields, the header has 52"),
        (f"{DAY};".encode(), b"15/01/2024;", 'line 3, field RptDt: "15/01/2024" is not a date'),
    ],
)
def test_a_wrong_line_is_set_aside_and_named(tmp_path: Path, old: bytes, new: bytes, words: str) -> None:
    data = generate.instruments_consolidated(DAY, 5)
    path, rejects = written(tmp_path, data), Rejects()
    whole = frame(path)
    written(tmp_path, data.replace(old, new, 1))
    assert frame(path, rejects).equals(whole[1:])
    (record,) = rejects.records
    assert str(record) == f"instruments.csv {words}" and not record.loaded
    with pytest.raises(FileError, match=words):
        frame(path, Rejects(strict=True))


def test_another_days_file_is_refused(refused, database, simulator) -> None:
    simulator.faults = [{"kind": "other day", "where": "token="}]
    simulator.exchange.absent = [IN]
    refused(f"ingest symbols --date {DAY} --quiet", 6, "2024-01-12")


def test_instead_of_another_days_file_the_next_source_is_read(pyb3, database, simulator) -> None:
    simulator.faults = [{"kind": "other day", "where": "token="}]
    done = pyb3(f"ingest symbols --date {DAY} --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "IN")
    (told,) = (note for note in done["warnings"] if "was taken instead of" in note)
    assert told.startswith("IN was taken instead of InstrumentsConsolidated, which cannot be read: ")
    assert "2024-01-12" in told

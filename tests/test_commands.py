"""The commands as typed, from the simulator's HTTP into PostgreSQL."""

from __future__ import annotations

import re
from datetime import date, timedelta
from pathlib import Path

import polars as pl
import pytest

from pyb3.datasets import registry
from tests.support import generate


def test_second_ingest_of_a_day_writes_nothing(pyb3, database, simulator) -> None:
    assert pyb3("db upgrade").code == 0
    for name in ("cotahist", "futures"):
        first = pyb3(f"ingest {name} --date 2024-01-15 --json").json
        second = pyb3(f"ingest {name} --date 2024-01-15 --json").json
        assert first["outcome"] == "loaded" and first["inserted"] == first["rows"] == 500
        assert second["outcome"] == "unchanged" and second["unchanged"] == 500


def test_a_republished_day_updates_only_what_differs(pyb3, database, simulator) -> None:
    pyb3("db upgrade")
    pyb3("ingest cotahist --date 2024-01-15")
    simulator.seed = 1
    again = pyb3("ingest cotahist --date 2024-01-15 --refresh --json").json
    assert (again["inserted"], again["updated"]) == (0, 500)


def test_a_row_of_another_session_never_overwrites(pyb3, database, simulator, tmp_path: Path) -> None:
    pyb3("db upgrade")
    stray = generate.price_report(date(2024, 1, 15), 50).replace(
        b"<Dt>2024-01-15</Dt></TradDt><SctyId><TckrSymb>DI1F25<",
        b"<Dt>2024-01-16</Dt></TradDt><SctyId><TckrSymb>DI1F25<",
    )
    (tmp_path / "stray.xml").write_bytes(stray)
    query = "SELECT price FROM futures WHERE refdate = '2024-01-16' AND symbol = 'DI1F25'"
    pyb3(f"ingest futures --file {tmp_path}/stray.xml")
    before = database.execute(query).fetchall()
    assert len(before) == 1
    pyb3("ingest futures --date 2024-01-16")
    own = database.execute(query).fetchall()
    assert own != before
    pyb3(f"ingest futures --file {tmp_path}/stray.xml")
    assert database.execute(query).fetchall() == own


def test_backfill_of_a_year(pyb3, database, simulator) -> None:
    pyb3("db upgrade")
    done = pyb3("backfill cotahist --year 2019 --json")
    assert done.code == 0, done.err
    assert done.json["rows"] == done.json["inserted"] == 25 * 248


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("ingest nothing --date 2024-01-15", 2, "there is no dataset 'nothing'"),
        ("ingest cotahist --date 2024-02-30", 2, "is not a date"),
        (f"ingest cotahist --date {date.today() + timedelta(7)}", 2, "is in the future"),
        ("ingest cotahist --date 2024-12-25", 3, "no session"),
        ("ingest cotahist --date 2024-01-15", 7, "pyb3 db upgrade"),
        ("load cotahist --date 2024-01-15", 3, "not in the cache"),
        ("ingest cotahist --file /nowhere.zip", 6, "No such file"),
    ],
)
def test_bad_input_is_one_clear_line(pyb3, database, simulator, line: str, code: int, words: str) -> None:
    answer = pyb3(line)
    assert answer.code == code
    assert words in answer.err and answer.err.count("\n") == 1


@pytest.mark.parametrize(
    ("faults", "code", "words"),
    [
        ([503, 429], 0, ""),
        (["empty"], 0, ""),
        (["cut"], 0, ""),
        ([503] * 9, 5, "HTTP 503"),
        (["html"], 5, "HTML page"),
        (["empty zip"], 3, "without entries"),
        ([404], 3, "404"),
    ],
)
def test_what_b3_answers_decides_the_exit_code(pyb3, database, simulator, faults, code: int, words: str) -> None:
    pyb3("db upgrade")
    simulator.faults = faults
    answer = pyb3("ingest cotahist --date 2024-01-15")
    assert answer.code == code, answer.err
    assert words in answer.err
    count = "SELECT count(*) FROM cotahist"
    assert database.execute(count).fetchone() == ((500,) if code == 0 else (0,))
    if code:  # nothing bad stays in the cache to be taken for the day's file
        assert pyb3("ingest cotahist --date 2024-01-15").code == (0 if not simulator.faults else code)


def test_no_network_is_a_source_error(pyb3, database, simulator, monkeypatch) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://127.0.0.1:1")
    assert pyb3("fetch cotahist --date 2024-01-15").code == 5


def test_a_wrong_address_never_prints_the_password(pyb3, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/none")
    answer = pyb3("db current")
    assert answer.code == 7 and "hunter2" not in answer.err + answer.out


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            lambda text: text.replace(b"000000000000000", b"0000000A0000000", 1),
            'line 4, field PREEXE: "000000A000000" is not a number',
        ),
        (lambda text: text.replace(b"0120240115", b"0120240116"), "holds quotes of 2024-01-16"),
        (lambda text: text[: len(text) // 2], "no quote record|without a trailer"),
        (lambda text: b"<?xml version='1.0'?><a/>", "not a COTAHIST file"),
        (lambda text: generate.zipped("x.TXT", text)[:3000], "not a whole ZIP"),
    ],
)
def test_a_bad_file_is_refused_whole(pyb3, database, simulator, change, words: str) -> None:
    pyb3("db upgrade")
    path = Path(pyb3("fetch cotahist --date 2024-01-15").out.strip())
    path.write_bytes(change(generate.cotahist([date(2024, 1, 15)], 500)))
    answer = pyb3("ingest cotahist --date 2024-01-15")
    assert answer.code == 6, answer.err
    assert re.search(words, answer.err), answer.err
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_parse_writes_parquet(pyb3, simulator, tmp_path: Path) -> None:
    output = tmp_path / "x.parquet"
    assert pyb3(f"parse futures --date 2024-01-15 --output {output}").code == 0
    assert pl.read_parquet(output).height == 500


def test_templates_and_tables_agree(pyb3, database) -> None:
    pyb3("db upgrade")
    for name in registry.names():
        template = registry.get(name).template
        columns = database.execute(
            "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull,"
            " col_description(attrelid, attnum) FROM pg_attribute"
            " WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
            (template.table,),
        ).fetchall()
        assert columns == [(f.name, f.sql_type(), f.nullable, f"{f.description} (B3: {f.b3})") for f in template.fields]
        key = database.execute(
            "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(n, o), pg_attribute a"
            " WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attrelid = i.indrelid"
            " AND a.attnum = k.n ORDER BY k.o",
            (template.table,),
        ).fetchall()
        assert tuple(row[0] for row in key) == template.key
    assert pyb3("db downgrade base").code == 0
    assert database.execute("SELECT to_regclass('cotahist')").fetchone() == (None,)


def test_a_failed_unit_is_an_object_for_programs(pyb3, database, simulator) -> None:
    assert pyb3("ingest cotahist --date 2024-12-25 --json").json["outcome"] == "no_session"
    answer = pyb3("ingest cotahist --date 2024-01-15 --json")
    assert answer.code == 7 and answer.json["error"]["code"] == "schema"


def test_another_package_adds_a_dataset(pyb3, tmp_path: Path, monkeypatch) -> None:
    """A package is what its metadata says: a module, and an entry point in its dist-info."""
    (tmp_path / "outside.py").write_text(
        "from pyb3.datasets.cotahist import Cotahist\n\n\nclass Mine(Cotahist):\n    pass\n"
    )
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pyb3.datasets]\nmine = outside:Mine\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    assert "mine" in pyb3("datasets").out
    assert pyb3("datasets show mine").code == 0

"""Bad input: one clear line on stderr, an exit code that tells the kind, nothing written."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path

import pytest

from pyb3 import calendar, settings
from tests.support import generate

DAY = date(2024, 1, 15)
TODAY = calendar.today()


def _nothing_written(database) -> None:
    for table in ("cotahist", "futures"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        (f"ingest nothing --date {DAY}", "there is no dataset 'nothing'; there are: cotahist, futures"),
        (f"fetch nothing --date {DAY}", "there is no dataset 'nothing'"),
        (f"parse nothing --date {DAY}", "there is no dataset 'nothing'"),
        (f"load nothing --date {DAY}", "there is no dataset 'nothing'"),
        ("backfill nothing --year 2024", "there is no dataset 'nothing'"),
        ("datasets show nothing", "there is no dataset 'nothing'"),
        ("ingest cotahist --date 2024-02-30", "'2024-02-30' is not a date; write it as 2024-01-15"),
        ("ingest cotahist --date 15/01/2024", "'15/01/2024' is not a date"),
        ("ingest cotahist --date ''", "'' is not a date"),
        ("ingest cotahist --date 1985-12-30", "its files begin in 1986"),
        ("ingest cotahist --date 0000-01-01", "'0000-01-01' is not a date"),
        (f"ingest cotahist --date {TODAY + timedelta(1)}", "is in the future"),
        ("ingest futures --date 9999-12-31", "is in the future"),
        ("ingest cotahist", "say which session with --date, or which file with --file"),
        ("fetch cotahist", "say which session with --date"),
        ("parse cotahist", "say which session with --date, or which file with --file"),
        ("load cotahist", "say which session with --date, or which file with --file"),
        (f"parse cotahist --date {DAY} --output x.xlsx", "x.xlsx ends neither in .parquet nor in .csv"),
        ("ingest", "say which dataset; 'pyb3 datasets' lists them. Files at hand need none: --file"),
        (f"load --date {DAY}", "say which dataset"),
        (f"parse --date {DAY}", "say which dataset"),
        ("fetch", "Missing argument 'DATASET'; see 'pyb3 fetch --help'"),
        ("ingest cotahist --date", "Option '--date' requires an argument; see 'pyb3"),
        ("ingest cotahist --dat 2024-01-15", "No such option: --dat"),
        ("ingest cotahist futures", "unexpected extra argument"),
        ("backfil cotahist", "No such command 'backfil'"),
        ("db migrate", "No such command 'migrate'"),
    ],
)
def test_a_wrong_command_line_is_refused(refused, database, simulator, line: str, words: str) -> None:
    answer = refused(line, 2, words)
    assert answer.out == ""
    assert simulator.requests == []


@pytest.mark.parametrize("name", ["cotahist", "futures"])
@pytest.mark.parametrize("day", ["2024-12-25", "2024-01-13"], ids=["Christmas", "Saturday"])
def test_a_day_without_session_says_so_and_writes_nothing(refused, database, simulator, name: str, day: str) -> None:
    refused(f"ingest {name} --date {day}", 3, f"pyb3: {name} {day}: B3 held no session that day; nothing was written")
    assert simulator.requests == []
    assert not settings.cache_dir().exists()
    _nothing_written(database)


@pytest.mark.parametrize(
    ("line", "code", "words"),
    [
        ("ingest cotahist --dat 2024-01-15", 2, "No such option: --dat"),
        ("ingest nothing --date 2024-01-15", 2, "there is no dataset 'nothing'"),
        ("ingest cotahist --date 2024-12-25 --json", 3, "B3 held no session that day"),
        ("fetch cotahist --date 2024-12-25", 3, "B3 held no session that day"),
        ("ingest cotahist --date 2024-01-15", 5, "Connection refused"),
        ("ingest cotahist --file nowhere.ZIP", 6, "nowhere.ZIP: no such file"),
        ("parse cotahist --file nowhere.ZIP", 6, "nowhere.ZIP: no such file"),
    ],
)
def test_a_process_ends_in_the_errors_exit_code(
    refused, process, monkeypatch, home: Path, line: str, code: int, words: str
) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("PYB3_RETRIES", "1")
    refused(line, code, words, process)


@pytest.mark.parametrize("command", ["fetch", "parse", "load"])
def test_every_command_knows_a_day_without_session(refused, database, simulator, command: str) -> None:
    refused(f"{command} cotahist --date 2024-12-25", 3, "B3 held no session that day")


def test_a_day_that_was_never_fetched_cannot_be_loaded(refused, database, simulator) -> None:
    refused(f"load cotahist --date {DAY}", 3, "is not in the cache; run 'pyb3 fetch cotahist --date 2024-01-15' first")
    assert simulator.requests == []


COTAHIST = generate.cotahist([DAY], 40)
FUTURES = generate.price_report(DAY, 40)
PACKED = generate.zipped("COTAHIST_D15012024.TXT", COTAHIST)


def _record(number: int, change: Callable[[bytes], bytes]) -> bytes:
    lines = COTAHIST.split(b"\r\n")
    lines[number - 1] = change(lines[number - 1])
    return b"\r\n".join(lines)


def _at(position: int, text: bytes) -> Callable[[bytes], bytes]:
    return lambda line: line[: position - 1] + text + line[position - 1 + len(text) :]


def _twice() -> bytes:
    lines = COTAHIST.split(b"\r\n")
    lines[7] = lines[6][:30] + b"Z" + lines[6][31:]
    return b"\r\n".join(lines)


def _crc_spoilt() -> bytes:
    data = bytearray(PACKED)
    data[len(data) // 2] ^= 0xFF
    return bytes(data)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(b"", "is empty", id="empty file"),
        pytest.param(b"<!DOCTYPE html><html></html>", "is an HTML page, not a data file", id="HTML"),
        pytest.param(b"\xef\xbb\xbf\r\n <HTML>", "is an HTML page, not a data file", id="HTML behind a BOM"),
        pytest.param(b"PK\x05\x06" + bytes(18), "is a ZIP without entries", id="empty ZIP"),
        pytest.param(PACKED[: len(PACKED) // 2], "is not a whole ZIP", id="cut ZIP"),
        pytest.param(PACKED[:-30], "is not a whole ZIP", id="ZIP without its end"),
        pytest.param(_crc_spoilt(), "is damaged", id="spoilt ZIP"),
        pytest.param(generate.zipped("a.TXT", b""), "a.TXT is not a file of cotahist", id="empty file in a ZIP"),
        pytest.param(FUTURES, r"is a file of futures \(SPRD\), not of cotahist", id="a price report"),
        pytest.param(b"%PDF-1.7 \xff\xfe", "is not a file of cotahist", id="a PDF"),
        pytest.param(COTAHIST[: len(COTAHIST) // 2], "ends after 21 lines without a trailer", id="cut in a record"),
        pytest.param(COTAHIST[: 247 * 21], "ends after 21 lines without a trailer", id="cut between records"),
        pytest.param(_record(42, _at(32, b"00000000043")), "40 records, its trailer says 43", id="trailer's count"),
        pytest.param(_record(42, _at(32, b"00000000041")), "40 records, its trailer says 41", id="header not counted"),
    ],
)
def test_a_bad_cotahist_file_is_refused_whole(refused, database, tmp_path: Path, data: bytes, words: str) -> None:
    _is_refused(refused, database, tmp_path, "cotahist", data, words)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        pytest.param(_record(7, _at(3, b"20240230")), "DATPRE", '"20240230" is not a date', id="a date"),
        pytest.param(_record(7, _at(13, b" " * 12)), "CODNEG", "blank", id="no ticker"),
        pytest.param(_record(7, lambda line: line[:-1]), None, "244 characters", id="short record"),
        pytest.param(_record(7, lambda line: line + b"0"), None, "246 characters", id="long record"),
        pytest.param(_record(7, _at(1, b"02")), None, "not a record", id="another record type"),
    ],
)
def test_a_bad_record_of_cotahist_costs_the_record(
    pyb3, refused, database, tmp_path: Path, data: bytes, field: str | None, words: str
) -> None:
    _is_set_aside(pyb3, refused, database, tmp_path, "cotahist", data, (39, 7, field, False), words)


def test_a_bad_value_of_cotahist_costs_the_value(pyb3, refused, database, tmp_path: Path) -> None:
    data, words = _record(7, _at(57, b"00000000A12")), r'"0*A12\d\d" is not a number'
    _is_set_aside(pyb3, refused, database, tmp_path, "cotahist", data, (40, 7, "PREABE", True), words)
    opened = "SELECT count(*) FROM cotahist WHERE open IS NULL"
    assert database.execute(opened).fetchone() == (1,)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            _record(42, _at(3, b"COTAHIST.2023")),
            "its header has the name COTAHIST.2024, its trailer COTAHIST.2023",
            id="trailer's name",
        ),
        pytest.param(
            _record(1, _at(24, b"20241315")),
            "its header has the date 20241315, its trailer 20240115",
            id="header's date",
        ),
        pytest.param(_record(7, lambda line: line + b"\r\n"), "a blank line .*first line 8", id="empty line"),
        pytest.param(_twice(), "1 row has the key of a different row .*numbered in `occurrence`", id="a key twice"),
        pytest.param(
            _record(42, _at(32, b"00000000040")), "", id="a trailer that counts the quotes alone, as since 2025"
        ),
    ],
)
def test_what_is_odd_and_loses_nothing_is_told_and_loaded(
    pyb3, database, tmp_path: Path, data: bytes, words: str
) -> None:
    _is_told(pyb3, tmp_path, "cotahist", data, words)
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (40,)


def _message(number: int, old: bytes, new: bytes) -> bytes:
    parts = FUTURES.split(b"<BizGrp>")
    assert old in parts[number], parts[number]
    parts[number] = parts[number].replace(old, new, 1)
    return b"<BizGrp>".join(parts)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(COTAHIST, r"is a file of cotahist \(COTAHIST_D\), not of futures", id="a COTAHIST"),
        pytest.param(
            FUTURES.replace(b"BVBG.187.01", b"BVBG.087.01"),
            "is a file of index_historical .IR., not of",
            id="another report",
        ),
        pytest.param(FUTURES[: len(FUTURES) // 2], "is damaged or not XML", id="cut"),
        pytest.param(
            FUTURES.replace(b"</TradDt>", b"</TradDT>", 1), "is damaged or not XML", id="tags that do not match"
        ),
        pytest.param(
            FUTURES.replace(b">42</TtlNbOfMsg>", b">43</TtlNbOfMsg>"),
            "holds 42 messages, its header says 43",
            id="count",
        ),
        pytest.param(
            FUTURES.replace(b">42</TtlNbOfMsg>", b">many</TtlNbOfMsg>"),
            'field TtlNbOfMsg: "many" is not',
            id="no count",
        ),
        pytest.param(FUTURES.replace(b"?>", b'?><!DOCTYPE a [<!ENTITY b "c">]>', 1), "declares a DTD", id="entities"),
    ],
)
def test_a_bad_price_report_is_refused_whole(refused, database, tmp_path: Path, data: bytes, words: str) -> None:
    _is_refused(refused, database, tmp_path, "futures", data, words)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        pytest.param(_message(5, b"<Dt>2024-01-15</Dt>", b"<Dt>2024-02-30</Dt>"), "TradDt", "not a date", id="a date"),
        pytest.param(_message(5, b"<Dt>2024-01-15</Dt>", b""), "TradDt", "blank", id="no date"),
    ],
)
def test_a_bad_message_of_a_price_report_costs_the_message(
    pyb3, refused, database, tmp_path: Path, data: bytes, field: str, words: str
) -> None:
    _is_set_aside(pyb3, refused, database, tmp_path, "futures", data, (39, 5, field, False), words)


@pytest.mark.parametrize(
    ("data", "field", "words"),
    [
        pytest.param(
            _message(5, b"</AdjstdQt>", b"X</AdjstdQt>"), "AdjstdQt", r'"[\d.]+X" is not a number', id="a letter"
        ),
        pytest.param(
            _message(5, b"<OpnIntrst>", b"<OpnIntrst>1</OpnIntrst><OpnIntrst>"), "OpnIntrst", "", id="a value twice"
        ),
        pytest.param(_message(5, b'Ccy="BRL"', b'Ccy="USD"'), None, "USD", id="two currencies"),
    ],
)
def test_a_bad_value_of_a_price_report_costs_the_value(
    pyb3, refused, database, tmp_path: Path, data: bytes, field: str | None, words: str
) -> None:
    _is_set_aside(pyb3, refused, database, tmp_path, "futures", data, (40, 5, field, True), words)


@pytest.mark.parametrize(
    ("data", "words"),
    [
        pytest.param(
            _message(5, b"<OpnIntrst>", b"<Unheard>1</Unheard><OpnIntrst>"),
            "has fields that PyB3 does not know: FinInstrmAttrbts/Unheard",
            id="an unknown field",
        ),
        pytest.param(_message(5, b"</AdjstdQt>", b"0000000001</AdjstdQt>"), "", id="12 decimals, as in B3's catalogue"),
        pytest.param(_message(5, b"</AdjstdQt>", b"00000000001</AdjstdQt>"), "AdjstdQt", id="13 decimals"),
    ],
)
def test_what_is_odd_in_a_price_report_and_loses_nothing_is_told(
    pyb3, database, tmp_path: Path, data: bytes, words: str
) -> None:
    _is_told(pyb3, tmp_path, "futures", data, words)
    assert database.execute("SELECT count(*) FROM futures").fetchone() == (40,)


def _is_refused(refused, database, folder: Path, name: str, data: bytes, words: str) -> None:
    path = folder / "file.dat"
    path.write_bytes(data)
    code = 3 if data.startswith(b"PK\x05\x06") else 6  # B3's way to say that it has no file
    answer = refused(f"ingest {name} --file {path}", code, words)
    assert answer.err.startswith(f"pyb3: {name} {path}: ")
    _nothing_written(database)


def _is_set_aside(
    pyb3, refused, database, folder: Path, name: str, data: bytes, found: tuple[int, int, str | None, bool], words: str
) -> None:
    """The file gives so many rows, and what is kept of it says which line and field, and whether it is loaded."""
    path = folder / "file.dat"
    path.write_bytes(data)
    answer = pyb3(f"ingest {name} --file {path} --json")
    rows, line, field, loaded = found
    assert (answer.code, answer.json["outcome"], answer.json["rows"]) == (4, "partial", rows), answer
    assert answer.err.count("\n") == 1 and "Traceback" not in answer.err
    assert database.execute(f"SELECT count(*) FROM {name}").fetchone() == (rows,)
    kept = database.execute("SELECT line, field, loaded, reason FROM rejected_rows").fetchall()
    assert [row[:3] for row in kept] == [(line, field or kept[0][1], loaded)]
    assert re.search(words, kept[0][3]), kept
    refused(f"parse {name} --file {path} --strict", 6, words)


def _is_told(pyb3, folder: Path, name: str, data: bytes, words: str) -> None:
    path = folder / "file.dat"
    path.write_bytes(data)
    answer = pyb3(f"ingest {name} --file {path}")
    assert answer.code == 0, answer
    assert re.search(words, answer.err) if words else answer.err == "", answer.err
    assert answer.err.count("\n") == (2 if "header has the date" in words else bool(words))


@pytest.mark.parametrize(("path", "words"), [("nowhere.ZIP", "no such file"), (".", "the folder contains no files")])
def test_a_file_that_is_not_there_is_named(refused, database, tmp_path: Path, path: str, words: str) -> None:
    answer = refused(f"ingest cotahist --file {tmp_path / path}", 6, words)
    assert str(tmp_path / path) in answer.err


@pytest.mark.parametrize(("name", "data"), [("cotahist", PACKED), ("futures", FUTURES)])
def test_a_file_of_another_date_is_refused(refused, database, tmp_path: Path, name: str, data: bytes) -> None:
    (tmp_path / "file").write_bytes(data)
    answer = refused(f"ingest {name} --file {tmp_path}/file --date 2024-01-16", 6, "2024-01-15")
    assert "2024-01-16" in answer.err
    _nothing_written(database)


@pytest.mark.parametrize(("name", "data"), [("cotahist", PACKED), ("futures", FUTURES)])
def test_another_sessions_file_in_the_cache_is_refused(
    refused, pyb3, database, simulator, recent: date, name: str, data: bytes
) -> None:
    simulator.exchange.absent += ["filelist=PR", "TradeInformation", "/bdi/", "COTAHIST_[MA]"]  # the next sources
    Path(pyb3(f"fetch {name} --date {recent}").out.strip()).write_bytes(data)
    answer = refused(f"ingest {name} --date {recent}", 6, "2024-01-15")
    assert f"run 'pyb3 fetch {name} --date {recent} --refresh' to get it anew" in answer.err
    _nothing_written(database)
    assert pyb3(f"ingest {name} --date {recent} --refresh").code == 0, "and that helps"


def test_a_file_cut_short_loads_when_that_is_asked_for(pyb3, database, tmp_path: Path) -> None:
    path = tmp_path / "cut.TXT"
    path.write_bytes(COTAHIST[: 247 * 21])
    assert "load what is there with --allow-incomplete" in pyb3(f"ingest cotahist --file {path}").err
    done = pyb3(f"ingest cotahist --file {path} --allow-incomplete --json")
    assert (done.code, done.json["inserted"]) == (0, 20)


@pytest.mark.parametrize(
    ("line", "code", "outcome", "error"),
    [
        ("ingest cotahist --date 2024-12-25", 3, "no_session", "no_session"),
        (f"load cotahist --date {DAY}", 3, "not_published", "not_published"),
        ("ingest cotahist --file nowhere.ZIP", 6, "failed", "file"),
        ("ingest cotahist --file {tmp_path}/cut.TXT", 6, "failed", "file-incomplete"),
        ("ingest cotahist --file {tmp_path}/letter.TXT --strict", 6, "failed", "field-invalid"),
        ("ingest cotahist --file {tmp_path}/whole.TXT --date 2024-01-16", 6, "failed", "file-wrong-date"),
    ],
)
def test_programs_are_told_what_failed(
    pyb3, database, simulator, tmp_path: Path, line: str, code: int, outcome: str, error: str
) -> None:
    (tmp_path / "cut.TXT").write_bytes(COTAHIST[: 247 * 21])
    (tmp_path / "letter.TXT").write_bytes(_record(7, _at(57, b"A")))
    (tmp_path / "whole.TXT").write_bytes(COTAHIST)
    answer = pyb3(line.format(tmp_path=tmp_path) + " --json")
    assert (answer.code, answer.json["outcome"]) == (code, outcome)
    assert answer.json["error"].keys() == {"code", "message"}
    assert answer.json["error"]["code"] == error
    assert answer.json["error"]["message"].removeprefix("cotahist 2024-12-25: ") in answer.err
    assert (answer.json["rows"], answer.json["inserted"], answer.err.count("\n")) == (0, 0, 1)


def test_a_wrong_command_line_gives_programs_nothing_to_read(pyb3) -> None:
    answer = pyb3("ingest cotahist --date 2024-02-30 --json")
    assert (answer.code, answer.out) == (2, "")


@pytest.mark.parametrize("command", ["fetch", "ingest", "parse"])
def test_a_cache_that_cannot_be_written_is_named(
    refused, database, simulator, tmp_path: Path, monkeypatch, command: str
) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setenv("PYB3_CACHE_DIR", str(tmp_path / "taken"))
    refused(
        f"{command} cotahist --date {DAY}",
        1,
        f"cannot write to the cache in {tmp_path}/taken/cotahist: Not a directory",
    )


@pytest.mark.parametrize("output", ["nowhere/x.parquet", "nowhere/x.csv", "folder.csv"])
def test_an_output_that_cannot_be_written_is_named(refused, tmp_path: Path, output: str) -> None:
    (tmp_path / "folder.csv").mkdir()
    (tmp_path / "whole.TXT").write_bytes(COTAHIST)
    refused(
        f"parse cotahist --file {tmp_path}/whole.TXT --output {tmp_path}/{output}",
        1,
        f"cannot write {tmp_path}/{output}: ",
    )
    assert sorted(path.name for path in tmp_path.iterdir()) == ["folder.csv", "whole.TXT"]


def test_an_output_of_a_bad_file_is_not_begun(refused, tmp_path: Path) -> None:
    (tmp_path / "cut.TXT").write_bytes(COTAHIST[: 247 * 21])
    (tmp_path / "x.csv").write_text("what was here before")
    refused(f"parse cotahist --file {tmp_path}/cut.TXT --output {tmp_path}/x.csv", 6, "without a trailer")
    assert (tmp_path / "x.csv").read_text() == "what was here before"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PYB3_SCHEMA", 'x"; drop', "PYB3_SCHEMA is"),
        ("PYB3_RETRIES", "0", "PYB3_RETRIES is '0'"),
        ("PYB3_RETRIES", "often", "PYB3_RETRIES is 'often'"),
        ("PYB3_MIRROR", "localhost:8000", "PYB3_MIRROR is 'localhost:8000'"),
        ("PYB3_MIRROR", "file:///etc", "PYB3_MIRROR is 'file:///etc'"),
    ],
)
def test_a_wrong_setting_is_named(refused, database, simulator, monkeypatch, name: str, value: str, words: str) -> None:
    monkeypatch.setenv(name, value)
    refused(f"ingest cotahist --date {DAY}", 2, words)


def test_json_is_json_when_names_are_strange(pyb3, database, tmp_path: Path) -> None:
    path = tmp_path / 'ação "x"\t.TXT'
    path.write_bytes(COTAHIST)
    answer = pyb3(f"ingest cotahist --file '{path}' --json")
    assert json.loads(answer.out)["file"] == str(path)


def test_a_csv_that_ends_within_a_line_is_cut(pyb3, refused, database, tmp_path: Path) -> None:
    whole = generate.instruments_consolidated(DAY, 20)
    rows = whole.count(b"\n") - 2
    path = tmp_path / "InstrumentsConsolidated_20240115.csv"
    line = f"ingest symbols --file {path}"
    path.write_bytes(whole[: len(whole) // 2])
    refused(line, 6, f"{path.name} is cut: it ends within a line, '.*load what is there with --allow-incomplete")
    assert database.execute("SELECT count(*) FROM symbols").fetchone() == (0,)
    path.write_bytes(whole[:-30])
    refused(line, 6, "is cut: it ends within a line")
    done = pyb3(f"{line} --allow-incomplete --json")
    assert (done.code, done.json["rows"], done.json["rejected"]) == (4, rows - 1, 1)
    path.write_bytes(whole[:-30] + b"\r\n")  # a line that has an end is a bad record
    done = pyb3(f"{line} --json")
    assert (done.code, done.json["rows"], done.json["rejected"]) == (4, rows - 1, 1)
    path.write_bytes(whole.rstrip(b"\r\n"))  # a whole line needs no end
    assert (pyb3(f"{line} --json").code, pyb3(f"{line} --json").json["rows"]) == (0, rows)

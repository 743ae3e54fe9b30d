"""Bad records are set aside, odd values are NULL, exactly they, and the rest is loaded; a wrong file is refused."""

from __future__ import annotations

import json
import random
import re
import tempfile
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pyb3.datasets import registry
from pyb3.errors import FileError, Incomplete
from pyb3.file import File
from pyb3.parse import rejects as limits
from pyb3.parse.rejects import Rejects
from tests.support import generate

DAY = date(2024, 1, 15)
ROWS = 24
ASKED = {"language": "en-us", "index": "IBOV", "year": 2022}
Change = Callable[[bytes], bytes]


def read(
    name: str, data: bytes, rejects: Rejects | None = None, asked: Mapping[str, Any] | None = None, **options: Any
) -> pl.DataFrame:
    """The rows of a file's bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "file.dat"
        path.write_bytes(data)
        file = File(path, item="IBOV", known={} if asked is None else {"payload": asked})
        return registry.get(name).frame([file], rejects=rejects, **options)


def at(position: int, text: bytes) -> Change:
    return lambda line: line[: position - 1] + text + line[position - 1 + len(text) :]


def new(old: bytes, text: bytes) -> Change:
    def change(record: bytes) -> bytes:
        assert old in record, record
        return record.replace(old, text, 1)

    return change


def field(number: int, text: bytes) -> Change:
    def change(line: bytes) -> bytes:
        fields = line.split(b";")
        return b";".join([*fields[:number], text, *fields[number + 1 :]])

    return change


# A change of a record, and the column that is NULL because of it: None where the record is set aside.
QUOTES = {
    "a letter": (at(57, b"00000000A12"), "open"),
    "a date": (at(3, b"20240230"), None),
    "no ticker": (at(13, b" " * 12), None),
    "a short record": (lambda line: line[:-1], None),
    "a long record": (lambda line: line + b"0", None),
    "another record type": (at(1, b"02"), None),
    "a negative volume": (at(171, b"-00000000000000001"), None),
    "a field that must be there, and another": (lambda line: at(148, b"X")(at(3, b"X")(line)), None),
}
VERTICES = {
    "a letter": (at(53, b"00X"), "rate"),
    "no sign": (at(52, b"?"), "rate"),
    "no curve": (at(22, b" " * 5), None),
    "a short record": (lambda line: line[:50], None),
}
INSTRUMENTS = {
    "a field too few": (lambda line: line.partition(b";")[2], None),
    "a field too many": (lambda line: line + b";x", None),
    "no ticker": (field(1, b""), None),
    "a date": (field(0, b"2024-02-30"), None),
    "a letter": (field(22, b"1OO"), "round_lot"),
}
END = b"</FinInstrmAttrbts>"


def interest(text: bytes) -> Change:
    def change(record: bytes) -> bytes:
        other = re.sub(rb"<OpnIntrst>.*?</OpnIntrst>", b"", record)
        return new(END, b"<OpnIntrst>" + text + b"</OpnIntrst>" + END)(other)

    return change


MESSAGES = {
    "a letter": (interest(b"1O"), "open_interest"),
    "a date": (new(b"<Dt>2024-01-15</Dt>", b"<Dt>2024-02-30</Dt>"), None),
    "no date": (new(b"<Dt>2024-01-15</Dt>", b""), None),
    "two values": (interest(b"1</OpnIntrst><OpnIntrst>2"), "open_interest"),
    "a negative count": (interest(b"-1"), None),
}


def _lines(data: bytes, before: int, after: int) -> tuple[list[bytes], Callable[[list[bytes]], bytes]]:
    """The lines that are records, and how to put a file together of other ones."""
    lines = data.rstrip(b"\r\n").split(b"\r\n")
    end = len(lines) - after
    return lines[before:end], lambda records: b"\r\n".join([*lines[:before], *records, *lines[end:]]) + b"\r\n"


def _messages(data: bytes) -> tuple[list[bytes], Callable[[list[bytes]], bytes]]:
    head, *messages = data.split(b"<BizGrp>")
    return messages, lambda records: b"<BizGrp>".join([head, *records])


CASES: dict[str, tuple[str, list[bytes], Callable[[list[bytes]], bytes], dict[str, tuple[Change, str | None]], int]] = {
    "fixed width": ("cotahist", *_lines(generate.cotahist([DAY], ROWS), 1, 1), QUOTES, 2),
    "fixed width that runs": ("yield_curves", *_lines(generate.swap_rates(DAY, 3)[: 74 * ROWS], 0, 0), VERTICES, 1),
    "delimited": ("symbols", *_lines(generate.instruments_consolidated(DAY, ROWS), 2, 0), INSTRUMENTS, 3),
    "XML": ("futures", *_messages(generate.price_report(DAY, ROWS)), MESSAGES, 1),
}


def _records_of(case: str) -> list[int]:
    """The records of a case that are rows, in order: a price report has others too."""
    name, records, together, *_ = CASES[case]
    if case != "XML":
        return list(range(len(records)))
    symbols = set(read(name, together(records))["symbol"])
    return [n for n, record in enumerate(records) if any(f">{s}<".encode() in record for s in symbols)]


RECORDS = {case: _records_of(case) for case in CASES}


def spoil(case: str, bad: Mapping[int, str]) -> tuple[bytes, pl.DataFrame, dict[int, bytes]]:
    """A file with some of its rows changed, the frame that is right for it, and the changed records by line."""
    name, records, together, changes, first = CASES[case]
    changed, frame = list(records), read(name, together(records))
    rows = {row: RECORDS[case][row] for row in bad}
    for row, kind in bad.items():
        change, column = changes[kind]
        changed[rows[row]] = change(records[rows[row]])
        if column is not None:
            at_row = pl.int_range(pl.len()) == row
            # A curve's number is in one of three columns.
            columns = ("rate", "price", "value") if column == "rate" else (column,)
            frame = frame.with_columns(pl.when(~at_row).then(pl.col(one)).alias(one) for one in columns)
    good = [row for row in range(frame.height) if row not in bad or changes[bad[row]][1] is not None]
    lines = {first + (row if case == "XML" else rows[row]): changed[rows[row]] for row in bad}
    return together(changed), frame[good] if good else frame.clear(), lines


def draw(case: str, data: st.DataObject) -> dict[int, str]:
    """Which rows are changed, and how: few enough to be no reason to refuse the file."""
    kinds = st.sampled_from(sorted(CASES[case][3]))
    return data.draw(st.dictionaries(st.integers(0, len(RECORDS[case]) - 1), kinds, max_size=8))


@pytest.mark.parametrize("case", CASES)
@settings(max_examples=40)
@given(data=st.data())
def test_exactly_the_bad_records_and_odd_values_are_set_aside(case: str, data: st.DataObject) -> None:
    bad, rejects, changes = draw(case, data), Rejects(), CASES[case][3]
    text, right, lines = spoil(case, bad)
    frame = read(CASES[case][0], text, rejects)
    if case == "XML":  # an odd value may be where there was none before
        assert frame.sort("symbol").equals(right.sort("symbol"))
    else:
        assert frame.equals(right)
    assert frame.columns == right.columns
    odd = sum(changes[kind][1] is not None for kind in bad.values())
    assert (rejects.rows, rejects.values) == (len(bad) - odd, odd)
    assert {record.line for record in rejects.records if not record.loaded} <= lines.keys()
    for record in rejects.records:
        assert record.reason and "\n" not in record.reason
        if case == "XML":
            assert record.record.startswith("<PricRpt") and record.record.endswith("</PricRpt>")
        else:
            assert record.record == lines[record.line].decode("latin-1")
    # Where most values of a field are odd the first one alone is shown.
    assert rejects.partial == bool(bad) and len(rejects.records) <= len(bad)
    if bad:
        with pytest.raises(FileError):
            read(CASES[case][0], text, Rejects(strict=True))


def test_a_file_with_nothing_odd_in_it_is_the_same_for_a_strict_reader() -> None:
    for name, records, together, *_ in CASES.values():
        rejects = Rejects()
        assert read(name, together(records), rejects).equals(read(name, together(records), Rejects(strict=True)))
        assert rejects.records == [] and not rejects.partial


def _portfolio(members: list[Any], **header: str) -> bytes:
    top = {"date": "04/07/25", "part": "100.000", "partAcum": "100.000", "reductor": "1.5", "theoricalQty": "1"}
    page = {"pageNumber": 1, "pageSize": 9999, "totalRecords": len(members), "totalPages": 1}
    return json.dumps({"page": page, "header": top | header, "results": members}).encode()


def _member(number: int, **changes: Any) -> dict[str, Any]:
    member = {"segment": "A", "cod": f"AAAA{number}", "asset": "A", "type": "ON", "part": "10.000"}
    return member | {"partAcum": "100.000", "theoricalQty": "1"} | changes


MEMBERS = {
    "a letter": ({"part": "1O.000"}, "weight"),
    "a list": ({"part": ["10.000"]}, None),
    "an object": ({"asset": {"A": 1}}, None),
    "half a character": ({"asset": "\ud800"}, None),
    "no ticker": ({"cod": ""}, None),
    "a negative quantity": ({"theoricalQty": "-1"}, None),
    "no object": ({}, None),
}


@settings(max_examples=40)
@given(st.dictionaries(st.integers(0, 9), st.sampled_from([*MEMBERS]), max_size=4), st.booleans())
def test_bad_members_of_a_portfolio_are_set_aside(bad: dict[int, str], asked: bool) -> None:
    members: list[Any] = [_member(n, **MEMBERS[bad[n]][0] if n in bad else {}) for n in range(10)]
    for number in [n for n, kind in bad.items() if kind == "no object"]:
        members[number] = "AAAA"
    rejects = Rejects()
    frame = read("index_composition", _portfolio(members), rejects, ASKED if asked else None)
    gone = {n for n, kind in bad.items() if MEMBERS[kind][1] is None}
    assert frame["symbol"].to_list() == [f"AAAA{n}" for n in range(10) if n not in gone]
    null = {f"AAAA{n}" for n in bad.keys() - gone}
    assert set(frame.filter(pl.col("weight").is_null())["symbol"]) == null
    assert sorted(record.line for record in rejects.records) == sorted(n + 1 for n in bad)
    texts = {record.line: record.record for record in rejects.records}
    for number in bad:
        assert texts[number + 1] == json.dumps(members[number], ensure_ascii=False).replace("\ud800", "\\xd800")


def _year(**cells: Any) -> bytes:
    rows = [{"day": day, **{f"rateValue{n}": None for n in range(1, 13)}} for day in range(1, 32)]
    for name, value in cells.items():
        month, day = name.removeprefix("m").split("d")
        rows[int(day) - 1][f"rateValue{month}"] = value
    nothing = {"day": 0, **{f"rateValue{n}": None for n in range(1, 13)}}
    return json.dumps({"min": nothing, "max": nothing, "results": rows}).encode()


def test_bad_values_of_a_year_are_set_aside() -> None:
    cells = {f"m{month}d3": "1,000.00" for month in range(1, 13)}
    bad = {"m2d3": "1,00.00", "m5d3": ["1"], "m2d30": "1,000.00", "m6d3": "-1.00"}
    rejects = Rejects()
    frame = read("index_historical", _year(**cells | bad), rejects, ASKED)
    assert frame["refdate"].to_list() == [date(2022, month, 3) for month in range(1, 13) if month not in (2, 5, 6)]
    said = {record.line: (record.field, record.record) for record in rejects.records}
    assert said == {
        302: ("rateValueN", '"1,00.00"'),
        305: (None, '["1"]'),
        306: (None, '"-1.00"'),
        3002: ("rateValue2", '"1,000.00"'),
    }


def test_a_bad_row_of_a_report_that_is_one_message_is_set_aside() -> None:
    data = generate.index_report(DAY)
    whole = read("index_historical", data)
    code = whole["index_code"][3]
    before, here, after = data.partition(f"<TckrSymb>{code}</TckrSymb>".encode())
    rejects = Rejects()
    frame = read("index_historical", before + here.replace(code.encode(), b"") + after, rejects)
    assert frame.equals(whole.filter(pl.col("index_code") != code))
    assert [(record.line, record.field) for record in rejects.records] == [(4, "index; TckrSymb")]


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        pytest.param("cotahist", generate.cotahist([DAY], 9)[:-240], "without a trailer", id="cut"),
        pytest.param("cotahist", generate.cotahist([DAY], 9).replace(b"00000000011", b"00000000012"), "12", id="count"),
        pytest.param("cotahist", generate.cotahist([DAY], 9).replace(b"COTA", b"C0TA", 1), "not a file", id="header"),
        pytest.param("futures", generate.price_report(DAY, 9)[:-40], "damaged or not XML", id="no XML"),
        pytest.param("futures", generate.price_report(DAY, 9).replace(b">11<", b">12<", 1), "says 12", id="messages"),
        pytest.param("index_composition", _portfolio([_member(1)])[:-3], "damaged or no JSON", id="no JSON"),
        pytest.param("index_composition", _portfolio([_member(1, cod="")]), "1 of 1 records are bad", id="all"),
    ],
)
def test_a_file_that_is_wrong_as_a_whole_is_refused(name: str, data: bytes, words: str) -> None:
    with pytest.raises(FileError, match=words):
        read(name, data, Rejects(), ASKED)


def bad_quotes(rows: int, bad: int) -> bytes:
    """A COTAHIST with some quotes that have no date."""
    lines = generate.cotahist([DAY], rows).split(b"\r\n")
    for line in range(1, 1 + bad):
        lines[line] = lines[line][:2] + b"20240230" + lines[line][10:]
    return b"\r\n".join(lines)


@pytest.mark.parametrize(
    ("rows", "bad", "refused"),
    [
        (10, 5, False), (10, 6, True), (10, 10, True), (24, 10, False), (24, 11, True),
        (1_000, 10, False), (1_000, 11, True), (1_500, 15, False), (1_500, 16, True),
    ],
)  # fmt: skip
def test_a_file_of_which_more_is_bad_than_one_in_a_hundred_or_half_is_refused(
    rows: int, bad: int, refused: bool
) -> None:
    text, rejects = bad_quotes(rows, bad), Rejects()
    if refused:
        with pytest.raises(FileError, match=f"{bad} of {rows:,} records are bad, .*: file.dat line 2, field DATPRE"):
            read("cotahist", text, rejects)
    else:
        assert read("cotahist", text, rejects).height == rows - bad


def _odd(rows: int, fields: Mapping[str, int]) -> bytes:
    """A COTAHIST with fields that cannot be read in so many of its quotes."""
    text = generate.cotahist([DAY], rows)
    for name, count in fields.items():
        for line in range(2, 2 + count):
            text = generate.replace_field(text, line, name, b"A" * (18 if name == "VOLTOT" else 13))
    return text


NUMBERS = ["PREABE", "PREMAX", "PREMIN", "PREMED", "PREULT", "PREOFC", "PREOFV", "VOLTOT"]


def test_a_field_that_is_odd_in_most_of_its_values_counts_once() -> None:
    rejects, notes = Rejects(), list[str]()
    frame = read("cotahist", _odd(40, {"PREABE": 40, "PREMAX": 25}), rejects, notes=notes)
    assert (frame.height, frame["open"].null_count(), frame["high"].null_count()) == (40, 40, 25)
    assert [(record.line, record.field) for record in rejects.records] == [(2, "PREABE"), (2, "PREMAX")]
    assert (rejects.rows, rejects.values, rejects.partial) == (0, 65, True)
    assert [note.partition(", first")[0] for note in notes if "could not be read" in note] == [
        "file.dat, field PREABE could not be read: 40 of 40 values",
        "file.dat, field PREMAX could not be read: 25 of 40 values",
    ]


def test_a_field_that_is_odd_in_some_of_its_values_counts_them_all() -> None:
    assert read("cotahist", _odd(40, {"PREABE": 10}), Rejects()).height == 40
    with pytest.raises(FileError, match="11 of 40 records are bad, too many to load the rest: file.dat line 2, "):
        read("cotahist", _odd(40, {"PREABE": 11}), Rejects())


def test_a_file_of_which_more_than_a_quarter_of_the_fields_cannot_be_read_is_refused() -> None:
    some = dict.fromkeys(NUMBERS[:6], 40)
    assert read("cotahist", _odd(40, some), Rejects()).height == 40
    with pytest.raises(FileError, match="7 of 2[0-9] fields could not be read, too many to load the rest: "):
        read("cotahist", _odd(40, dict.fromkeys(NUMBERS[:7], 40)), Rejects())


def test_records_that_were_set_aside_count_for_the_trailer() -> None:
    lines = bad_quotes(10, 1).split(b"\r\n")
    assert read("cotahist", b"\r\n".join(lines), Rejects()).height == 9
    del lines[7]
    with pytest.raises(Incomplete, match="holds 9 records, its trailer says 12"):
        read("cotahist", b"\r\n".join(lines), Rejects())


def test_a_missing_record_beside_one_that_was_set_aside_is_seen() -> None:
    lines = generate.swap_rates(DAY, 3)[: 74 * 10].split(b"\r\n")
    lines[4] = lines[4][:-1]
    del lines[5]
    with pytest.raises(Incomplete, match="line 6, field Identificação da transação: 7 follows 4, records are missing"):
        read("yield_curves", b"\r\n".join(lines), Rejects())


def test_too_many_bad_records_are_refused_before_they_fill_memory(monkeypatch) -> None:
    monkeypatch.setattr(limits, "MAX_RECORDS", 5)
    text = bad_quotes(20, 6)
    with pytest.raises(FileError, match="more than 5 records are bad, too many to set aside: file.dat line 2, field"):
        read("cotahist", text, Rejects())


def test_of_a_long_record_the_beginning_is_kept_and_its_length_told() -> None:
    lines = generate.instruments_consolidated(DAY, 5).split(b"\r\n")
    whole = read("symbols", b"\r\n".join(lines))
    lines[3] = lines[3] + b";" + b"x" * 1_000_000
    assert limits.MAX_TEXT == 4_000 and limits.MAX_RECORDS == 10_000
    rejects = Rejects()
    assert read("symbols", b"\r\n".join(lines), rejects).height == whole.height - 1
    (record,) = rejects.records
    assert record.record == lines[3][:4_000].decode() + f"... ({len(lines[3]):,} characters)"


def spoilt(folder: Path, lines: Mapping[int, tuple[str, bytes]], seed: int = 0) -> Path:
    """A COTAHIST of 40 quotes with one field of some lines changed."""
    text = generate.cotahist([DAY], 40, seed)
    for line, (name, value) in lines.items():
        text = generate.replace_field(text, line, name, value)
    path = folder / "COTAHIST_D15012024.TXT"
    path.write_bytes(text)
    return path


BAD = {7: ("DATPRE", b"20240230"), 8: ("PREABE", b"00000000A1200"), 9: ("VOLTOT", b"-%017d" % 5)}
SHOW = f"'pyb3 history cotahist --date {DAY} --rejected' shows them"


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("case", CASES)
def test_the_table_holds_exactly_the_others_and_the_rejected_rows_exactly_these(
    pyb3, database, tmp_path: Path, case: str, seed: int
) -> None:
    name, changes, rng = CASES[case][0], CASES[case][3], random.Random(f"{case} {seed}")
    bad = {row: rng.choice(sorted(changes)) for row in rng.sample(range(len(RECORDS[case])), 8)}
    text, right, lines = spoil(case, bad)
    path = tmp_path / "file.dat"
    path.write_bytes(text)
    odd = sum(changes[kind][1] is not None for kind in bad.values())
    answer = pyb3(f"ingest {name} --file {path} --json")
    done = answer.json
    assert (answer.code, done["outcome"], done["inserted"]) == (4, "partial", right.height)
    assert (done["rejected"], done["rejected_values"]) == (len(bad) - odd, odd)
    template = registry.get(name).template
    columns = ", ".join(f'"{field.name}"' for field in template.fields)
    found = database.execute(f"SELECT {columns} FROM {template.table}").fetchall()
    assert sorted(found, key=str) == sorted(right.rows(), key=str)
    kept = {line for (line,) in database.execute("SELECT line FROM rejected_rows").fetchall()}
    assert kept <= ({row + 1 for row in bad} if case == "XML" else lines.keys())


def test_the_good_rows_are_loaded_and_the_bad_ones_kept_with_their_text(pyb3, database, tmp_path: Path) -> None:
    path = spoilt(tmp_path, BAD)
    assert pyb3(f"ingest cotahist --file {path} --strict").code == 6
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)
    answer = pyb3(f"ingest cotahist --file {path} --json")
    done = answer.json
    assert (answer.code, done["outcome"], done["inserted"], done["rejected"]) == (4, "partial", 38, 2)
    assert done["rejected_values"] == 1
    (warning,) = (told for told in done["warnings"] if "set aside" in told)
    assert warning == f"2 records set aside and 1 value not read and NULL; {SHOW}"
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (38,)
    ledger = "SELECT id, rows, rejected FROM ingestions ORDER BY id DESC LIMIT 1"
    (number, *rest) = database.execute(ledger).fetchone()
    assert rest == [38, 2]
    lines = path.read_bytes().decode("latin-1").split("\r\n")
    columns = "ingestion_id, file, line, field, reason, record"
    kept = database.execute(f"SELECT {columns} FROM rejected_rows ORDER BY line").fetchall()
    assert [row[:4] for row in kept] == [
        (number, path.name, 7, "DATPRE"),
        (number, path.name, 8, "PREABE"),
        (number, path.name, 9, None),
    ]
    assert [row[4] for row in kept[:2]] == ['"20240230" is not a date', '"00000000A1200" is not a number']
    assert kept[2][4].startswith("check counts_not_negative (trades, quantity and volume are not negative): ")
    assert "volume=-0.05" in kept[2][4]
    assert [row[5] for row in kept] == [lines[line - 1] for line in BAD]


def test_history_shows_what_was_set_aside(pyb3, database, tmp_path: Path) -> None:
    pyb3(f"ingest cotahist --file {spoilt(tmp_path, BAD)}")
    shown = pyb3(f"history cotahist --date {DAY} --rejected --json").objects
    assert sorted((row["line"], row["field"]) for row in shown) == [(7, "DATPRE"), (8, "PREABE"), (9, None)]
    assert pyb3("history cotahist --date 2024-01-16 --rejected --json").objects == []
    table = pyb3(f"history cotahist --date {DAY} --rejected").out
    assert '"00000000A1200" is not a number' in table
    attempts = pyb3("history cotahist")
    assert "rejected" in attempts.out and "2 records set aside" in attempts.out


def test_people_see_how_many_were_set_aside(pyb3, process, database, tmp_path: Path) -> None:
    path = spoilt(tmp_path, BAD)
    assert "rejected" in pyb3(f"ingest cotahist --file {path}").out
    (tmp_path / "units.json").write_text(pyb3(f"ingest cotahist --file {path} --json").out)
    page = pyb3(f"summary {tmp_path}/units.json").out
    assert "rejected" in page and "2 records set aside" in page


def test_parse_tells_what_it_leaves_out(pyb3, tmp_path: Path) -> None:
    path = spoilt(tmp_path, BAD)
    answer = pyb3(f"parse cotahist --file {path} --output {tmp_path}/x.parquet")
    assert answer.code == 4
    frame = pl.read_parquet(tmp_path / "x.parquet")
    assert (frame.height, frame["open"].null_count()) == (38, 1)
    for words in (
        'line 7, field DATPRE: "20240230" is not a date',
        "line 9: check counts_not_negative",
        "line 8, field",
    ):
        assert words in answer.err
    assert pyb3(f"parse cotahist --file {path}").err == answer.err


def test_bytes_with_bad_records_are_not_known_ones_for_a_strict_run(pyb3, database, tmp_path) -> None:
    line = f"ingest cotahist --file {spoilt(tmp_path, BAD)} --date {DAY}"
    assert pyb3(f"{line} --json").json["inserted"] == 38
    again = pyb3(f"{line} --json")
    assert (again.code, again.json["outcome"]) == (4, "partial")
    assert (again.json["unchanged"], again.json["rejected"], again.json["rejected_values"]) == (38, 2, 1)
    assert "2 records set aside" in again.err
    for _ in range(2):
        assert pyb3(f"{line} --strict").code == 6, "the short cut's own row of the ledger is of bad records too"
    count = database.execute("SELECT count(*), count(DISTINCT ingestion_id) FROM rejected_rows").fetchone()
    assert count == (3, 1)


def test_a_whole_file_that_follows_brings_what_was_left_out(pyb3, database, tmp_path: Path) -> None:
    pyb3(f"ingest cotahist --file {spoilt(tmp_path, BAD)} --date {DAY}")
    done = pyb3(f"ingest cotahist --file {spoilt(tmp_path, {})} --date {DAY} --json")
    counts = [done.json[name] for name in ("inserted", "updated", "unchanged", "rejected", "rejected_values")]
    assert (done.code, counts) == (0, [2, 1, 37, 0, 0])


def test_a_load_that_fails_leaves_nothing_set_aside(pyb3, refused, database, tmp_path: Path) -> None:
    path = spoilt(tmp_path, BAD)
    path.write_bytes(path.read_bytes().replace(b"00000000042", b"00000000043"))
    refused(f"ingest cotahist --file {path}", 6, "its trailer says 43")
    for table in ("cotahist", "rejected_rows"):
        assert database.execute(f"SELECT count(*) FROM {table}").fetchone() == (0,)


def test_a_backfill_sets_aside_too(pyb3, database, simulator) -> None:
    path = Path(pyb3(f"fetch cotahist --date {DAY}").out.strip())
    member = generate.cotahist([DAY], 40)
    path.write_bytes(
        generate.zipped("COTAHIST_D15012024.TXT", generate.replace_field(member, 5, "DATPRE", b"20240230"))
    )
    line = f"backfill cotahist --from {DAY} --to {DAY} --json"
    done = pyb3(line)
    assert (done.code, done.json["inserted"], done.json["rejected"]) == (4, 39, 1)
    assert pyb3(f"load cotahist --date {DAY} --json").json["outcome"] == "partial"


def test_a_table_without_the_bad_records_is_what_its_file_says(pyb3, database, tmp_path: Path) -> None:
    path = spoilt(tmp_path, BAD)
    pyb3(f"ingest cotahist --file {path}")
    answer = pyb3(f"verify cotahist --file {path} --json")
    assert (answer.code, answer.json["result"], answer.json["rows"]) == (0, "verified", 38)


def test_a_row_whose_record_is_bad_now_is_not_removed(pyb3, database, tmp_path: Path) -> None:
    (tmp_path / "whole").mkdir()
    pyb3(f"ingest cotahist --file {spoilt(tmp_path / 'whole', {})}")
    done = pyb3(f"ingest cotahist --file {spoilt(tmp_path, BAD)} --prune --json").json
    assert (done["rejected"], done["gone"], done["removed"]) == (2, 2, 0)
    assert any("nothing is removed where records were set aside (2)" in told for told in done["warnings"])
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (40,)

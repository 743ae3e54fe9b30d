"""Delimited files are read by their header, exactly; what cannot be read is set aside with its address."""

from __future__ import annotations

import io
from datetime import date
from decimal import Decimal

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.errors import FieldInvalid, FileError
from pyb3.parse import delimited
from pyb3.parse.archive import Member
from pyb3.parse.rejects import LINE, Rejects
from pyb3.template import Template

_TEMPLATE = """
name: prices
description: Prices
table: prices
key: [refdate, symbol]
formats:
  daily: {reader: delimited}
  grouped: {reader: delimited, thousands: ".", blank: "-", date: "%d/%m/%Y", footer: 'Informamos ', optional: [Nome]}
  calls: {reader: delimited, keep: {Papel: '^[A-Z]{4}[A-L]'}, ignored: [Obs]}
sources:
  - {name: P, period: day, format: daily, url: "https://x/", file: x.csv}
fields:
  - {name: refdate, b3: RptDt, at: Data, type: date, nullable: false, description: Day}
  - {name: symbol, b3: TckrSymb, at: Papel, type: text, nullable: false, description: Ticker}
  - {name: price, b3: Pric, at: [Preço, Preco], type: decimal, decimals: 3, description: Price}
  - {name: quantity, b3: Qty, at: Quantidade, type: integer, description: Quantity}
  - {name: final, b3: Fnl, at: Final, type: boolean, description: Final}
  - {name: name, b3: Nm, at: Nome, type: text, description: Name}
"""
TEMPLATE = Template.parse(_TEMPLATE)
HEADER = "Data;Papel;Preço;Quantidade;Final;Nome"
ROW = "2024-01-15;PETR4;37,125;1000;true;PETROBRÁS"


def lenient(data: bytes, form: str = "daily", *, strict: bool = False) -> tuple[pl.DataFrame, list[str], Rejects]:
    """The file as one frame with its lines, what was noted of it and what was set aside."""
    member = Member(io.BytesIO(data), "prices.csv")
    member.rejects = Rejects("prices.csv", strict=strict)
    frames = list(delimited.read_delimited(member, TEMPLATE, TEMPLATE.formats[form]))
    found = pl.concat(frames) if frames else pl.DataFrame({LINE: []})
    return found, [*member.notes, *member.rejects.remarks()], member.rejects


def read(data: bytes, form: str = "daily") -> tuple[pl.DataFrame, list[str]]:
    """The same where nothing may be set aside."""
    frame, notes, _ = lenient(data, form, strict=True)
    return frame.drop(LINE), notes


def written(*lines: str, encoding: str = "utf-8", end: str = "\r\n") -> bytes:
    return (end.join(lines) + end).encode(encoding)


@pytest.mark.parametrize("encoding", ["latin-1", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("status", [[], ["Status do Arquivo: Final"], ["Descrição; dos preços;;;;", "", ";;;;;"]])
def test_a_row_arrives_exactly(encoding: str, end: str, status: list[str]) -> None:
    frame, notes = read(written(*status, HEADER, ROW, encoding=encoding, end=end))
    assert frame.row(0, named=True) == {
        "refdate": date(2024, 1, 15),
        "symbol": "PETR4",
        "price": Decimal("37.125"),
        "quantity": 1000,
        "final": True,
        "name": "PETROBRÁS",
    }
    assert frame.schema["price"] == pl.Decimal(38, 3)
    assert notes == []


def test_the_header_gives_the_order() -> None:
    frame, _ = read(written("Nome;Final;Quantidade;Preco;Papel;Data", ";".join(ROW.split(";")[::-1])))
    assert frame.equals(read(written(HEADER, ROW))[0])


def test_a_column_that_is_not_known_is_noted_by_name() -> None:
    frame, notes = read(written(HEADER + ";Novo;Outro", ROW + ";a;b"))
    assert frame.width == 6
    assert notes == ["prices.csv has columns that PyB3 does not know: Novo, Outro"]
    assert read(written(HEADER + ";Obs", "2024-01-15;PETRA40;1;1;true;;x"), "calls")[1] == []


def test_a_column_that_is_missing_is_null_and_noted() -> None:
    frame, notes = read(written("Data;Papel;Preço;Final", "2024-01-15;PETR4;1;true"))
    assert frame.select("symbol", "price", "quantity", "final", "name").row(0) == ("PETR4", 1, None, True, None)
    assert frame.schema["quantity"] == pl.Int64
    assert notes == ["prices.csv lacks columns that PyB3 knows: Quantidade, Nome"]
    assert read(written("Data;Papel;Preço;Quantidade;Final", "15/01/2024;PETR4;1;1;true"), "grouped")[1] == []


def test_a_key_column_that_is_missing_is_an_error_that_names_it() -> None:
    with pytest.raises(FileError, match=r"prices\.csv line 2 names no column Papel, which prices cannot be without"):
        read(written("Status do Arquivo: Final", "Data;Preço", "2024-01-15;1"))


def test_a_column_that_stands_twice_is_an_error() -> None:
    with pytest.raises(FileError, match="line 1 names Papel twice"):
        read(written(HEADER + ";Papel", ROW + ";PETR3"))


def test_blanks_are_null() -> None:
    assert read(written(HEADER, "2024-01-15;PETR4; ;;;  "))[0].row(0)[2:] == (None, None, None, None)
    assert read(written(HEADER, "15/01/2024;PETR4;-;-;-;-"), "grouped")[0].row(0)[2:] == (None, None, None, None)
    with pytest.raises(FieldInvalid, match="line 2, field Papel.*blank"):
        read(written(HEADER, "2024-01-15;;1;1;true;"))


def test_thousands_marks_stand_where_the_format_has_them() -> None:
    frame, _ = read(written(HEADER, "15/01/2024;PETR4;1.234.567,5;1.000;true;1.000,0"), "grouped")
    assert frame.row(0)[2:4] == (Decimal("1234567.5"), 1000)
    assert frame["name"].to_list() == ["1.000,0"]
    for text in ("1.23,5", "12345.678,5", ".5"):
        with pytest.raises(FieldInvalid, match="field Preço"):
            read(written(HEADER, f"15/01/2024;PETR4;{text};1;true;"), "grouped")
    with pytest.raises(FieldInvalid, match=r'line 2, field Preço: "1\.234,5" is not'):
        read(written(HEADER, "2024-01-15;PETR4;1.234,5;1;true;"))


@pytest.mark.parametrize(
    ("row", "column", "words"),
    [
        ("2024-01-15;PETR4;1,,5;1;true;", "price", 'field Preço: "1,,5" is not a number of 3 decimals'),
        ("2024-01-15;PETR4;1;1,5;true;", "quantity", 'field Quantidade: "1,5" is not a whole number'),
        ("2024-01-15;PETR4;1;1;talvez;", "final", 'field Final: "talvez" is not a truth value'),
    ],
)
def test_an_odd_value_is_null_and_named_with_its_line_and_text(row: str, column: str, words: str) -> None:
    data = written(HEADER, ROW, row, ROW)
    with pytest.raises(FieldInvalid, match=f"line 3, {words}"):
        read(data)
    frame, _, rejects = lenient(data)
    assert frame[LINE].to_list() == [2, 3, 4]
    assert frame[column].is_null().to_list() == [False, True, False]
    (record,) = rejects.records
    assert (record.line, record.record, record.loaded) == (3, row, True)
    assert str(record) == f"prices.csv line 3, {words}"


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ("2024-13-15;PETR4;1;1;true;", 'line 3, field Data: "2024-13-15" is not a date'),
        ("15/01/2024;PETR4;1;1;true;", 'line 3, field Data: "15/01/2024" is not a date'),
        ("2024-01-15;;1;1;true;", 'line 3, field Papel: "" is not allowed to be blank'),
    ],
)
def test_a_row_without_its_key_is_set_aside(row: str, words: str) -> None:
    with pytest.raises(FieldInvalid, match=words):
        read(written(HEADER, ROW, row, ROW))
    frame, _, rejects = lenient(written(HEADER, ROW, row, ROW))
    assert frame[LINE].to_list() == [2, 4]
    (record,) = rejects.records
    assert (str(record), record.record, record.loaded) == (f"prices.csv {words}", row, False)


def test_a_nul_is_read_as_a_blank_and_decimals_beyond_the_columns_are_rounded() -> None:
    frame, notes, rejects = lenient(written(HEADER, ROW, "2024-01-15;PETR4;1,2345;1;true;a\0b"))
    assert frame.row(1, named=True)["price"] == Decimal("1.234")
    assert frame.row(1, named=True)["name"] == "a b"
    assert not rejects.partial and rejects.records == []
    assert notes == [
        "prices.csv, field Preço: more than 3 decimals, rounded (once, first line 3: '1,2345')",
        "prices.csv, field Nome: a NUL is read as a blank (once, first line 3: 'a\\x00b')",
    ]


@pytest.mark.parametrize(
    ("rows", "line", "words"),
    [
        ([ROW, "2024-01-15;PETR4;1", ROW], 3, "it has 3 fields, the header has 6"),
        ([ROW, ROW + ";x", ROW], 3, "it has 7 fields, the header has 6"),
        ([ROW, ROW + "; ;x;", ROW], 3, "it has 9 fields, the header has 6"),
        (["Informamos que não", ROW], 2, "it has 1 fields, the header has 6"),
    ],
)
def test_a_line_with_other_fields_than_the_header_is_set_aside(rows: list[str], line: int, words: str) -> None:
    with pytest.raises(FileError, match=f"prices.csv line {line}: {words}"):
        read(written(HEADER, *rows))
    frame, notes, rejects = lenient(written(HEADER, *rows))
    assert frame[LINE].to_list() == [number for number in range(2, 2 + len(rows)) if number != line]
    (record,) = rejects.records
    assert (record.line, record.reason, record.record, record.field) == (line, words, rows[line - 2], None)
    assert notes == []


@pytest.mark.parametrize("strict", [True, False])
def test_blank_lines_and_blank_fields_behind_a_row_lose_nothing_and_are_noted(strict: bool) -> None:
    frame, notes, rejects = lenient(written(HEADER, ROW, "", ROW + "; ;", "  ", ROW), strict=strict)
    assert frame[LINE].to_list() == [2, 4, 6]
    assert frame.drop(LINE).rows() == [frame.drop(LINE).row(0)] * 3
    assert not rejects.partial and rejects.records == []
    assert notes == [
        "prices.csv, a blank line (2 times, first line 3: '')",
        "prices.csv, blank fields behind the last one (once, first line 4: '" + ascii((ROW + "; ;")[-40:])[1:] + ")",
    ]


def test_nothing_is_quoted() -> None:
    frame, _ = read(written(HEADER, '2024-01-15;PETR4;1;1;true;"A" B', '2024-01-15;VALE3;1;1;true;"C'))
    assert frame["name"].to_list() == ['"A" B', '"C']


def test_a_footer_is_no_row() -> None:
    row = "15/01/2024;PETR4;1;1;true;x"
    for footer in ("Informamos que a tabela acima não será publicada", "Informamos que a tabela;;;;;"):
        assert read(written(HEADER, row, footer), "grouped")[0].height == 1
        assert read(written(HEADER, footer), "grouped")[0].height == 0


def test_lines_that_are_not_kept_are_not_read_but_counted() -> None:
    frame, _ = read(written(HEADER, "?;PETR4;?;?;?;?", "2024-01-15;PETRA40;1;1;true;"), "calls")
    assert frame["symbol"].to_list() == ["PETRA40"]
    with pytest.raises(FieldInvalid, match="line 4, field Quantidade"):
        read(written(HEADER, ROW, ROW, "2024-01-15;PETRA40;1;x;true;"), "calls")
    with pytest.raises(FileError, match="line 3: it has 2 fields"):
        read(written(HEADER, ROW, "x;y"), "calls")


@pytest.mark.parametrize("data", [b"", b"\r\n\r\n", b"\xef\xbb\xbf"])
def test_an_empty_file_is_an_error(data: bytes) -> None:
    with pytest.raises(FileError, match=r"prices\.csv is (empty|no prices file)"):
        read(data)


def test_a_file_without_a_header_is_an_error() -> None:
    with pytest.raises(FileError, match="is no prices file: no line at its beginning names its columns"):
        read(written(ROW, ROW))
    with pytest.raises(FileError, match="no line at its beginning names its columns"):
        read(written(*["x"] * 60, HEADER, ROW))


def test_a_header_alone_has_no_rows() -> None:
    assert read(written(HEADER))[0].height == 0
    assert read(HEADER.encode())[0].height == 0


def test_one_file_has_one_encoding(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK", 200)
    latin = [ROW.encode("latin-1")] * 20
    assert read(b"\n".join([HEADER.encode("latin-1"), *latin]))[0]["name"].unique().to_list() == ["PETROBRÁS"]
    with pytest.raises(FileError, match="neither UTF-8 nor Latin-1 as a whole"):
        read(b"\n".join([HEADER.encode(), *[ROW.encode()] * 20, *latin]))


def test_lines_are_counted_over_the_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(delimited, "CHUNK", 150)
    frame, _ = read(written("Status do Arquivo: Final", HEADER, *[ROW] * 1000))
    assert frame.height == 1000
    with pytest.raises(FieldInvalid, match="line 803, field Quantidade"):
        read(written("Status do Arquivo: Final", HEADER, *[ROW] * 800, ROW.replace("1000", "x"), ROW))
    with pytest.raises(FileError, match="line 803: it has 1 fields"):
        read(written("Status do Arquivo: Final", HEADER, *[ROW] * 800, "x", ROW))
    odd, bad = ROW.replace("1000", "x"), ROW.replace("PETR4", "")
    frame, _, rejects = lenient(written("Status do Arquivo: Final", HEADER, *[ROW] * 800, odd, "x", bad, "", ROW))
    assert frame[LINE].to_list() == [*range(3, 804), 807]
    assert [(record.line, record.record) for record in rejects.records] == [(804, "x"), (805, bad), (803, odd)]
    with pytest.raises(FileError, match="has a line of more than"):
        read(b"x" * 100_000)


# Latin-1 letters of which no two are a letter in UTF-8, which is tried first.
_texts = st.text(
    st.characters(max_codepoint=0x7E, min_codepoint=0x20, exclude_characters=";", include_characters="ÀÇÉÕãçéõú"),
    min_size=1,
    max_size=12,
).filter(lambda text: text == text.strip())
_rows = st.tuples(
    st.dates(date(1986, 1, 1), date(9999, 12, 31)),
    st.from_regex(r"[A-Z]{4}[0-9]{1,2}", fullmatch=True),
    st.none() | st.decimals(-(10**20), 10**20, places=3),
    st.none() | st.integers(-(10**17), 10**17),
    st.none() | st.booleans(),
    st.none() | _texts,
)


@given(
    rows=st.lists(_rows, min_size=1, max_size=20),
    order=st.permutations(range(6)),
    encoding=st.sampled_from(["latin-1", "utf-8", "utf-8-sig"]),
    end=st.sampled_from(["\n", "\r\n"]),
    strange=st.booleans(),
)
def test_any_rows_come_back_as_they_were(rows, order, encoding: str, end: str, strange: bool) -> None:
    def text(value) -> str:
        if value is None:
            return ""
        if isinstance(value, bool):
            return "true" if value else "false"
        return f"{value:f}".replace(".", ",") if isinstance(value, Decimal) else str(value)

    names = HEADER.split(";")
    lines = [[names[at] for at in order], *([text(row[at]) for at in order] for row in rows)]
    shown = [";".join([*line, "x"] if strange else line) for line in lines]
    frame, notes = read(written("Status do Arquivo: Final", *shown, encoding=encoding, end=end))
    assert frame.rows() == [tuple(row) for row in rows]
    assert len(notes) == strange


@given(data=st.binary(max_size=400))
def test_any_bytes_are_rows_or_a_file_error(data: bytes) -> None:
    try:
        read(HEADER.encode() + b"\n" + data)
    except FileError as error:
        assert "prices.csv" in str(error)

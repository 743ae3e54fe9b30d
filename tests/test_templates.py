"""A template's mistake is told with its file and line; what it holds is data, never code."""

from __future__ import annotations

import re
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.datasets.base import Dataset
from pyb3.errors import TemplateError
from pyb3.file import File
from pyb3.template import Template, shown

GOOD = """\
name: prices
description: Prices of a session
table: prices
key: [refdate, symbol]
formats:
  lines:
    reader: fixed_width
    width: 22
    record: "01"
sources:
  - name: PRICES
    period: day
    format: lines
    url: "https://example.com/{date:%Y%m%d}.zip"
    file: "PRICES{date:%Y%m%d}.zip"
    signature: "^01"
fields:
  - {name: refdate, b3: DATE, at: [3, 8], type: date, nullable: false, description: "Session date"}
  - {name: symbol, b3: CODE, at: [11, 5], type: text, nullable: false, description: "Ticker"}
  - {name: price, b3: PRICE, at: [16, 7], type: decimal, decimals: 2, description: "Price"}
"""


FIELDS = "fields:\n"


def _check(*rules: str) -> str:
    """Checks with these rules before the fields, or one without a rule."""
    parts = [f"{rule}, " for rule in rules] or [""]
    lines = [f'  - {{name: c, {part}severity: soft, description: "it holds"}}\n' for part in parts]
    return f"checks:\n{''.join(lines)}{FIELDS}"


def _years(*numbers: str) -> str:
    """Years with these numbers before the fields."""
    lines = [f"  - {{year: 2024, {one}, first: 2024-01-02, last: 2024-12-30}}\n" for one in numbers]
    return f"years:\n{''.join(lines)}{FIELDS}"


def test_a_template_is_read() -> None:
    template = Template.parse(GOOD, "prices.yaml")
    assert template.key == ("refdate", "symbol")
    assert template.columns("lines") == {"refdate": [3, 8], "symbol": [11, 5], "price": [16, 7]}
    assert [field.sql_type() for field in template.fields] == ["date", "text", "numeric(38,2)"]


@pytest.mark.parametrize(
    ("old", "new", "line", "words"),
    [
        ("table: prices\n", "", 1, "lacks 'table'"),
        ("key: [refdate, symbol]\n", "key: [refdate, symbol]\nkey: [refdate]\n", 5, "'key' is named twice"),
        ("    width: 22\n", "    width: 22\n    width: 23\n", 9, "'width' is named twice"),
        ("b3: CODE,", "b3: CODE, b3: OTHER,", 19, "'b3' is named twice"),
        ("at: [3, 8]", "at: {lines: [3, 8], lines: [3, 9]}", 18, "'lines' is named twice"),
        ("name: symbol", "name: refdate", 18, "fields named twice: refdate"),
        ("[refdate, symbol]", "[refdate, ticker]", 4, "key columns without a field: ticker"),
        ("[refdate, symbol]", "[symbol, refdate]", 4, "the key begins with refdate"),
        ("[refdate, symbol]", "refdate", 4, "key must be a list of texts"),
        ("[refdate, symbol]", "", 4, "key must be a list of texts"),
        ("[refdate, symbol]", "[refdate, 1]", 4, "key must be a list of texts"),
        ("period: day", "period: week", 11, "period 'week' is none of day, month, year"),
        ("    period: day\n", "", 11, "a source lacks 'period'"),
        ("    period: day\n", "    period: day\n    request: ftp\n", 11, "request 'ftp' is none of"),
        ("    period: day\n", "    period: day\n    serves: day\n", 13, "serves must be a list of texts"),
        ("    period: day\n", "    period: day\n    serves: [week]\n", 11, "serves week, which is no unit"),
        ("    period: day\n", "    period: day\n    keeps: some\n", 13, "keeps must be a whole number"),
        ("    period: day\n", "    period: day\n    valid_from: yesterday\n", 13, "valid_from must be a date"),
        ("    period: day\n", "    period: day\n    valid_from: 2024-02-30\n", 13, "day is out of range"),
        ("    period: day\n", "    period: day\n    seen: in 2024\n", 13, "seen must be a date"),
        ("    period: day\n", "    period: day\n    evidence: 2024\n", 13, "evidence must be text"),
        ("b3: CODE,", "b3: CODE, seen: 2024,", 19, "seen must be a date"),
        (FIELDS, _check('rule: "price > 0", evidence: 1'), 18, "evidence must be text"),
        ("    period: day\n", "    period: day\n    payload: [1]\n", 13, "payload must be a mapping"),
        ("    period: day\n", "    period: day\n    colour: red\n", 13, "a source has no 'colour'; it has: name, "),
        ("format: lines", "format: rows", 11, "there is no format 'rows'"),
        ('"^01"', '"(^01"', 11, "signature: missing ), unterminated subpattern"),
        ("{date:%Y%m%d}.zip", "{day}.zip", 11, "url: {day} is neither {date}, in a format, nor {item} in"),
        ("PRICES{date", "PRICES{0}{date", 11, "file: "),
        ('    file: "PRICES{date', '    payload: {file: x}\n    file: "PRICES{day', 11, "file: {day} is neither"),
        ("    reader: fixed_width\n", "", 7, "format lines names no reader"),
        ("type: text", "type: string", 19, "field symbol has type 'string'; it is one of text, integer"),
        ("b3: CODE, ", "", 19, "a field lacks 'b3'"),
        ("b3: CODE", "b3: 99", 19, "b3 must be text"),
        ("nullable: false, description: \"T", "nullable: no thanks, description: \"T", 19, "must be true or false"),
        ("decimals: 2", "decimals: two", 20, "decimals must be a whole number"),
        ("decimals: 2", "decimals: 40", 20, "from 0 to 37 decimals"),
        ("type: decimal, decimals: 2", "type: text, decimals: 2", 20, "another type none"),
        ("at: [11, 5]", "at: {rows: [11, 5]}", 19, "there is no format rows"),
        ("at: [11, 5]", "at: [11]", 19, "[11] is no place"),
        ("at: [11, 5]", "at: [0, 5]", 19, "[0, 5] is no place"),
        ("at: [11, 5]", "at: 11", 19, "11 is no place"),
        ("at: [11, 5]", "at: []", 19, "[] is no place"),
        ("name: price,", "name: price;drop,", 1, "'price;drop' is no name"),
        ("table: prices", "table: ../prices", 1, "'../prices' is no name"),
        ("formats:\n", "formats:\n  - a\nformer:\n", 6, "formats must be a mapping"),
        ("fields:\n", "fields: none\nformer:\n", 17, "fields must be a list"),
        ("fields:\n", "fields:\n  - refdate\n", 18, "a field must be a mapping"),
        ("- {name: symbol", "- !!int {name: symbol", 19, "a field must be a mapping"),
        ("fields:\n", "fields: !!str\n", 17, "fields must be a list"),
        ("name: prices\n", "name: [prices]\n", 1, "name must be text"),
        (FIELDS, _check(), 18, "a check lacks 'rule'"),
        (FIELDS, _check('rule: "cost > 0"'), 18, "check c: there is no column cost in 'cost > 0'"),
        (FIELDS, _check('rule: "price >"'), 18, "check c: unable to parse 'price >' as Expr"),
        (FIELDS, _check('rule: "price > 0; DROP TABLE prices"'), 18, "check c: invalid expression"),
        (FIELDS, _check('rule: "price > (SELECT 1)"'), 18, "check c: "),
        (FIELDS, _check('rule: "read(price) > 0"'), 18, "check c: unsupported function 'read'"),
        (FIELDS, _check('rule: "symbol > 0"'), 18, "check c: cannot compare string with numeric type"),
        (FIELDS, _check('rule: "price + 1"'), 18, "check c: it is not true or false of each row in 'price + 1'"),
        (FIELDS, _check('rule: "SUM(price) > 0"'), 18, "it is not true or false of each row"),
        (FIELDS, _check('rule: "1 = 1"'), 18, "it is not true or false of each row"),
        (FIELDS, _check('rule: "price > 0"').replace("severity: soft, ", ""), 18, "a check lacks 'severity'"),
        (FIELDS, _check('rule: "price > 0"').replace("soft", "mild"), 18, "severity 'mild' is not hard or soft"),
        (FIELDS, _check('rule: "price > 0"').replace("name: c", "name: C d"), 18, "'C d' is no name"),
        (FIELDS, _check('rule: "price > 0"', 'rule: "price > 1"'), 18, "checks named twice: c"),
        (FIELDS, "checks: price > 0\n" + FIELDS, 17, "checks must be a list"),
        (FIELDS, _years("sessions: 3"), 18, "a year lacks 'rows'"),
        (FIELDS, _years("rows: 9, sessions: many"), 18, "a year: sessions must be a whole number"),
        (FIELDS, _years("rows: 9, sessions: 10"), 18, "a year: 10 sessions do not fit 9 rows from 2024-01-02 to"),
        (FIELDS, _years("rows: 999, sessions: 365"), 18, "a year: 365 sessions do not fit"),
        (FIELDS, _years("rows: 9, sessions: 0"), 18, "a year: 0 sessions do not fit"),
        (FIELDS, _years("rows: 9, sessions: 3").replace("12-30", "12"), 18, "a year: last must be a date"),
        (FIELDS, _years("rows: 9, sessions: 3").replace("2024-12", "2025-12"), 18, "are not those of 2024"),
        (FIELDS, _years("rows: 9, sessions: 3", "rows: 9, sessions: 3"), 18, "years named twice: 2024"),
        (FIELDS, "years: 2024\n" + FIELDS, 17, "years must be a list"),
        ("table: prices\n", "table: prices\nrow_band: half\n", 4, "row_band must be a number"),
        ("table: prices\n", "table: prices\nrow_band: 2\n", 4, "row_band is from 0 to 1"),
        ("type: text, ", "type: text, codes: A, ", 19, "codes must be a list"),
        ("type: text, ", "type: text, codes: [A, 1], ", 19, "field symbol: the code 1 is none of type text"),
        ("decimals: 2", "decimals: 2, codes: [1]", 20, "field price: the code 1 is none of type decimal"),
        ("name: prices\n", "name: prices\ntake: some\n", 2, "take is 'first' or 'every'"),
        ("name: prices\n", "name: prices\n\tx: 1\n", 2, ""),
        ("key: [refdate", "key: [[refdate", 5, ""),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_file_and_line(old: str, new: str, line: int, words: str) -> None:
    assert old in GOOD
    with pytest.raises(TemplateError) as caught:
        Template.parse(GOOD.replace(old, new, 1), "prices.yaml")
    said = str(caught.value)
    assert re.match(rf"prices\.yaml\b.*\bline {line}\b", said), said
    assert words in said
    assert "\n" not in said


@pytest.mark.parametrize("text", ["", "- a\n- b\n", "prices", "42", "null"])
def test_what_is_no_mapping_is_no_template(text: str) -> None:
    with pytest.raises(TemplateError, match=r"^prices\.yaml: a template is a mapping$"):
        Template.parse(text, "prices.yaml")


@pytest.mark.parametrize(
    "tag",
    [
        '!!python/object/apply:os.mkdir ["{folder}/made"]',
        "!!python/object/new:os.mkdir ['{folder}/made']",
        "!!python/name:os.system",
        "!!python/module:os",
        "!mine x",
    ],
)
@pytest.mark.parametrize("place", ['"Ticker"', "[refdate, symbol]", "22", '"^01"', "[11, 5]"])
def test_an_object_tag_is_refused(tmp_path: Path, tag: str, place: str) -> None:
    assert place in GOOD
    with pytest.raises(TemplateError, match=r"^prices\.yaml line \d+: could not determine a constructor for the tag"):
        Template.parse(GOOD.replace(place, tag.format(folder=tmp_path) + " ", 1), "prices.yaml")
    assert list(tmp_path.iterdir()) == []


class Prices(Dataset):
    """The dataset of a template's text."""

    def __init__(self, text: str) -> None:
        self.template = Template.parse(text, "prices.yaml")


def _read(text: str, folder: Path) -> list[tuple]:
    (folder / "day.TXT").write_text("0120240115ABCDE0001234\r\n0120240115FGHIJ       \r\n")
    return Prices(text).frame([File.at(folder / "day.TXT")]).rows()


def test_a_template_and_three_lines_make_a_dataset(tmp_path: Path) -> None:
    rows = [[str(value) for value in row] for row in _read(GOOD, tmp_path)]
    assert rows == [["2024-01-15", "ABCDE", "12.34"], ["2024-01-15", "FGHIJ", "None"]]


@pytest.mark.parametrize("option", ["width", "record"])
def test_an_option_that_the_reader_needs_is_named(tmp_path: Path, option: str) -> None:
    text = re.sub(rf"    {option}: .*\n", "", GOOD)
    with pytest.raises(TemplateError, match=rf"^prices\.yaml line 7: format lines lacks '{option}'$"):
        _read(text, tmp_path)


def test_a_reader_that_does_not_exist_is_named(tmp_path: Path) -> None:
    with pytest.raises(TemplateError, match="there is no reader 'excel'; there are: .*fixed_width"):
        _read(GOOD.replace("fixed_width", "excel"), tmp_path)


LINES = GOOD.splitlines(keepends=True)
JUNK = st.sampled_from(
    ["", "x", "1", "-1", "[]", "{}", "null", "true", "2024-01-15", "'", "&a", "*a", "[1, x]", "~", "%"]
)


@given(number=st.integers(0, len(LINES) - 1), junk=JUNK, after_colon=st.booleans())
def test_whatever_is_wrong_with_a_line_is_a_template_error(number: int, junk: str, after_colon: bool) -> None:
    line = LINES[number]
    changed = line[: line.rindex(":") + 1] + f" {junk}\n" if after_colon and ":" in line else junk + "\n"
    try:
        Template.parse("".join([*LINES[:number], changed, *LINES[number + 1 :]]), "prices.yaml")
    except TemplateError as error:
        assert str(error).startswith("prices.yaml")


@pytest.mark.parametrize("name", registry.names())
def test_every_template_says_what_a_user_needs(name: str) -> None:
    template = registry.get(name).template
    assert template.name == name
    for field in template.fields:
        assert field.description and field.description == field.description.strip()
        assert not re.search(r"[^.]\.$", field.description), "no sentence"
    assert {source.format for source in template.sources} == set(template.formats)
    assert all(source.signature for source in template.sources), "a file is known by what it begins with"


@pytest.mark.parametrize("name", registry.names())
def test_the_show_command_shows_the_template(pyb3, name: str) -> None:
    template = registry.get(name).template
    shown = pyb3(f"datasets show {name}").out
    for field in template.fields:
        assert re.search(rf"^ *{field.name} +{re.escape(field.sql_type())} ", shown, re.MULTILINE), field.name
    order = [shown.index(f" {source.name} ") for source in template.sources]
    assert order == sorted(order), "sources in order of preference"
    assert f"key ({', '.join(template.key)})" in shown
    assert pyb3(f"datasets show {name} --json").json["key"] == list(template.key)


def test_no_template_lies_outside_the_registry() -> None:
    files = {path.name for path in resources.files("pyb3.datasets").iterdir() if path.name.endswith(".yaml")}
    assert files <= {f"{name}.yaml" for name in registry.names()}


@pytest.mark.parametrize("name", registry.names())
def test_every_source_says_what_it_rests_on(pyb3, name: str) -> None:
    template = registry.get(name).template
    out, answer = pyb3(f"datasets show {name}").out, pyb3(f"datasets show {name} --json").json
    assert " seen " in out and "not stated" not in out
    for thing in (*template.sources, *template.fields, *template.checks):
        assert thing.seen is None or thing.seen <= calendar.today()
        assert shown(thing) in out
    for source, said in zip(template.sources, answer["sources"], strict=True):
        assert source.seen or re.match("no real file was read|one answer of 2022", source.evidence), source.name
        assert said["seen"] == (str(source.seen) if source.seen else None)
        assert said["evidence"] == source.evidence


def test_a_source_that_says_nothing_is_shown_as_not_stated(pyb3, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(registry.get("cotahist"), "template", Template.parse(GOOD))
    assert "not stated" in pyb3("datasets show cotahist").out


@pytest.mark.parametrize(
    ("name", "source", "path"),
    [
        ("cotahist", "COTAHIST_D", "cotahist/COTAHIST_D03022022.ZIP"),
        ("futures", "SPRD", "futures/SPRD250203.zip"),
        ("futures", "PR", "futures/PR210423.newest.zip"),
        ("yield_curves", "TS", "yield_curves/TS190910.ex_"),
        ("index_historical", "IndexStatistics", "index_historical/IndexStatistics_IBOV_2022.json"),
        ("index_historical", "IR", "index_historical/IR210423.zip"),
        ("index_composition", "GetStockIndex", "index_composition/GetStockIndex.json"),
        ("index_composition", "GetPortfolioDay", "index_composition/GetPortfolioDay_IBOV_20250407.json"),
    ],
)
def test_what_a_source_calls_seen_is_the_session_of_a_real_file(real: Path, name: str, source: str, path: str) -> None:
    dataset = registry.get(name)
    item = "IBOV" if "IBOV" in path else ""
    frame = dataset.frame([File.at(real / path, source, item)])
    days = frame["refdate"].value_counts(sort=True)["refdate"] if name == "futures" else frame["refdate"].sort()[-1:]
    assert dataset.template.source(source).seen == days[0]

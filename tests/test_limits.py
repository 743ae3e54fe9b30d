"""What is large beyond sense is refused before it costs time or memory, in a line that is short."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from pyb3 import pipeline
from pyb3.datasets import registry
from pyb3.errors import FieldInvalid, FileError, one_line
from pyb3.file import File
from pyb3.parse import delimited, xml_messages, zip_entries
from tests.support import generate

DAY = date(2024, 1, 15)
FILES = {
    "cotahist": generate.zipped("COTAHIST_D15012024.TXT", generate.cotahist([DAY], 10)),
    "futures": generate.price_report(DAY, 10),
    "symbols": generate.instruments_consolidated(DAY, 10, 0),
}


@pytest.mark.parametrize(
    ("name", "module", "limit", "value", "words"),
    [
        ("cotahist", zip_entries, "MAX_UNPACKED", 1_000, "COTAHIST_D15012024.TXT unpacks to more than"),
        ("cotahist", zip_entries, "MAX_DIRECTORY", 60, "its directory of entries is larger than"),
        ("futures", xml_messages, "MAX_GROUP", 1_000, "has a message of more than"),
        ("symbols", delimited, "MAX_COLUMNS", 50, "line 2 has 52 columns, more than 50"),
    ],
)
def test_what_is_beyond_a_limit_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str, module, limit: str, value: int, words: str
) -> None:
    (tmp_path / "file").write_bytes(FILES[name])
    files = [File.at(tmp_path / "file")]
    assert pipeline.parse(registry.get(name), files).height > 0
    monkeypatch.setattr(module, limit, value)
    with pytest.raises(FileError, match=words):
        pipeline.parse(registry.get(name), files)


def test_messages_of_any_number_are_within_the_limit_of_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = generate.price_report(DAY, 200)
    (tmp_path / "file").write_bytes(data)
    monkeypatch.setattr(xml_messages, "MAX_GROUP", len(data) // 2)
    assert pipeline.parse(registry.get("futures"), [File.at(tmp_path / "file")]).height == 200


def test_a_long_value_is_told_by_its_beginning() -> None:
    told = str(FieldInvalid("x.csv", 2, "Price", "9" * 10_000, "a number"))
    assert told == f'x.csv line 2, field Price: "{"9" * 80}... (10,000 characters)" is not a number'


def test_a_line_steers_no_terminal() -> None:
    assert one_line("a\x1b[31m b\r\n c\x00 ação") == r"a\x1b[31m b c\x00 ação"

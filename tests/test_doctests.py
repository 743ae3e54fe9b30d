"""The worked examples of the public functions and of the library's page run, on generated data."""

from __future__ import annotations

import doctest
import re
from datetime import date
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import pyb3
from tests.support.simulator import Simulator

PAGE = Path(__file__).resolve().parents[1] / "docs/library.md"
FUNCTIONS = [name for name in pyb3.__all__ if name.islower()]


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_example_of_a_function(simulator: Simulator, name: str) -> None:
    names = {name: getattr(pyb3, name) for name in pyb3.__all__} | {"pl": pl, "date": date}
    [example] = doctest.DocTestFinder(recurse=False).find(names[name], name, globs=names)
    assert example.examples, f"{name} has no example"
    failures: list[str] = []
    doctest.DocTestRunner(verbose=False).run(example, out=failures.append)
    assert not failures, "".join(failures)


def blocks() -> list[str]:
    return re.findall(r"^```python\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def test_the_librarys_page_can_be_typed_along(simulator: Simulator, tmp_path: Path) -> None:
    quotes = tmp_path / "COTAHIST_D15012024.ZIP"
    quotes.write_bytes(
        simulator.exchange.answer("GET", f"/bvmf.bmfbovespa.com.br/InstDados/SerHist/{quotes.name}").body
    )
    simulator.exchange.yearly_rows = 200
    names: dict[str, Any] = {}
    assert len(blocks()) > 8
    for block in blocks():
        code = block.replace('"COTAHIST_D15012024.ZIP"', repr(str(quotes)))
        exec(compile(code, str(PAGE), "exec"), names)  # what a reader types, line by line
    frames = {name: thing for name, thing in names.items() if isinstance(thing, pl.DataFrame)}
    assert len(frames) > 10
    assert [name for name, frame in frames.items() if frame.is_empty() and not name.startswith("no_")] == []


def test_the_librarys_page_tells_of_every_name() -> None:
    text = PAGE.read_text("utf-8")
    assert [name for name in pyb3.__all__ if not re.search(rf"\b{name}\b", text)] == []


def test_the_page_names_what_rb3_calls_it() -> None:
    """Each row of the table for those who come from rb3 names something of ours."""
    table = PAGE.read_text("utf-8").partition("## Coming from rb3")[2]
    rows = re.findall(r"^\| `(\w+).*?` \| (.*) \|$", table, re.MULTILINE)
    assert len(rows) > 12
    for theirs, ours in rows:
        assert any(re.search(rf"\b{name}\b", ours) for name in pyb3.__all__), theirs

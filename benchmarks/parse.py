"""Files to frames, without a database."""

from __future__ import annotations

import sys
from collections.abc import Iterator

from . import data
from .machine import FOLDER, PYB3, Server, in_turn, timed
from .results import Measured

_INFLATE = """
import sys, zipfile
archive = zipfile.ZipFile(sys.argv[1])
member = archive.open(archive.namelist()[0])
while member.read(1 << 20):
    pass
"""
_WALK = """
import sys
from lxml import etree
for _, element in etree.iterparse(sys.argv[1], events=("end",)):
    element.clear()
"""
_FRAMES = """
import sys
from pathlib import Path
from pyb3.datasets import registry
from pyb3.file import File
for batch in registry.get(sys.argv[2]).read([File.at(Path(sys.argv[1]))]):
    pass
"""


def parse(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """ZIP to typed frames, and to Parquet; Python's zipfile inflating it beside."""
    file, output = data.year(rows), FOLDER / "year.parquet"
    inflate, frames, parquet = in_turn(
        runs,
        lambda: timed((sys.executable, "-c", _INFLATE, file)),
        lambda: timed((sys.executable, "-c", _FRAMES, file, "cotahist")),
        lambda: timed((*PYB3, "parse", "cotahist", "--quiet", "--file", file, "--output", output)),
    )
    output.unlink()
    many = {"rows": data.count(rows)}
    yield Measured("inflate", "`zipfile` inflating it", many | inflate.values())
    yield Measured("frames", "year to typed frames", many | frames.values())
    yield Measured("parquet", "year to Parquet", many | parquet.values())


def report(server: Server, rows: int, runs: int) -> Iterator[Measured]:
    """A full price report (PR) of 165 MB to the futures' frame; lxml walking its elements beside."""
    file = data.price_report()
    walk, frame = in_turn(
        runs,
        lambda: timed((sys.executable, "-c", _WALK, file)),
        lambda: timed((sys.executable, "-c", _FRAMES, file, "futures")),
    )
    size = file.stat().st_size / 1e6
    yield Measured("walk", f"lxml walking its {size:,.0f} MB", walk.values())
    yield Measured("frame", "PR to the futures' frame", frame.values())

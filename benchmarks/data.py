"""The files that are measured: generated once, format-exact, the same for everybody."""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from datetime import date
from pathlib import Path

from pyb3 import calendar
from tests.support import generate

from .machine import FOLDER

DAY = date(2024, 1, 15)
DAYS = 250


def year(rows: int, of: int = 2024) -> Path:
    """COTAHIST of a year: 250 sessions, `rows` in all."""
    days = list(calendar.sessions(date(of, 1, 1), date(of, 12, 31)))[:DAYS]
    return _made(f"{rows}/COTAHIST_A{of}.ZIP", lambda path: generate.cotahist_zip(path, days, rows // DAYS))


def changed(rows: int, differing: int = 1_000) -> Path:
    """The same year with another number of trades in `differing` rows, spread over it."""

    def make(path: Path) -> None:
        step = rows // differing
        with zipfile.ZipFile(year(rows)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            (name,) = old.namelist()
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                for number, line in enumerate(source):
                    if number % step == 1 and line.startswith(b"01"):
                        other = b"1" if line[151:152] != b"1" else b"2"
                        line = line[:151] + other + line[152:]
                    target.write(line)

    return _made(f"{rows}/changed.ZIP", make)


def day(rows: int = 17_000) -> Path:
    """COTAHIST of a day."""
    return _made("COTAHIST_D15012024.ZIP", lambda path: generate.cotahist_zip(path, [DAY], rows))


def price_report(messages: int = 65_000) -> Path:
    """A full PR of 150 MB, as XML."""
    return _made("PR240115.xml", lambda path: generate.write_price_report(path, DAY, messages))


def _made(name: str, make: Callable[[Path], None]) -> Path:
    path = FOLDER / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part.{path.name}")
        make(part)
        part.rename(path)
    return path

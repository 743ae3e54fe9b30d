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
DAY_ROWS = 17_000
DAYS = 250


def year(rows: int, of: int = 2024) -> Path:
    """COTAHIST of a year: at most 250 sessions, `rows` in 250; the same symbols on each day and in each year."""
    return _made(f"{rows}/COTAHIST_A{of}.ZIP", lambda path: generate.cotahist_zip(path, _days(of), rows // DAYS))


def count(rows: int, of: int = 2024) -> int:
    """The quotes that the year's file holds."""
    return rows // DAYS * len(_days(of))


def changed(rows: int) -> Path:
    """The same year with another number of trades in some 1,000 rows, spread over it."""

    def make(path: Path) -> None:
        step = _step(rows)
        with zipfile.ZipFile(year(rows)) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
            (name,) = old.namelist()
            with old.open(name) as source, new.open(name, "w", force_zip64=True) as target:
                for number, line in enumerate(source):
                    if number % step == 1 and line.startswith(b"01"):
                        other = b"1" if line[151:152] != b"1" else b"2"
                        line = line[:151] + other + line[152:]
                    target.write(line)

    return _made(f"{rows}/changed.ZIP", make)


def differing(rows: int) -> int:
    """The rows in which it is changed."""
    return len(range(1, count(rows) + 1, _step(rows)))


def day() -> Path:
    """COTAHIST of a day."""
    return _made("COTAHIST_D15012024.ZIP", lambda path: generate.cotahist_zip(path, [DAY], DAY_ROWS))


def price_report(messages: int = 65_000) -> Path:
    """A full PR of 165 MB, as XML."""
    return _made("PR240115.xml", lambda path: generate.write_price_report(path, DAY, messages))


def _days(of: int) -> list[date]:
    return list(calendar.sessions(date(of, 1, 1), date(of, 12, 31)))[:DAYS]


def _step(rows: int) -> int:
    return max(2, rows // 1_000)


def _made(name: str, make: Callable[[Path], None]) -> Path:
    path = FOLDER / name
    if not path.exists():
        path.parent.mkdir(parents=True, exist_ok=True)
        part = path.with_name(f"part.{path.name}")
        make(part)
        part.rename(path)
    return path

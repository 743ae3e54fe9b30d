"""One unit of work: fetch, parse, load."""

from __future__ import annotations

import hashlib
import json
import time
from datetime import date
from pathlib import Path
from typing import Any

from . import calendar
from .datasets.base import Dataset, Parsed
from .errors import NoSession, NotPublished, UsageError
from .fetch import cache
from .unit import Unit


def unit_of_day(dataset: Dataset, day: date) -> Unit:
    """The unit of one session day. Raises UsageError for a future day, NoSession for a holiday."""
    if day > date.today():
        raise UsageError(f"{day} is in the future")
    if not calendar.is_session(day):
        raise NoSession(f"{dataset.name} {day}: B3 held no session that day; nothing was written")
    return Unit(dataset.name, "day", day)


def unit_of_year(dataset: Dataset, year: int) -> Unit:
    """The unit of one year. Raises UsageError where the dataset has no yearly file."""
    if not 1986 <= year <= date.today().year:
        raise UsageError(f"B3 has no data of {year}; its files run from 1986 to this year")
    if all(source.unit != "year" for source in dataset.template.sources):
        raise UsageError(f"{dataset.name} has no yearly file")
    return Unit(dataset.name, "year", date(year, 1, 1))


def fetch(dataset: Dataset, unit: Unit, *, refresh: bool = False) -> Path:
    """The unit's file in the cache."""
    return cache.fetch(dataset.template, unit, refresh=refresh)


def from_cache(dataset: Dataset, unit: Unit) -> Path:
    """The unit's file without the network. Raises NotPublished when it was never fetched."""
    if path := cache.cached(dataset.template, unit):
        return path
    raise NotPublished(f"{dataset.name} {unit} is not in the cache; run 'pyb3 fetch {dataset.name}' first")


def parse(dataset: Dataset, path: Path, unit: Unit | None, *, allow_incomplete: bool = False) -> Parsed:
    """The file's frame, held against the unit's date."""
    expected = unit.date if unit and unit.kind == "day" else None
    return dataset.read(path, expected, allow_incomplete=allow_incomplete)


def load(dataset: Dataset, path: Path, unit: Unit | None, *, allow_incomplete: bool = False) -> dict[str, Any]:
    """Parse `path` and load it in one transaction; tells what was done."""
    from .load import connect, migrate, upsert

    start = time.perf_counter()
    parsed = parse(dataset, path, unit, allow_incomplete=allow_incomplete)
    label = str(unit or parsed.refdate or path.name)
    with connect.connect() as connection:
        migrate.check(connection)
        counts = upsert.load(connection, dataset.template, label, parsed.frame, parsed.refdate)
    with path.open("rb") as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()
    return {
        "dataset": dataset.name,
        "unit": label,
        "refdate": parsed.refdate.isoformat() if parsed.refdate else None,
        "source": _source(path),
        "file": str(path),
        "sha256": digest,
        "rows": parsed.frame.height,
        "inserted": counts.inserted,
        "updated": counts.updated,
        "unchanged": counts.unchanged,
        "rejected": 0,
        "seconds": round(time.perf_counter() - start, 3),
        "outcome": "loaded" if counts.inserted + counts.updated else "unchanged",
    }


def _source(path: Path) -> str | None:
    sidecar = path.with_name(path.name + ".json")
    return str(json.loads(sidecar.read_text())["url"]) if sidecar.exists() else None

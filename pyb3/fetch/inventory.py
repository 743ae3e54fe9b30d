"""What the cache holds: list it, check it against its sidecars, and make room."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from .. import calendar, settings
from ..file import digest, read_sidecar, sidecar

_ABANDONED = 900.0


@dataclass(frozen=True, slots=True)
class Kept:
    """A downloaded file: its dataset, source, size in bytes, and when it came."""

    path: Path
    dataset: str
    source: str
    size: int
    fetched_at: datetime


def files(dataset: str | None = None) -> Iterator[Kept]:
    """The cache's downloaded files, of one dataset or of all, by name."""
    root = settings.cache_dir()
    for path in sorted(root.glob(f"{dataset or '*'}/*")):
        if path.name.startswith(".") or not path.is_file() or not sidecar(path).exists():
            continue
        known = read_sidecar(path)
        fetched = known.get("fetched_at")
        at = datetime.fromisoformat(fetched) if fetched else datetime.fromtimestamp(path.stat().st_mtime).astimezone()
        yield Kept(path, path.parent.name, known.get("source", ""), path.stat().st_size, at)


def damage(kept: Kept) -> str | None:
    """What is wrong with a file, None where its bytes are those that were downloaded."""
    expected = read_sidecar(kept.path).get("sha256")
    if expected is None:
        return "its sidecar cannot be read"
    return None if digest(kept.path) == expected else "its bytes are not those that were downloaded"


def remove(kept: Kept) -> None:
    """Take a file and its sidecar out of the cache."""
    kept.path.unlink(missing_ok=True)
    sidecar(kept.path).unlink(missing_ok=True)


def older_than(kept: Kept, days: int) -> bool:
    """Whether a file came more than `days` days ago."""
    return kept.fetched_at.date() < calendar.today() - timedelta(days)


def abandoned(folder: Path) -> Iterator[Path]:
    """Parts of downloads that a killed process left: a living one writes, or gives up, long before so many seconds."""
    for path in folder.glob(".part-*"):
        try:
            if time.time() - path.stat().st_mtime > _ABANDONED:
                yield path
        except FileNotFoundError:  # it was finished this moment
            continue


def leftovers() -> Iterator[Path]:
    """Parts that were abandoned, and sidecars without their file."""
    for folder in settings.cache_dir().glob("*/"):
        yield from abandoned(folder)
        for path in folder.glob("*.json"):
            if not path.name.startswith(".") and not (file := path.with_suffix("")).exists() and read_sidecar(file):
                yield path

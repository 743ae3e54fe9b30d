"""A file's rows by day, on disk: a year is more than memory should hold, and in no order that is promised."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

from ..datasets.base import Batch, alike
from ..errors import NotWritable

_ROWS = 100_000


class Spool:
    """Rows of a file, to be had day by day; strays, which are few, are kept apart."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._parts: dict[date, list[Path]] = defaultdict(list)
        self._waiting: list[pl.DataFrame] = []
        self._strays: list[pl.DataFrame] = []

    @property
    def days(self) -> Iterable[date]:
        """The days that have rows, strays not counted."""
        return self._parts.keys()

    @property
    def stray_days(self) -> Iterable[date]:
        """The days that strays are of."""
        return {day for frame in self._strays for day in frame["refdate"]}

    def add(self, batch: Batch) -> None:
        """Take a batch in."""
        if not batch.overwrite:
            self._strays.append(batch.frame)
            return
        self._waiting.append(batch.frame)
        if sum(frame.height for frame in self._waiting) >= _ROWS:
            self.write()

    def write(self) -> None:
        """Put what was taken in last on disk: small batches together, a file is more than a few rows."""
        for rows in alike(self._waiting):
            for (day,), part in rows.partition_by("refdate", as_dict=True).items():
                path = self._folder / f"{day}.{len(self._parts[day])}"
                part.write_ipc(path, compression="lz4")
                self._parts[day].append(path)
        self._waiting.clear()

    def frames(self, day: date) -> list[pl.DataFrame]:
        """The day's rows as they came, those of the same columns as one frame."""
        return alike(map(pl.read_ipc, self._parts.get(day, ())))

    def strays_of(self, day: date) -> list[pl.DataFrame]:
        """The strays of a day."""
        return [frame.filter(pl.col("refdate") == day) for frame in self._strays]


@contextmanager
def spooled(batches: Iterable[Batch]) -> Iterator[Spool]:
    """All of the batches, read to their end. Raises what they raise; NotWritable where there is no room for them."""
    with TemporaryDirectory(prefix="pyb3-") as folder:
        spool = Spool(Path(folder))
        try:
            for batch in batches:
                spool.add(batch)
            spool.write()
        except OSError as error:
            raise NotWritable(f"cannot write to {folder}: {error.strerror}") from error
        yield spool

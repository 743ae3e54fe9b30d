"""The rows of a load, read once more from its files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from datetime import date
from typing import Any

from ..datasets.base import Batch, Dataset
from ..file import File
from ..load.compare import Key, expected
from ..load.ledger import Load
from ..progress import Progress
from ..unit import Unit
from . import loaded_files
from .spool import Spool, spooled


class Reader:
    """Reads one load at a time, and keeps what it read last: days that a year's file served follow each other."""

    def __init__(self, dataset: Dataset, loads: Sequence[Load], progress: Progress, stack: ExitStack) -> None:
        self._dataset, self._progress = dataset, progress
        self._units = Counter(sha256 for sha256, _ in {(load.sha256, load.unit) for load in loads})
        self._kept = stack.enter_context(ExitStack())
        self._read: tuple[str, str] | None = None
        self._spool: Spool | None = None
        self._day: tuple[str, date] | None = None
        self._by_key: dict[Key, dict[str, Any]] = {}

    def rows(self, load: Load, file: File | None = None) -> Spool:
        """A load's rows by day. Raises NotCached, OtherBytes, and whatever reading the files raises."""
        unit = Unit.written(self._dataset.name, load.unit)
        files = [file] if file is not None else loaded_files.files(self._dataset, load, unit)
        if self._dataset.template.take == "first" and self._units[load.sha256] > 1:
            unit = None  # one file of several units is read as a whole, once
        wanted = (load.sha256, str(unit))
        if self._spool is None or self._read != wanted:
            self._kept.close()
            self._spool = self._day = None
            # These bytes were taken as they are: whether they are complete was asked when they were loaded, and what
            # was set aside then is not in the table.
            batches = self._dataset.read(files, unit, allow_incomplete=True)
            label = f"{self._dataset.name} {load.unit}"
            self._spool = self._kept.enter_context(spooled(self._watched(batches, label)))
            self._read = wanted
        return self._spool

    def row(self, load: Load, day: date, key: Key) -> dict[str, Any] | None:
        """A load's row of that key, a stray too; None where it has none. Raises as `rows` does."""
        spool = self.rows(load)
        if self._day != (load.sha256, day):
            self._by_key = expected(self._dataset.template, [*spool.frames(day), *spool.strays_of(day)])
            self._day = (load.sha256, day)
        return self._by_key.get(key)

    def _watched(self, batches: Iterable[Batch], label: str) -> Iterator[Batch]:
        rows = 0
        for batch in batches:
            rows += batch.frame.height
            self._progress.loaded(label, rows)
            yield batch

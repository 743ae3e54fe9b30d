"""A number that runs through a file's records: where it breaks, records are missing."""

from __future__ import annotations

import polars as pl

from ..errors import Incomplete
from .rejects import LINE


class Running:
    """A number that grows by the same step from record to record, over the blocks of a file too."""

    def __init__(self, name: str, column: str, field: str) -> None:
        self._name, self._column, self._field = name, column, field
        self._last: tuple[int, int] | None = None  # number and line
        self._step: int | None = None
        self.notes: list[str] = []

    def follow(self, frame: pl.DataFrame) -> None:
        """Compare the numbers of the next records. Raises Incomplete where records are missing between two.

        A number that begins anew, at 0 or 1, is noted, and so is a step other than one.
        """
        numbers, lines = frame[self._column], frame[LINE]
        number, line = self._last or (None, None)
        before, lines_before = numbers.shift(1, fill_value=number), lines.shift(1, fill_value=line)
        records = lines - lines_before  # at most: more than one where records were set aside, or lines are blank
        if self._step is None and (steps := ((numbers - before) // records).drop_nulls()).len():
            self._step = int(steps[0])
            if self._step > 1:
                self.notes.append(f"{self._name}, field {self._field}: it grows by {self._step} a record, not by 1")
        step, grown = max(1, self._step or 1), numbers - before
        anew = (numbers < before) & (numbers <= 1)
        follows = (grown >= step) & (grown <= step * records) & (grown % step == 0)
        gaps = (~follows & ~anew).fill_null(False)
        if gaps.any():
            at = gaps.arg_max() or 0
            raise Incomplete(
                f"{self._name} line {lines[at]:,}, field {self._field}: {numbers[at]:,} follows {before[at]:,}, "
                "records are missing"
            )
        for at in anew.fill_null(False).arg_true():
            self.notes.append(
                f"{self._name} line {lines[at]:,}, field {self._field}: it begins anew, "
                f"{numbers[at]:,} follows {before[at]:,}"
            )
        self._last = int(numbers[-1]), int(lines[-1])

"""A unit of work: what B3 publishes as one thing, a session day or a year."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Unit:
    """One day or one year of one dataset."""

    dataset: str
    kind: str
    date: date

    def __str__(self) -> str:
        return f"{self.date:%Y}" if self.kind == "year" else f"{self.date:%Y-%m-%d}"

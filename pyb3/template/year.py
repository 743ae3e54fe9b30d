"""How many rows and sessions a year of B3's own files has."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date


@dataclass(frozen=True, slots=True)
class Year:
    """The rows and sessions of one year, as counted in B3's own file of that year.

    A year that was loaded whole is compared with these numbers. `first` and `last` are its first and last session.
    """

    year: int
    rows: int
    sessions: int
    first: date
    last: date

    def __post_init__(self) -> None:
        if not self.year == self.first.year == self.last.year:
            raise ValueError(f"the sessions from {self.first} to {self.last} are not those of {self.year}")
        if not 0 < self.sessions <= min(self.rows, (self.last - self.first).days + 1):
            raise ValueError(f"{self.sessions} sessions do not fit {self.rows} rows from {self.first} to {self.last}")

"""How long work tells of itself; the command line draws it, the library stays silent."""

from __future__ import annotations

from typing import Protocol


class Progress(Protocol):
    """Told of each block downloaded and each batch loaded; what it raises ends the work."""

    def downloaded(self, name: str, size: int, total: int | None) -> None:
        """`size` bytes of the file have come, of `total` where B3 said how many."""

    def loaded(self, name: str, rows: int) -> None:
        """`rows` rows of the unit have been sent to the database."""


class Silent:
    """Tells nobody."""

    def downloaded(self, name: str, size: int, total: int | None) -> None:
        """Nothing is told."""

    def loaded(self, name: str, rows: int) -> None:
        """Nothing is told."""


SILENT = Silent()

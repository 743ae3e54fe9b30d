"""Long work: progress bars on stderr, none where it is no terminal; and Ctrl-C, which ends it wherever it is."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..progress import SILENT, Progress

if TYPE_CHECKING:
    from rich.progress import Progress as Bars
    from rich.progress import TaskID


@contextmanager
def bars(quiet: bool) -> Iterator[Progress]:
    """Draws what it is told while the block runs."""
    _let_waits_be_interrupted()
    if quiet or not sys.stderr.isatty():
        yield SILENT
        return
    from rich.console import Console
    from rich.progress import BarColumn, TextColumn, TimeElapsedColumn
    from rich.progress import Progress as Bars

    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[amount]}"), TimeElapsedColumn())
    with Bars(*columns, console=Console(stderr=True), transient=True) as drawn:
        yield _Drawn(drawn)


def _let_waits_be_interrupted() -> None:
    """Undo what the import of Polars does: a wait for a thread would go on until the thread is done."""
    import polars  # noqa: F401

    if hasattr(signal, "siginterrupt"):  # not on Windows
        signal.siginterrupt(signal.SIGINT, True)


class _Drawn:
    """One bar a file that is downloaded, and one a unit that is loaded."""

    def __init__(self, drawn: Bars) -> None:
        self._bars = drawn
        self._tasks: dict[str, TaskID] = {}
        self._lock = threading.Lock()  # units are fetched and loaded side by side

    def downloaded(self, name: str, size: int, total: int | None) -> None:
        of = f" of {total / 1e6:,.1f}" if total else ""
        self._show(name, size, total, f"{size / 1e6:,.1f}{of} MB")

    def loaded(self, name: str, rows: int) -> None:
        self._show(name, rows, None, f"{rows:,} rows")

    def _show(self, name: str, done: int, total: int | None, amount: str) -> None:
        with self._lock:
            if name not in self._tasks:
                for finished in [task.id for task in self._bars.tasks[:-4]]:  # the last few are enough to look at
                    self._bars.update(finished, visible=False)
                self._tasks[name] = self._bars.add_task(name, total=total, amount=amount)
            self._bars.update(self._tasks[name], completed=done, total=total, amount=amount)

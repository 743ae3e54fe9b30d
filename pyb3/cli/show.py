"""Results for people (tables) and for programs (JSON), on stdout; talk on stderr."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Any

import typer

from ..errors import one_line
from ..unit import SELDOM, Outcome

if TYPE_CHECKING:
    import polars as pl

    from ..parse.rejects import Rejected

_SHOWN = 20
_STYLES = {"loaded": "green", "unchanged": "cyan", "failed": "red"}  # others are yellow


def talk(quiet: bool, verbose: bool) -> None:
    """Set how much is said on stderr."""
    level = logging.ERROR if quiet else logging.DEBUG if verbose else logging.WARNING
    logging.basicConfig(level=level, stream=sys.stderr, format="pyb3: %(message)s")
    for noisy in ("httpcore", "alembic", "sqlalchemy"):
        logging.getLogger(noisy).setLevel(logging.WARNING)


def notice(message: str) -> None:
    """One line on stderr."""
    print(f"pyb3: {one_line(message)}", file=sys.stderr, flush=True)


def objects(values: Iterable[dict[str, Any]]) -> None:
    """One JSON object a line."""
    for value in values:
        print(json.dumps(value, ensure_ascii=False, default=str), flush=True)  # a date is written as 2024-01-15


def outcome(result: Outcome, *, as_json: bool, quiet: bool = False) -> None:
    """A unit as soon as it is done: an object, or its error and warnings; its table row comes at the end."""
    if as_json:
        objects([result.as_dict()])
    unit = f"{result.dataset} {result.unit}: ".lstrip()  # a file may be of no dataset
    if result.error is not None:
        notice(unit + result.error["message"].removeprefix(unit))
    if not quiet:
        for warning in result.warnings:
            notice(unit + warning)


def rejected(records: Sequence[Rejected]) -> None:
    """The records and values that were set aside: the first of them, and how many more."""
    for record in sorted(records, key=lambda record: (record.file, record.line))[:_SHOWN]:
        what = "is NULL" if record.loaded else "left out"
        notice(f"{what}: {record}")
    if len(records) > _SHOWN:
        notice(f"set aside: {len(records) - _SHOWN:,} more")


def summary(results: list[Outcome]) -> None:
    """A table of what became of the units, totals below."""
    seldom = (name for name in SELDOM if any(getattr(result, name) for result in results))
    columns = ("dataset", "unit", "outcome", "rows", "inserted", "updated", "unchanged", *seldom, "seconds")
    rows = [[_cell(getattr(result, column)) for column in columns] for result in results]
    drawn = table(columns, numbers=columns[3:])
    for row, result in zip(rows, results, strict=True):
        drawn.add_row(*row, style=_STYLES.get(result.outcome, "yellow"))
    if len(results) > 1:
        totals = [_cell(sum(getattr(result, column) for result in results)) for column in columns[3:]]
        drawn.add_section()
        drawn.add_row("", f"{len(results):,} units", "", *totals)
    draw(drawn)


def end(results: list[Outcome]) -> None:
    """Exit with the code of the run, where it is not 0."""
    from .. import lateness

    if code := lateness.exit_code(results):
        raise typer.Exit(code)


def frame(value: pl.DataFrame) -> None:
    """The first and last rows of a frame, every column."""
    import polars as pl

    with pl.Config(tbl_cols=-1, tbl_width_chars=-1 if not sys.stdout.isatty() else None, tbl_rows=20):
        print(value)


def rows(columns: tuple[str, ...], values: Iterable[Iterable[Any]], title: str = "") -> None:
    """Any table."""
    drawn = table(columns, title=title)
    for value in values:
        drawn.add_row(*map(_cell, value))
    draw(drawn)


def table(columns: tuple[str, ...], numbers: tuple[str, ...] = (), title: str = "") -> Any:
    from rich import box
    from rich.table import Table

    drawn = Table(box=box.SIMPLE_HEAD, title=title or None, title_justify="left", pad_edge=False, padding=(0, 1))
    for column in columns:
        drawn.add_column(column, justify="right" if column in numbers else "left", overflow="fold")
    return drawn


def draw(table: Any) -> None:
    from rich.console import Console

    console = Console(highlight=False)
    if not console.is_terminal:  # into a pipe or a file a table is as wide as it has to be
        console = Console(highlight=False, width=1_000)
    console.print(table)


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.2f}"
    return f"{value:,}" if isinstance(value, int) else str(value)

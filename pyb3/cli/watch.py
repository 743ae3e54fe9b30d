"""status and history: what is in the database, what is missing, and how it came there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options, show

if TYPE_CHECKING:
    from ..coverage import Coverage

_INCOMPLETE = 4
_ATTEMPT = ("id", "unit", "ended_at", "outcome", "source", "rows", "inserted", "updated", "rejected", "sha256", "told")
_REJECTED = ("ingestion_id", "unit", "file", "line", "field", "reason", "record")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def status(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="One dataset, with a map of its months.")
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Hold what is in the database against B3's sessions; exits 4 when some are missing.

    Example: pyb3 status cotahist
    """
    from ..coverage import coverage
    from ..datasets import registry

    found = [coverage(registry.get(name)) for name in ([dataset] if dataset else registry.names())]
    if as_json:
        show.objects(one.as_dict() for one in found)
    else:
        columns = ("dataset", "first", "last", "sessions", "missing", "stale since")
        values = [(c.dataset, c.first, c.last, len(c.days), len(c.missing), c.stale_since) for c in found]
        show.rows(columns, values)
        if dataset:
            _map(found[0])
    if any(one.missing for one in found) or (dataset and not found[0].days):
        raise typer.Exit(_INCOMPLETE)


def history(
    dataset: options.Name,
    date: options.Date = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 50,
    rejected: Annotated[bool, typer.Option("--rejected", help="The records that --quarantine set aside.")] = False,
    as_json: options.Json = False,
) -> None:
    """What was loaded when and from which bytes, and what failed; with --date of that session alone.

    Example: pyb3 history futures --date 2024-01-15
    """
    from ..datasets import registry
    from ..load import connect, ledger, migrate
    from ..load import rejected as aside

    name = registry.get(dataset).name
    day = options.day(date) if date else None
    with connect.connect() as connection:
        migrate.check(connection)
        attempts = (aside if rejected else ledger).history(connection, name, day, limit)
    if as_json:
        show.objects({fact: _plain(value) for fact, value in row.items()} for row in attempts)
        return
    facts = _REJECTED if rejected else _ATTEMPT
    show.rows(facts, [[(row | _short(row))[fact] for fact in facts] for row in attempts])


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Facts as a table shows them."""
    if "record" in row:
        return {"record": row["record"][:60]}
    told = "; ".join([*filter(None, [row["error_message"]]), *row["warnings"]])
    return {"sha256": (row["sha256"] or "")[:12], "ended_at": f"{row['ended_at']:%Y-%m-%d %H:%M}", "told": told}


def _plain(value: Any) -> Any:
    return value if isinstance(value, int | str | list | dict | None) else str(value)


def _map(coverage: Coverage) -> None:
    """Sessions there of the sessions there were, month by month."""
    if coverage.first is None:
        return
    from rich.text import Text

    there = Counter((day.year, day.month) for day in coverage.days)
    lacking = Counter((day.year, day.month) for day in coverage.missing)
    table = show.table(("year", *_MONTHS))
    for year in range(coverage.first.year, coverage.today.year + 1):
        cells = []
        for month in range(1, 13):
            have, lack = there[year, month], lacking[year, month]
            style = "green" if not lack else "yellow" if have else "red"
            cells.append(Text(f"{have}/{have + lack}" if have + lack else "", style=style))
        table.add_row(str(year), *cells)
    show.draw(table)

"""status and history: what is in the database, what is missing, and how it came there."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..unit import SELDOM
from . import options, show

if TYPE_CHECKING:
    from ..coverage import Coverage

_INCOMPLETE = 4
_SHOWN = 40  # changes
_PARTIAL_SHOWN = 10  # units of a dataset
_REJECTED = ("ingestion_id", "unit", "file", "line", "field", "loaded", "reason", "record")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def status(
    dataset: Annotated[
        str | None, typer.Argument(metavar="[DATASET]", help="One dataset, with a map of its months.")
    ] = None,
    stale: Annotated[
        int | None,
        typer.Option(
            "--stale",
            min=0,
            metavar="SESSIONS",
            help="Exit 4 only when a dataset is more than so many sessions behind, else 0.",
        ),
    ] = None,
    as_json: options.Json = False,
) -> None:
    """Compare what is in the database with B3's sessions; exits 4 when some are missing or partial.

    A unit is partial until it is loaded whole: records or values of its file could not be read, or B3 had not published
    all of them. A year that was loaded whole is also compared with the rows and sessions that B3's file of the year
    has, where these are known; exits 4 when they differ.

    `--stale` is for a heartbeat from outside: it looks at the last session of each dataset alone. A session counts from
    the hour at which its file should be there. A dataset without any session counts when it is named, or when no
    dataset has one.

    Example: pyb3 status cotahist
    """
    from ..coverage import coverage
    from ..datasets import registry

    found = [coverage(registry.get(name)) for name in ([dataset] if dataset else registry.names())]
    if stale is not None:
        _heartbeat(found, stale, as_json, named=dataset is not None)
        return
    if as_json:
        show.objects(one.as_dict() for one in found)
    else:
        columns = ("dataset", "first", "last", "sessions", "missing", "partial", "stale since")
        values = [
            (c.dataset, c.first, c.last, len(c.days), len(c.missing), len(c.partial), c.stale_since) for c in found
        ]
        show.rows(columns, values)
        for one in found:
            for unit in one.partial[:_PARTIAL_SHOWN]:
                show.notice(f"{one.dataset} {unit} is partial; 'pyb3 history {one.dataset}' says why")
            if len(one.partial) > _PARTIAL_SHOWN:
                show.notice(f"{one.dataset}: {len(one.partial) - _PARTIAL_SHOWN:,} more units are partial")
        if years := [(c.dataset, year.expected.year, year.message) for c in found for year in c.years]:
            show.rows(("dataset", "year", "difference from B3's file"), years)
        if dataset:
            _map(found[0])
    if not all(one.complete for one in found) or (dataset and not found[0].days):
        raise typer.Exit(_INCOMPLETE)


def _heartbeat(found: list[Coverage], limit: int, as_json: bool, *, named: bool) -> None:
    """How far behind each dataset is. Exits 4 when one is behind by more sessions than `limit`."""
    empty = all(one.behind is None for one in found)
    stale = [one for one in found if (one.behind > limit if one.behind is not None else named or empty)]
    if as_json:
        facts = ("dataset", "last", "behind")
        told = [(one, one.as_dict()) for one in found]
        show.objects({fact: all_[fact] for fact in facts} | {"stale": one in stale} for one, all_ in told)
    else:
        rows = [(one.dataset, one.last, one.behind, "yes" if one in stale else "no") for one in found]
        show.rows(("dataset", "last", "sessions behind", "stale"), rows)
    if stale:
        raise typer.Exit(_INCOMPLETE)


def history(
    dataset: options.Name,
    date: options.Date = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many, the newest first.")] = 50,
    rejected: Annotated[bool, typer.Option("--rejected", help="The records and values that were set aside.")] = False,
    as_json: options.Json = False,
) -> None:
    """What was loaded when and from which bytes, and what failed; with --date of that session alone, and what changed.

    Example: pyb3 history futures --date 2024-01-15
    """
    from ..datasets import registry
    from ..load import connect, ledger, migrate, revisions
    from ..load import rejected as aside

    template = registry.get(dataset).template
    day = options.day(date) if date else None
    with connect.connect() as connection:
        migrate.check(connection)
        attempts = (aside if rejected else ledger).history(connection, template.name, day, limit)
        changed = revisions.of_day(connection, template, day) if day and not rejected else None
    if as_json:
        for row in attempts:
            told = {fact: _plain(value) for fact, value in row.items()}
            show.objects([told if changed is None else told | {"revisions": changed.get(row["id"], [])}])
        return
    if rejected:
        show.rows(_REJECTED, [[(row | {"record": row["record"][:60]})[fact] for fact in _REJECTED] for row in attempts])
        return
    made = ("file_timestamp",) if any(row["file_timestamp"] for row in attempts) else ()
    seldom = tuple(name for name in SELDOM if any(row[name] for row in attempts))
    facts = ("id", "unit", "ended_at", "outcome", "source", *made, "rows", "inserted", "updated", *seldom)
    facts += ("sha256", "told")
    show.rows(facts, [[(row | _short(row))[fact] for fact in facts] for row in attempts])
    if changed:
        _show_changes(changed)


def _short(row: dict[str, Any]) -> dict[str, Any]:
    """Facts as a table shows them."""
    told = "; ".join([*filter(None, [row["error_message"]]), *row["warnings"]])
    return {"sha256": (row["sha256"] or "")[:12], "ended_at": f"{row['ended_at']:%Y-%m-%d %H:%M}", "told": told}


def _show_changes(changed: dict[int, list[dict[str, Any]]]) -> None:
    """The newest changes, a line a value; a removed row is one line."""
    lines: list[tuple[Any, ...]] = []
    for number, rows in changed.items():
        for row in rows:
            key = " ".join(map(str, row["key"].values()))
            if row["change"] == "removed":
                lines.append((number, key, "", "", "removed"))
            else:
                lines += [(number, key, name, value["old"], value["new"]) for name, value in row["columns"].items()]
    show.rows(("ingestion", "row", "column", "before", "after"), lines[:_SHOWN])
    if len(lines) > _SHOWN:
        show.notice(f"{len(lines) - _SHOWN:,} more changes; --json has them all")


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

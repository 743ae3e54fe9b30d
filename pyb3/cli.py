"""The command line: reads arguments, calls one function, shows the result."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from datetime import date, timedelta
from functools import partial
from pathlib import Path
from typing import Annotated, Any

import typer

from . import calendar, pipeline
from .datasets import registry
from .datasets.base import Dataset
from .errors import NoSession, NotPublished, PyB3Error, UsageError
from .unit import Unit

app = typer.Typer(
    help="B3's public market data into PostgreSQL. Example: pyb3 ingest futures --date 2024-01-15",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
)
db = typer.Typer(help="Schema and server. Example: pyb3 db upgrade", no_args_is_help=True)
datasets = typer.Typer(help="The registry. Example: pyb3 datasets show futures", invoke_without_command=True)
app.add_typer(db, name="db")
app.add_typer(datasets, name="datasets")

Name = Annotated[str, typer.Argument(help="A dataset; 'pyb3 datasets' lists them.")]
Date = Annotated[str | None, typer.Option("--date", help="2024-01-15, today, yesterday or last.")]
File = Annotated[Path | None, typer.Option("--file", help="A file at hand: ZIP, TXT, XML.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a unit on stdout.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Ignore the cache.")]
Incomplete = Annotated[bool, typer.Option("--allow-incomplete", help="Take a file cut short.")]


def _day(text: str) -> date:
    today = date.today()
    words = {"today": today, "yesterday": today - timedelta(1), "last": calendar.previous_session(today)}
    return words.get(text) or calendar.parse_date(text)


def _target(
    name: str, day: str | None, file: Path | None, find: Callable[[Dataset, Unit], Path]
) -> tuple[Dataset, Path, Unit | None]:
    """The dataset, the file at hand or the one `find` has for the day, and the day's unit."""
    dataset = registry.get(name)
    if (day is None) == (file is None):
        raise UsageError("give either --date or --file")
    if file is not None:
        return dataset, file, None
    unit = pipeline.unit_of_day(dataset, _day(day or ""))
    return dataset, find(dataset, unit), unit


def _show(result: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print(json.dumps(result), flush=True)
    else:
        counts = ", ".join(f"{result[k]:,} {k}" for k in ("inserted", "updated", "unchanged"))
        print(f"{result['dataset']} {result['unit']}: {result['rows']:,} rows; {counts}", flush=True)


def _show_failure(dataset: str, unit: str, error: PyB3Error) -> None:
    outcome = error.code if isinstance(error, NotPublished | NoSession) else "failed"
    failure = {"code": error.code, "message": str(error)}
    print(json.dumps({"dataset": dataset, "unit": unit, "outcome": outcome, "error": failure}), flush=True)


@app.command()
def fetch(dataset: Name, date: Date = None, refresh: Refresh = False) -> None:
    """Bytes of one session into the cache; prints the path. Example: pyb3 fetch futures --date last"""
    _, path, _ = _target(dataset, date, None, partial(pipeline.fetch, refresh=refresh))
    print(path)


@app.command()
def parse(
    dataset: Name,
    date: Date = None,
    file: File = None,
    output: Annotated[Path | None, typer.Option("--output", help="x.parquet or x.csv")] = None,
    allow_incomplete: Incomplete = False,
) -> None:
    """A frame, shown or written; no database. Example: pyb3 parse futures --date 2024-01-15 --output x.csv"""
    if output and output.suffix not in (".parquet", ".csv"):
        raise UsageError(f"{output} ends neither in .parquet nor in .csv")
    plugin, path, unit = _target(dataset, date, file, pipeline.fetch)
    frame = pipeline.parse(plugin, path, unit, allow_incomplete=allow_incomplete).frame
    if output is None:
        print(frame)
    elif output.suffix == ".csv":
        frame.write_csv(output)
    else:
        frame.write_parquet(output)


@app.command()
def load(
    dataset: Name,
    date: Date = None,
    file: File = None,
    as_json: Json = False,
    allow_incomplete: Incomplete = False,
) -> None:
    """From cache or file into the database; no network. Example: pyb3 load cotahist --date 2024-01-15"""
    plugin, path, unit = _target(dataset, date, file, pipeline.from_cache)
    _show(pipeline.load(plugin, path, unit, allow_incomplete=allow_incomplete), as_json)


@app.command()
def ingest(
    dataset: Name,
    date: Date = None,
    file: File = None,
    as_json: Json = False,
    refresh: Refresh = False,
    allow_incomplete: Incomplete = False,
) -> None:
    """Fetch, parse and load one session. Example: pyb3 ingest futures --date 2024-01-15"""
    try:
        plugin, path, unit = _target(dataset, date, file, partial(pipeline.fetch, refresh=refresh))
        _show(pipeline.load(plugin, path, unit, allow_incomplete=allow_incomplete), as_json)
    except PyB3Error as error:
        if as_json:
            _show_failure(dataset, date or str(file), error)
        raise


@app.command()
def backfill(
    dataset: Name,
    year: Annotated[list[int] | None, typer.Option("--year", help="May be given more than once.")] = None,
    start: Annotated[str | None, typer.Option("--from", help="First day.")] = None,
    end: Annotated[str | None, typer.Option("--to", help="Last day.")] = None,
    as_json: Json = False,
    refresh: Refresh = False,
) -> None:
    """Many units. Example: pyb3 backfill cotahist --year 2019"""
    plugin = registry.get(dataset)
    if bool(year) == bool(start and end) or bool(start) != bool(end):
        raise UsageError("give either --year, or --from with --to")
    if year:
        units = [pipeline.unit_of_year(plugin, y) for y in year]
    else:
        days = calendar.sessions(_day(start or ""), _day(end or ""))
        units = [pipeline.unit_of_day(plugin, day) for day in days]
    failed = 0
    for unit in units:
        try:
            _show(pipeline.load(plugin, pipeline.fetch(plugin, unit, refresh=refresh), unit), as_json)
        except PyB3Error as error:
            if error.exit_code == 7:
                raise
            failed += 1
            if as_json:
                _show_failure(dataset, str(unit), error)
            print(f"pyb3: {dataset} {unit}: {error}", file=sys.stderr)
    if failed:
        raise typer.Exit(4)


@datasets.callback()
def datasets_list(context: typer.Context) -> None:
    """List the registered datasets."""
    if context.invoked_subcommand is None:
        for name in registry.names():
            print(f"{name:<12} {registry.get(name).template.description}")


@datasets.command("show")
def datasets_show(dataset: Name) -> None:
    """One dataset's sources, fields and key. Example: pyb3 datasets show futures"""
    template = registry.get(dataset).template
    print(f"{template.name}: {template.description}")
    for source in template.sources:
        print(f"  source {source.name} ({source.unit}): {source.url}")
    print(f"  table {template.table}, key ({', '.join(template.key)})")
    for field in template.fields:
        print(f"  {field.name:<30} {field.sql_type():<14} {field.b3:<18} {field.description}")


@db.command("upgrade")
def db_upgrade(revision: Annotated[str, typer.Argument()] = "head") -> None:
    """Bring the schema up to date. Example: pyb3 db upgrade"""
    from .load import migrate

    migrate.upgrade(revision)


@db.command("downgrade")
def db_downgrade(revision: Annotated[str, typer.Argument(help="A revision, -1 or base.")]) -> None:
    """Take the schema back; drops tables. Example: pyb3 db downgrade base"""
    from .load import migrate

    migrate.downgrade(revision)


@db.command("current")
def db_current() -> None:
    """The database's revision."""
    from .load import connect, migrate

    with connect.connect() as connection:
        print(migrate.current(connection) or "none")


@db.command("check")
def db_check() -> None:
    """Exit 0 when the schema is current, 7 when not."""
    from .load import connect, migrate

    with connect.connect() as connection:
        migrate.check(connection)
    print("the schema is current")


@db.command("url")
def db_url() -> None:
    """The server's address, without its password."""
    from psycopg.conninfo import conninfo_to_dict, make_conninfo

    from .load import connect

    parts = conninfo_to_dict(connect.url())
    parts.pop("password", None)
    print(make_conninfo("", **parts))


@db.command("start")
def db_start() -> None:
    """Start the embedded server."""
    db_url()


@db.command("stop")
def db_stop() -> None:
    """Stop the embedded server."""
    from .load import connect

    connect.stop()


@db.command("psql", context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def db_psql(context: typer.Context) -> None:
    """Open psql on the database. Example: pyb3 db psql -c 'select count(*) from futures'"""
    from .load import connect

    connect.psql(context.args)


def main() -> None:
    """Run the command; an error becomes one line on stderr and its exit code."""
    try:
        app()
    except PyB3Error as error:
        print(f"pyb3: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        print("pyb3: interrupted; the unit at hand was rolled back", file=sys.stderr)
        sys.exit(130)

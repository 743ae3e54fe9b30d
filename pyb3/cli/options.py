"""Arguments and options that several commands share, and what their text means."""

from __future__ import annotations

from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer

from .. import calendar

Name = Annotated[str, typer.Argument(metavar="DATASET", help="A dataset; 'pyb3 datasets' lists them.")]
NameOrFiles = Annotated[
    str | None, typer.Argument(metavar="[DATASET]", help="A dataset; --file recognises its files without it.")
]
Names = Annotated[
    str | None, typer.Argument(metavar="[DATASET]", help="A dataset, or 'all'; --file recognises its files without it.")
]
Date = Annotated[
    str | None, typer.Option("--date", "-d", metavar="DATE", help="2024-01-15, today, yesterday or last (session).")
]
Files = Annotated[
    list[Path] | None,
    typer.Option(
        "--file",
        "-f",
        metavar="FILE",
        help="A file at hand (ZIP, TXT, XML, CSV, JSON), a folder, or a quoted pattern; may be given more than once.",
    ),
]
Item = Annotated[str, typer.Option("--index", metavar="INDEX", help="With --file: the index it is of, such as IBOV.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object a unit on stdout.")]
Refresh = Annotated[bool, typer.Option("--refresh", help="Fetch anew what is in the cache.")]
Force = Annotated[bool, typer.Option("--force", help="Read again what the ledger says is loaded.")]
Prune = Annotated[bool, typer.Option("--prune", help="Remove rows of the files' days that the files have no more.")]
Incomplete = Annotated[bool, typer.Option("--allow-incomplete", help="Take a file that was cut short.")]
Strict = Annotated[bool, typer.Option("--strict", help="Refuse a file for its first bad record or value.")]
Quiet = Annotated[bool, typer.Option("--quiet", "-q", help="No progress, no table: errors alone.")]
Verbose = Annotated[bool, typer.Option("--verbose", help="Say each request; trace an unexpected error.")]


def day(text: str) -> date:
    """A day as typed. Raises UsageError."""
    today = calendar.today()
    words = {"today": today, "yesterday": today - timedelta(1)}
    if text == "last":
        return calendar.previous_session(today)
    return words.get(text) or calendar.parse_date(text)

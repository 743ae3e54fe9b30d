"""pyb3 doctor: what is wrong, and what to do."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from . import options, show

if TYPE_CHECKING:
    from ..doctor import Finding

_STYLES = {"ok": "green", "warning": "yellow", "failed": "red", "skipped": "bright_black"}


def doctor(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no host.")] = False,
    record: Annotated[
        Path | None,
        typer.Option("--record", metavar="DIR", help="Keep B3's answers of this evening in DIR, as a test set."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a finding on stdout.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="What is wrong or doubtful alone.")] = False,
    verbose: options.Verbose = False,
) -> None:
    """Check settings, cache, database, schema, hosts, clock, and whether each source still answers as it did.

    Each source is asked for its last published session; nothing is kept of it, and no table is touched.

    --record also asks each source for today's session and all of its indexes, and keeps the answers: address, status,
    headers, bytes and times, nothing of this machine or its user. Run it again later in the evening: the same folder
    gets what has changed. A run downloads 100 to 200 MB.

    Exits 0 when nothing failed (warnings are none), else by the worst that did: 7 the database or its schema,
    5 a host or a source, 6 a file in the cache, 1 anything else (settings, folder, clock).

    Example: pyb3 doctor --offline
    """
    from .. import doctor as house
    from ..errors import UsageError

    show.talk(quiet, verbose)
    if record and offline:
        raise UsageError("--record asks B3, and --offline asks nobody: give one of them")
    seen: list[Finding] = []
    heading = ""
    for finding in house.examine(offline=offline, record=record):
        seen.append(finding)
        if as_json:
            show.objects([finding.as_dict()])
        elif not quiet or finding.result in ("warning", "failed"):
            if finding.check != heading:
                heading = finding.check
                print(heading)
            _draw(finding)
    counts = Counter[str](finding.result for finding in seen)
    show.notice(", ".join(f"{counts[result]:,} {result}" for result in _STYLES if counts[result]))
    if code := house.exit_code(seen):
        raise typer.Exit(code)


def _draw(finding: Finding) -> None:
    from rich.console import Console
    from rich.text import Text

    console = Console(highlight=False, soft_wrap=True)
    result = (f" {finding.result:<8}", _STYLES[finding.result])
    console.print(Text.assemble(result, f"{finding.subject:<26} {finding.message}"))
    if finding.advice:
        console.print(Text(f"{'':36}{finding.advice}", "italic"))

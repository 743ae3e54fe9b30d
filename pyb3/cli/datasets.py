"""pyb3 datasets: the registry."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import PyB3Error
from . import options, show

app = typer.Typer(help="The registry.\n\nExample: pyb3 datasets show futures", invoke_without_command=True)


@app.callback()
def listed(context: typer.Context, as_json: options.Json = False) -> None:
    """List the registered datasets.

    Example: pyb3 datasets
    """
    if context.invoked_subcommand is not None:
        return
    from ..datasets import registry

    templates = []
    for name in registry.names():
        try:
            templates.append(registry.get(name).template)
        except PyB3Error as error:  # another package's: the others are there all the same
            show.notice(str(error))
    if as_json:
        show.objects(
            {"dataset": t.name, "table": t.table, "key": t.key, "description": t.description} for t in templates
        )
    else:
        values = [(t.name, t.description, ", ".join(t.key), ", ".join(s.name for s in t.sources)) for t in templates]
        show.rows(("dataset", "description", "key", "sources"), values)


@app.command("show")
def one(
    dataset: options.Name,
    as_json: options.Json = False,
    sql: Annotated[bool, typer.Option("--sql", help="The SQL that makes its table.")] = False,
) -> None:
    """One dataset's sources in order of preference, its fields, its key and its checks.

    `seen` is the newest session of B3's own files that was read, with what else is known; a field or check that says
    nothing there rests on the files of its sources.

    Example: pyb3 datasets show futures
    """
    from dataclasses import asdict

    from ..datasets import registry
    from ..template import NOT_STATED, shown

    template = registry.get(dataset).template
    if as_json:
        show.objects([asdict(template)])
        return
    if sql:
        from ..load import table

        print(table.draft(template))
        return
    print(f"{template.name}: {template.description}\ntable {template.table}, key ({', '.join(template.key)})")
    sources = [
        (s.name, ", ".join(s.kinds), s.valid_from, s.valid_to, s.url, shown(s) or NOT_STATED) for s in template.sources
    ]
    show.rows(("source", "serves", "from", "to", "address", "seen"), sources, title="sources, in order of preference")
    fields = [
        (f.name, f.sql_type(), "" if f.nullable else "not null", f.b3, f.description, shown(f)) for f in template.fields
    ]
    show.rows(("column", "type", "", "B3", "description", "seen"), fields, title="fields")
    checks = [(c.name, c.severity, c.description, c.rule, shown(c)) for c in template.checks]
    show.rows(("check", "severity", "holds", "rule", "seen"), checks, title="checks")
    if template.years:
        years = [(str(y.year), y.rows, y.sessions, y.first, y.last) for y in template.years]
        show.rows(("year", "rows", "sessions", "first", "last"), years, title="years, as counted in B3's files")

"""Write what declarations say already: pages on commands, library and datasets; the workflows' lists of datasets.

`python docs/generate.py` writes them (`make docs`), `--check` compares and names what is stale.
"""

from __future__ import annotations

import argparse
import inspect
import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import typer

import pyb3
from pyb3.cli.app import app
from pyb3.datasets import registry
from pyb3.template import NOT_STATED, Field, Source, Template, dtype, shown

ROOT = Path(__file__).resolve().parents[1]
_SPARED = ("help", "version", "install_completion", "show_completion")


def pages() -> dict[Path, str]:
    """Every generated file, by its path in the repository."""
    names = registry.names()
    made = {Path("docs/commands.md"): commands(), Path("docs/reference.md"): library()}
    made[Path("docs/datasets/README.md")] = datasets(names)
    made |= {Path(f"docs/datasets/{name}.md"): dataset(registry.get(name).template) for name in names}
    for path in sorted(ROOT.glob(".github/workflows/data-ingestion-*.yml")):
        text = path.read_text("utf-8")
        made[path.relative_to(ROOT)] = re.sub(
            r"^(\s+(?:dataset|options): )\[[\w, ]+\]$", rf"\1[{', '.join(names)}]", text, flags=re.MULTILINE
        )
    return made


def commands() -> str:
    """The command reference, out of the commands themselves."""
    root = typer.main.get_command(app)
    lines = [
        "# Commands",
        "Generated from the commands' own help by `make docs`.",
        "Results go to stdout, all else to stderr; [README](../README.md#exit-codes) has the exit codes.",
    ]
    for name, command in _walk("pyb3", root):
        lines += ["", f"## {name}", *_told(command.help or ""), *_parameters(command)]
    return "\n".join(lines) + "\n"


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    if not getattr(command, "commands", None) or command.invoke_without_command:
        yield name, command
    for child, one in sorted(getattr(command, "commands", {}).items()):
        yield from _walk(f"{name} {child}", one)


def _told(text: str) -> Iterator[str]:
    for paragraph in text.strip().split("\n\n"):
        if example := re.match(r"Example: (.+)", paragraph):
            yield from ("", "```sh", example[1], "```")
        else:
            yield " ".join(paragraph.split())


def _parameters(command: Any) -> Iterator[str]:
    context = typer.Context(command)
    records = [one.get_help_record(context) for one in command.params if one.name not in _SPARED]
    if records:
        yield from ("", "| | |", "|---|---|")
    for name, words in filter(None, records):
        name = re.sub(r"^(\[?\w+\]?) <.*", r"\1", name)  # an argument's type says nothing new
        name = re.sub(r" <(?:list\[)?(\w+).*", lambda kind: f" {kind[1].upper()}", name)
        yield f"| `{name}` | {_cell(words)} |"


def library() -> str:
    """The library's names with their docstrings, whose examples run as tests."""
    lines = [
        "# Library reference",
        "Generated from the docstrings by `make docs`; each example runs as a test. [The library](library.md) tells it",
        "in order, and the [datasets](datasets/README.md) have the columns.",
    ]
    for name in pyb3.__all__:
        one = getattr(pyb3, name)
        lines += ["", f"## {name}"]
        if inspect.isfunction(one):
            lines += ["```python", f"{name}{_signature(one)}", "```"]
        for part in (inspect.getdoc(one) or "").split("\n\n"):
            if part.startswith(">>>"):
                lines += ["", "```pycon", part, "```"]
            elif part == "Columns:":
                page = name.removesuffix("_get")
                lines += ["", f"Columns: those of [{page}](datasets/{page}.md)."]
            elif not part.startswith("- `"):  # the columns, which have that page
                lines += ["", part]
    return "\n".join(lines) + "\n"


def _signature(function: Any) -> str:
    """Parameters, one a line where they are many; types as they are written."""
    text = str(inspect.signature(function)).replace("'", "")
    if len(text) < 90:
        return text
    inside, _, answer = text[1:].rpartition(")")
    return "(\n    " + re.sub(r", (?=\w+:|\*,)", ",\n    ", inside) + f"\n){answer}"


def datasets(names: Iterable[str]) -> str:
    """The list of datasets."""
    lines = [
        "# Datasets",
        "Generated from the templates by `make docs`; `pyb3 datasets` prints the same.",
        "",
        "| dataset | a row is keyed by | what it holds |",
        "|---|---|---|",
    ]
    for name in names:
        one = registry.get(name).template
        lines.append(f"| [{name}]({name}.md) | {', '.join(one.key)} | {_cell(one.description)} |")
    return "\n".join(lines) + "\n"


def dataset(one: Template) -> str:
    """A dataset's page."""
    every = "Each adds its columns or rows." if one.take == "every" else "A row comes from the first that answers."
    key = ", ".join(one.key)
    lines = [
        f"# {one.name}",
        f"{one.description}.",
        "",
        f"Table `{one.table}`, key `{key}`. In Python `pyb3.{one.name}_get` gives the same columns.",
        "",
        "## Sources",
        f"In order of preference. {every}",
        "",
        "| source | serves | days | address | seen |",
        "|---|---|---|---|---|",
        *map(_source, one.sources),
        "",
        "`seen` is the newest session of a real file that was read whole, and what else is known of it.",
        "",
        "## Columns",
        "",
        "| column | PostgreSQL | Polars | B3 | description |",
        "|---|---|---|---|---|",
        *(_field(field, one) for field in one.fields),
        *_checks(one),
        *_seen(one),
        *_years(one),
    ]
    return "\n".join(lines) + "\n"


def _checks(one: Template) -> Iterator[str]:
    """What rows are held to; a plugin's template may hold them to nothing."""
    if one.checks:
        yield from ("", "## Checks", "A row that breaks a hard check is set aside; a broken soft one is a warning.", "")
        yield from ("| check | | holds | rule |", "|---|---|---|---|")
        yield from (f"| {c.name} | {c.severity} | {_cell(c.description)} | `{_cell(c.rule)}` |" for c in one.checks)
    if codes := [field for field in one.fields if field.codes]:
        yield from ("", "Codes that are known; another is kept, and told:", "")
        yield from (f"- `{field.name}`: {', '.join(map(str, field.codes))}" for field in codes)
    if one.row_band:
        yield ""
        yield f"A day whose rows differ by more than {one.row_band:.0%} from the sessions before it is told."


def _seen(one: Template) -> Iterator[str]:
    """What rests on something else than the files of the sources."""
    if said := [(thing.name, shown(thing)) for thing in (*one.fields, *one.checks) if shown(thing)]:
        yield from ("", "## Seen", "These rest on something else than the files named above:", "")
        yield from (f"- `{name}`: {words}" for name, words in said)


def _years(one: Template) -> Iterator[str]:
    if one.years:
        yield from (
            "",
            "## Years",
            "Rows and sessions of B3's own files. A loaded year that has other numbers is named.",
            "",
        )
        yield from ("| year | rows | sessions | first | last |", "|---|---:|---:|---|---|")
        yield from (f"| {y.year} | {y.rows:,} | {y.sessions} | {y.first} | {y.last} |" for y in one.years)


def _source(source: Source) -> str:
    first = f"from {source.valid_from}" if source.valid_from else ""
    last = f"to {source.valid_to}" if source.valid_to else ""
    keeps = f"the last {source.keeps} days" if source.keeps else ""
    if source.period == "snapshot":
        keeps = "the last session alone"
    days = " ".join(filter(None, (first, last, keeps))) or "all"
    asked = "" if source.request == "get" else f" ({source.request})"
    seen = _cell(shown(source) or NOT_STATED)
    return f"| {source.name} | {', '.join(source.kinds)} | {days} | `{source.url}`{asked} | {seen} |"


def _field(field: Field, template: Template) -> str:
    name = f"**{field.name}**" if field.name in template.key else field.name
    null = "" if field.nullable else " not null"
    ours = str(dtype(field)).replace("precision=", "").replace("scale=", "")
    return f"| {name} | {field.sql_type()}{null} | {ours} | {_cell(field.b3)} | {_cell(field.description)} |"


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def main() -> int:
    """Write what is stale, or with --check name it and return 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare instead of writing")
    check = parser.parse_args().check
    made = pages()
    stale = [path for path, text in made.items() if not _same(path, text)]
    kept = [path.relative_to(ROOT) for path in (ROOT / "docs" / "datasets").glob("*.md")]
    gone = [path for path in kept if path not in made]
    for path in [*stale, *gone]:
        print(f"{path} is stale; run 'make docs'" if check else path, file=sys.stderr)
    if check:
        return 1 if stale or gone else 0
    for path in stale:
        (ROOT / path).parent.mkdir(parents=True, exist_ok=True)
        (ROOT / path).write_text(made[path], "utf-8")
    for path in gone:
        (ROOT / path).unlink()
    return 0


def _same(path: Path, text: str) -> bool:
    return (ROOT / path).exists() and (ROOT / path).read_text("utf-8") == text


if __name__ == "__main__":
    sys.exit(main())

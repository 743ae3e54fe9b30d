"""Hostile input: files, redirects, templates and arguments that are after something else than a load."""

from __future__ import annotations

import shlex
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import typer

from pyb3.cli.app import app
from tests.support.faults import Fault

from . import bombs
from .ground import DAY, YOUNG, Ground, ground
from .report import Result, claim, counted

_MEMORY = 1024.0  # MB
_SQL = "'; DROP TABLE cotahist; --"
ADDRESSES = (
    "file:///etc/passwd",
    "ftp://127.0.0.1/x",
    "http://127.0.0.1:9/private",
    "http://localhost:9/private",
    "http://[::1]/private",
    "http://10.0.0.1/private",
    "http://169.254.169.254/latest/meta-data",
    "//example.com/x",
    "http://b3.com.br@127.0.0.1:9/x",
    "http://b3.com.br.example.com/x",
    "http://2130706433:9/x",
)


def files(runs: int, seed: int, chosen: Iterable[bombs.Hostile] | None = None) -> list[Result]:
    """Hostile files, in every kind of package."""
    count, most, longest = 0, 0.0, 0.0
    with ground() as place:
        scratch = place.folder / "scratch"
        scratch.mkdir()
        for _ in range(runs):
            for one in [*bombs.files(), *bombs.lines()] if chosen is None else chosen:
                path = scratch / one.file
                one.make(path)
                before = _tree(place.folder)
                end = place.run(f"ingest {one.dataset} --file {path}", within=300)
                try:
                    end.plain(3, 6, words=one.words)
                    claim(end.peak < _MEMORY, f"it took {end.peak:,.0f} MB")
                    claim(_tree(place.folder) == before, "it left something outside of the cache")
                    claim(not list(Path("/tmp").glob("pyb3-was-here*")), "it climbed out")
                    claim(place.ask(f"SELECT count(*) FROM {one.dataset}") == [(0,)], "it left rows")
                except AssertionError as error:
                    error.args = (f"{one.name}: {error}",)
                    raise
                path.unlink()
                count, most, longest = count + 1, max(most, end.peak), max(longest, end.seconds)
        place.quiet()
    asserted = "one line, exit code 6, no row, nothing written, less than 1 GB of memory"
    return [Result("hostile files", count, asserted, f"held; at most {most:,.0f} MB and {longest:,.0f} s")]


def redirects(runs: int, seed: int, addresses: Sequence[str] = ADDRESSES) -> list[Result]:
    """Redirects to other schemes, hosts, and private addresses."""
    with ground(rows=200) as place:
        for _ in range(runs):
            for address in addresses:
                place.simulator.faults = [Fault("redirect elsewhere", location=address)]
                place.run(f"ingest cotahist --date {YOUNG}").plain(5, words="redirects to")
                place.simulator.faults = []
                claim(not [one for one in place.cache.rglob("*") if one.is_file()], "the cache holds something")
        place.done(f"ingest cotahist --date {YOUNG}")
    asserted = "one line, exit code 5, nothing asked there, nothing kept; the mirror on 127.0.0.1 goes on"
    return [Result("redirects to elsewhere", runs * len(addresses), asserted, "held")]


def templates(runs: int, seed: int) -> list[Result]:
    """A package's template that would make Python objects."""
    tags = ("!!python/object/apply:os.system ['touch WAS']", "!!python/name:os.system", "!!python/object/new:set {}")
    with ground(prepare=False) as place:
        package = place.folder / "package"
        (package / "evil-1.0.dist-info").mkdir(parents=True)
        (package / "evil-1.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: evil\nVersion: 1.0\n")
        (package / "evil-1.0.dist-info/entry_points.txt").write_text("[pyb3.datasets]\nevil = evil:Evil\n")
        (package / "evil").mkdir()
        (package / "evil/__init__.py").write_text(
            "from pyb3.datasets.base import Dataset\n\n\nclass Evil(Dataset):\n"
            "    package = 'evil'\n    filename = 'evil.yaml'\n"
        )
        path = f"{package}:{place.environment()['PYTHONPATH']}"
        was = package / "was-here"
        for _ in range(runs):
            for tag in tags:
                words = tag.replace("WAS", str(was))
                (package / "evil/evil.yaml").write_text(f"name: evil\ndescription: {words}\ntable: evil\n")
                place.run("parse evil --file /dev/null", PYTHONPATH=path).plain(1, words="evil.yaml")
                claim(not was.exists(), "the template was run")
    return [Result("templates with object tags", runs * len(tags), "one line, exit code 1, nothing run", "held")]


def arguments(runs: int, seed: int) -> list[Result]:
    """SQL in every argument and option of every command."""
    ended: Counter[str] = Counter()
    with ground(rows=40) as place:
        place.done(f"ingest cotahist --date {DAY}")
        before = _all_of_it(place)
        for _ in range(runs):
            for line in injections():
                end = place.run(line)
                claim("Traceback" not in end.out + end.err, f"{line}: {end.err}")
                claim(end.code in (0, 1, 2, 3, 6) and (end.code == 0 or end.err.startswith("pyb3: ")), f"{line}: {end}")
                claim(_all_of_it(place) == before, f"{line}: the tables have changed")
                ended[f"exit code {end.code}"] += 1
        for name, value in (
            ("PYB3_SCHEMA", _SQL),
            ("DATABASE_URL", _SQL),
            ("PYB3_MIRROR", _SQL),
            ("PYB3_RETRIES", _SQL),
        ):
            place.run(f"ingest cotahist --date {DAY} --refresh", **{name: value}).plain(2, 7)
        claim(_all_of_it(place) == before, "a setting changed the tables")
    asserted = "no trace, the tables as they were"
    return [Result("SQL in every argument", ended.total(), asserted, f"held; {counted(ended)}")]


def injections() -> Iterator[str]:
    """A command line for each argument and option that takes a text."""
    for name, command in _walk("", typer.main.get_command(app)):
        if name in ("db psql", "db stop", "db downgrade", "doctor"):  # SQL by design, an end, and 20 requests
            continue
        arguments = [one for one in command.params if one.param_type_name == "argument"]
        for at in range(len(arguments)):
            yield shlex.join([*name.split(), *(_SQL if n == at else "cotahist" for n in range(len(arguments)))])
        for one in command.params:
            if one.param_type_name == "option" and not one.is_flag and one.name != "help":
                yield shlex.join([*name.split(), *["cotahist"] * len(arguments), one.opts[0], _SQL])


def _walk(name: str, command: Any) -> Iterator[tuple[str, Any]]:
    below = getattr(command, "commands", None) or {}
    if not below:
        yield name, command
    for child, one in below.items():
        yield from _walk(f"{name} {child}".strip(), one)


def _all_of_it(place: Ground) -> list[Any]:
    """Every table and its number of rows, but the ledger, in which failures stand."""
    names = [name for (name,) in place.ask("SELECT tablename FROM pg_tables WHERE schemaname = 'public' ORDER BY 1")]
    return [names, place.ask("SELECT count(*), min(symbol), max(symbol) FROM cotahist")]


def _tree(folder: Path) -> set[Path]:
    """The folder's files, without the server's and the cache's."""
    spared = {folder / "home", folder / "cache"}
    return {path for path in folder.rglob("*") if not spared & {path, *path.parents}}

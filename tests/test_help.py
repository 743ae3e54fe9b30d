"""Every command's help ends with an example that can be typed."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from typing import Any

import pytest
import typer.main

from pyb3.cli.app import app


def _commands(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[str, Any]]:
    yield " ".join(("pyb3", *path)), command
    for name, below in getattr(command, "commands", {}).items():
        yield from _commands(below, (*path, name))


ROOT_COMMAND = typer.main.get_command(app)
COMMANDS = dict(_commands(ROOT_COMMAND))


def _parses(command: Any, words: list[str], name: str) -> None:
    """Raise Typer's error unless the words are arguments and options of the command."""
    with command.make_context(name, list(words)) as context:
        if not hasattr(command, "commands") or not context._protected_args:
            return
        below, following, rest = command.resolve_command(context, [*context._protected_args, *context.args])
        _parses(following, rest, f"{name} {below}")


@pytest.mark.parametrize("path", COMMANDS)
def test_help_ends_with_an_example_that_parses(path: str) -> None:
    found = re.search(r"Example:\s+(.*)", COMMANDS[path].help or "")
    assert found is not None, f"{path} --help has no example"
    typed = re.findall(r"\$\((.+?)\)", found[1]) or found[1].split(" | ")
    for line in typed:
        program, *words = shlex.split(line)
        assert program == "pyb3"
        _parses(ROOT_COMMAND, words, program)
    assert typed[-1].startswith(path), "it is an example of this command"


def test_an_example_that_does_not_parse_is_seen() -> None:
    for words in ("fetch", "ingest futures --dat x", "db nothing", "backfill cotahist --jobs many"):
        with pytest.raises(typer.TyperException):
            _parses(ROOT_COMMAND, words.split(), "pyb3")


@pytest.mark.parametrize("path", COMMANDS)
def test_every_command_shows_its_help(pyb3, path: str) -> None:
    answer = pyb3(f"{path.removeprefix('pyb3').strip()} --help")
    assert (answer.code, answer.err) == (0, "")
    assert re.search("Example: .*pyb3", answer.out)


def test_pyb3_alone_shows_what_there_is(pyb3) -> None:
    answer = pyb3("")
    assert (answer.code, answer.err) == (2, "")
    for name in ("fetch", "parse", "load", "ingest", "backfill", "db", "datasets"):
        assert re.search(rf"^\W*{name} ", answer.out, re.MULTILINE), answer.out


def test_the_version_is_the_packages(pyb3) -> None:
    from importlib.metadata import version

    assert pyb3("--version").out == f"pyb3 {version('pyb3')}\n"

"""The command line: a command reads arguments, calls one function and shows the result."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, NoReturn

from ..errors import PyB3Error, one_line

if TYPE_CHECKING:
    from typer import TyperException


def main() -> None:
    """Run the command; an error becomes one line on stderr and its exit code."""
    from typer import TyperException

    from .app import app

    try:
        code = app(prog_name="pyb3", standalone_mode=False) or 0
    except PyB3Error as error:
        _end(str(error), error.exit_code)
    except TyperException as error:
        _end(_usage(error), error.exit_code)
    except Exception as error:  # the outermost frame: whatever it is, the user gets one line
        if "--verbose" in sys.argv:
            raise
        _end(f"unexpected {type(error).__name__}: {error} (run it with --verbose for the whole trace)", 1)
    _end("interrupted; the unit at hand was rolled back" if code == 130 else "", code)


def _usage(error: TyperException) -> str:
    """What is wrong with the command line; nothing where Typer has shown the help already."""
    context = getattr(error, "ctx", None)
    message = error.format_message()
    return message and f"{message.rstrip('.')}; see '{context.command_path if context else 'pyb3'} --help'"


def _end(message: str, code: int) -> NoReturn:
    if message:
        print(f"pyb3: {one_line(message)}", file=sys.stderr)
    sys.exit(code)

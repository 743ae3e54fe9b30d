"""The command line: a command reads arguments, calls one function and shows the result."""

from __future__ import annotations

import sys


def main() -> None:
    """Run the command; an error becomes one line on stderr and its exit code."""
    from ..errors import PyB3Error
    from .app import app

    try:
        app()
    except PyB3Error as error:
        _end(str(error), error.exit_code)
    except KeyboardInterrupt:
        _end("interrupted; the unit at hand was rolled back", 130)
    except BrokenPipeError:  # the reader of our output has gone: head, less
        sys.stderr.close()
        sys.exit(0)
    except Exception as error:  # the outermost frame: whatever it is, the user gets one line
        if "--verbose" in sys.argv:
            raise
        _end(f"unexpected {type(error).__name__}: {error} (run it with --verbose for the whole trace)", 1)


def _end(message: str, code: int) -> None:
    print(f"pyb3: {' '.join(message.split())}", file=sys.stderr)
    sys.exit(code)

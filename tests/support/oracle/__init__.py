"""What a file means, read as naively as can be: whole, line by line, in plain Python, with nothing of the readers.

Each module has a `read` that gives the file's columns and rows, or raises Refused. The readers must agree with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any


class Refused(Exception):
    """The file is none that may be read."""


@dataclass(frozen=True)
class Table:
    """Names of columns, and a tuple of Python values for each row."""

    columns: list[str]
    rows: list[tuple[Any, ...]]


def require(condition: object, reason: str) -> None:
    """Raise Refused where the condition does not hold."""
    if not condition:
        raise Refused(reason)

"""The plugin class every dataset derives from."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import ClassVar

import polars as pl

from ..template import Template


@dataclass(frozen=True, slots=True)
class Parsed:
    """A file's rows and the session (None for a year) they belong to."""

    frame: pl.DataFrame
    refdate: date | None


class Dataset:
    """One dataset: a template, and how a file becomes its frame."""

    package: ClassVar[str] = "pyb3.datasets"
    filename: ClassVar[str]

    def __init__(self) -> None:
        self.template = Template.load(self.package, self.filename)

    @property
    def name(self) -> str:
        return self.template.name

    def read(self, path: Path, expected: date | None = None, *, allow_incomplete: bool = False) -> Parsed:
        """Parse `path`; `expected` is the session asked for. Raises FileError and its kin."""
        raise NotImplementedError(f"{type(self).__name__} has no reader")

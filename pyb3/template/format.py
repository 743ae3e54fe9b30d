"""How one kind of file is read: the reader's name and its options."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ..errors import TemplateError


@dataclass(frozen=True, slots=True)
class Format:
    """How one kind of file is read: the reader's name and its options."""

    name: str
    reader: str
    options: Mapping[str, Any]


class Options(dict[str, Any]):
    """A format's options; one that its reader needs and does not find is an error of the template."""

    def __init__(self, options: Any = (), where: str = "the format") -> None:
        super().__init__(options)
        self._where = where

    def __missing__(self, name: str) -> Any:
        raise TemplateError(f"{self._where} lacks {name!r}")

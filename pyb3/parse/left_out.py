"""Messages of an XML file that are not read though they have what a row has: counted, and named."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from ..template import Format
from .xml_paths import any_namespace

_SHOWN = 5


class LeftOut:
    """Messages that are not kept though they have what rows of the dataset have: counted, and the first ones named."""

    def __init__(self, form: Format) -> None:
        self._paths = [any_namespace(path) for path in form.options.get("left_out", ())]
        self.tags = {path.rpartition("/")[2] for path in form.options.get("left_out", ())}
        self._name = any_namespace(form.options.get("name", ""))
        self._known = re.compile(form.options.get("known", "(?!)"))
        self._names: list[str] = []
        self._count = 0

    def look_at(self, message: Any) -> None:
        """Count the message if it has one of the values."""
        if not any((message.findtext(path) or "").strip() for path in self._paths):
            return
        name = (message.findtext(self._name) or "").strip()
        if not self._known.fullmatch(name):
            self._count += 1
            self._names += [name[:40]] if len(self._names) < _SHOWN else []

    def notes(self, name: str) -> Iterator[str]:
        """A line where there are such messages."""
        if self._count:
            more = f" and {self._count - len(self._names):,} more" if self._count > len(self._names) else ""
            yield f"{name} has {self._count:,} settled instruments that are left out: {', '.join(self._names)}{more}"

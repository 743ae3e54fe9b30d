"""The readers a template can name."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib import import_module
from typing import TYPE_CHECKING

from ..errors import TemplateError

if TYPE_CHECKING:
    import polars as pl

    Reader = Callable[..., Iterator[pl.DataFrame]]

_READERS = {
    "delimited": "delimited:read_delimited",
    "fixed_width": "fixed_width:read_fixed_width",
    "json_months": "json_months:read_json_months",
    "json_records": "json_records:read_json_records",
    "xml_messages": "xml_messages:read_xml_messages",
}


def get(name: str) -> Reader:
    """The reader of that name, imported when it is first used. Raises TemplateError."""
    if name not in _READERS:
        raise TemplateError(f"there is no reader {name!r}; there are: {', '.join(_READERS)}")
    module, function = _READERS[name].split(":")
    reader: Reader = getattr(import_module(f".{module}", __package__), function)
    return reader

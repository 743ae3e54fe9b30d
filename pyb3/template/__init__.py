"""A dataset's description, from source to key: the one place where a layout is written."""

from .check import Check, breach
from .field import OCCURRENCE, Field, dtype
from .format import Format
from .seen import NOT_STATED, shown
from .source import Source
from .template import Template
from .year import Year

__all__ = [
    "NOT_STATED",
    "OCCURRENCE",
    "Check",
    "Field",
    "Format",
    "Source",
    "Template",
    "Year",
    "breach",
    "dtype",
    "shown",
]

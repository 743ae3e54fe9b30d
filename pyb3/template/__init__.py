"""A dataset's description, from source to key: the one place where a layout is written."""

from .check import Check, breach
from .field import OCCURRENCE, Field, dtype
from .format import Format
from .source import Source
from .template import Template

__all__ = ["OCCURRENCE", "Check", "Field", "Format", "Source", "Template", "breach", "dtype"]

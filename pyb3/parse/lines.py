"""Text as one column of lines."""

from __future__ import annotations

import io

import polars as pl

SEPARATOR = "\x01"
"""Never in a line of B3's: split by it, each line is one column."""


def split(text: bytes) -> pl.Series:
    """The lines of UTF-8 text without their ends, "\\n" or "\\r\\n"; empty ones are null or left out.

    Raises PolarsError where a line holds SEPARATOR.
    """
    return pl.read_csv(
        io.BytesIO(text), has_header=False, separator=SEPARATOR, quote_char=None, schema={"line": pl.String}
    )["line"]

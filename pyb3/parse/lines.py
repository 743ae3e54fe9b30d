"""Text as one column of lines."""

from __future__ import annotations

import io

import polars as pl

SEPARATOR = "\x01"
"""Never in a line of B3's: split by it, each line is one column."""
BOM = b"\xef\xbb\xbf"


def split(text: bytes | bytearray) -> pl.Series:
    """The lines of UTF-8 text without their ends, "\\n" or "\\r\\n"; empty ones are null or left out.

    Raises PolarsError where a line holds SEPARATOR.
    """
    if SEPARATOR.encode() in text:  # an empty column at a line's end would go unseen
        raise pl.exceptions.ComputeError("a line holds the separator")
    return pl.read_csv(
        stream(text), has_header=False, separator=SEPARATOR, quote_char=None, schema={"line": pl.String}
    )["line"]


def stream(text: bytes | bytearray) -> io.BytesIO:
    """The text for `read_csv`, which takes a byte order mark away: where the text has one of its own, it gets one."""
    return io.BytesIO(BOM + text if text.startswith(BOM) else text)

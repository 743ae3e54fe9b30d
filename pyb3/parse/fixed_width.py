"""Read COTAHIST's fixed-width records: a header, quotes, and a trailer that counts them all."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date, datetime
from pathlib import Path

import polars as pl

from ..errors import FileError, Incomplete
from ..template import Template
from .archive import open_member
from .typed import schema, typed

CHUNK = 32 << 20
WIDTH = 245
_HEADER = re.compile(rb"00(?P<name>COTAHIST\.(?P<year>\d{4}))BOVESPA (?P<date>\d{8}) *")
_TRAILER = re.compile(rb"99(?P<name>COTAHIST\.\d{4})BOVESPA (?P<date>\d{8})(?P<count>\d{11}) *")


def read_fixed_width(path: Path, template: Template, *, allow_incomplete: bool = False) -> tuple[pl.DataFrame, date]:
    """Parse a COTAHIST file (TXT, or ZIP that holds one) into the template's frame and its file date.

    Raises FileError, Incomplete (record count and trailer disagree) or FieldInvalid.
    """
    frames: list[pl.DataFrame] = []
    header: re.Match[bytes] | None = None
    trailer: re.Match[bytes] | None = None
    records = 0
    with open_member(path) as (name, stream):
        for block in _blocks(stream):
            lines = block.split(b"\n")
            first = records + 1
            records += len(lines)
            if header is None:
                header = _HEADER.fullmatch(lines[0].rstrip(b"\r"))
                if header is None:
                    raise FileError(f"{name} is not a COTAHIST file: its first line is no COTAHIST header")
                lines, first = lines[1:], first + 1
            if trailer is not None and lines:
                raise FileError(f"{name} has records after its trailer")
            if lines and lines[-1].startswith(b"99"):
                trailer = _TRAILER.fullmatch(lines[-1].rstrip(b"\r"))
                if trailer is None:
                    raise FileError(f"{name} line {records:,}: the trailer is damaged")
                lines = lines[:-1]
            if lines:
                frames.append(_quotes(lines, template, name, first))
    if header is None:
        raise FileError(f"{name} is empty")
    if trailer is None:
        if not allow_incomplete:
            raise Incomplete(f"{name} ends after {records:,} records without a trailer")
    else:
        if header["name"] != trailer["name"] or header["date"] != trailer["date"]:
            raise FileError(f"{name}: header and trailer are of different files")
        if records != int(trailer["count"]) and not allow_incomplete:
            raise Incomplete(
                f"{name} holds {records:,} records with header and trailer, its trailer says {int(trailer['count']):,}"
            )
    frame = pl.concat(frames) if frames else pl.DataFrame(schema=schema(template))
    try:
        return frame, datetime.strptime(header["date"].decode(), "%Y%m%d").date()
    except ValueError as error:
        raise FileError(f"{name}: its header's date {header['date'].decode()} is no date") from error


def _blocks(stream: object) -> Iterator[bytes]:
    """Whole lines, about CHUNK bytes at a time, without the last line end and trailing empty lines."""
    rest = b""
    while data := stream.read(CHUNK):  # type: ignore[attr-defined]
        rest += data
        # One record stays back, so that line ends at the end of the file are seen with the trailer.
        cut = rest.rfind(b"\n", 0, len(rest) - 1)
        if cut > 0:
            yield rest[:cut]
            rest = rest[cut + 1 :]
        elif len(rest) > CHUNK:
            raise FileError("a line of more than 32 MiB: this is no COTAHIST file")
    if rest := rest.rstrip(b"\r\n\x1a"):
        yield rest


def _quotes(lines: list[bytes], template: Template, name: str, first: int) -> pl.DataFrame:
    text = b"\n".join(lines).decode("latin-1")
    line = pl.Series("line", text.split("\n")).str.strip_suffix("\r")
    numbers = pl.Series("number", range(first, first + len(line)))
    wrong = (line.str.len_chars() != WIDTH) | ~line.str.starts_with("01")
    if wrong.any():
        index = int(wrong.arg_max() or 0)
        raise FileError(
            f"{name} line {numbers[index]:,} is no quote record: {line[index][:20]!r}, "
            f"{len(line[index])} characters instead of {WIDTH}"
        )
    column = pl.col("line")
    columns = []
    for field in template.fields:
        value = column.str.slice(field.start - 1, field.width).str.strip_chars(" ")
        value = pl.when(value == "").then(pl.lit(field.blank, pl.String)).otherwise(value)
        columns.append(value.alias(field.name))
    return typed(line.to_frame().select(columns), list(template.fields), name, numbers, implied=True)

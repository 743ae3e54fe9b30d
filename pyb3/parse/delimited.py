"""Read B3's delimited files, column by column as their header names them, in chunks."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache

import polars as pl

from ..errors import FileError, Incomplete
from ..template import Field, Format, Template, dtype
from .archive import Member
from .lines import SEPARATOR, split, stream
from .rejects import Rejects
from .typed import Notation, typed

CHUNK = 8 << 20
MAX_COLUMNS = 1_000
_BEFORE = 50  # lines, at most, of status or description before the header
_BOM = b"\xef\xbb\xbf"
_END = b"\r\n\x1a"  # what may follow the last line


def read_delimited(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the lines of a file as typed frames, some 8 MiB of text at a time.

    The header is the first line that names two of the format's columns; what stands before it is B3's status or a
    description. Its order is free; a column the template does not know is noted, one that is not there is NULL
    and noted. Text is UTF-8, with or without byte order mark, or else Latin-1; nothing is quoted.

    Options: `separator` (";"), `decimal` (","), `thousands`, `date`, `blank` (a text that stands for nothing),
    `status` (a regular expression of a line before the header, with a group of that name) and `final` (the status words
    that need no note), `ignored` (columns that may be there and `optional` ones that may not, neither to be noted),
    `keep` (patterns by column, which a line's texts must match for it to be read) and `footer` (what a last line that
    is not a row begins with).
    Bad lines are set aside in the member's rejects. A last line without an end that has too few fields shows that the
    file is cut. Raises Incomplete where that is not allowed, FileError (no header, no column for a key, a line with
    other fields than the header) or FieldInvalid.
    """
    options = form.options
    separator: str = options.get("separator", ";")
    header: _Header | None = None
    number = 1
    for text, last, cut in _texts(member):
        rows: str | None = text
        if header is None:
            header, rows = _Header.found(text, separator, member, template, form)
            number += header.line
        if rows is not None and last:
            whole, line = _without_footer(rows, options.get("footer")), rows.rpartition("\n")[2]
            if cut and whole == rows and header.is_longer_than(line) and not allow_incomplete:
                raise Incomplete(f"{member.name} is cut: it ends within a line, {line[-40:]!r}")
            rows = whole
        if rows is not None:
            frame = _frame(rows, header, member.name, number, member.rejects)
            number += rows.count("\n") + 1
            if frame.height:
                yield frame
    if header is None:
        raise FileError(f"{member.name} is empty")


class _Header:
    """Which column of a file is which field, and how its texts are read."""

    def __init__(
        self, names: list[str], before: Sequence[str], member: Member, template: Template, form: Format
    ) -> None:
        line = len(before) + 1
        self.names, self.line = names, line
        self.separator: str = form.options.get("separator", ";")
        self.blank: str = form.options.get("blank", "")
        self.notation = Notation(
            decimal=form.options.get("decimal", ","),
            thousands=form.options.get("thousands", ""),
            date=form.options.get("date", "%Y-%m-%d"),
        )
        where = f"{member.name} line {line:,}"
        places = template.names(form.name)
        known = {name for several in places.values() for name in several}
        if twice := sorted({name for name in names if name in known and names.count(name) > 1}):
            raise FileError(f"{where} names {', '.join(twice)} twice")
        self.fields: list[Field] = []
        self.missing: list[Field] = []
        self.columns: dict[str, int] = {}
        for name, several in places.items():
            field = template.field(name)
            found = next((place for place in several if place in names), None)
            if found is not None:
                self.fields.append(replace(field, b3=found))
                self.columns[name] = names.index(found)
            elif not field.nullable or name in template.key:
                raise FileError(
                    f"{where} names no column {' or '.join(several)}, which {template.name} cannot be without"
                )
            else:
                self.missing.append(replace(field, b3=several[0]))
        self.keep = self._kept(form.options.get("keep", {}), where)
        self._note_status(before, member, form)
        if strange := [name for name in names if name and name not in known.union(form.options.get("ignored", ()))]:
            member.notes.append(f"{member.name} has columns that PyB3 does not know: {', '.join(strange)}")
        if lacking := [f.b3 for f in self.missing if f.b3 not in form.options.get("optional", ())]:
            member.notes.append(f"{member.name} lacks columns that PyB3 knows: {', '.join(lacking)}")

    @classmethod
    def found(
        cls, text: str, separator: str, member: Member, template: Template, form: Format
    ) -> tuple[_Header, str | None]:
        """The header, and the lines after it, if any. Raises FileError."""
        known = {name for several in template.names(form.name).values() for name in several}
        rest, before = text, list[str]()
        for line in range(1, _BEFORE + 1):
            first, more, rest = rest.partition("\n")
            names = [name.strip() for name in first.split(separator)]
            if len(names) > MAX_COLUMNS:
                raise FileError(f"{member.name} line {line:,} has {len(names):,} columns, more than {MAX_COLUMNS:,}")
            if len(known.intersection(names)) > 1:
                return cls(names, before, member, template, form), rest if more else None
            if not more:
                break
            before.append(first)
        raise FileError(f"{member.name} is no {template.name} file: no line at its beginning names its columns")

    def is_longer_than(self, line: str) -> bool:
        """Whether the header has more fields than the line."""
        return bool(line.strip()) and line.count(self.separator) < len(self.names) - 1

    @staticmethod
    def _note_status(before: Sequence[str], member: Member, form: Format) -> None:
        """Note a status of the file that is not known to be final: the reader of one that is not is not asked."""
        for line in before:
            found = re.search(form.options.get("status", "(?!)"), line)
            if found and (word := found["status"].strip()) not in form.options.get("final", ()):
                member.notes.append(f"{member.name} has the status {word[:40]!r}, which PyB3 does not know")

    def _kept(self, keep: Mapping[str, str], where: str) -> dict[int, str]:
        if absent := [name for name in keep if name not in self.names]:
            raise FileError(f"{where} names no column {', '.join(absent)}")
        return {self.names.index(name): pattern for name, pattern in keep.items()}


def _frame(text: str, header: _Header, name: str, first: int, rejects: Rejects) -> pl.DataFrame:
    lines = cache(lambda: text.split("\n"))
    rejects.text = lambda line: lines()[line - first].removesuffix("\r")
    numbers = pl.int_range(first, first + text.count("\n") + 1, eager=True)
    rows = text
    if not _is_even(text, len(header.names) - 1, header.separator):
        rows, numbers = _rows(lines(), header, first, rejects)
        if numbers.is_empty():
            return pl.DataFrame()
    columns = [f"{number}" for number in range(len(header.names))]
    frame = pl.read_csv(
        stream(rows.encode()),
        has_header=False,
        separator=header.separator,
        quote_char=None,
        schema=dict.fromkeys(columns, pl.String),
        columns=sorted({*header.columns.values(), *header.keep}),
    )
    if frame.height != len(numbers):
        raise FileError(f"{name}: not every line from line {first:,} on is a row")
    frame = frame.with_columns(pl.all().str.strip_chars(" \r"), numbers.alias("line"))
    if header.keep:
        frame = frame.filter(pl.col(f"{at}").str.contains(pattern) for at, pattern in header.keep.items())
    values = [
        _value(pl.col(f"{header.columns[field.name]}"), header.blank, field.blank).alias(field.name)
        for field in header.fields
    ]
    read = typed(frame.select(values), header.fields, header.notation, name, frame["line"], rejects)
    return read.with_columns(pl.lit(None, dtype(field)).alias(field.name) for field in header.missing)


def _is_even(text: str, separators: int, separator: str) -> bool:
    """Whether every line has as many fields as the header."""
    data = text.encode()
    if SEPARATOR.encode() in data:
        return False
    lines = split(data or b"\n")
    counts = lines.str.count_matches(separator, literal=True)
    return len(lines) == data.count(b"\n") + 1 and bool((counts.fill_null(0) == separators).all())


def _rows(lines: Sequence[str], header: _Header, first: int, rejects: Rejects) -> tuple[str, pl.Series]:
    """The lines with as many fields as the header, and their numbers; blanks behind the last field are left out.

    Other lines are set aside; a blank one is nothing.
    """
    separators = len(header.names) - 1
    good, numbers = [], []
    for number, line in enumerate(lines, first):
        surplus = line.count(header.separator) - separators
        if surplus > 0:
            row, *behind = line.rsplit(header.separator, surplus)
            if not any(map(str.strip, behind)):
                rejects.remark("", "blank fields behind the last one", number, line.removesuffix("\r")[-40:])
                line, surplus = row, 0
        if not line.strip(" \r"):
            rejects.remark("", "a blank line", number, line.removesuffix("\r"))
        elif surplus:
            rejects.add(number, f"it has {separators + surplus + 1:,} fields, the header has {separators + 1}")
        else:
            good.append(line)
            numbers.append(number)
    return "\n".join(good), pl.Series(numbers, dtype=pl.Int64)


def _value(column: pl.Expr, blank: str, instead: str | None) -> pl.Expr:
    """A column's texts, with blank ones NULL or what the field has instead."""
    return pl.when(column.is_in(["", blank])).then(pl.lit(instead, pl.String)).otherwise(column)


def _without_footer(text: str, footer: str | None) -> str | None:
    start = text.rfind("\n") + 1
    if footer is None or not re.match(footer, text[start:]):
        return text
    return text[: start - 1] if start else None


def _texts(member: Member) -> Iterator[tuple[str, bool, bool]]:
    """Whole lines, some CHUNK bytes at a time, and whether they are the last ones, and the last one has no end.

    No line ends at the text's end.
    """
    rest, encoding = b"", ""
    if member.head.startswith(_BOM):
        member.read(len(_BOM))
        encoding = "utf-8"
    while data := member.read(CHUNK):
        rest += data
        if len(rest) <= CHUNK:  # what is left at the end, the last line with it, comes as one
            continue
        cut = rest.rfind(b"\n", 0, len(rest.rstrip(_END)))
        if cut <= 0:
            raise FileError(f"{member.name} has a line of more than {CHUNK >> 20} MiB")
        text, encoding = _decoded(rest[:cut], encoding, member.name)
        yield text, False, False
        rest = rest[cut + 1 :]
    if end := rest.rstrip(_END):
        yield _decoded(end, encoding, member.name)[0], True, end == rest


def _decoded(data: bytes, encoding: str, name: str) -> tuple[str, str]:
    """The text, and the encoding of the file: what its first letter beyond ASCII shows, or its byte order mark."""
    if data.isascii():
        return data.decode("ascii"), encoding
    try:
        return data.decode("utf-8" if encoding != "latin-1" else encoding), encoding or "utf-8"
    except UnicodeDecodeError as error:
        if encoding == "utf-8":
            raise FileError(f"{name} is neither UTF-8 nor Latin-1 as a whole: {error.reason}") from error
        return data.decode("latin-1"), "latin-1"

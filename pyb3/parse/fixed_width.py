"""Read fixed-width records, with the header and trailer the format declares, in chunks."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import polars as pl

from ..errors import FieldInvalid, FileError, Incomplete
from ..template import Field, Format, Template
from .ahead import ahead
from .archive import Member
from .lines import BOM, SEPARATOR, split
from .regular import Block, Regular
from .rejects import LINE, Rejects, located
from .typed import Notation, typed
from .words import Words

CHUNK, _PIECE = 12 << 20, 1 << 20
_END = b"\r\n\x1a"  # what may follow the last record


def read_fixed_width(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the records of a file as typed frames, some 50,000 rows at a time.

    Options: `width`, `record` (what a record begins with, or bears at `record_at`), `header` and `trailer` (regular
    expressions with groups `name`, `date`, and for the trailer `records`, which counts header and trailer too),
    `running` (a field that grows by one from record to record), `date`.
    With `rejects` the member's bad records are set aside, and counted as records all the same.
    Raises FileError, Incomplete (records and trailer disagree, or records are missing between two) or FieldInvalid.
    """
    options = form.options
    header = _Edge(options["header"]) if "header" in options else None
    trailer = _Edge(options["trailer"]) if "trailer" in options else None
    notation = Notation(decimal="", date=options.get("date", "%Y%m%d"))
    fields = [field for field in template.fields if form.name in field.at]
    regular = Regular(fields, form) if Regular.can_read(fields, form, notation) else None
    running = None if allow_incomplete else options.get("running")
    name, records, previous = member.name, 0, None

    def taken() -> Iterator[tuple[_Part, Words | None]]:
        for part in _parts(member, template, header, trailer):
            yield part, None if regular is None else regular.words(part.block)

    def framed() -> Iterator[tuple[_Part, pl.DataFrame | None]]:
        for part, words in ahead(taken()):
            yield part, None if regular is None or words is None else regular.frame(words)

    for part, frame in ahead(framed()):
        number, block = records + part.before + 1, part.block
        if part.late:
            raise FileError(f"{name} line {number:,}: there are records after the trailer")
        records += part.before + part.behind
        if not block:
            continue
        if frame is None:
            records += block.count(b"\n") + 1
            frame = _frame(block, fields, form, notation, name, number, member.rejects)
        else:
            records += frame.height
            if member.rejects is not None:
                frame = located(frame, pl.int_range(number, number + frame.height, eager=True))
                member.rejects.text = _text_by_line(block, number)
        if frame.is_empty():  # all of it was set aside
            continue
        if running is not None:
            previous = _unbroken(frame, running, previous, name, number, template.field(running).b3)
        yield frame
    if records == 0:
        raise FileError(f"{name} is empty")
    if trailer is not None:
        _complete(name, records, header, trailer, allow_incomplete)


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of records, how many lines of another kind stand before and behind it, and whether the trailer has."""

    block: Block
    before: int
    behind: int
    late: bool


def _parts(member: Member, template: Template, header: _Edge | None, trailer: _Edge | None) -> Iterator[_Part]:
    """The member's blocks without its header and trailer, which are met here."""
    for count, block in enumerate(_blocks(member)):
        late = trailer is not None and bool(trailer.found)
        before = behind = 0
        if header is not None and count == 0:
            first, _, block = block.partition(b"\n")
            if not header.match(first):
                raise FileError(f"{member.name} is no {template.name} file: its first line is {_shown(first)}")
            member.made, before = _dated(member.name, header), 1
        if trailer is not None and (start := _last_line(block)) is not None and trailer.match(block[start:]):
            block, behind = block[: max(0, start - 1)], 1
        yield _Part(block, before, behind, late)


class _Edge:
    """A header or a trailer: its pattern, and what it held once it was met."""

    def __init__(self, pattern: str) -> None:
        self._pattern = re.compile(pattern.encode() + rb" *\r?")
        self.found: dict[str, str] = {}

    def match(self, line: Block) -> bool:
        if match := self._pattern.fullmatch(line):
            self.found = {name: text.decode("latin-1") for name, text in match.groupdict().items()}
        return match is not None


def _complete(name: str, records: int, header: _Edge | None, trailer: _Edge, allow_incomplete: bool) -> None:
    if not trailer.found:
        if allow_incomplete:
            return
        raise Incomplete(f"{name} ends after {records:,} records without a trailer")
    if header is not None and any(header.found.get(k) != trailer.found.get(k) for k in ("name", "date")):
        raise FileError(f"{name}: header and trailer are of different files")
    announced = int(trailer.found["records"])
    if records != announced and not allow_incomplete:
        raise Incomplete(f"{name} holds {records:,} records with header and trailer, its trailer says {announced:,}")


def _unbroken(
    frame: pl.DataFrame, running: str, previous: tuple[int, int] | None, name: str, first: int, field: str
) -> tuple[int, int]:
    """The last of numbers that grow by one a line, over the files' blocks too, and its line."""
    numbers = frame[running]
    lines = frame.get_column(LINE, default=pl.int_range(first, first + frame.height, dtype=pl.Int64, eager=True))
    number, line = previous or (None, None)
    before = numbers.shift(1, fill_value=number)
    steps = lines - lines.shift(1, fill_value=line)  # more than one where records were set aside
    if (gaps := (numbers != before + steps).fill_null(False)).any():
        at = gaps.arg_max() or 0
        raise Incomplete(
            f"{name} line {lines[at]:,}, field {field}: {numbers[at]:,} follows {before[at]:,}, records are missing"
        )
    return int(numbers[-1]), int(lines[-1])


def _dated(name: str, header: _Edge) -> datetime:
    try:
        return datetime.strptime(header.found["date"], "%Y%m%d")
    except ValueError as error:
        raise FieldInvalid(name, 1, "header", header.found["date"], "a date") from error


def _shown(line: Block) -> str:
    return repr(line[:40].decode("latin-1"))


def _last_line(block: Block) -> int | None:
    return block.rfind(b"\n") + 1 if block else None


def _blocks(member: Member) -> Iterator[bytearray]:
    """Whole lines, about CHUNK bytes at a time, without the last line end and trailing empty lines."""
    block, more = bytearray(), True
    if member.head.startswith(BOM):  # an editor's; columns count from behind it
        member.read(len(BOM))
    while more:
        while more and len(block) <= CHUNK:
            more = bool(data := member.read(_PIECE))
            block += data
        # What may be the last record stays back, so that line ends at the end of the file are seen with the trailer.
        end = _written(block)
        if not more:
            del block[end:]
            if block:
                yield block
        elif (cut := block.rfind(b"\n", 0, end)) > 0:
            rest = block[cut + 1 :]
            del block[cut:]
            yield block
            block = rest
        else:
            raise FileError(f"{member.name} has a line of more than {CHUNK >> 20} MiB: it is no fixed-width file")


def _written(block: bytearray) -> int:
    """How long the block is without what may follow the last record."""
    end = len(block)
    while end and block[end - 1] in _END:
        end -= 1
    return end


def _frame(
    block: Block,
    fields: Sequence[Field],
    form: Format,
    notation: Notation,
    name: str,
    first: int,
    rejects: Rejects | None = None,
) -> pl.DataFrame:
    count, width, record = block.count(b"\n") + 1, form.options["width"], form.options["record"]
    at = form.options.get("record_at", 1) - 1
    numbers = pl.int_range(first, first + count, eager=True)
    if rejects is not None:
        block, numbers = _records(block, first, width, at, record, rejects)
        count = len(numbers)
        if not count:
            return pl.DataFrame()
    ascii_only = block.isascii()
    if not ascii_only:
        block = block.decode("latin-1").encode()
    try:
        line = split(block)
    except pl.exceptions.PolarsError as error:
        raise FileError(f"{name}: a record from line {first:,} on holds control characters") from error
    length = line.str.len_bytes() if ascii_only else line.str.len_chars()
    wrong = (length != width) | (line.str.slice(at, len(record)) != record)
    if len(line) != count or wrong.any() or line.null_count():
        texts = block.decode().split("\n")  # an empty line is not in the frame: count in the text itself
        raise _no_record(name, first, [text.removesuffix("\r") for text in texts], width, at, record)
    told = fields, notation, name, numbers
    lines = line.to_frame("line")
    try:  # a number fills its field as a rule: blanks are looked for where the rule fails
        frame = typed(lines.select(_sliced(f, f.at[form.name], f.blank is None) for f in fields), *told)
    except FieldInvalid:
        return typed(lines.select(_sliced(f, f.at[form.name], False) for f in fields), *told, rejects)
    return frame if rejects is None else located(frame, numbers)


def _texts(block: Block) -> list[str]:
    return [text.removesuffix("\r") for text in block.decode("latin-1").split("\n")]


def _text_by_line(block: Block, first: int) -> Callable[[int], str]:
    """How a line's text is had, which few lines are asked for: the block is cut for the first of them."""
    texts = cache(lambda: _texts(block))
    return lambda line: texts()[line - first]


def _records(block: Block, first: int, width: int, at: int, record: str, rejects: Rejects) -> tuple[bytes, pl.Series]:
    """The lines that are records, and their numbers; the others are set aside."""
    texts = _texts(block)
    rejects.text = lambda line: texts[line - first]
    good, numbers = [], []
    for number, text in enumerate(texts, first):
        if len(text) != width or not text.startswith(record, at):
            rejects.add(number, f"it is no record: {text[:20]!r}, {len(text):,} characters instead of {width}")
        elif SEPARATOR in text:
            rejects.add(number, "it holds control characters")
        else:
            good.append(text)
            numbers.append(number)
    return "\n".join(good).encode("latin-1"), pl.Series(numbers, dtype=pl.Int64)


def _sliced(field: Field, at: Sequence[int], full: bool) -> pl.Expr:
    """A field's text out of `line`: as it stands where it is a number that is `full`, else without its blanks."""
    start, length, *sign = at
    value = pl.col("line").str.slice(start - 1, length)
    if not full or sign or field.type in ("text", "boolean"):
        value = value.str.strip_chars(" ")
        if sign:
            signed = _signed(pl.col("line").str.slice(sign[0] - 1, 1), value)
            value = pl.when(value != "").then(signed).otherwise(pl.lit(""))
        value = value.replace("", field.blank)
    return value.alias(field.name)


def _signed(sign: pl.Expr, value: pl.Expr) -> pl.Expr:
    """A number behind its sign; behind anything else it is shown to be none."""
    return sign + pl.when(sign.is_in(["+", "-"])).then(pl.lit("")).otherwise(pl.lit(" ")) + value


def _no_record(name: str, first: int, texts: list[str], width: int, at: int, record: str) -> FileError:
    number, text = next((n, t) for n, t in enumerate(texts) if len(t) != width or not t.startswith(record, at))
    return FileError(
        f"{name} line {first + number:,} is no record: {text[:20]!r}, {len(text)} characters instead of {width}"
    )

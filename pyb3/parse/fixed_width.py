"""Read fixed-width records, with the header and trailer the format declares, in chunks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache

import polars as pl

from ..errors import FieldInvalid, FileError
from ..template import Field, Format, Template
from .ahead import ahead
from .archive import Member
from .edges import Edge, Lines, check_complete, made_at
from .lines import BOM
from .regular import Block, Regular
from .rejects import Rejects, located
from .running import Running
from .typed import Notation, typed
from .words import Words

CHUNK, _PIECE = 12 << 20, 1 << 20
_END = b"\r\n\x1a"  # what may follow the last record


def read_fixed_width(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the records of a file as typed frames, some 50,000 rows at a time.

    Options: `width`, `record` (what a record begins with, or bears at `record_at`), `header` and `trailer` (regular
    expressions with groups `date`, for the trailer `records`, and others), `usual` (regular expressions of groups,
    another text is noted), `trailer_counts` (what the trailer's number may be: that of all `lines`, or of the `records`
    alone, without header and trailer), `running` (a field that grows by the same step from record to record), `date`.
    Bad records are set aside in the member's rejects, and counted as records all the same.
    Raises FileError, Incomplete (records and trailer disagree, or records are missing between two) or FieldInvalid.
    """
    options = form.options
    header = Edge("header", options["header"]) if "header" in options else None
    trailer = Edge("trailer", options["trailer"]) if "trailer" in options else None
    notation = Notation(decimal="", date=options.get("date", "%Y%m%d"))
    fields = [field for field in template.fields if form.name in field.at]
    regular = Regular(fields, form) if Regular.can_read(fields, form, notation) else None
    name, rejects, lines = member.name, member.rejects, Lines()
    running = None
    if "running" in options and not allow_incomplete:
        running = Running(name, options["running"], template.field(options["running"]).b3)

    def taken() -> Iterator[tuple[_Part, Words | None]]:
        for part in _parts(member, template, header, trailer):
            yield part, None if regular is None else regular.words(part.block)

    def framed() -> Iterator[tuple[_Part, pl.DataFrame | None]]:
        for part, words in ahead(taken()):
            yield part, None if regular is None or words is None else regular.frame(words)

    for part, frame in ahead(framed()):
        number, block = lines.count + part.before + 1, part.block
        if part.late:
            raise FileError(f"{name} line {number:,}: there are records after the trailer")
        lines.count += part.before + part.behind
        if not block:
            continue
        if frame is None:
            lines.count += block.count(b"\n") + 1
            frame = _frame(block, fields, form, notation, name, number, rejects, lines)
        else:
            lines.count += frame.height
            rejects.count_values(dict.fromkeys((field.b3 for field in fields), frame.height))
            rejects.text = _text_by_line(block, number)
            frame = located(frame, pl.int_range(number, number + frame.height, eager=True))
        if frame.is_empty():  # all of it was set aside
            continue
        if running is not None:
            running.follow(frame)
        yield frame
    if lines.count == 0:
        raise FileError(f"{name} is empty")
    if running is not None:
        member.notes += running.notes
    if trailer is not None:
        check_complete(member, lines, header, trailer, options.get("trailer_counts", ["lines"]), allow_incomplete)
    for edge in (header, trailer):
        if edge is not None:
            member.notes += edge.unusual(name, options.get("usual", {}))


@dataclass(frozen=True, slots=True)
class _Part:
    """A block of records, how many lines of another kind stand before and behind it, and whether the trailer has."""

    block: Block
    before: int
    behind: int
    late: bool


def _parts(member: Member, template: Template, header: Edge | None, trailer: Edge | None) -> Iterator[_Part]:
    """The member's blocks without its header and trailer, which are met here."""
    for count, block in enumerate(_blocks(member)):
        late = trailer is not None and bool(trailer.found)
        before = behind = 0
        if header is not None and count == 0:
            first, _, block = block.partition(b"\n")
            if not header.match(first):
                raise FileError(f"{member.name} is no {template.name} file: its first line is {_shown(first)}")
            member.made, before = made_at(member, header), 1
        if trailer is not None and (start := _last_line(block)) is not None and trailer.match(block[start:]):
            block, behind = block[: max(0, start - 1)], 1
        yield _Part(block, before, behind, late)


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
    rejects: Rejects,
    counted: Lines,
) -> pl.DataFrame:
    texts = _texts(block)
    rejects.text = lambda line: texts[line - first]
    records = dict(_records(texts, first, form, rejects, counted))
    if not records:
        return pl.DataFrame()
    lines = pl.DataFrame({"line": pl.Series(list(records.values()), dtype=pl.String)})
    numbers = pl.Series(list(records), dtype=pl.Int64)
    attempt = Rejects(rejects.file, strict=True)
    try:  # a number fills its field as a rule: blanks are looked for where the rule fails
        values = lines.select(_sliced(f, f.at[form.name], f.blank is None) for f in fields)
        frame = typed(values, fields, notation, name, numbers, attempt)
    except FieldInvalid:
        values = lines.select(_sliced(f, f.at[form.name], False) for f in fields)
        return typed(values, fields, notation, name, numbers, rejects)
    rejects.take(attempt)
    return frame


def _texts(block: Block) -> list[str]:
    return [text.removesuffix("\r") for text in block.decode("latin-1").split("\n")]


def _text_by_line(block: Block, first: int) -> Callable[[int], str]:
    """How a line's text is had, which few lines are asked for: the block is cut for the first of them."""
    texts = cache(lambda: _texts(block))
    return lambda line: texts()[line - first]


def _records(
    texts: Sequence[str], first: int, form: Format, rejects: Rejects, lines: Lines
) -> Iterator[tuple[int, str]]:
    """The lines that are records, by number; blanks behind a record are left out, other lines are set aside."""
    width, record, at = form.options["width"], form.options["record"], form.options.get("record_at", 1) - 1
    for number, text in enumerate(texts, first):
        whole = text if len(text) == width else text[:width] + text[width:].rstrip(" ")
        if len(whole) == width and whole.startswith(record, at):
            if whole is not text:
                rejects.remark("", f"blanks behind a record of {width} characters", number, text[width:])
            yield number, whole
        elif not text.strip(" "):
            lines.blank += 1
            rejects.remark("", "a blank line", number, text)
        else:
            rejects.add(number, f"it is not a record: {text[:20]!r}, {len(text):,} characters instead of {width}")


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

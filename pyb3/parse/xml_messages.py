"""Read B3's XML session files (BVBG.*): streamed, without entities, one message an instrument."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from datetime import datetime
from itertools import chain
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from lxml import etree

from ..errors import FieldInvalid, FileError, Incomplete, one_line
from ..template import Format, Template
from .archive import Member
from .rejects import Rejects, set_aside
from .typed import Notation, typed

CHUNK = 50_000  # rows a frame
MAX_GROUP = 8 << 20  # bytes; they take thirty times as much in memory, and B3's largest has a twentieth
_TEXT = 8 << 20  # characters of rows that wait for their frame, where bad ones are set aside with their text


def read_xml_messages(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the messages of a file as typed frames.

    Options: `message`, its `namespace`, the `group` element that holds one, and `keep`, patterns by path that the
    texts there must match for the message to be read (all are counted). A place is a path of tags below the
    message, where `*` is any tag; an amount's currency is the row's (place `@Ccy`) unless the place names another:
    `Path@USD`. What has no place must be among the `ignored` paths, unless the table takes a `partial` view of the
    messages. Where one message holds many rows, `row` names their element and `others` those that are no rows of the
    dataset; what stands outside of both is every row's. The number of messages must be the one the file's header
    announces (TtlNbOfMsg), which also says when B3 made it (CreDtAndTm; of several the last). With `rejects` the
    member's bad rows are set aside by their number, as are messages that are bad outside of their rows. Raises
    FileError, Incomplete, FieldInvalid.
    """
    rows = _Rows(member.name, template, form, member.rejects)
    keep = [(_tags(path), re.compile(wanted)) for path, wanted in form.options.get("keep", {}).items()]
    message = f"{{{form.options['namespace']}}}{form.options['message']}"
    announced: int | None = None
    count = 0
    for element in _elements(member, message, form.options["group"]):
        if element.tag == message:
            count += 1
            if all(wanted.search((element.findtext(path) or "").strip()) for path, wanted in keep):
                rows.add(element)
        elif element.tag.endswith("TtlNbOfMsg"):
            announced = _announced(member.name, element)
        else:
            made = _made(member.name, element)
            member.made = max(made, member.made or made)
        if rows.full:
            yield from rows.frames()
    if announced is None:
        raise FileError(f"{member.name} is no {template.name} file: it does not announce its messages (TtlNbOfMsg)")
    if announced != count and not allow_incomplete:
        raise Incomplete(f"{member.name} holds {count:,} messages, its header says {announced:,}")
    yield from rows.frames()


def _elements(member: Member, message: str, group: str) -> Iterator[Any]:
    """Messages, their announced count and when they were made, each freed with its group when the next is asked for."""
    measured = _Measured(member)
    try:
        events = etree.iterparse(
            measured,
            events=("end",),
            tag=("{*}TtlNbOfMsg", "{*}CreDtAndTm", message, f"{{*}}{group}"),
            remove_comments=True,  # beside one, a value would not be a leaf's
            remove_pis=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
        )
        for _, element in events:
            if element.getroottree().docinfo.internalDTD is not None:
                raise FileError(f"{member.name} declares a DTD; B3's files have none, and entities are not read")
            if element.tag != message and _local(element) == group:
                element.clear()
                measured.since = 0
                while (before := element.getprevious()) is not None and before.tag == element.tag:
                    del element.getparent()[0]
            else:
                yield element
    except etree.XMLSyntaxError as error:
        raise FileError(f"{member.name} is damaged or no XML: {one_line(error.msg)}") from error


class _Measured:
    """A member whose groups have an end: until it comes, all that was read is in memory."""

    def __init__(self, member: Member) -> None:
        self._member, self.since = member, 0

    def read(self, size: int = -1) -> bytes:
        data = self._member.read(size)
        self.since += len(data)
        if self.since > MAX_GROUP:
            raise FileError(f"{self._member.name} has a message of more than {MAX_GROUP >> 20} MiB")
        return data


def _announced(name: str, element: Any) -> int:
    if not re.fullmatch(r"\d{1,9}", text := (element.text or "").strip()):
        raise FieldInvalid(name, element.sourceline, "TtlNbOfMsg", text, "a whole number")
    return int(text)


def _made(name: str, element: Any) -> datetime:
    """When a group of messages was made, by B3's clock. Raises FieldInvalid."""
    text = (element.text or "").strip()
    try:
        made = datetime.fromisoformat(text)
        return made.astimezone(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None) if made.tzinfo else made
    except (ValueError, OverflowError) as error:
        raise FieldInvalid(name, element.sourceline, "CreDtAndTm", text, "a date and time") from error


class _Rows:
    """Text columns that grow by messages, and become a typed frame."""

    def __init__(self, name: str, template: Template, form: Format, rejects: Rejects | None) -> None:
        self._name, self._template, self._form, self._rejects = name, template, form, rejects
        places = template.names(form.name)
        every = [(path, field) for field, names in places.items() for path in names]
        self._paths: dict[str, str | None] = {path.partition("@")[0]: field for path, field in every}
        self._wild = [(_wildcard(path), field) for path, field in every if "*" in path]
        self._currency = {path: at for path, at in (p.split("@") for p, _ in every if "@" in p) if path}
        self._row_currency = next((field for path, field in every if path == "@Ccy"), None)
        self._paths |= dict.fromkeys(form.options.get("ignored", ()))
        self._partial: bool = form.options.get("partial", False)
        self._values: dict[str, list[str | None]] = {field: [] for field in places}
        self._lines: list[int] = []
        self._number = 0
        self._texts: dict[int, str] = {}  # by the row's number, where bad ones are set aside
        self._size = 0
        self._row = form.options.get("row")

    @property
    def full(self) -> bool:
        return len(self._lines) >= CHUNK or self._size > _TEXT

    def add(self, message: Any) -> None:
        if self._row is None:
            self._add(message, _leaves(message, ""))
            return
        try:
            rows, shared = self._parts(message)
        except FileError as error:
            self._set_aside(message, error)
            return
        for row in rows:
            self._add(row, chain(shared, _leaves(row, f"{self._row}/")))

    def _parts(self, message: Any) -> tuple[list[Any], list[tuple[str, Any]]]:
        """A message's rows, and the leaves that are every row's. Raises FileError."""
        others = self._form.options.get("others", ())
        rows: list[Any] = []
        shared: list[tuple[str, Any]] = []
        for child in message:
            tag = _local(child)
            if tag == self._row:
                rows.append(child)
            elif tag not in others:
                shared += _leaves((child,), "")
        for path, element in shared:  # a message without a row must not hide what is new in it
            if (element.text or "").strip() and path not in self._paths:
                self._resolved(path, element)
        return rows, shared

    def _add(self, element: Any, leaves: Iterable[tuple[str, Any]]) -> None:
        try:
            row = self._texts_of(leaves)
        except FileError as error:
            self._set_aside(element, error)
            return
        self._number += 1
        for field, values in self._values.items():
            values.append(row.get(field))
        self._lines.append(element.sourceline if self._rejects is None else self._number)
        if self._rejects is not None:
            self._texts[self._number] = _text(element)
            self._size += len(self._texts[self._number])

    def _set_aside(self, element: Any, error: FileError) -> None:
        """Count what is wrong as a row. Raises the error where nothing may be set aside."""
        self._number += 1
        set_aside(self._rejects, self._number, error, lambda: _text(element))

    def _texts_of(self, leaves: Iterable[tuple[str, Any]]) -> dict[str, str]:
        """A row's texts by field. Raises FileError."""
        row: dict[str, str] = {}
        currencies: dict[str, str] = {}
        for path, element in leaves:
            if (text := (element.text or "").strip()) == "":
                continue
            field = self._paths[path] if path in self._paths else self._resolved(path, element)
            if field is None:
                continue
            if field in row:
                raise FileError(f"{self._where(element)} names {path} twice in one message")
            row[field] = text
            if currency := element.get("Ccy"):
                self._note_currency(path, currency, currencies, element)
        if currencies and self._row_currency:
            row[self._row_currency] = currencies["row"]
        return row

    def _resolved(self, path: str, element: Any) -> str | None:
        """The field at a path met for the first time, None where it is passed over. Raises FileError."""
        field = next((field for pattern, field in self._wild if pattern.fullmatch(path)), None)
        if field is None and not self._partial:
            raise FileError(f"{self._where(element)} has a field the template does not know: {path}")
        self._paths[path] = field
        return field

    def _where(self, element: Any) -> str:
        return f"{self._name} line {element.sourceline:,}"

    def _note_currency(self, path: str, currency: str, currencies: dict[str, str], element: Any) -> None:
        """An amount is in the currency its place names, or in the one of all the row's other amounts."""
        expected = self._currency.get(path) or currencies.setdefault("row", currency)
        if currency != expected:
            raise FieldInvalid(self._name, element.sourceline, f"{path}/@Ccy", currency, f"{expected} as expected")

    def frames(self) -> Iterator[pl.DataFrame]:
        """The rows so far, as a frame where there are any."""
        if not self._lines:
            return
        fields = [field for field in self._template.fields if field.name in self._values]
        text = pl.DataFrame(self._values, schema=dict.fromkeys(self._values, pl.String))
        lines = pl.Series(self._lines, dtype=pl.Int64)
        for values in self._values.values():
            values.clear()
        self._lines.clear()
        if self._rejects is not None:
            texts, self._texts, self._size = self._texts, {}, 0
            self._rejects.text = texts.__getitem__
        frame = typed(text, fields, Notation(), self._name, lines, self._rejects)
        if frame.height:
            yield frame


def _text(element: Any) -> str:
    """An element as the file has it."""
    return str(etree.tostring(element, encoding="unicode", with_tail=False))


def _tags(path: str) -> str:
    """A path as lxml finds it, whatever the namespace of its tags."""
    return "/".join(tag if tag == "*" else f"{{*}}{tag}" for tag in path.split("/"))


def _wildcard(path: str) -> re.Pattern[str]:
    return re.compile(re.escape(path.partition("@")[0]).replace(r"\*", "[^/]+"))


def _local(element: Any) -> str:
    """The tag without its namespace, in which any letter may be: lxml's QName refuses some."""
    return str(element.tag).rpartition("}")[2]


def _leaves(element: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Path and element of each leaf below an element."""
    for child in element:
        path = prefix + _local(child)
        if len(child):
            yield from _leaves(child, path + "/")
        else:
            yield path, child

"""Read B3's XML session files (BVBG.*): streamed, without entities, one message an instrument."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import polars as pl
from lxml import etree

from ..errors import FieldInvalid, FileError, Incomplete
from ..template import Format, Template
from .archive import Member
from .typed import Notation, typed

CHUNK = 50_000  # messages a frame


def read_xml_messages(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the messages of a file as typed frames.

    Options: `message`, its `namespace`, the `group` element that holds one, and `keep`, a path and the pattern
    its text must match for the message to be read (all are counted). A place is a path of tags below the
    message; an amount's currency is the row's (place `@Ccy`) unless the place names another: `Path@USD`.
    The number of messages must be the one the file's header
    announces. Raises FileError, Incomplete, FieldInvalid.
    """
    rows = _Rows(member.name, template, form)
    keep_path, keep = form.options.get("keep", ("", ""))
    wanted = re.compile(keep) if keep else None
    message = f"{{{form.options['namespace']}}}{form.options['message']}"
    keep_tags = "/".join(f"{{*}}{tag}" for tag in keep_path.split("/"))
    announced: int | None = None
    count = 0
    for element in _elements(member, message, form.options["group"]):
        if element.tag == message:
            count += 1
            if wanted is None or wanted.search((element.findtext(keep_tags) or "").strip()):
                rows.add(element)
        else:
            announced = _announced(member.name, element)
        if len(rows) == CHUNK:
            yield rows.frame()
    if announced is None:
        raise FileError(f"{member.name} is no {template.name} file: it does not announce its messages (TtlNbOfMsg)")
    if announced != count and not allow_incomplete:
        raise Incomplete(f"{member.name} holds {count:,} messages, its header says {announced:,}")
    if len(rows):
        yield rows.frame()


def _elements(member: Member, message: str, group: str) -> Iterator[Any]:
    """Messages and the announced count, each freed with its group when the next is asked for."""
    try:
        events = etree.iterparse(
            member,
            events=("end",),
            tag=("{*}TtlNbOfMsg", message, f"{{*}}{group}"),
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
        )
        for _, element in events:
            if element.getroottree().docinfo.internalDTD is not None:
                raise FileError(f"{member.name} declares a DTD; B3's files have none, and entities are not read")
            if element.tag != message and etree.QName(element).localname == group:
                element.clear()
                while (before := element.getprevious()) is not None and before.tag == element.tag:
                    del element.getparent()[0]
            else:
                yield element
    except etree.XMLSyntaxError as error:
        raise FileError(f"{member.name} is damaged or no XML: {error.msg}") from error


def _announced(name: str, element: Any) -> int:
    if not re.fullmatch(r"\d{1,9}", text := (element.text or "").strip()):
        raise FieldInvalid(name, element.sourceline, "TtlNbOfMsg", text, "a whole number")
    return int(text)


class _Rows:
    """Text columns that grow by messages, and become a typed frame."""

    def __init__(self, name: str, template: Template, form: Format) -> None:
        self._name, self._template, self._form = name, template, form
        places = template.columns(form.name)
        self._paths = {place.partition("@")[0]: field for field, place in places.items()}
        self._currency = {path: at for path, at in (p.split("@") for p in places.values() if "@" in p) if path}
        self._row_currency = next((field for field, place in places.items() if place == "@Ccy"), None)
        self._ignored = frozenset(form.options.get("ignored", ()))
        self._values: dict[str, list[str | None]] = {field: [] for field in places}
        self._lines: list[int] = []

    def __len__(self) -> int:
        return len(self._lines)

    def add(self, message: Any) -> None:
        row: dict[str, str] = {}
        currencies: dict[str, str] = {}
        for path, element in _leaves(message, ""):
            if (text := (element.text or "").strip()) == "":
                continue
            field = self._paths.get(path)
            if field is None:
                if path in self._ignored:
                    continue
                raise FileError(f"{self._where(element)} has a field the template does not know: {path}")
            if field in row:
                raise FileError(f"{self._where(element)} names {path} twice in one message")
            row[field] = text
            if currency := element.get("Ccy"):
                self._note_currency(path, currency, currencies, element)
        if currencies and self._row_currency:
            row[self._row_currency] = currencies["row"]
        for field, values in self._values.items():
            values.append(row.get(field))
        self._lines.append(message.sourceline)

    def _where(self, element: Any) -> str:
        return f"{self._name} line {element.sourceline:,}"

    def _note_currency(self, path: str, currency: str, currencies: dict[str, str], element: Any) -> None:
        """An amount is in the currency its place names, or in the one of all the row's other amounts."""
        expected = self._currency.get(path) or currencies.setdefault("row", currency)
        if currency != expected:
            raise FieldInvalid(self._name, element.sourceline, f"{path}/@Ccy", currency, f"{expected} as expected")

    def frame(self) -> pl.DataFrame:
        fields = [field for field in self._template.fields if field.name in self._values]
        text = pl.DataFrame(self._values, schema=dict.fromkeys(self._values, pl.String))
        lines = pl.Series(self._lines, dtype=pl.Int64)
        for values in self._values.values():
            values.clear()
        self._lines.clear()
        return typed(text, fields, Notation(), self._name, lines)


def _leaves(element: Any, prefix: str) -> Iterator[tuple[str, Any]]:
    """Path and element of each leaf below an element."""
    for child in element:
        if not isinstance(child.tag, str):
            continue
        path = prefix + child.tag.rpartition("}")[2]
        if len(child):
            yield from _leaves(child, path + "/")
        else:
            yield path, child

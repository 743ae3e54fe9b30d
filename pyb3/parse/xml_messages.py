"""Read B3's XML session files (BVBG.*): streamed, without entities, one message an instrument."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import polars as pl
from lxml import etree

from ..errors import FieldInvalid, FileError, Incomplete, one_line
from ..template import Format, Template
from .archive import Member
from .left_out import LeftOut
from .typed import Notation, typed
from .xml_paths import any_namespace, last_tag, local_name, pattern_of

CHUNK = 50_000  # rows a frame
MAX_GROUP = 8 << 20  # bytes; they take thirty times as much in memory, and B3's largest has a twentieth
_TEXT = 8 << 20  # characters of rows that wait for their frame: bad ones are set aside with their text
_SHOWN = 5


def read_xml_messages(
    member: Member, template: Template, form: Format, *, allow_incomplete: bool = False
) -> Iterator[pl.DataFrame]:
    """Yield the messages of a file as typed frames.

    Options: `message`, its `namespace` (another one is noted), the `group` element that holds one, and `keep`, patterns
    by path that the texts there must match for the message to be read (all are counted). Messages that are not kept but
    have a value at one of the paths of `left_out` are counted and noted, with the text at `name`, unless it matches
    `known`. A place is a path of tags below the message, where `*` is any tag; an amount's currency is the row's (place
    `@Ccy`) unless the place names another: `Path@USD`. What has no place and is not among the `ignored` paths is noted
    once, unless the table takes a `partial` view of the messages. Where one message holds many rows, `row` names their
    element and `others` those that are rows of something else; what stands outside of both is every row's. The number
    of messages must be the one the file's header announces (TtlNbOfMsg, the sum of several), which also says when B3
    made it (CreDtAndTm; of several the last).

    Bad rows are set aside in the member's rejects by their number, as are messages that are bad outside of their rows.
    Raises FileError, Incomplete, FieldInvalid.
    """
    rows = _Rows(member, template, form)
    keep = [(any_namespace(path), re.compile(wanted)) for path, wanted in form.options.get("keep", {}).items()]
    left_out = LeftOut(form)
    message, namespaces = form.options["message"], set[str]()
    announced: int | None = None
    count = 0
    has_values = False  # of those that show what is left out, in the message that is read
    for namespace, tag, element in _elements(member, message, form.options["group"], left_out.tags):
        if tag in left_out.tags:
            has_values = True
        elif tag == message:
            count += 1
            namespaces.add(namespace)
            if all(wanted.search((element.findtext(path) or "").strip()) for path, wanted in keep):
                rows.add(element)
            elif has_values:
                left_out.look_at(element)
            has_values = False
        elif tag == "TtlNbOfMsg":
            announced = _announced(member.name, element) + (announced or 0)
        elif (made := _made(member, element)) is not None:
            member.made = max(made, member.made or made)
        if rows.full:
            yield from rows.frames()
    if announced is None:
        raise FileError(f"{member.name} is not a {template.name} file: it does not announce its messages (TtlNbOfMsg)")
    if announced != count and not allow_incomplete:
        raise Incomplete(f"{member.name} holds {count:,} messages, its header says {announced:,}")
    yield from rows.frames()
    rows.check()
    if strange := sorted(name.lstrip("{") for name in namespaces - {f"{{{form.options['namespace']}"}):
        member.notes.append(f"{member.name} has messages of namespaces that PyB3 does not know: {', '.join(strange)}")
    member.notes += [*rows.notes(), *left_out.notes(member.name)]


def _elements(member: Member, message: str, group: str, others: Iterable[str]) -> Iterator[tuple[str, str, Any]]:
    """Messages, their announced count, when they were made, and `others`, by namespace (behind its brace) and tag.

    Each is freed with its group when the next is asked for.
    """
    measured = _Measured(member)
    try:
        events = etree.iterparse(
            measured,
            events=("end",),
            tag=[f"{{*}}{tag}" for tag in ("TtlNbOfMsg", "CreDtAndTm", message, group, *others)],
            remove_comments=True,  # beside one, a value would not be a leaf's
            remove_pis=True,
            resolve_entities=False,
            no_network=True,
            load_dtd=False,
        )
        for _, element in events:
            if element.getroottree().docinfo.internalDTD is not None:
                raise FileError(f"{member.name} declares a DTD; B3's files have none, and entities are not read")
            namespace, _, tag = element.tag.rpartition("}")
            if tag == group:
                element.clear()
                measured.since = 0
                while (before := element.getprevious()) is not None and before.tag == element.tag:
                    del element.getparent()[0]
            else:
                yield namespace, tag, element
    except etree.XMLSyntaxError as error:
        raise FileError(f"{member.name} is damaged or not XML: {one_line(error.msg)}") from error


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


def _made(member: Member, element: Any) -> datetime | None:
    """When a group of messages was made, by B3's clock; a time that is not one is noted."""
    text = (element.text or "").strip()
    try:
        made = datetime.fromisoformat(text)
        return made.astimezone(ZoneInfo("America/Sao_Paulo")).replace(tzinfo=None) if made.tzinfo else made
    except (ValueError, OverflowError):
        error = FieldInvalid(member.name, element.sourceline, "CreDtAndTm", text, "a date and time")
        member.notes.append(str(error))
        return None


class _Rows:
    """Text columns that grow by messages, and become a typed frame."""

    def __init__(self, member: Member, template: Template, form: Format) -> None:
        self._name, self._template, self._form, self._rejects = member.name, template, form, member.rejects
        places = template.names(form.name)
        every = [(path, field) for field, names in places.items() for path in names]
        self._paths: dict[str, str | None] = {path.partition("@")[0]: field for path, field in every}
        self._wild = [(pattern_of(path), field) for path, field in every if "*" in path]
        self._currency = {path: at for path, at in (p.split("@") for p, _ in every if "@" in p) if path}
        self._row_currency = next((field for path, field in every if path == "@Ccy"), None)
        self._paths |= dict.fromkeys(form.options.get("ignored", ()))
        self._partial: bool = form.options.get("partial", False)
        self._values: dict[str, list[str | None]] = {field: [] for field in places}
        self._lines: list[int] = []
        self._number = 0
        self._texts: dict[int, str] = {}  # by the row's number
        self._unknown: list[str] = []  # paths that have no place
        self._names: dict[str, dict[str, str]] = {}  # paths by the one above and the tag: a file has few
        self._size = 0
        self._row = form.options.get("row")

    @property
    def full(self) -> bool:
        return len(self._lines) >= CHUNK or self._size > _TEXT

    def add(self, message: Any) -> None:
        if self._row is None:
            self._add(message, self._leaves_of(message, ""))
            return
        rows, shared = self._parts(message)
        for row in rows:
            self._add(row, [*shared, *self._leaves_of(row, f"{self._row}/")])

    def _parts(self, message: Any) -> tuple[list[Any], list[tuple[str, Any]]]:
        """A message's rows, and the leaves that are every row's."""
        others = self._form.options.get("others", ())
        rows: list[Any] = []
        shared: list[tuple[str, Any]] = []
        for child in message:
            tag = local_name(child)
            if tag == self._row:
                rows.append(child)
            elif tag not in others:
                shared += self._leaves_of((child,), "")
        for path, element in shared:  # a message without a row must not hide what is new in it
            if (element.text or "").strip() and path not in self._paths:
                self._resolved(path)
        return rows, shared

    def _leaves_of(self, element: Iterable[Any], prefix: str) -> list[tuple[str, Any]]:
        """Path and element of each leaf below an element."""
        names = self._names.setdefault(prefix, {})
        found: list[tuple[str, Any]] = []
        for child in element:
            if (path := names.get(child.tag)) is None:
                path = names[child.tag] = prefix + local_name(child)
            if len(child):
                found += self._leaves_of(child, path + "/")
            else:
                found.append((path, child))
        return found

    def _add(self, element: Any, leaves: Iterable[tuple[str, Any]]) -> None:
        self._number += 1
        row = self._texts_of(element, leaves)
        for field, values in self._values.items():
            values.append(row.get(field))
        self._lines.append(element.sourceline if self._rejects.strict else self._number)
        if not self._rejects.strict:
            self._texts[self._number] = _text(element)
            self._size += len(self._texts[self._number])

    def _texts_of(self, row_element: Any, leaves: Iterable[tuple[str, Any]]) -> dict[str, str]:
        """A row's texts by field; a value that contradicts another one of the row is set aside."""
        row: dict[str, str] = {}
        amounts: dict[str, tuple[str, str, Any]] = {}  # in the row's currency: by field, path, currency and element
        odd: dict[str, FieldInvalid] = {}
        seen: dict[str, tuple[str, str | None]] = {}  # text and currency by field
        for path, element in leaves:
            if (text := (element.text or "").strip()) == "":
                continue
            field = self._paths[path] if path in self._paths else self._resolved(path)
            if field is None:
                continue
            written = text, element.get("Ccy")
            if field in row:
                if seen[field] == written:
                    self._rejects.remark(
                        last_tag(path), "it stands twice in a message, with one value", self._number, text
                    )
                else:
                    odd[field] = self._invalid(
                        element, last_tag(path), text, f"the one value: {row[field]} stands there too"
                    )
                continue
            row[field], seen[field] = text, written
            if (currency := written[1]) is None:
                continue
            if (expected := self._currency.get(path)) is None:
                amounts[field] = path, currency, element
            elif currency != expected:
                odd[field] = self._invalid(element, f"{last_tag(path)}/@Ccy", currency, f"{expected} as expected")
        if amounts:
            usual = _most([currency for _, currency, _ in amounts.values()])
            for field, (path, currency, element) in amounts.items():
                if currency != usual:
                    expected = f"{usual or 'the one currency'} of the row's others"
                    odd[field] = self._invalid(element, f"{last_tag(path)}/@Ccy", currency, expected)
            if self._row_currency and usual is not None:
                row[self._row_currency] = usual
        for field, error in odd.items():
            self._rejects.count_values({error.field: 1})
            self._rejects.add_value(self._number, error, _text(row_element))
            del row[field]
        return row

    def _resolved(self, path: str) -> str | None:
        """The field at a path met for the first time, None where it is passed over."""
        field = next((field for pattern, field in self._wild if pattern.fullmatch(path)), None)
        if field is None and not self._partial:
            self._unknown.append(path)
        self._paths[path] = field
        return field

    def _invalid(self, element: Any, field: str, text: str, expected: str) -> FieldInvalid:
        return FieldInvalid(self._name, element.sourceline, field, text, expected)

    def check(self) -> None:
        """Raise FileError where messages hold no row at all, but something that nothing is known of in its place."""
        if self._row is not None and self._number == 0 and self._unknown:
            unknown = ", ".join(path[:100] for path in self._unknown[:_SHOWN])
            raise FileError(f"{self._name} has no {self._row}, but fields that PyB3 does not know: {unknown}")

    def notes(self) -> Iterator[str]:
        """A line of the fields that the template does not know."""
        if self._unknown:
            shown = ", ".join(path[:100] for path in self._unknown[:_SHOWN])
            more = f" and {len(self._unknown) - _SHOWN:,} more" if len(self._unknown) > _SHOWN else ""
            yield f"{self._name} has fields that PyB3 does not know: {shown}{more}"

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
        texts, self._texts, self._size = self._texts, {}, 0
        self._rejects.text = lambda number: texts.get(number, "")
        frame = typed(text, fields, Notation(), self._name, lines, self._rejects)
        if frame.height:
            yield frame


def _text(element: Any) -> str:
    """An element as the file has it."""
    return str(etree.tostring(element, encoding="unicode", with_tail=False))


def _most(texts: Sequence[str]) -> str | None:
    """The text that stands there most often; None where two do."""
    if len({*texts}) == 1:
        return texts[0]
    (first, times), (_, others), *_ = Counter(texts).most_common()
    return first if times > others else None

"""Hold a reader against the oracle: the very same rows, or both refuse the file."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import date
from importlib import import_module
from pathlib import Path
from typing import Any

import polars as pl
import yaml

from pyb3.errors import PyB3Error, TemplateError
from pyb3.parse import readers
from pyb3.parse.archive import Member, members, open_member
from pyb3.parse.rejects import LINE, Rejects
from pyb3.parse.typed import dtype
from pyb3.template import Format, Template
from pyb3.unit import Unit

from . import oracle
from .oracle import archive, delimited, fixed_width, json_pages, xml_messages

Rows = list[tuple[Any, ...]]
_DAY = date(2024, 1, 15)


class _Piecemeal(Member):
    """A file that gives at most so many bytes at once."""

    most = 1 << 30

    def read(self, size: int = -1) -> bytes:
        return super().read(self.most if size < 0 else min(size, self.most))


@contextmanager
def _chunks(reader: str, size: int | None) -> Iterator[None]:
    """The reader's CHUNK made `size` for a while."""
    module = import_module(f"pyb3.parse.{reader}")
    usual = getattr(module, "CHUNK", None)
    if size is not None:
        module.CHUNK = size  # type: ignore[attr-defined]
    yield
    if usual is not None:
        module.CHUNK = usual  # type: ignore[attr-defined]


def read(
    template: Template,
    form: Format,
    data: bytes,
    asked: Mapping[str, Any] | None = None,
    *,
    chunk: int | None = None,
    piece: int = 1 << 30,
) -> Rows | PyB3Error:
    """The strict reader's rows, or its error, which is of one line and names the file."""
    member = _Piecemeal(io.BytesIO(data), "file.dat")
    member.asked, member.most, member.rejects = asked or {}, piece, Rejects("file.dat", strict=True)
    with _chunks(form.reader, chunk):
        try:
            frames = list(readers.get(form.reader)(member, template, form))
        except PyB3Error as error:
            assert_one_line(error)
            assert "file.dat" in str(error), error
            return error
    frames = [frame.drop(LINE, strict=False) for frame in frames]
    for frame in frames:
        for name, kind in frame.schema.items():
            assert kind == dtype(template.field(name)), (name, kind)
    return pl.concat(frames).rows() if frames else []


def expected(
    template: Template, form: Format, data: bytes, asked: Mapping[str, Any] | None = None
) -> Rows | oracle.Refused:
    """The oracle's rows, or why there are none."""
    naive: dict[str, Callable[[], oracle.Table]] = {
        "fixed_width": lambda: fixed_width.read(data, template, form),
        "delimited": lambda: delimited.read(data, template, form),
        "xml_messages": lambda: xml_messages.read(data, template, form),
        "json_records": lambda: json_pages.read_records(data, template, form, asked or {}),
        "json_months": lambda: json_pages.read_months(data, template, form, asked or {}),
    }
    try:
        return naive[form.reader]().rows
    except oracle.Refused as refused:
        return refused


def agreed(
    template: Template,
    form: Format,
    data: bytes,
    asked: Mapping[str, Any] | None = None,
    *,
    chunk: int | None = None,
    piece: int = 1 << 30,
    may_refuse: bool = False,
) -> Rows | None:
    """The rows that both read, None where both refuse; with `may_refuse` the reader alone may.

    Raises AssertionError where they differ.
    """
    ours, theirs = read(template, form, data, asked, chunk=chunk, piece=piece), expected(template, form, data, asked)
    if isinstance(ours, PyB3Error):
        assert may_refuse or isinstance(theirs, oracle.Refused), f"{ours}, but the oracle reads it"
        return None
    assert not isinstance(theirs, oracle.Refused), f"{len(ours)} rows, but the oracle says {theirs}"
    for number, (our, their) in enumerate(zip(ours, theirs, strict=False), 1):
        assert our == their, f"row {number}: {our} is not {their}"
    assert len(ours) == len(theirs), f"{len(ours)} rows instead of {len(theirs)}"
    return ours


def assert_one_line(error: PyB3Error) -> None:
    """An error can be shown as it is: one line, nothing that a terminal would act upon."""
    assert str(error).isprintable(), repr(str(error))


def agreed_archive(path: Path, data: bytes, size: int = 1 << 20) -> dict[str, bytes] | None:
    """What zipfile and we unpack of a file by its members' names, read by `size` bytes; None where both refuse all.

    Raises AssertionError where they differ; but zipfile may refuse what we find by a member's own header.
    """
    path.write_bytes(data)
    theirs: dict[str, bytes | None] = {}
    with suppress(oracle.Refused):
        theirs = archive.contents(data)
    try:
        packed = members(path)
    except PyB3Error as error:
        assert_one_line(error)
        assert not theirs, f"{error}, but zipfile reads it"
        return None
    ours: dict[str, bytes | PyB3Error] = {one.name: one.error or _unpacked(path, one.name, size) for one in packed}
    marked = theirs if all(theirs.get(name) == read for name, read in ours.items()) else _marked(data)
    assert ours.keys() <= theirs.keys() | marked.keys()
    assert ours.keys() >= {name for name, read in theirs.items() if read is not None}
    for name, read in ours.items():
        if isinstance(read, PyB3Error):
            assert_one_line(read)
            assert theirs.get(name) is None, f"{name}: {read}, but zipfile reads it"
        else:
            assert read in (theirs.get(name), marked.get(name)), f"{name}: zipfile reads other bytes"
    if len(packed) == 1:  # it need not be named
        assert _same(_unpacked(path, "", size), ours[packed[0].name])
    return {name: read for name, read in ours.items() if isinstance(read, bytes)} or None


def _marked(data: bytes) -> dict[str, bytes | None]:
    try:
        return archive.contents(data, by_mark=True)
    except oracle.Refused:
        return {}


def _unpacked(path: Path, member: str, size: int) -> bytes | PyB3Error:
    try:
        with open_member(path, member) as opened:
            return b"".join(iter(lambda: opened.read(size), b""))
    except PyB3Error as error:
        return error


def _same(one: bytes | PyB3Error, other: bytes | PyB3Error) -> bool:
    return one == other or (type(one) is type(other) and str(one) == str(other))


def agreed_template(text: str) -> Template | None:
    """The template that a text describes, None where it is refused with its file's name.

    Raises AssertionError where it is not what the YAML says, or cannot be worked with.
    """
    try:
        template = Template.parse(text, "file.yaml")
    except TemplateError as error:
        assert_one_line(error)
        assert str(error).startswith("file.yaml"), error
        return None
    said = yaml.load(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    for key in ("name", "description", "table"):
        assert getattr(template, key) == said[key]
    assert list(template.key) == said["key"]
    assert {form.name: form.reader for form in template.formats.values()} == {
        str(name): options["reader"] for name, options in said["formats"].items()
    }
    parts = (
        (template.fields, "fields"),
        (template.sources, "sources"),
        (template.checks, "checks"),
        (template.years, "years"),
    )
    for things, described in ((things, said.get(part, [])) for things, part in parts):
        assert len(things) == len(described)
        for thing, one in zip(things, described, strict=True):
            for key in one.keys() - {"at", "serves"}:
                value = getattr(thing, key)
                assert (list(value) if isinstance(value, tuple) else value) == one[key]
    for field in template.fields:
        assert dtype(field) and field.sql_type()
    for name in template.formats:
        assert template.names(name).keys() == template.columns(name).keys()
    for source in template.sources:
        named = source.file.format(date=_DAY, item="IBOV")
        item, day = source.named(named)
        assert item in ("", "IBOV") and (day is None or source.file.format(date=day, item="IBOV") == named)
        assert source.covering(Unit(template.name, "day", _DAY)) <= _DAY
    return template

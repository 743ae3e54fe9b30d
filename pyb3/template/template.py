"""A dataset's YAML template, read and checked; an error names the line."""

from __future__ import annotations

import re
import reprlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from importlib import resources
from typing import Any

import yaml

from ..errors import TemplateError, one_line
from ..unit import Unit
from .check import SEVERITIES, Check, columns
from .field import TYPES, Field, is_place
from .format import Format, Options
from .nodes import NodeReader
from .source import PERIODS, REQUESTS, Source, check_pattern
from .year import Year


@dataclass(frozen=True, slots=True)
class Template:
    """The description of a dataset, from source to key.

    `take` says whether a row comes from the `first` source that answers (what that one lacks is NULL), or `every`
    one adds its columns or rows. `checks` are what every row is held to, a rule over its columns each. `row_band` is
    how far the rows of a day may be from those of the sessions before it, as a part of their median, until that is
    told; 0 where the number of rows says nothing. `years` are the rows and sessions that B3's own files of whole years
    have; a loaded year that has other numbers is named.
    """

    name: str
    description: str
    table: str
    key: tuple[str, ...]
    sources: tuple[Source, ...]
    formats: Mapping[str, Format]
    fields: tuple[Field, ...]
    take: str = "first"
    checks: tuple[Check, ...] = ()
    row_band: float = 0.0
    years: tuple[Year, ...] = ()

    @classmethod
    def load(cls, package: str, filename: str) -> Template:
        """Read a template from a package's data. Raises TemplateError with file and line."""
        return cls.parse(resources.files(package).joinpath(filename).read_text("utf-8"), filename)

    @classmethod
    def parse(cls, text: str, filename: str = "template") -> Template:
        """Check a template's text. Raises TemplateError with file and line."""
        try:
            node = yaml.compose(text, getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        except (yaml.YAMLError, RecursionError) as error:
            raise TemplateError(f"{filename}: {one_line(error)}") from error
        reader = _Reader(filename)
        if not isinstance(node, yaml.MappingNode):
            raise TemplateError(f"{filename}: a template is a mapping")
        reader.check_keys(node)
        return reader.template(node)

    def columns(self, format_name: str) -> dict[str, Any]:
        """Field name to place, for the fields a format holds, in the template's order."""
        return {field.name: field.at[format_name] for field in self.fields if format_name in field.at}

    def names(self, format_name: str) -> dict[str, tuple[str, ...]]:
        """Field name to the paths or headers it may have in a format: one file has this, another that."""
        places = self.columns(format_name).items()
        return {name: (place,) if isinstance(place, str) else tuple(place) for name, place in places}

    def field(self, name: str) -> Field:
        """The field of that name."""
        return next(field for field in self.fields if field.name == name)

    def source(self, name: str) -> Source:
        """The source of that name."""
        return next(source for source in self.sources if source.name == name)

    def preferred(self, names: Sequence[str]) -> list[str]:
        """The sources asked before these, of other formats: what a file of these lacks, theirs may have."""
        order = [source.name for source in self.sources]
        if self.take == "every" or not names:  # they complete each other
            return []
        formats = {self.source(name).format for name in names}
        return [one.name for one in self.sources[: min(map(order.index, names))] if one.format not in formats]

    def stood_in(self, names: Sequence[str]) -> list[str]:
        """The sources that stand in for these where they fail: rows of theirs alone do not stay.

        Not longer files of the same format: they have the rows that B3 published in these.
        """
        order = [source.name for source in self.sources]
        if self.take == "every" or not names:
            return []
        mine = [self.source(name) for name in names]
        after = self.sources[max(map(order.index, names)) + 1 :]
        return [one.name for one in after if all(one.format != m.format or one.period == m.period for m in mine)]

    def sources_for(self, unit: Unit, today: date) -> list[Source]:
        """The sources that serve a unit, in order of preference."""
        return [source for source in self.sources if source.can_serve(unit, today)]


_NAME = re.compile("[a-z][a-z0-9_]*")


class _Reader(NodeReader):
    """Turns the nodes of a template into a Template."""

    def template(self, node: yaml.MappingNode) -> Template:
        top = self.mapping(node, "the template")
        for name in ("name", "description", "table", "key", "sources", "formats", "fields"):
            if name not in top:
                raise self.fail(node, f"the template lacks {name!r}")
        formats = {name: self.format(name, value) for name, value in self.mapping(top["formats"], "formats").items()}
        fields = tuple(self.field(item, formats) for item in self.items(top["fields"], "fields"))
        checks = self.items(top["checks"], "checks") if "checks" in top else []
        years = self.items(top["years"], "years") if "years" in top else []
        template = self.build(
            Template,
            node,
            "the template",
            key=self.texts(top["key"], "key"),
            formats=formats,
            sources=tuple(self.source(item, formats) for item in self.items(top["sources"], "sources")),
            fields=fields,
            checks=tuple(self.check(item, fields) for item in checks),
            years=tuple(map(self.year, years)),
        )
        names = [field.name for field in template.fields]
        for name in (template.name, template.table, *names):
            if not _NAME.fullmatch(name):
                raise self.fail(node, f"{name!r} is no name: small letters, digits and _, a letter first")
        unique: dict[str, list[str]] = {
            "fields": names,
            "checks": [check.name for check in template.checks],
            "years": [str(year.year) for year in template.years],
        }
        for what, given in unique.items():
            if twice := {name for name in given if given.count(name) > 1}:
                raise self.fail(top[what], f"{what} named twice: {', '.join(sorted(twice))}")
        if missing := [name for name in template.key if name not in names]:
            raise self.fail(top["key"], f"key columns without a field: {', '.join(missing)}")
        if template.key[:1] != ("refdate",):
            raise self.fail(top["key"], "the key begins with refdate")
        if template.take not in ("first", "every"):
            raise self.fail(top["take"], "take is 'first' or 'every'")
        if not 0 <= template.row_band < 1:
            raise self.fail(top["row_band"], "row_band is from 0 to 1, such as 0.5")
        return template

    def format(self, name: str, node: yaml.Node) -> Format:
        options = self.value(node)
        if not isinstance(options, dict) or not isinstance(options.get("reader"), str):
            raise self.fail(node, f"format {name} names no reader")
        reader = options.pop("reader")
        where = f"{self.filename} line {node.start_mark.line + 1}: format {name}"
        return Format(name, reader, Options(options, where))

    def source(self, node: yaml.Node, formats: Mapping[str, Format]) -> Source:
        found = self.mapping(node, "a source")
        serves = self.texts(found["serves"], "serves") if "serves" in found else ()
        source = self.build(Source, node, "a source", serves=serves)
        if source.period not in PERIODS:
            raise self.fail(node, f"source {source.name}: period {source.period!r} is none of {', '.join(PERIODS)}")
        if source.request not in REQUESTS:
            raise self.fail(node, f"source {source.name}: request {source.request!r} is none of {', '.join(REQUESTS)}")
        if source.format not in formats:
            raise self.fail(node, f"source {source.name}: there is no format {source.format!r}")
        if unknown := set(serves) - {"day", "month", "year"}:
            raise self.fail(node, f"source {source.name}: serves {', '.join(sorted(unknown))}, which is no unit")
        patterns = [
            ("url", source.url),
            ("file", source.file),
            ("dated", source.dated),
            *((f"payload {name}", pattern) for name, pattern in (source.payload or {}).items()),
        ]
        for name, pattern in patterns:
            try:
                if isinstance(pattern, str):
                    check_pattern(pattern, once=name == "file")
            except ValueError as error:
                raise self.fail(node, f"source {source.name}: {name}: {error} in {pattern!r}") from error
        for name in ("signature", "absent", "empty", "dated", "stamp"):
            pattern = getattr(source, name)
            try:
                re.compile(pattern)
            except (re.error, OverflowError, RecursionError) as error:
                raise self.fail(node, f"source {source.name}: {name}: {error}") from error
        if source.final_at and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", source.final_at):
            raise self.fail(node, f"source {source.name}: final_at is a time such as '21:00', not {source.final_at!r}")
        return source

    def field(self, node: yaml.Node, formats: Mapping[str, Format]) -> Field:
        found = self.mapping(node, "a field")
        at = self.value(found["at"]) if "at" in found else {}
        if not isinstance(at, dict):  # one place for the one format there is
            at = dict.fromkeys(formats, at)
        for place in at.values():
            if not is_place(place):
                shown = reprlib.repr(place)  # by aliases, a few lines can hold more than fits anywhere
                raise self.fail(found["at"], f"{shown} is no place: [from, width], a path or header, or several")
        codes = self.items(found["codes"], "codes") if "codes" in found else []
        field = self.build(Field, node, "a field", at=at, codes=tuple(map(self.value, codes)))
        if field.type not in TYPES:
            kinds = ", ".join(TYPES)
            raise self.fail(node, f"field {field.name} has type {field.type!r}; it is one of {kinds}")
        if not 0 <= field.decimals < 38 or (field.decimals and field.type != "decimal"):
            raise self.fail(node, f"field {field.name}: a decimal has from 0 to 37 decimals, another type none")
        if unknown := set(at) - set(formats):
            raise self.fail(node, f"field {field.name}: there is no format {', '.join(sorted(unknown))}")
        try:
            re.compile(field.nulls)
        except (re.error, OverflowError, RecursionError) as error:
            raise self.fail(node, f"field {field.name}: nulls: {error}") from error
        kind = {"text": str, "integer": int}.get(field.type)
        if wrong := [code for code in field.codes if type(code) is not kind]:
            raise self.fail(found["codes"], f"field {field.name}: the code {wrong[0]!r} is none of type {field.type}")
        return field

    def check(self, node: yaml.Node, fields: tuple[Field, ...]) -> Check:
        check = self.build(Check, node, "a check")
        if not _NAME.fullmatch(check.name):
            raise self.fail(node, f"{check.name!r} is no name: small letters, digits and _, a letter first")
        if check.severity not in SEVERITIES:
            severities = " or ".join(SEVERITIES)
            raise self.fail(node, f"check {check.name}: severity {check.severity!r} is not {severities}")
        try:
            columns(check, fields)
        except ValueError as error:
            raise self.fail(node, f"check {check.name}: {error} in {check.rule!r}") from error
        return check

    def year(self, node: yaml.Node) -> Year:
        try:
            return self.build(Year, node, "a year")
        except ValueError as error:
            raise self.fail(node, f"a year: {error}") from error

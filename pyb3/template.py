"""A dataset's YAML template, read and checked."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Any

import yaml

from .errors import TemplateError

TYPES = {"text", "integer", "decimal", "date"}


@dataclass(frozen=True, slots=True)
class Field:
    """One column: our name, B3's name, type, and where it stands in the file."""

    name: str
    b3: str
    type: str
    description: str
    decimals: int = 0
    start: int = 0
    width: int = 0
    path: str = ""
    nullable: bool = True
    blank: str | None = None
    derived: bool = False

    def sql_type(self) -> str:
        """The PostgreSQL type: text, bigint, numeric(38,decimals) or date."""
        return {
            "text": "text",
            "integer": "bigint",
            "decimal": f"numeric(38,{self.decimals})",
            "date": "date",
        }[self.type]


@dataclass(frozen=True, slots=True)
class Source:
    """Where B3 publishes one kind of unit."""

    name: str
    unit: str
    url: str


@dataclass(frozen=True, slots=True)
class Template:
    """The description of a dataset, from source to key."""

    name: str
    description: str
    reader: str
    sources: tuple[Source, ...]
    table: str
    key: tuple[str, ...]
    fields: tuple[Field, ...]

    @classmethod
    def load(cls, package: str, filename: str) -> Template:
        """Read a template from a package's data. Raises TemplateError with the file's name and place."""
        text = resources.files(package).joinpath(filename).read_text("utf-8")
        return cls.parse(text, filename)

    @classmethod
    def parse(cls, text: str, filename: str = "template") -> Template:
        """Check a template's text. Raises TemplateError."""
        try:
            raw: dict[str, Any] = yaml.safe_load(text)
            template = cls(
                name=raw["name"],
                description=raw["description"],
                reader=raw["reader"],
                sources=tuple(Source(**source) for source in raw["sources"]),
                table=raw["table"],
                key=tuple(raw["key"]),
                fields=tuple(Field(**field) for field in raw["fields"]),
            )
        except yaml.YAMLError as error:
            raise TemplateError(f"{filename}: {' '.join(str(error).split())}") from error
        except (KeyError, TypeError) as error:
            raise TemplateError(f"{filename}: {error}") from error
        for field in template.fields:
            if field.type not in TYPES:
                raise TemplateError(f"{filename}: field {field.name} has unknown type {field.type!r}")
        names = {field.name for field in template.fields}
        if missing := [name for name in template.key if name not in names]:
            raise TemplateError(f"{filename}: key columns without a field: {', '.join(missing)}")
        return template

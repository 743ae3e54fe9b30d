"""YAML nodes as Python values; a mistake is told with file and line."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, fields
from datetime import date
from typing import Any, TypeVar

import yaml

from ..errors import TemplateError, one_line

_T = TypeVar("_T")
_MAPPING, _LIST = "tag:yaml.org,2002:map", "tag:yaml.org,2002:seq"  # a tag can call them something else
_KEYS = ("tag:yaml.org,2002:str", "tag:yaml.org,2002:merge")
# What the safe constructor raises where a text is not what it looks like or its tag says: 2024-02-30, !!int x.
_NO_VALUE = (yaml.YAMLError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)
# What YAML may give for a dataclass's annotation, and how to say so.
_VALUES: Mapping[str, tuple[tuple[type, ...], str]] = {
    "str": ((str,), "text"),
    "int": ((int,), "a whole number"),
    "float": ((int, float), "a number"),
    "bool": ((bool,), "true or false"),
    "str | None": ((str,), "text"),
    "date": ((date,), "a date"),
    "date | None": ((date,), "a date"),
    "Mapping[str, Any] | None": ((dict,), "a mapping"),
}


class NodeReader:
    """Turns YAML nodes into plain values and dataclasses, knowing the line of each."""

    def __init__(self, filename: str) -> None:
        self.filename = filename

    def fail(self, node: yaml.Node, message: str) -> TemplateError:
        return TemplateError(f"{self.filename} line {node.start_mark.line + 1}: {message}")

    def value(self, node: yaml.Node) -> Any:
        """The node as plain Python values; an object tag is refused by the safe constructor."""
        try:
            return yaml.constructor.SafeConstructor().construct_document(node)
        except _NO_VALUE as error:
            raise self.fail(node, one_line(error)) from error

    def check_keys(self, root: yaml.Node) -> None:
        """Each is a text, and stands there once: the safe constructor would take the last of them."""
        waiting, seen = [root], {id(root)}
        while waiting:
            node = waiting.pop()
            below = list(node.value) if isinstance(node, yaml.SequenceNode) else []
            if isinstance(node, yaml.MappingNode):
                keys = [key.value for key, _ in node.value]
                for place, (key, value) in enumerate(node.value):
                    if key.tag not in _KEYS:
                        raise self.fail(key, "a key must be a text")
                    if key.value in keys[:place]:
                        raise self.fail(key, f"{key.value!r} is named twice")
                    below.append(value)
            waiting += [child for child in below if id(child) not in seen]  # an alias leads to a node seen before
            seen |= set(map(id, below))

    def texts(self, node: yaml.Node, what: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.value(node)
        if not isinstance(found, list) or not all(isinstance(text, str) for text in found):
            raise self.fail(node, f"{what} must be a list of texts")
        return tuple(found)

    def mapping(self, node: yaml.Node, what: str) -> dict[str, yaml.Node]:
        if not isinstance(node, yaml.MappingNode) or node.tag != _MAPPING:
            raise self.fail(node, f"{what} must be a mapping")
        return {key.value: value for key, value in node.value}

    def items(self, node: yaml.Node, what: str) -> list[yaml.Node]:
        if not isinstance(node, yaml.SequenceNode) or node.tag != _LIST:
            raise self.fail(node, f"{what} must be a list")
        return list(node.value)

    def build(self, cls: type[_T], node: yaml.Node, what: str, **given: Any) -> _T:
        """A dataclass from a mapping: no key unknown, none missing, values of the types that it says."""
        known = {field.name: field for field in fields(cls)}  # type: ignore[arg-type]
        found = self.mapping(node, what)
        for name, value in found.items():
            if name not in known:
                raise self.fail(value, f"{what} has no {name!r}; it has: {', '.join(known)}")
        values = given
        for name in found.keys() - given.keys():
            values[name] = self.value(found[name])
            kinds, said = _VALUES[str(known[name].type)]
            if type(values[name]) not in kinds:
                raise self.fail(found[name], f"{what}: {name} must be {said}")
        for name, field in known.items():
            if name not in values and field.default is MISSING:
                raise self.fail(node, f"{what} lacks {name!r}")
        return cls(**values)

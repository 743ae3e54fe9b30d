"""Messages of an XML file out of its whole tree."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from lxml import etree

from pyb3.parse.typed import Notation
from pyb3.template import Format, Template

from . import Refused, Table, require
from .values import value_of

_Leaf = tuple[str, Any]


def read(data: bytes, template: Template, form: Format) -> Table:
    """The messages that are kept, or their rows. Raises Refused."""
    options = form.options
    parser = etree.XMLParser(resolve_entities=False, no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = etree.fromstring(data, parser)
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refused(str(error)) from error
    require(root.getroottree().docinfo.internalDTD is None, "a DTD")
    messages = list(root.iter(f"{{*}}{options['message']}"))
    announced = [(element.text or "").strip() for element in root.iter("{*}TtlNbOfMsg")]
    require(announced and all(re.fullmatch(r"\d{1,9}", text) for text in announced), "no count")
    require(sum(map(int, announced)) == len(messages), "messages are missing")
    places = _Places(template, form)
    rows = []
    for message in messages:
        if all(re.search(wanted, _text_at(message, path)) for path, wanted in options.get("keep", {}).items()):
            rows += [_row(leaves, places) for leaves in _rows_of(message, options, places)]
    columns = list(template.names(form.name))
    values = [tuple(value_of(template.field(name), row.get(name), Notation()) for name in columns) for row in rows]
    return Table(columns, values)


class _Places:
    """Which field is at a path, and the currency that its amounts are in."""

    def __init__(self, template: Template, form: Format) -> None:
        self._names = template.names(form.name)
        self._met: dict[str, tuple[str, str] | None] = {}
        self.currency = next((name for name, places in self._names.items() if "@Ccy" in places), None)

    def at(self, path: str) -> tuple[str, str] | None:
        """None for what is passed over: what nothing is known of, too."""
        if path not in self._met:
            self._met[path] = self._found(path)
        return self._met[path]

    def _found(self, path: str) -> tuple[str, str] | None:
        places = [(place, name) for name, several in self._names.items() for place in several]
        for wild in (False, True):
            for place, name in places:
                steps, _, currency = place.partition("@")
                if ("*" in steps) == wild and re.fullmatch(re.escape(steps).replace(r"\*", "[^/]+"), path):
                    return name, currency
        return None


def _rows_of(message: Any, options: Any, places: _Places) -> list[list[_Leaf]]:
    """The leaves of each row."""
    if "row" not in options:
        return [list(_leaves(message, ""))]
    rows, shared = [], []
    for child in message:
        if _tag(child) == options["row"]:
            rows.append(list(_leaves_at(child, options["row"])))
        elif _tag(child) not in options["others"]:
            shared += _leaves_at(child, _tag(child))
    return [shared + leaves for leaves in rows]


def _row(leaves: list[_Leaf], places: _Places) -> dict[str, str]:
    """Texts by field."""
    found: dict[str, str] = {}
    currencies: list[str] = []
    for path, element in leaves:
        text = (element.text or "").strip()
        if not text or (known := places.at(path)) is None:
            continue
        name, own = known
        require(found.get(name, text) == text, f"{path} twice")
        if name in found:
            continue
        found[name] = text
        if currency := element.get("Ccy"):
            require(not own or currency == own, f"{currency} instead of {own}")
            currencies += [] if own else [currency]
    require(len(set(currencies)) < 2, "two currencies")
    if places.currency and currencies:
        found[places.currency] = currencies[0]
    return found


def _tag(element: Any) -> str:
    return str(element.tag).rpartition("}")[2]


def _leaves(element: Any, above: str) -> Iterator[_Leaf]:
    for child in element:
        yield from _leaves_at(child, above + _tag(child))


def _leaves_at(element: Any, path: str) -> Iterator[_Leaf]:
    if len(element) == 0:
        yield path, element
    yield from _leaves(element, f"{path}/")


def _text_at(element: Any, path: str) -> str:
    """The text at the first such path, blank where there is none."""
    found = [element]
    for step in path.split("/"):
        found = [child for parent in found for child in parent if step in ("*", _tag(child))]
    return (found[0].text or "").strip() if found else ""

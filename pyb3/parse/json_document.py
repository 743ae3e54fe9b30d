"""Open an answer of B3's JSON pages: within limits, and with every number as it is written."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from typing import Any

import polars as pl

from ..errors import FieldInvalid, FileError
from ..template import Field
from . import json_pages
from .archive import Member
from .rejects import located
from .typed import Notation, typed

MAX_SIZE = 16 << 20  # the largest seen, a list of 660 companies, has 60 kB
MAX_DIGITS = 100

# How B3's pages write numbers and dates; the answer does not say in which language it is.
NOTATIONS = {
    "en-us": Notation(decimal=".", thousands=",", date="%m/%d/%y"),
    "pt-br": Notation(decimal=",", thousands=".", date="%d/%m/%y"),
}


def read_document(member: Member) -> Mapping[str, Any]:
    """The file's JSON object; UTF-8, with or without a byte order mark, or Latin-1. Raises FileError.

    Several objects, one after another, are the pages of one list: see `json_pages`.
    """
    data = b""
    while block := member.read(1 << 20):
        data += block
        if len(data) > MAX_SIZE:
            raise FileError(f"{member.name} is larger than {MAX_SIZE >> 20} MiB, too much for a JSON answer of B3's")
    try:
        document = _loaded(member.name, data)
    except RecursionError as error:
        raise FileError(f"{member.name} is nested too deep for a JSON answer of B3's") from error
    except ValueError as error:
        raise FileError(f"{member.name} is damaged or no JSON: {str(error).split(';')[0]}") from error
    if not isinstance(document, dict):
        raise FileError(f"{member.name} holds no JSON object")
    return document


def _loaded(name: str, data: bytes) -> Any:
    """The document, or the pages that stand one after another as one. Raises ValueError and FileError."""
    try:
        return _one(data)
    except json.JSONDecodeError as error:
        if error.msg != "Extra data":
            raise
    return json_pages.joined(name, [_one(part) for part in json_pages.parts(data)])


def _one(data: bytes) -> Any:
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("latin-1")
    return json.loads(text, parse_float=_exact, parse_constant=_no_number, object_pairs_hook=_object_of_distinct_names)


def records(member: Member, document: Mapping[str, Any], name: str) -> dict[int, Mapping[str, Any]]:
    """The objects listed under `name`, by their number; none where B3 has nothing and says null. Raises FileError."""
    found = document.get(name, ...)
    if found is None:
        return {}
    no_list = FileError(f"{member.name} holds no list of objects named {name!r}")
    if not isinstance(found, list):
        raise no_list
    objects: dict[int, Mapping[str, Any]] = {}
    for number, record in enumerate(found, 1):
        if isinstance(record, dict):
            objects[number] = record
        elif member.rejects is None:
            raise no_list
        else:
            member.rejects.add(number, "it is no object", record=shown(record))
    return objects


def shown(value: Any) -> str:
    """A value as JSON."""
    return json.dumps(value, ensure_ascii=False, default=str)


def text_of(value: Any, notation: Notation, where: str) -> str | None:
    """A JSON value as its text in a notation, None where it is blank. Raises FileError for a list or an object."""
    match value:
        case None:
            return None
        case str():
            if not value.isprintable() and any("\ud800" <= character <= "\udfff" for character in value):
                raise FileError(f"{where} holds half a character")
            return value.strip() or None
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case Decimal():
            return format(value, "f").replace(".", notation.decimal)
        case _:
            raise FileError(f"{where} is no single value")


def typed_in_its_language(
    member: Member, texts: Callable[[Notation], pl.DataFrame], fields: Iterable[Field], where: str, lines: pl.Series
) -> pl.DataFrame:
    """Cast text columns by the language B3 was asked in, else by the only one that all of them fit.

    `texts` gives the columns in a notation; `where` and `lines` are for messages. Where the member takes `rejects`,
    rows come with their lines, and what fits no language is set aside: by the language that was asked for, else by
    the one that most rows fit. Raises FieldInvalid, and FileError where the file is in another language than asked,
    or where both would do and mean different values.
    """
    asked, name, fields = member.asked.get("language"), member.name, list(fields)
    if asked is not None and asked not in NOTATIONS:
        raise FileError(f"{name} was asked for in {asked!r}, which is neither of {', '.join(NOTATIONS)}")
    fitting: dict[str, pl.DataFrame] = {}
    errors: dict[str, FieldInvalid] = {}
    for language, notation in sorted(NOTATIONS.items(), key=lambda item: item[0] != asked):
        try:
            fitting[language] = typed(texts(notation), fields, notation, where, lines)
        except FieldInvalid as error:
            errors[language] = error
        if asked in fitting:
            return _located(fitting[asked], lines, member)
    if asked is not None and fitting:
        raise FileError(f"{name} is written in {', '.join(fitting)}, but B3 was asked for {asked}")
    if not fitting and member.rejects is not None:
        notations = NOTATIONS if asked is None else {asked: NOTATIONS[asked]}
        return _mostly_typed(member, texts, fields, where, lines, notations)
    if asked is not None:
        raise errors[asked]
    if not fitting:
        reasons = "; ".join(f"in {language}, {error}" for language, error in errors.items())
        raise FileError(f"{name} is written in neither of {', '.join(NOTATIONS)}: {reasons}")
    first, *others = fitting.values()
    if any(not first.equals(other) for other in others):
        raise FileError(f"{name} can be read as {' and as '.join(fitting)}, with different values: fetch it with pyb3")
    return _located(first, lines, member)


def _located(frame: pl.DataFrame, lines: pl.Series, member: Member) -> pl.DataFrame:
    return frame if member.rejects is None else located(frame, lines)


def _mostly_typed(
    member: Member,
    texts: Callable[[Notation], pl.DataFrame],
    fields: Iterable[Field],
    where: str,
    lines: pl.Series,
    notations: Mapping[str, Notation],
) -> pl.DataFrame:
    """The rows that fit the notation that most of them do; the others are set aside. Raises FileError."""
    assert member.rejects is not None
    tried = []
    for notation in notations.values():
        bad = member.rejects.apart()
        tried.append((typed(texts(notation), fields, notation, where, lines, bad), bad))
    (frame, bad), *others = sorted(tried, key=lambda one: len(one[1]))
    if any(len(rest) == len(bad) for _, rest in others):
        raise FileError(f"{member.name} can be read as {' and as '.join(notations)}: fetch it with pyb3")
    member.rejects.take(bad)
    return frame


def _exact(text: str) -> Decimal:
    try:
        number = Decimal(text)
    except InvalidOperation as error:
        raise ValueError(f"{text[:40]} is no number") from error
    if len(text) > MAX_DIGITS or abs(number.adjusted()) > MAX_DIGITS:
        raise ValueError(f"{text[:40]} is no number of B3's")
    return number


def _no_number(text: str) -> Any:
    raise ValueError(f"{text} is no number")


def _object_of_distinct_names(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"an object names {twice[:40]!r} twice")
    return found

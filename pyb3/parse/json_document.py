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
from .rejects import LINE, Rejects
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
        elif member.rejects.strict:
            raise no_list
        else:
            member.rejects.add(number, "it is not an object", record=shown(record))
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

    `texts` gives the columns in a notation; `where` and `lines` are for messages. What fits no language is set aside,
    by the language that was asked for, else by the one that most rows fit; but a value that another language would read
    shows that the file mixes them, and one value may be wrong unseen. Raises FieldInvalid, and FileError where the file
    is in another language than asked, mixes two, or where both would do and mean different values.
    """
    asked, name, fields = member.asked.get("language"), member.name, list(fields)
    if asked is not None and asked not in NOTATIONS:
        raise FileError(f"{name} was asked for in {asked!r}, which is neither of {', '.join(NOTATIONS)}")
    read: dict[str, tuple[pl.DataFrame, Rejects]] = {}
    for language, notation in sorted(NOTATIONS.items(), key=lambda item: item[0] != asked):
        tried = Rejects(member.rejects.file)
        tried.text = member.rejects.text
        read[language] = typed(texts(notation), fields, notation, where, lines, tried), tried
        if asked in read and not read[language][1].partial:
            break
    odd = {language: len(tried) for language, (_, tried) in read.items()}
    fitting = [language for language, count in odd.items() if not count]
    if asked is not None and asked not in fitting and fitting:
        raise FileError(f"{name} is written in {', '.join(fitting)}, but B3 was asked for {asked}")
    best = asked or min(odd, key=lambda language: odd[language])
    frame, tried = read[best]
    for other, (theirs, _) in read.items() if asked is None else ():
        if other != best and odd[other] == odd[best] and not theirs.equals(frame):
            raise FileError(
                f"{name} can be read as {' and as '.join(read)}, with different values: download it with pyb3"
            )
    if odd[best]:
        _refuse_mixture(name, texts, fields, where, lines, best, tried)
    if member.rejects.strict:
        typed(texts(NOTATIONS[best]), fields, NOTATIONS[best], where, lines, member.rejects)
    member.rejects.take(tried)
    return frame


def _refuse_mixture(
    name: str,
    texts: Callable[[Notation], pl.DataFrame],
    fields: Sequence[Field],
    where: str,
    lines: pl.Series,
    language: str,
    tried: Rejects,
) -> None:
    """Raise FileError where a value that does not fit its language fits another one."""
    odd = {(record.line, record.field) for record in tried.records}
    for other, notation in NOTATIONS.items():
        if other == language:
            continue
        text = texts(notation)
        for field in fields:
            rows = pl.Series([(line, field.b3) in odd for line in lines], dtype=pl.Boolean)
            part = text.select(field.name).filter(rows)
            numbers = lines.filter(rows)
            read = typed(part, [field], notation, where, numbers, Rejects())
            for line in read.filter(pl.col(field.name).is_not_null())[LINE]:
                written = part[field.name][int(numbers.index_of(line) or 0)]
                expected = f"in {language} as the other values: it is in {other}"
                raise FieldInvalid(where, line, field.b3, written, expected)


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

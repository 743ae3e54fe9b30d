"""Does B3's own list of tables still name those that the templates ask for?"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

from ..errors import NotPublished, SourceError
from ..fetch import record
from ..fetch.peek import peek
from ..fetch.request import Request
from ..template import Source
from .examination import Examination
from .finding import Finding, failed, ok, skipped, warning

_SIZE = 4 << 20  # bytes; it lists 69 tables
_MOVED = "B3 has renamed, moved or closed the table: look for a newer PyB3, and report it"


def check(examination: Examination) -> Iterator[Finding]:
    """One line a table: it is listed, or it is not, and then what is listed under a name like it.

    Each list is asked for once, however many tables are looked for in it.
    """
    if examination.offline:
        yield skipped("every table", "--offline")
        return
    lists: dict[str, _Listed | Finding] = {}
    for dataset in examination.datasets:
        for source in dataset.template.sources:
            if not source.catalogue:
                continue
            subject = f"{dataset.name} {source.name}"
            if not examination.reached(source):
                yield skipped(subject, f"{examination.address(source)} is not reached")
                continue
            if source.catalogue not in lists:
                lists[source.catalogue] = _asked(examination, source)
            listed = lists[source.catalogue]
            yield (
                replace(listed, subject=subject) if isinstance(listed, Finding) else _looked_up(listed, source, subject)
            )


@dataclass(frozen=True, slots=True)
class _Listed:
    """B3's tables as it lists them, and the address that a redirect led to, "" without one."""

    tables: list[dict[str, Any]]
    moved: str


def _asked(examination: Examination, source: Source) -> _Listed | Finding:
    """The list that a source's table is in, or what is wrong with it."""
    asked = Request(source.name, "", "get", source.catalogue, "classifications.json", "json")
    try:
        with record.into(examination.recording, record.name("catalogue", asked)):
            answer = peek(asked, _SIZE)
        listed = list(_objects(json.loads(answer.data)))
    except (SourceError, NotPublished) as error:
        return warning("", f"B3's list of tables does not answer: {error.args[0]}", "ask again later")
    except (ValueError, RecursionError):
        return warning("", f"{source.catalogue} answers no JSON", "report it: B3's list of tables may have moved")
    if not any(_texts(one) for one in listed):
        return warning("", f"{source.catalogue} lists nothing", "report it: B3's list of tables may have moved")
    return _Listed(listed, answer.moved)


def _looked_up(listed: _Listed, source: Source, subject: str) -> Finding:
    table = str((source.payload or {}).get("Name", source.name))
    names = {name for one in listed.tables for name in _texts(one)}
    if table not in names:
        like = difflib.get_close_matches(table, sorted(names), n=3)
        instead = f"; it names {', '.join(like)}" if like else ""
        return failed(subject, SourceError(f"B3's list of tables does not name {table}{instead}"), _MOVED)
    own = next(one for one in listed.tables if table in _texts(one))
    limits = [limit for one in _objects(own) if isinstance(limit := one.get("limitDate"), str) and limit]
    words = f"B3 lists the table {table}" + (f", which reaches back to {limits[0]}" if limits else "")
    if listed.moved:
        return warning(subject, f"{words}, but {source.catalogue} leads to {listed.moved}", _MOVED)
    return ok(subject, words)


def _texts(one: dict[str, Any]) -> set[str]:
    """An object's texts; B3 writes blanks behind some names."""
    return {text.strip() for text in one.values() if isinstance(text, str)}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, however deep: how B3 nests its list is written down nowhere."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(below)

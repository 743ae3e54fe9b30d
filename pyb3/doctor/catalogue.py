"""Does B3's own list of tables still name those that the templates ask for?"""

from __future__ import annotations

import difflib
import json
from collections.abc import Iterator
from typing import Any

from ..datasets.base import Dataset
from ..errors import NotPublished, SourceError
from ..fetch.peek import peek
from ..fetch.request import Request
from ..template import Source
from .examination import Examination
from .finding import Finding, failed, ok, skipped, warning

_SIZE = 4 << 20  # bytes; it lists 69 tables
_MOVED = "B3 has renamed, moved or closed the table: look for a newer PyB3, and report it"


def check(examination: Examination) -> Iterator[Finding]:
    """One line a table: it is listed, or it is not, and then what is listed under a name like it."""
    if examination.offline:
        yield skipped("every table", "--offline")
        return
    for dataset in examination.datasets:
        for source in dataset.template.sources:
            if source.catalogue:
                yield _looked_up(examination, dataset, source)


def _looked_up(examination: Examination, dataset: Dataset, source: Source) -> Finding:
    table, subject = str((source.payload or {}).get("Name", source.name)), f"{dataset.name} {source.name}"
    if not examination.reached(source):
        return skipped(subject, f"{examination.address(source)} is not reached")
    asked = Request(source.name, "", "get", source.catalogue, "classifications.json", "json")
    try:
        listed = list(_objects(json.loads(peek(asked, _SIZE).data)))
    except (SourceError, NotPublished) as error:
        return warning(subject, f"B3's list of tables does not answer: {error.args[0]}", "ask again later")
    except (ValueError, RecursionError):
        return warning(subject, f"{source.catalogue} answers no JSON", "report it: B3's list of tables may have moved")
    names = {name for one in listed for name in _texts(one)}
    if not names:
        return warning(subject, f"{source.catalogue} lists nothing", "report it: B3's list of tables may have moved")
    if table not in names:
        like = difflib.get_close_matches(table, sorted(names), n=3)
        instead = f"; it names {', '.join(like)}" if like else ""
        return failed(subject, SourceError(f"B3's list of tables does not name {table}{instead}"), _MOVED)
    own = next(one for one in listed if table in _texts(one))
    limits = [limit for one in _objects(own) if isinstance(limit := one.get("limitDate"), str) and limit]
    return ok(subject, f"B3 lists the table {table}" + (f", which reaches back to {limits[0]}" if limits else ""))


def _texts(one: dict[str, Any]) -> set[str]:
    """An object's texts; B3 writes blanks behind some names."""
    return {text.strip() for text in one.values() if isinstance(text, str)}


def _objects(value: Any) -> Iterator[dict[str, Any]]:
    """Every object in a document, however deep: how B3 nests its list is written down nowhere."""
    if isinstance(value, dict):
        yield value
    for below in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _objects(below)

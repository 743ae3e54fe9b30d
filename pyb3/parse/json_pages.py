"""A list that B3 answered in several pages: its documents one after another in a file, read as one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from ..errors import FileError

_BETWEEN = " \t\r\n"
_BOM = "\xef\xbb\xbf"  # as Latin-1 reads it


def parts(data: bytes) -> list[bytes]:
    """The bytes of each document. Raises ValueError where what follows one is no document."""
    text = data.decode("latin-1")  # a character a byte
    decoder, found, at = json.JSONDecoder(), list[bytes](), 0
    while (start := _next(text, at)) < len(text):
        _, end = decoder.raw_decode(text, start)
        found.append(data[start:end])
        at = end
    return found


def _next(text: str, at: int) -> int:
    while at < len(text) and (text[at] in _BETWEEN or text.startswith(_BOM, at)):
        at += 1 if text[at] in _BETWEEN else len(_BOM)
    return at


def joined(name: str, documents: Sequence[Any]) -> Mapping[str, Any]:
    """The pages of one answer as one document: the first one's header, and the results of all.

    Where pages are missing at the end, `totalPages` stays as it is; else it becomes 1. Raises FileError where they are
    not pages 1, 2, ... of one answer.
    """
    for document in documents:
        if not isinstance(document, dict) or not isinstance(document.get("page"), dict):
            raise FileError(f"{name} holds several JSON documents, which are not the pages of one list")
        if not isinstance(document.get("results"), list):
            raise FileError(f"{name} holds a page without a list of objects named 'results'")
    first, numbers = documents[0], [document["page"].get("pageNumber") for document in documents]
    if numbers != list(range(1, len(documents) + 1)):
        raise FileError(f"{name} holds the pages {', '.join(map(str, numbers))}, which are not 1, 2, ... in order")
    for what in ("totalRecords", "totalPages"):
        said = [document["page"].get(what) for document in documents]
        if any(value != said[0] for value in said):
            raise FileError(f"{name} holds pages of two answers: their {what} is {' and '.join(map(str, said))}")
    if any(document.get("header") != first.get("header") for document in documents):
        raise FileError(f"{name} holds pages of two answers: their headers differ")
    pages = first["page"].get("totalPages")
    if pages in range(1, len(documents)):
        raise FileError(f"{name} holds {len(documents)} pages, its totalPages says {pages}")
    results = [record for document in documents for record in document["results"]]
    page = first["page"] if pages != len(documents) else {**first["page"], "totalPages": 1}
    return {**first, "page": page, "results": results}

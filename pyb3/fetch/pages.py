"""Lists that B3 counts: asked page by page, and compared with the number of rows that B3 says there are."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import httpx

from ..errors import NotPublished, SourceError
from ..signature import HEAD
from . import client
from .request import Request

_MOST_PAGES = 100  # the longest portfolio seen has 117 members, the list of papers 660
_MOST_BYTES = 16 << 20  # what the reader of such a file takes
_BOM = b"\xef\xbb\xbf"


@dataclass(frozen=True, slots=True)
class Answer:
    """B3's documents as they came, one after another with a line end between them, and the first one's response."""

    data: bytes
    response: httpx.Response


@dataclass(frozen=True, slots=True)
class _Page:
    data: bytes
    response: httpx.Response
    rows: int
    total: int
    pages: int


def fetched(request: Request, *, patient: bool = True) -> Answer:
    """All pages of a list. Raises NotPublished where B3 lists nothing, SourceError where rows are missing."""
    return client.persist(request, lambda: _all(request, patient), patient=patient)


def _all(request: Request, patient: bool) -> Answer:
    first = _page(request, 1, patient)
    found = [first, *(_page(request, number, patient) for number in range(2, first.pages + 1))]
    rows = sum(page.rows for page in found)
    if {page.total for page in found} != {rows} or {page.pages for page in found} != {first.pages}:
        raise client.WorthAnotherTry(
            f"the answer has {rows:,} rows in {_pages(len(found))}, its totalRecords says "
            + " and ".join(f"{total:,}" for total in sorted({page.total for page in found}))
        )
    data = b"\n".join(page.data for page in found)
    if len(data) > _MOST_BYTES:
        raise SourceError(f"{request.url}: the answer is larger than {_MOST_BYTES >> 20} MiB")
    return Answer(data, first.response)


def _page(request: Request, number: int, patient: bool) -> _Page:
    """One page; asked for again by itself where that may help."""
    asked = replace(request, dated="")  # an answer without rows may bear no date: its total is looked at first
    if request.paged:
        asked = replace(asked, payload={**(request.payload or {}), "pageNumber": number})

    def once() -> _Page:
        with client.answer(asked) as response:
            data = b"".join(client.blocks(asked, response))
        return _read(request, number, data, response)

    return client.persist(asked, once, patient=patient)


def _read(request: Request, number: int, data: bytes, response: httpx.Response) -> _Page:
    """What a page says of itself. Raises NotPublished, SourceError and what is worth another try."""
    document = _document(data)
    listed, said = document.get("results"), document.get("page")
    said = said if isinstance(said, dict) else {}
    rows = len(listed) if isinstance(listed, list) else 0
    total, pages = said.get("totalRecords"), said.get("totalPages")
    if total is None and (request.paged or not rows):
        # Seen in 2026 on the same host above about 120 rows a page: 200, no rows, and null for a total.
        size = (request.payload or {}).get("pageSize")
        refused = f"B3 refuses the page size of {size}" if request.paged else "B3 refuses to list all at once"
        raise client.WorthAnotherTry(f"{refused}: totalRecords is null and the page has {rows:,} rows")
    if total == 0 and not rows:
        raise NotPublished(f"{request.url}: B3 has nothing for {json.dumps(request.payload)}")
    if request.dated and not re.search(request.dated, data[:HEAD].decode("latin-1")):
        raise NotPublished(f"{request.url}: B3 shows another day")
    if not request.paged:  # an answer that is not asked for in pages need not count them
        return _Page(data, response, rows, rows if total is None else _count(request, total, "totalRecords"), 1)
    total = _count(request, total, "totalRecords")
    pages = 1 if rows == total and number == 1 else _count(request, pages, "totalPages")
    if pages > _MOST_PAGES:
        raise SourceError(f"{request.url}: B3 announces {pages:,} pages, too many for a list of its indexes")
    if not rows:
        raise client.WorthAnotherTry(f"page {number} of {pages} is empty")
    if (shown := said.get("pageNumber", number)) != number:
        raise client.WorthAnotherTry(f"B3 answered page {shown} where page {number} was asked for")
    return _Page(data, response, rows, total, pages)


def _document(data: bytes) -> Mapping[str, Any]:
    try:
        document = json.loads(data.removeprefix(_BOM).decode("latin-1"))  # names and numbers are ASCII
    except (ValueError, RecursionError) as error:
        raise client.WorthAnotherTry(
            "the answer is no whole JSON: cut on its way, or not what was asked for"
        ) from error
    if not isinstance(document, dict):
        raise client.WorthAnotherTry("the answer is no JSON object")
    return document


def _count(request: Request, value: Any, name: str) -> int:
    if type(value) is not int or value < 0:
        raise SourceError(f"{request.url}: the answer's {name} is {value!r}, which is no number of rows or pages")
    return value


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count:,} pages"

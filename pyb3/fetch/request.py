"""What to ask B3 for: one request from a template's source, a unit, and an item."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from .. import calendar
from ..template import Source
from ..unit import Unit


@dataclass(frozen=True, slots=True)
class Request:
    """One question to B3, and the name its answer is kept under.

    `form` is how B3 wants to be asked: `get`, `token` (ask for a token, then for the file), `post` (JSON) or
    `base64` (JSON in the path). An answer that matches `absent` is not kept: B3 has no final file yet; nor is one that
    does not match `dated`: it is neither of that day nor of the session to come; nor one that matches `empty`: B3
    keeps the last `keeps` days, and shows no row. `always_200` and `counted` are the source's.
    """

    source: str
    item: str
    form: str
    url: str
    file: str
    container: str
    payload: Mapping[str, Any] | None = None
    absent: str = ""
    dated: str = ""
    empty: str = ""
    keeps: int = 0
    always_200: bool = False
    counted: bool = False

    @property
    def paged(self) -> bool:
        """Whether it asks for one page of a list."""
        return self.counted and "pageNumber" in (self.payload or {})

    @property
    def address(self) -> str:
        """The URL, with the payload where its form puts it."""
        if self.form == "base64":
            compact = json.dumps(self.payload, separators=(",", ":"))
            return self.url + base64.b64encode(compact.encode()).decode()
        return self.url


def request(source: Source, unit: Unit, item: str = "") -> Request:
    """The request for the source's file that holds a unit (and an item, where it is asked once for each)."""
    values: dict[str, Any] = {"date": source.covering(unit), "item": item}

    def filled(value: Any, values: Mapping[str, Any] = values) -> Any:
        if not isinstance(value, str):
            return value
        text = value.format(**values)
        return int(text) if value == "{date:%Y}" else text  # B3 wants the year as a number

    following = calendar.next_session(values["date"] + timedelta(1)) if source.dated else values["date"]
    dated = [filled(source.dated)]
    if following > calendar.today():  # a page of what is valid for a day may turn in the evening before
        dated.append(filled(source.dated, {**values, "date": following}))
    payload = None if source.payload is None else {name: filled(value) for name, value in source.payload.items()}
    return Request(
        source=source.name,
        item=item,
        form=source.request,
        url=filled(source.url),
        file=filled(source.file),
        container=source.container,
        payload=payload,
        absent=source.absent,
        dated="|".join(filter(None, dated)),
        empty=source.empty,
        keeps=source.keeps,
        always_200=source.always_200,
        counted=source.counted,
    )

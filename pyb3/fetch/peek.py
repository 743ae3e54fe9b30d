"""Look at B3 without keeping anything: the beginning of an answer, and the greeting of a host."""

from __future__ import annotations

import hashlib
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any

import httpx

from ..errors import SourceError
from . import client, pages, tls
from .download import facts
from .http_date import http_date
from .request import Request

_SECONDS = 15.0  # a greeting is small


@dataclass(frozen=True, slots=True)
class Beginning:
    """The first bytes of an answer, all of them where `whole`.

    `moved` is the address that a redirect led to, "" without one; `known` is what a sidecar would say.
    """

    data: bytes
    whole: bool
    moved: str
    known: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Greeting:
    """How a host is reached, and what time it is there.

    `tls` is the version spoken, "" without TLS; `until` the last day of its certificate; `completed` whether it
    left certificates out of its chain; `ahead` how much its clock is ahead of ours, None where it does not say.
    """

    tls: str
    until: date | None
    completed: bool
    ahead: timedelta | None


def peek(request: Request, limit: int) -> Beginning:
    """The first bytes of an answer, `limit` or a little more.

    Raises NotPublished or SourceError as a download does, but does not wait for minutes where B3 refuses.
    """

    if request.counted:  # pages, each of them small
        found = pages.fetched(request, patient=False)
        known = facts(request, found.response, hashlib.sha256(found.data).hexdigest(), len(found.data))
        return Beginning(
            found.data, len(found.data) < limit, str(found.response.url) if found.response.history else "", known
        )

    def once() -> Beginning:
        data, whole = b"", True
        with client.answer(request) as response:
            for block in client.blocks(request, response):
                data += block
                if len(data) >= limit:
                    whole = False
                    break
            known = facts(request, response, hashlib.sha256(data).hexdigest(), len(data))
        return Beginning(data, whole, str(response.url) if response.history else "", known)

    return client.persist(request, once, patient=False)


def greet(address: str) -> Greeting:
    """Ask a host, once, for its headers alone. Raises SourceError where it is not reached or not verified."""
    context = tls.context()  # of its own: the one that files are asked with may be completed by now
    try:
        try:
            return _greeting(address, context)
        except httpx.ConnectError as error:
            if "CERTIFICATE_VERIFY_FAILED" not in str(error):
                raise
        return tls.verified(context, lambda: _greeting(address, context, completed=True))
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{httpx.URL(address).host}: {str(error) or type(error).__name__}") from error


def _greeting(address: str, context: ssl.SSLContext, completed: bool = False) -> Greeting:
    with httpx.Client(headers=client.HEADERS, verify=context, timeout=_SECONDS) as http:
        asked = datetime.now(UTC)
        with http.stream("HEAD", address) as response:
            middle = asked + (datetime.now(UTC) - asked) / 2
            secured = response.extensions["network_stream"].get_extra_info("ssl_object")
            version, until = (str(secured.version()), _until(secured)) if secured else ("", None)
    there = _time(response)
    return Greeting(version, until, completed, None if there is None else there - middle)


def _until(secured: ssl.SSLObject) -> date | None:
    seconds = ssl.cert_time_to_seconds(str((secured.getpeercert() or {})["notAfter"]))
    return datetime.fromtimestamp(seconds, UTC).date()


def _time(response: httpx.Response) -> datetime | None:
    """What time it is there: the answer's Date and, where a cache on the way kept it for a while, its Age."""
    age = response.headers.get("Age", "0")
    there = http_date(response.headers.get("Date", ""))
    return there and there + timedelta(seconds=int(age) if age.isdecimal() else 0)

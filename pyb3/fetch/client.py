"""Ask B3: as its front ends want to be asked, and again where that may help."""

from __future__ import annotations

import json
import logging
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit

import httpx
import stamina

from .. import settings
from ..errors import NotPublished, SourceError
from ..signature import HEAD, empty_table, is_empty_zip, is_html
from . import record, tls
from .gate import gate
from .http_date import http_date
from .request import Request

# B3's front ends answer bare clients with 400 or 403.
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "*/*",
    "Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8",
}
_TIMEOUT = httpx.Timeout(30, read=90)  # pesquisapregao takes about 20 s to answer
# 403 is how arquivos says "too often", 499 its gateway's end of a wait; 520 to 530 are Cloudflare's, in front of B3.
_RETRIED_STATUS = frozenset({403, 408, 429, 499, 500, 502, 503, 504, *range(520, 528), 530})
# Seconds before the second, third, ... try where B3 refuses for a while: it blocks an address for some minutes (2026).
_WAITS = (5.0, 20.0, 60.0, 120.0)
_BLOCKED = "B3 may have blocked this address for some minutes: ask again later"
_B3 = ("b3.com.br", "bmfbovespa.com.br")
MAX_DOWNLOAD = 1 << 30
_MAX_TOKEN = 64 << 10
_T = TypeVar("_T")
_log = logging.getLogger("pyb3")


class WorthAnotherTry(Exception):
    """An answer that may be better the next time.

    `wait` are the seconds that B3 asks to wait, None where it does not say; `refusal` whether it refuses to answer for
    a while, `blocked` whether it may have blocked this address.
    """

    def __init__(
        self, message: str, wait: float | None = None, *, refusal: bool = False, blocked: bool = False
    ) -> None:
        super().__init__(message)
        self.wait, self.refusal, self.blocked = wait, refusal or blocked, blocked


def persist(request: Request, once: Callable[[], _T], *, patient: bool = True) -> _T:
    """What `once` makes of the request; it is called again where that may help. Raises SourceError.

    Where B3 refuses for a while, a `patient` one waits for minutes between its tries.
    """
    attempts, host = settings.retries(), urlsplit(request.url).netloc
    door, tries = gate(host), 0

    def backoff(error: Exception) -> bool | float:
        if isinstance(error, WorthAnotherTry):
            if error.wait is not None:
                return min(error.wait, 120.0) or True
            if not (patient and error.refusal and door.patient()):
                return True
            wait = _WAITS[min(tries, len(_WAITS)) - 1]
            said = f"B3 answers {error}" if str(error).startswith("HTTP") else error
            if tries < attempts:
                _log.warning("%s: %s; trying again in %.0f s (try %d of %d)", host, said, wait, tries + 1, attempts)
            return wait
        if isinstance(error, httpx.UnsupportedProtocol):
            return False
        return isinstance(error, httpx.TransportError)

    try:
        for attempt in stamina.retry_context(on=backoff, attempts=attempts, timeout=300, wait_max=60):
            tries = attempt.num
            with attempt:
                made = tls.verified(_shared().context, once)
        door.answers = True
    except WorthAnotherTry as error:
        door.answers = not error.refusal
        blocked = f"; {_BLOCKED}" if error.blocked else ""
        raise SourceError(f"{request.url}: {error} (after {tries} tries){blocked}") from error
    except httpx.TransportError as error:
        raise SourceError(f"{host}: {str(error) or type(error).__name__} (after {tries} tries)") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{request.url}: {error}") from error
    return made


def _retry_after(response: httpx.Response) -> float | None:
    """Seconds that B3 asks to wait, None where it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    until = http_date(value)
    return None if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())


class _Client:
    """The process's one client: kept-alive connections, verified TLS."""

    def __init__(self) -> None:
        self.context = tls.context()
        self.http = httpx.Client(
            headers=HEADERS,
            timeout=_TIMEOUT,
            verify=self.context,
            follow_redirects=True,
            max_redirects=5,
            event_hooks={"response": [_refuse_stray_redirect]},
        )

    @contextmanager
    def stream(self, method: str, url: str, **options: Any) -> Iterator[httpx.Response]:
        parts = urlsplit(url)
        referer = {"Referer": f"{parts.scheme}://{parts.netloc}/"}  # arquivos answers nobody without one
        with gate(parts.netloc).turn(), record.watched(method, url, options.get("json")) as begin:
            with self.http.stream(method, _address(url), headers=referer, **options) as response:
                begin(response)
                yield response


_making = threading.Lock()  # `cache` alone lets two threads make two clients


@cache
def _client() -> _Client:
    return _Client()


def _shared() -> _Client:
    with _making:
        return _client()


def _address(url: str) -> str:
    """The URL to ask: B3's own, or the mirror's when PYB3_MIRROR is set."""
    mirror = settings.mirror()
    if mirror is None:
        return url
    parts = urlsplit(url)
    return f"{mirror}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def _refuse_stray_redirect(response: httpx.Response) -> None:
    """B3 sends nobody to another firm's host, to a private address, or from https to http."""
    if not response.has_redirect_location:
        return
    source = response.request.url
    try:
        target = source.join(response.headers["Location"])  # httpx makes the next request after this
    except httpx.InvalidURL:
        return  # which httpx refuses by itself
    same = (target.host, target.port) == (source.host, source.port)
    known = any(target.host == name or target.host.endswith("." + name) for name in _B3)
    if target.scheme not in ("http", "https") or (source.scheme, target.scheme) == ("https", "http"):
        raise SourceError(f"{source}: B3 redirects to {target.scheme}:, which is not followed")
    if not same and not known:
        raise SourceError(f"{source}: B3 redirects to {target.host}, which is none of its hosts")


@contextmanager
def answer(request: Request) -> Iterator[httpx.Response]:
    """B3's answer, its status checked and its body to be read. For `persist`: raises what is worth another try."""
    method, options = "GET", {}
    address = request.address
    if request.form == "post":
        method, options = "POST", {"json": dict(request.payload or {})}
    elif request.form == "token":
        address = _token_address(request)
    with _shared().stream(method, address, **options) as response:
        _check_status(request, response)
        yield response


def blocks(request: Request, response: httpx.Response) -> Iterator[bytes]:
    """The answer's body, of which the first block tells whether it is a file at all. For `persist`, as `answer`."""
    size = 0
    for block in response.iter_bytes(1 << 20):
        if size == 0:
            _refuse_what_is_no_file(request, response, block)
        size += len(block)
        if size > MAX_DOWNLOAD:
            raise SourceError(f"{request.url}: the answer is larger than {MAX_DOWNLOAD >> 20:,} MiB")
        yield block
    if size == 0:
        _empty(request)


def _token_address(request: Request) -> str:
    """arquivos.b3.com.br gives a token for a file, and the file for the token."""
    with _shared().stream("GET", request.url) as response:
        if response.status_code == 400:
            raise NotPublished(f"{request.url}: B3 has no such file (400)")
        _check_status(request, response)
        body = next(response.iter_bytes(_MAX_TOKEN), b"")
    if not body.strip():
        _empty(request)
    if is_html(body):
        raise WorthAnotherTry("B3 answered with an HTML page instead of a token", refusal=True)
    try:
        token = json.loads(body).get("token")
    except (ValueError, AttributeError, RecursionError) as error:
        raise SourceError(f"{request.url}: the answer is not the JSON with a token that was expected") from error
    if not token:
        raise NotPublished(f"{request.url}: B3 has not published the file yet")
    parts = urlsplit(request.url)
    # Without the slash before the question mark B3 answers a consent page, with 200.
    return f"{parts.scheme}://{parts.netloc}/api/download/?token={quote(str(token), safe='')}"


def _check_status(request: Request, response: httpx.Response) -> None:
    status = response.status_code
    if status == 404 and request.always_200:  # Cloudflare answers it now and then (2026)
        raise WorthAnotherTry("HTTP 404, where B3 answers 200 also for what it does not have")
    if status == 404:
        raise NotPublished(f"{request.url}: B3 has no such file (404)")
    if status in _RETRIED_STATUS:
        raise WorthAnotherTry(f"HTTP {status}", _retry_after(response), refusal=True, blocked=status in (403, 429))
    if status != 200:
        raise SourceError(f"{request.url}: HTTP {status}")


def _refuse_what_is_no_file(request: Request, response: httpx.Response, block: bytes) -> None:
    if is_html(block):
        page = "B3 answered with an HTML page instead of the file"
        if response.history:  # so it leads to a page that says that another is closed
            raise SourceError(f"{request.url}: {page}, after a redirect to {response.url}")
        raise WorthAnotherTry(page, refusal=True)  # a challenge or a notice, which passes (2026-07-28)
    if is_empty_zip(block):
        raise NotPublished(f"{request.url}: a ZIP without entries, B3 has no file for that day")
    head = block[:HEAD].decode("latin-1")
    if request.absent and (said := re.search(request.absent, head)):
        raise NotPublished(f'{request.url}: B3 has no final file yet, it says "{said[0]}"')
    if request.empty and re.search(request.empty, head):
        raise SourceError(f"{request.url}: {empty_table(request.keeps)}")
    if request.dated and not re.search(request.dated, head):
        raise NotPublished(f"{request.url}: B3 shows another day")


def _empty(request: Request) -> None:
    if request.form == "token":  # a day that B3 no longer keeps
        raise NotPublished(f"{request.url}: B3 gives an empty file")
    if request.form == "base64":  # an index or year that does not exist
        raise NotPublished(f"{request.url}: B3 has nothing for {json.dumps(request.payload)}")
    raise WorthAnotherTry("HTTP 200 with an empty body")  # pesquisapregao, now and then

"""Ask B3, and write the answer into the cache: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import quote, urlsplit
from uuid import uuid4

import httpx
import stamina

from .. import settings
from ..errors import NotPublished, NotWritable, SourceError
from ..file import sidecar
from ..progress import SILENT, Progress
from ..signature import HEAD, is_empty_zip, is_html
from . import tls
from .http_date import http_date
from .inventory import abandoned
from .request import Request

# B3's front ends answer bare clients with 400 or 403.
HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "*/*",
    "Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8",
}
_TIMEOUT = httpx.Timeout(30, read=90)  # pesquisapregao takes about 20 s to answer
_CONNECTIONS = 2  # at once, to one host
_INTERVAL = 0.4  # seconds between two requests to one host
_RETRIED_STATUS = frozenset({403, 408, 429, 500, 502, 503, 504})  # 403: how arquivos says "too often"
_B3 = ("b3.com.br", "bmfbovespa.com.br")
MAX_DOWNLOAD = 1 << 30
_MAX_TOKEN = 64 << 10
_T = TypeVar("_T")


class _Worth(Exception):
    """An answer that may be better the next time."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def download(request: Request, target: Path, progress: Progress = SILENT) -> Path:
    """Fetch into `target`, with a sidecar `target.json`. Raises NotPublished, SourceError or NotWritable."""

    def once() -> None:
        with answer(request) as response:
            _write(request, response, target, progress)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        persist(request, once)
    except OSError as error:  # of files: those of the network are httpx's
        raise NotWritable(f"cannot write to the cache in {target.parent}: {error.strerror}") from error
    return target


@cache  # once a run
def _sweep(folder: Path) -> None:
    for left in abandoned(folder):
        left.unlink(missing_ok=True)


def persist(request: Request, once: Callable[[], _T]) -> _T:
    """What `once` makes of the request; it is called again where that may help. Raises SourceError."""
    attempts, host = settings.retries(), urlsplit(request.url).netloc
    try:
        for attempt in stamina.retry_context(on=_backoff, attempts=attempts, timeout=300, wait_max=60):
            with attempt:
                made = tls.verified(_shared().context, once)
    except _Worth as error:
        raise SourceError(f"{request.url}: {error} (after {attempts} tries)") from error
    except httpx.TransportError as error:
        raise SourceError(f"{host}: {str(error) or type(error).__name__} (after {attempts} tries)") from error
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise SourceError(f"{request.url}: {error}") from error
    return made


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, _Worth):
        return min(error.wait, 120.0) or True
    if isinstance(error, httpx.UnsupportedProtocol):
        return False
    return isinstance(error, httpx.TransportError)


def _retry_after(response: httpx.Response) -> float:
    """Seconds that B3 asks to wait, 0 where it does not say."""
    value = response.headers.get("Retry-After", "").strip()
    if value.isdecimal():
        return float(value)
    until = http_date(value)
    return 0.0 if until is None else max(0.0, (until - datetime.now(UTC)).total_seconds())


class _Host:
    """A host's gate: a few connections at once, and a pause between requests."""

    def __init__(self) -> None:
        self._slots, self._lock, self._next = threading.BoundedSemaphore(_CONNECTIONS), threading.Lock(), 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        with self._slots:
            if settings.mirror() is None:  # a mirror is one's own
                with self._lock:
                    time.sleep(max(0.0, self._next - time.monotonic()))
                    self._next = time.monotonic() + _INTERVAL
            yield


@cache
def _host(name: str) -> _Host:
    return _Host()


_making = threading.Lock()  # `cache` alone lets two threads make two clients, and two gates of a host


def _gate(name: str) -> _Host:
    with _making:
        return _host(name)


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
        with _gate(parts.netloc).turn():
            with self.http.stream(method, _address(url), headers=referer, **options) as response:
                yield response


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
    if response.status_code == 404:
        raise NotPublished(f"{request.url}: B3 has no such file (404)")
    if response.status_code in _RETRIED_STATUS:
        raise _Worth(f"HTTP {response.status_code}", _retry_after(response))
    if response.status_code != 200:
        raise SourceError(f"{request.url}: HTTP {response.status_code}")


def _write(request: Request, response: httpx.Response, target: Path, progress: Progress) -> None:
    part = target.with_name(f".part-{uuid4().hex}")
    beside = sidecar(part)
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() else None
    try:
        digest, size = hashlib.sha256(), 0
        with part.open("xb") as file:
            for block in blocks(request, response):
                digest.update(block)
                size += len(block)
                file.write(block)
                progress.downloaded(target.name, size, total)
        _check_container(request, part)
        known = facts(request, response, digest.hexdigest(), size)
        beside.write_text(json.dumps(known, indent=1))
        # Without its sidecar a file is none of the cache's: a kill between the two leaves nothing that is half new.
        sidecar(target).unlink(missing_ok=True)
        part.replace(target)
        beside.replace(sidecar(target))
    finally:
        part.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)


def facts(request: Request, response: httpx.Response, sha256: str, size: int) -> dict[str, Any]:
    """What a file's sidecar says of it."""
    return {
        "source": request.source,
        "item": request.item,
        "url": request.address,
        "payload": dict(request.payload) if request.payload is not None else None,
        "sha256": sha256,
        "size": size,
        "fetched_at": datetime.now(UTC).isoformat(),
        "headers": dict(response.headers),
    }


def _refuse_what_is_no_file(request: Request, response: httpx.Response, block: bytes) -> None:
    if is_html(block):
        led = f", after a redirect to {response.url}" if response.history else ""
        raise SourceError(f"{request.url}: B3 answered with an HTML page instead of the file{led}")
    if is_empty_zip(block):
        raise NotPublished(f"{request.url}: a ZIP without entries, B3 has no file for that day")
    if request.absent and (said := re.search(request.absent, block[:HEAD].decode("latin-1"))):
        raise NotPublished(f'{request.url}: B3 has no final file yet, it says "{said[0]}"')
    if request.dated and not re.search(request.dated, block[:HEAD].decode("latin-1")):
        raise NotPublished(f"{request.url}: B3 shows another day")


def _empty(request: Request) -> None:
    if request.form == "token":  # a day that B3 no longer keeps
        raise NotPublished(f"{request.url}: B3 gives an empty file")
    if request.form == "base64":  # an index or year that does not exist
        raise NotPublished(f"{request.url}: B3 has nothing for {json.dumps(request.payload)}")
    raise _Worth("HTTP 200 with an empty body")  # pesquisapregao, now and then


def _check_container(request: Request, part: Path) -> None:
    """The current year's ZIP comes as a stream of unknown length: only its directory, at its end, shows a cut."""
    if request.container == "zip" and not zipfile.is_zipfile(part):
        raise _Worth("the answer is no whole ZIP: cut on its way, or not the file that was asked for")
    if request.container == "json" and not _ends_with(part, b"}"):
        raise _Worth("the answer is no whole JSON: cut on its way, or not what was asked for")


def _ends_with(part: Path, mark: bytes) -> bool:
    with part.open("rb") as file:
        file.seek(max(0, part.stat().st_size - HEAD))
        return file.read().rstrip().endswith(mark)

"""Download one file from B3 into the cache, whole or not at all."""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import stamina

from .. import settings
from ..errors import NotPublished, SourceError

# B3's front ends answer bare clients with 400 or 403.
_HEADERS = {
    "User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0",
    "Accept": "*/*",
    "Accept-Language": "pt-BR,pt;q=0.9,en;q=0.8",
}
_TIMEOUT = httpx.Timeout(30, read=90)  # pesquisapregao takes about 20 s to answer
_LIMITS = httpx.Limits(max_connections=2)
MAX_DOWNLOAD = 1 << 30
_RETRIED_STATUS = frozenset({429, 500, 502, 503, 504})


class _Worth(Exception):
    """An answer that may be better the next time."""

    def __init__(self, message: str, wait: float = 0.0) -> None:
        super().__init__(message)
        self.wait = wait


def address(url: str) -> str:
    """The URL to ask: B3's own, or the mirror's when PYB3_MIRROR is set."""
    mirror = settings.mirror()
    if mirror is None:
        return url
    parts = urlsplit(url)
    return f"{mirror}/{parts.netloc}{parts.path}" + (f"?{parts.query}" if parts.query else "")


def download(url: str, target: Path) -> Path:
    """Fetch `url` into `target`, with a sidecar `target.json`. Raises NotPublished or SourceError."""
    target.parent.mkdir(parents=True, exist_ok=True)
    attempts = int(os.environ.get("PYB3_RETRIES") or 5)
    try:
        with httpx.Client(headers=_HEADERS, timeout=_TIMEOUT, limits=_LIMITS, follow_redirects=True) as client:
            for attempt in stamina.retry_context(on=_backoff, attempts=attempts, timeout=300, wait_max=60):
                with attempt:
                    _once(client, url, target)
    except (_Worth, httpx.TransportError) as error:
        raise SourceError(f"{url}: {error or type(error).__name__} (after {attempts} tries)") from error
    except httpx.HTTPError as error:
        raise SourceError(f"{url}: {error}") from error
    return target


def _backoff(error: Exception) -> bool | float:
    if isinstance(error, _Worth):
        return min(error.wait, 120.0) or True
    return isinstance(error, httpx.TransportError)


def _retry_after(response: httpx.Response) -> float:
    value = response.headers.get("Retry-After", "")
    if value.isdigit():
        return float(value)
    try:
        return max(0.0, (parsedate_to_datetime(value) - datetime.now(UTC)).total_seconds())
    except ValueError:
        return 0.0


def _once(client: httpx.Client, url: str, target: Path) -> None:
    with client.stream("GET", address(url)) as response:
        if response.status_code == 404:
            raise NotPublished(f"{url}: B3 has no such file (404)")
        if response.status_code in _RETRIED_STATUS:
            raise _Worth(f"HTTP {response.status_code}", _retry_after(response))
        if response.status_code != 200:
            raise SourceError(f"{url}: HTTP {response.status_code}")
        handle, name = tempfile.mkstemp(dir=target.parent, prefix=".part-")
        part = Path(name)
        try:
            digest, size = hashlib.sha256(), 0
            with os.fdopen(handle, "wb") as file:
                for block in response.iter_bytes(1 << 20):
                    if size == 0:
                        _refuse_html(url, block)
                        if block.startswith(b"PK\x05\x06"):  # pesquisapregao's way to say so
                            raise NotPublished(f"{url}: a ZIP without entries, B3 has no file for that day")
                    digest.update(block)
                    size += len(block)
                    if size > MAX_DOWNLOAD:
                        raise SourceError(f"{url}: the answer is larger than 1 GiB")
                    file.write(block)
            if size == 0:  # pesquisapregao now and then answers 200 with nothing
                raise _Worth("HTTP 200 with an empty body")
            sidecar = {
                "url": url,
                "sha256": digest.hexdigest(),
                "size": size,
                "fetched_at": datetime.now(UTC).isoformat(),
                "headers": dict(response.headers),
            }
            target.with_name(target.name + ".json").write_text(json.dumps(sidecar, indent=1))
            part.replace(target)
        finally:
            part.unlink(missing_ok=True)


def _refuse_html(url: str, block: bytes) -> None:
    if block.lstrip()[:15].lower().startswith((b"<!doctype html", b"<html")):
        raise SourceError(f"{url}: B3 answered with an HTML page instead of the file")

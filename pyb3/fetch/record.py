"""Record B3's answers as they came, as a test set. Nothing of the machine, its user or its settings is written."""

from __future__ import annotations

import hashlib
import json
import re
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import UTC
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from .. import calendar, settings
from ..errors import NotWritable, UsageError
from ..signature import is_html
from .request import Request

INDEX, FILES = "index.jsonl", "files"
MOST_OF_ANSWER = 64 << 20  # bytes; the largest file of one session had 20 MB (2026)
MOST_OF_FOLDER = 2 << 30
_HEAD = 256 << 10  # what is kept of an answer that was not read to its end
_MOST_OF_ERROR = 1 << 20
# What a header may tell of the proxy or the place of whoever asked stays out, and so do cookies.
_HEADERS = frozenset(
    "accept-ranges age allow cache-control cf-cache-status content-disposition content-encoding content-language "
    "content-length content-type date etag expires last-modified location pragma retry-after server "
    "transfer-encoding vary x-aspnet-version x-powered-by".split()
)
_ADDRESS = re.compile(
    rb"\b\d{1,3}(?:\.\d{1,3}){3}\b|(?<![\w:])(?:[0-9a-fA-F]{1,4}:){3,7}(?::?[0-9a-fA-F]{1,4})+(?![\w:])"
)
_KEY = ("about", "method", "url", "payload")
_into: ContextVar[tuple[Recording, str] | None] = ContextVar("recording", default=None)


class Recording:
    """A folder with `index.jsonl`, a line for each answer and for each run, and the answers' bodies in `files`.

    An answer that is the same as the last one to its request adds nothing. `asked` and `added` count the answers of
    this run, `answered` names the files that it got whole. `full` says whether the folder is, and a body was left out.
    """

    def __init__(self, folder: Path) -> None:
        """Open a recording or begin one. Raises UsageError for a folder of other files, and NotWritable."""
        self.folder, self.asked, self.added, self.full = folder, 0, 0, False
        self.answered: set[str] = set()
        self._lock = threading.Lock()
        if folder.exists() and not folder.is_dir():
            raise UsageError(f"{folder} is not a folder")
        try:
            if folder.is_dir() and not (folder / INDEX).exists() and any(folder.iterdir()):
                raise UsageError(f"{folder} has files and is not a recording: name a new or an empty folder")
            (folder / FILES).mkdir(parents=True, exist_ok=True)
            for left in folder.glob(f"{FILES}/.part-*"):
                left.unlink()
            with (folder / INDEX).open("ab") as index:
                if index.tell() and not (folder / INDEX).read_bytes().endswith(b"\n"):
                    index.write(b"\n")  # behind a line that a killed run did not end
            self._size = sum(file.stat().st_size for file in (folder / FILES).iterdir())
        except OSError as error:
            raise NotWritable(f"cannot record in {folder}: {error.strerror}") from error
        self._got: set[str] = set()
        self._last: dict[str, tuple[Any, ...]] = {}
        for line in _lines(folder):
            if "got" in line:
                self._got.add(line["got"])
            elif "method" in line:
                self._last[_key(line)] = _same(line)

    def has(self, about: str) -> bool:
        """Whether a file of that name is recorded whole."""
        return about in self._got

    def got(self, about: str) -> None:
        """Write that a file is recorded whole, and that it is the one that was asked for: not a page of HTML, say."""
        self.answered.add(about)
        if not self.has(about):
            self._got.add(about)
            self._append({"got": about, "at": _now()})

    def run(self, version: str) -> None:
        """Write that a run of that version of PyB3 ended: what it asked and did not write had not changed."""
        self._append({"run": _now(), "pyb3": version, "asked": self.asked, "added": self.added})

    def part(self) -> Path:
        """A name for the body of an answer that is being read."""
        return self.folder / FILES / f".part-{uuid4().hex}"

    def keep(self, line: dict[str, Any], body: bytes | Path) -> None:
        """Write an answer, unless the last one to its request was the same. Raises NotWritable."""
        try:
            data = body.read_bytes() if isinstance(body, Path) else body
            if isinstance(body, Path):
                body.unlink()
            data = _without_addresses(line, data)
            if not line["whole"]:
                data = data[:_HEAD]
            line |= {"size": len(data), "sha256": hashlib.sha256(data).hexdigest()}
            with self._lock:
                self.asked += 1
                if self._last.get(_key(line)) == _same(line):
                    return
                self.added += 1
                line["file"] = self._stored(line["sha256"], data)
                self._last[_key(line)] = _same(line)
            self._append(line)
        except OSError as error:
            raise NotWritable(f"cannot record in {self.folder}: {error.strerror}") from error

    def _stored(self, sha256: str, data: bytes) -> str | None:
        path = self.folder / FILES / sha256[:20]
        if not path.exists():
            if self._size + len(data) > MOST_OF_FOLDER:
                self.full = True
                return None
            self._size += len(data)
            part = self.part()
            part.write_bytes(data)
            part.replace(path)
        return path.name

    def _append(self, line: Mapping[str, Any]) -> None:
        with self._lock, (self.folder / INDEX).open("a", encoding="utf-8") as index:
            index.write(json.dumps(line, ensure_ascii=False) + "\n")


def name(dataset: str, asked: Request) -> str:
    """What a recording calls the file that is asked for."""
    return f"{dataset}/{asked.file}"


def read(folder: Path) -> Iterator[dict[str, Any]]:
    """The answers of a recording in the order in which they came."""
    return (line for line in _lines(folder) if "method" in line)


def _lines(folder: Path) -> Iterator[dict[str, Any]]:
    """The lines of the index; one that a killed run did not end is left out."""
    with (folder / INDEX).open(encoding="utf-8") as index:
        for text in index:
            try:
                yield json.loads(text)
            except ValueError:
                continue


@contextmanager
def into(recording: Recording | None, about: str) -> Iterator[None]:
    """Record what this thread asks B3 for meanwhile; `about` names the file that is wanted."""
    token = _into.set((recording, about) if recording else None)
    try:
        yield
    finally:
        _into.reset(token)


@contextmanager
def watched(method: str, url: str, payload: Any) -> Iterator[Callable[[httpx.Response], None]]:
    """Record one request where this thread records; it yields what is to be called with the response."""
    found = _into.get()
    if found is None:
        yield lambda response: None
        return
    recording, about = found
    exchange = _Exchange(recording, {"at": _now(), "about": about, "method": method, "url": url, "payload": payload})
    try:
        yield exchange.begin
    except httpx.TransportError as error:
        exchange.line["error"] = type(error).__name__
        raise
    finally:
        exchange.end()


class _Exchange:
    """One request that is recorded, from its beginning to the last byte that is read of its answer."""

    def __init__(self, recording: Recording, line: dict[str, Any]) -> None:
        self._recording, self._part, self._size = recording, recording.part(), 0
        self.line = line | {"status": None, "headers": {}, "whole": False}
        self._start = time.perf_counter()

    def begin(self, response: httpx.Response) -> None:
        for hop in response.history:  # a redirect
            told = {"status": hop.status_code, "headers": _headers(hop), "whole": True, "seconds": None}
            self._recording.keep(self.line | told, hop.content)
        told = {"url": _original(str(response.url)), "status": response.status_code, "headers": _headers(response)}
        self.line |= told | {"seconds_to_first_byte": self._seconds()}
        self._stream = response.stream
        response.stream = _Copied(self)
        if response.status_code != 200:  # nobody reads the page of an error
            for _ in response.iter_raw(_HEAD):
                if self._size > _MOST_OF_ERROR:
                    break

    def blocks(self) -> Iterator[bytes]:
        assert isinstance(self._stream, httpx.SyncByteStream)
        with self._part.open("wb") as part:
            for block in self._stream:
                self._size += len(block)
                if self._size <= MOST_OF_ANSWER:
                    part.write(block)
                yield block
        self.line["whole"] = self._size <= MOST_OF_ANSWER

    def close(self) -> None:
        if isinstance(self._stream, httpx.SyncByteStream):
            self._stream.close()

    def end(self) -> None:
        self.line["seconds"] = self._seconds()
        self._recording.keep(self.line, self._part if self._part.exists() else b"")

    def _seconds(self) -> float:
        return round(time.perf_counter() - self._start, 3)


class _Copied(httpx.SyncByteStream):
    """An answer's body as it comes, of which the recording takes a copy."""

    def __init__(self, exchange: _Exchange) -> None:
        self._exchange = exchange

    def __iter__(self) -> Iterator[bytes]:
        yield from self._exchange.blocks()

    def close(self) -> None:
        self._exchange.close()


def _now() -> str:
    return calendar.now().astimezone(UTC).isoformat(timespec="seconds")


def _key(line: Mapping[str, Any]) -> str:
    return json.dumps([line[key] for key in _KEY], sort_keys=True)


def _same(line: Mapping[str, Any]) -> tuple[Any, ...]:
    return line["status"], line.get("error"), line["whole"], line["sha256"]


def _headers(response: httpx.Response) -> dict[str, str]:
    kept = {key.lower(): value for key, value in response.headers.items() if key.lower() in _HEADERS}
    if "location" in kept:
        kept["location"] = _original(kept["location"])
    return kept


def _original(url: str) -> str:
    """B3's own address, also where a mirror was asked."""
    mirror = settings.mirror()
    return "https://" + url[len(mirror) + 1 :] if mirror and url.startswith(f"{mirror}/") else url


def _without_addresses(line: dict[str, Any], data: bytes) -> bytes:
    """A page of HTML without IP addresses: one that refuses shows whom it refuses."""
    coding = line["headers"].get("content-encoding", "")
    plain = data
    if coding in ("gzip", "deflate"):
        try:
            plain = zlib.decompressobj(zlib.MAX_WBITS | 32).decompress(data, MOST_OF_ANSWER)
        except zlib.error:
            plain = data
    kind = line["headers"].get("content-type", "")
    if not (is_html(plain) or "html" in kind or (line["status"] != 200 and "json" in kind)):
        return data
    masked = _ADDRESS.sub(b"0.0.0.0", plain)
    if masked == plain:
        return data
    line["masked"] = True
    for header in ("content-encoding", "content-length"):
        line["headers"].pop(header, None)
    return masked

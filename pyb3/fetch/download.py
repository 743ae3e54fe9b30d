"""Write B3's answer into the cache, with its sidecar: whole or not at all."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Iterable
from datetime import UTC
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

from .. import calendar
from ..errors import NotWritable
from ..file import sidecar
from ..progress import SILENT, Progress
from ..signature import HEAD
from . import client, pages
from .inventory import abandoned
from .request import Request


def download(request: Request, target: Path, progress: Progress = SILENT) -> Path:
    """Fetch into `target`, with a sidecar `target.json`. Raises NotPublished, SourceError or NotWritable."""

    def once() -> None:
        with client.answer(request) as response:
            _write(request, response, client.blocks(request, response), target, progress)

    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        _sweep(target.parent)
        if request.counted:
            found = pages.fetched(request)
            _write(request, found.response, [found.data], target, progress)
        else:
            client.persist(request, once)
    except OSError as error:  # of files: those of the network are httpx's
        raise NotWritable(f"cannot write to the cache in {target.parent}: {error.strerror}") from error
    return target


@cache  # once a run
def _sweep(folder: Path) -> None:
    for left in abandoned(folder):
        left.unlink(missing_ok=True)


def facts(request: Request, response: httpx.Response, sha256: str, size: int) -> dict[str, Any]:
    """What a file's sidecar says of it."""
    return {
        "source": request.source,
        "item": request.item,
        "url": request.address,
        "payload": dict(request.payload) if request.payload is not None else None,
        "sha256": sha256,
        "size": size,
        "fetched_at": calendar.now().astimezone(UTC).isoformat(),
        "headers": dict(response.headers),
    }


def _write(
    request: Request, response: httpx.Response, blocks: Iterable[bytes], target: Path, progress: Progress
) -> None:
    part = target.with_name(f".part-{uuid4().hex}")
    beside = sidecar(part)
    length = response.headers.get("Content-Length", "")
    total = int(length) if length.isdecimal() and not request.counted else None  # of the first page alone
    try:
        digest, size = hashlib.sha256(), 0
        with part.open("xb") as file:
            for block in blocks:
                digest.update(block)
                size += len(block)
                file.write(block)
                progress.downloaded(target.name, size, total)
        _check_container(request, part)
        known = facts(request, response, digest.hexdigest(), size)
        beside.write_text(json.dumps(known, indent=1))
        # Whenever this ends, no file lies beside another one's sidecar, and none without one: such a file would pass
        # for a file at hand. A sidecar alone is nothing.
        target.unlink(missing_ok=True)
        beside.replace(sidecar(target))
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
        beside.unlink(missing_ok=True)


def _check_container(request: Request, part: Path) -> None:
    """The current year's ZIP comes as a stream of unknown length: only its directory, at its end, shows a cut."""
    if request.container == "zip" and not zipfile.is_zipfile(part):
        raise client.WorthAnotherTry("the answer is no whole ZIP: cut on its way, or not the file that was asked for")
    if request.container == "json" and not _ends_with(part, b"}"):
        raise client.WorthAnotherTry("the answer is no whole JSON: cut on its way, or not what was asked for")


def _ends_with(part: Path, mark: bytes) -> bool:
    with part.open("rb") as file:
        file.seek(max(0, part.stat().st_size - HEAD))
        return file.read().rstrip().endswith(mark)

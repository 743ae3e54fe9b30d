"""Open what B3 sends: plain, gzip, ZIP, or a ZIP within a ZIP, as one stream of bytes."""

from __future__ import annotations

import gzip
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, cast

from ..errors import FileError, NotPublished

MAX_UNPACKED = 4 << 30  # COTAHIST of a whole year is 0.6 GB
MAX_NESTED = 512 << 20


class _Limited:
    """A stream that refuses to unpack without end."""

    def __init__(self, stream: IO[bytes], name: str) -> None:
        self._stream, self._name, self._left = stream, name, MAX_UNPACKED

    def read(self, size: int = -1) -> bytes:
        try:
            data = self._stream.read(size)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError) as error:
            raise FileError(f"{self._name} is damaged: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise FileError(f"{self._name} unpacks to more than {MAX_UNPACKED >> 30} GiB")
        return data


@contextmanager
def open_member(path: Path) -> Iterator[tuple[str, _Limited]]:
    """Yield the name and bytes of the file B3 packed in `path`.

    Of several members, the newest name wins: B3 republishes a price report under a longer-growing number.
    Raises FileError when the file is missing, empty, HTML or damaged; NotPublished for a ZIP with no entries.
    """
    try:
        stream: IO[bytes] = path.open("rb")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    name = path.name
    with stream:
        for _ in range(3):
            magic = stream.read(512)
            stream.seek(0)
            if not magic:
                raise FileError(f"{name} is empty")
            if magic.lstrip(b"\xef\xbb\xbf \r\n\t")[:15].lower().startswith((b"<!doctype html", b"<html")):
                raise FileError(f"{name} is an HTML page, not a data file")
            if magic.startswith(b"\x1f\x8b"):
                name, stream = name.removesuffix(".gz"), cast(IO[bytes], gzip.open(stream))
                break
            if not magic.startswith(b"PK"):
                break
            name, stream = _newest_member(stream, name)
            if not name.lower().endswith(".zip"):
                break
        yield name, _Limited(stream, name)


def _newest_member(stream: IO[bytes], name: str) -> tuple[str, IO[bytes]]:
    try:
        archive = zipfile.ZipFile(stream)
        members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda m: m.filename)
        if not members:
            raise NotPublished(f"{name} is a ZIP without entries: B3 has no data for that day")
        newest = members[-1]
        if newest.filename.lower().endswith(".zip") and newest.file_size > MAX_NESTED:
            raise FileError(f"{name} holds an archive of more than {MAX_NESTED >> 20} MiB")
        return newest.filename.rsplit("/", 1)[-1], archive.open(newest)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError) as error:
        raise FileError(f"{name} is not a whole ZIP: {error}") from error

"""Open what B3 sends: plain, gzip, ZIP, ZIP within a ZIP or self-extracting, as one stream of bytes."""

from __future__ import annotations

import gzip
import io
import lzma
import re
import struct
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from ..errors import FileError, NotPublished
from ..signature import HEAD, is_html, is_zip
from .inflate import Inflated
from .rejects import Rejects

MAX_UNPACKED = 4 << 30  # COTAHIST of a whole year is 0.6 GB
MAX_NESTED = 128 << 20  # held in memory; the largest seen has 8 MB
MAX_LEVELS = 3
MAX_DIRECTORY = 16 << 20  # what a ZIP says of its members takes a hundred times its size in memory


class Member:
    """A packed file: its name, its first bytes, and a stream that refuses to unpack without end.

    Readers leave in `notes` what a person should know of the file though it is no error, in `made` when B3 made it, by
    B3's clock, where the file says so, and in `rejects` the records that are wrong. `asked` is what B3 was asked for to
    get it, as far as that is known.
    """

    def __init__(self, stream: IO[bytes], name: str, limit: int = MAX_UNPACKED) -> None:
        self.name = name
        self.notes: list[str] = []
        self.made: datetime | None = None
        self.asked: Mapping[str, Any] = {}
        self.rejects = Rejects(name)
        self._stream, self._limit, self._left = stream, limit, limit
        self.head = self._read(HEAD)
        self._ahead = self.head

    def read(self, size: int = -1) -> bytes:
        """Up to `size` bytes. Raises FileError when the archive is damaged or unpacks to too much."""
        if self._ahead:
            data, self._ahead = (self._ahead, b"") if size < 0 else (self._ahead[:size], self._ahead[size:])
            return data if size >= 0 else data + self._read(-1)
        return self._read(size)

    def _read(self, size: int) -> bytes:
        try:
            data = self._stream.read(min(size, self._left + 1) if size >= 0 else self._left + 1)
        except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, ValueError, EOFError, OSError) as error:
            raise FileError(f"{self.name} is damaged: {error}") from error
        self._left -= len(data)
        if self._left < 0:
            raise FileError(f"{self.name} unpacks to more than {self._limit >> 20:,} MiB")
        return data


@contextmanager
def open_member(path: Path) -> Iterator[Member]:
    """Yield the file B3 packed in `path`.

    Of several members, the newest name wins: B3 republishes a price report under a longer-growing number.
    Raises FileError when the file is missing, empty, HTML or damaged; NotPublished for a ZIP with no entries.
    """
    try:
        stream: IO[bytes] = path.open("rb")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    name = path.name
    with stream:
        for level in range(MAX_LEVELS + 1):
            head = stream.read(512)
            stream.seek(0)
            if not head:
                raise FileError(f"{name} is empty")
            if is_html(head):
                raise FileError(f"{name} is an HTML page, not a data file")
            if head.startswith(b"\x1f\x8b"):
                name, stream = name.removesuffix(".gz"), cast(IO[bytes], gzip.open(stream))
                break
            if not is_zip(head):
                break
            if level == MAX_LEVELS:
                raise FileError(f"{path.name} nests archives more than {MAX_LEVELS} deep")
            name, stream = _newest_member(stream, name)
            if not name.lower().endswith((".zip", ".ex_", ".exe")):
                break
            stream = io.BytesIO(Member(stream, name, MAX_NESTED).read())  # an archive is read from its end
        yield Member(stream, name)


def _newest_member(stream: IO[bytes], name: str) -> tuple[str, IO[bytes]]:
    try:
        archive = zipfile.ZipFile(cast(IO[bytes], _Directory(stream)))
        members = sorted((m for m in archive.infolist() if not m.is_dir()), key=lambda m: m.filename)
        if not members:
            raise NotPublished(f"{name} is a ZIP without entries: B3 has no data for that day")
        newest = members[-1]
        # Only the last part of a member's name is used, and only to tell people: nothing is written by it.
        inner = newest.filename.replace("\\", "/").rsplit("/", 1)[-1]
        if newest.file_size > MAX_UNPACKED:
            raise FileError(f"{inner} unpacks to more than {MAX_UNPACKED >> 20:,} MiB")
        try:
            return inner, _opened(stream, archive, newest)
        except zipfile.BadZipFile:  # behind a Windows stub, an offset may count the stub or not: look for the member
            newest.header_offset = _header_offset(stream, newest)
            return inner, _opened(stream, archive, newest)
    except (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, IndexError, OSError) as error:
        raise FileError(f"{name} is not a whole ZIP: {error}") from error


class _Directory:
    """A ZIP's stream, of which no more is read at once than a directory may have."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream

    def read(self, size: int = -1) -> bytes:
        if size > MAX_DIRECTORY:
            raise zipfile.BadZipFile(f"its directory of entries is larger than {MAX_DIRECTORY >> 20} MiB")
        return self._stream.read(size)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)


def _opened(stream: IO[bytes], archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
    """The member's bytes, after zipfile has found its own header good. Raises as zipfile does."""
    opened = archive.open(member)
    return opened if member.compress_type != zipfile.ZIP_DEFLATED else cast(IO[bytes], Inflated(stream, member))


def _header_offset(stream: IO[bytes], member: zipfile.ZipInfo) -> int:
    """Where a member's own header stands, by its mark and name. Raises BadZipFile."""
    name = member.orig_filename.encode("cp437", "replace")
    header = rb"PK\x03\x04.{22}" + re.escape(struct.pack("<H", len(name))) + rb".." + re.escape(name)
    stream.seek(0)
    if (found := re.search(header, stream.read(MAX_NESTED), re.DOTALL)) is None:
        raise zipfile.BadZipFile(f"{member.filename} is not where the directory says")
    return found.start()

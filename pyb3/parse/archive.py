"""Open what B3 sends: plain, gzip, ZIP, ZIP within a ZIP or self-extracting, as one stream of bytes."""

from __future__ import annotations

import gzip
import hashlib
import io
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, Any, cast

from ..errors import FileError, NotPublished, PyB3Error
from ..file import File, digest
from ..signature import HEAD, is_html, is_zip
from . import zip_entries
from .rejects import Rejects
from .zip_entries import MAX_NESTED, MAX_UNPACKED

MAX_LEVELS = 3
MAX_MEMBERS = 1_000  # files of one archive that are looked at
PEEK = 64 << 10  # bytes that tell which session a file is of


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


@dataclass(frozen=True, slots=True)
class Packed:
    """A file inside an archive: its name there, its size and its first bytes, or why it cannot be read.

    In nested archives the name is a path through them: `IN260922.zip/BVBG.028.02.xml`. It is "" for a file that is in
    no archive, and the size is 0 where the archive does not say it.
    """

    name: str
    head: bytes = b""
    size: int = 0
    error: PyB3Error | None = None


Choose = Callable[[str, Sequence[Packed]], str]
"""Takes an archive's name and the files in it, and gives the name of the one to read."""


def _sole(archive: str, packed: Sequence[Packed]) -> str:
    if len(packed) > 1:
        raise FileError(f"{archive} contains several files: {zip_entries.listed(one.name for one in packed)}")
    return packed[0].name


@contextmanager
def open_member(path: Path, member: str = "", choose: Choose = _sole) -> Iterator[Member]:
    """Yield the file that `path` is, or contains: the one named `member`, the only one, or the one that `choose` names.

    What Windows and macOS add to an archive does not count as a file of it. Raises FileError when the file is missing,
    empty, HTML or damaged, or has no such member; NotPublished for a ZIP with no entries.
    """
    with _opened(path) as stream:
        packed, name = _unpacked(stream, path.name, member, choose)
        yield Member(packed, name)


def members(path: Path) -> list[Packed]:
    """The files that an archive contains, with their first bytes; a file that is no archive is the only one.

    A file in it that cannot be read has an `error`. Raises FileError and NotPublished as `open_member` does, and
    FileError where the archive has more files than MAX_MEMBERS, or archives inside that unpack to more than
    MAX_UNPACKED.
    """
    with _opened(path) as stream:
        return list(_Listing(path.name).files(stream, path.name, "", 0))


def digest_of(file: File) -> str:
    """The SHA-256 of a file's bytes; of a member's own bytes, as unpacked. Raises OSError and FileError."""
    if not file.member:
        return digest(file.path)
    sha256 = hashlib.sha256()
    with open_member(file.path, file.member) as member:
        while data := member.read(1 << 20):
            sha256.update(data)
    return sha256.hexdigest()


@contextmanager
def _opened(path: Path) -> Iterator[IO[bytes]]:
    try:
        stream = path.open("rb")
    except OSError as error:
        raise FileError(f"{path}: {error.strerror}") from error
    with stream:
        if not stream.seekable():  # a pipe, which can be read once alone
            raise FileError(f"{path} is a pipe, not a file: save what it brings, and name the file")
        yield stream


def _unpacked(stream: IO[bytes], outer: str, member: str, choose: Choose) -> tuple[IO[bytes], str]:
    name = outer
    for level in range(MAX_LEVELS + 1):
        if (inner := _not_zipped(stream, name)) is not None:
            if member:
                raise FileError(f"{outer} has no member {member}")
            return inner
        if level == MAX_LEVELS:
            raise FileError(f"{outer} nests archives more than {MAX_LEVELS} deep")
        archive, entries = zip_entries.directory(stream, name)
        if not member and len(entries) > 1:
            member = choose(name, list(_Listing(outer).files(stream, name, "", level)))
        entry = zip_entries.named(entries, member, outer) if member else entries[0]
        member = member[len(entry.filename) + 1 :]
        stream, name = zip_entries.member(stream, archive, entry, name)
        if not zip_entries.is_archive(name):
            return stream, name
        stream = io.BytesIO(Member(stream, name, MAX_NESTED).read())  # an archive is read from its end
    raise AssertionError


class _Unbounded(FileError):
    """An archive has more in it than is looked at."""


class _Listing:
    """Looks at the files of one archive, within bounds for all of them."""

    def __init__(self, archive: str) -> None:
        self._archive = archive
        self._files = self._bytes = 0

    def files(self, stream: IO[bytes], name: str, place: str, level: int) -> Iterator[Packed]:
        """What a stream contains, or the stream itself; `place` is its own name in the outermost archive."""
        if (inner := _not_zipped(stream, name)) is not None:
            yield self._looked_at(place, *inner)
            return
        if level == MAX_LEVELS:
            raise FileError(f"{self._archive} nests archives more than {MAX_LEVELS} deep")
        archive, entries = zip_entries.directory(stream, name)
        self._files += len(entries)
        if self._files > MAX_MEMBERS:
            raise _Unbounded(
                f"{self._archive} contains more than {MAX_MEMBERS:,} files: unpack it, and name the folder"
            )
        for entry in entries:
            where = f"{place}/{entry.filename}" if place else entry.filename
            try:
                packed, inside = zip_entries.member(stream, archive, entry, name)
                if zip_entries.is_archive(inside):
                    yield from list(self.files(self._nested(packed, inside), inside, where, level + 1))
                else:
                    yield self._looked_at(where, packed, inside, entry.file_size)
            except _Unbounded:
                raise
            except (FileError, NotPublished) as error:
                error.__traceback__ = error.__cause__ = error.__context__ = None  # they hold what was read in memory
                yield Packed(where, error=error)

    def _looked_at(self, place: str, stream: IO[bytes], name: str, size: int = 0) -> Packed:
        member, head = Member(stream, name), b""
        while len(head) < PEEK and (data := member.read(PEEK - len(head))):
            head += data
        return Packed(place, head, size)

    def _nested(self, stream: IO[bytes], name: str) -> IO[bytes]:
        data = Member(stream, name, MAX_NESTED).read()
        self._bytes += len(data)
        if self._bytes > MAX_UNPACKED:
            raise _Unbounded(f"{self._archive} contains archives that unpack to more than {MAX_UNPACKED >> 20:,} MiB")
        return io.BytesIO(data)


def _not_zipped(stream: IO[bytes], name: str) -> tuple[IO[bytes], str] | None:
    """A file that is plain or gzip, with its name; None for a ZIP. Raises FileError for what is no data file."""
    stream.seek(0)
    head = stream.read(512)
    stream.seek(0)
    if not head:
        raise FileError(f"{name} is empty")
    if is_html(head):
        raise FileError(f"{name} is an HTML page, not a data file")
    if head.startswith(b"\x1f\x8b"):
        return cast(IO[bytes], gzip.open(stream)), name.removesuffix(".gz")
    return None if is_zip(head) else (stream, name)

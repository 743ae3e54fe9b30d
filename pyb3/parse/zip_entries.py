"""The entries of a ZIP, also behind a Windows stub: which files it has, and the bytes of one."""

from __future__ import annotations

import re
import struct
import zipfile
from collections.abc import Iterable
from typing import IO, Any, cast

from ..errors import FileError, NotPublished, shortened
from .inflate import Inflated

MAX_UNPACKED = 4 << 30  # COTAHIST of a whole year is 0.6 GB
MAX_NESTED = 128 << 20  # held in memory; the largest seen has 8 MB
MAX_DIRECTORY = 16 << 20  # what a ZIP says of its members takes a hundred times its size in memory
_DAMAGES = (zipfile.BadZipFile, NotImplementedError, RuntimeError, ValueError, IndexError, OSError)


def is_archive(name: str) -> bool:
    return name.lower().endswith((".zip", ".ex_", ".exe"))


def _is_litter(name: str) -> bool:
    """Whether an entry is what macOS and Windows add to an archive: no file of anybody's."""
    *folders, last = name.replace("\\", "/").split("/")
    return "__MACOSX" in folders or last.startswith(".") or last.lower() in ("thumbs.db", "desktop.ini")


def directory(stream: IO[bytes], name: str) -> tuple[zipfile.ZipFile, list[zipfile.ZipInfo]]:
    """A ZIP and its files by name, of two with the same name the last. Raises FileError, NotPublished."""
    try:
        archive = zipfile.ZipFile(cast(IO[bytes], _Directory(stream)))
        if not all(entry.filename for entry in archive.infolist()):
            raise zipfile.BadZipFile("an entry has no name")
        entries = {entry.filename: entry for entry in archive.infolist() if not entry.is_dir()}
    except _DAMAGES as error:
        raise FileError(f"{name} is not a whole ZIP: {error}") from error
    if not entries:
        raise NotPublished(f"{name} is a ZIP without entries: B3 has no data for that day")
    files = [entries[one] for one in sorted(entries) if not _is_litter(one)]
    if not files:
        raise FileError(f"{name} contains no data file: {listed(entries)}")
    return archive, files


def named(entries: Iterable[zipfile.ZipInfo], member: str, archive: str) -> zipfile.ZipInfo:
    """The entry of that name, or the archive through which it is reached. Raises FileError."""
    for entry in entries:
        if member == entry.filename or (is_archive(entry.filename) and member.startswith(f"{entry.filename}/")):
            return entry
    raise FileError(f"{archive} has no member {member}")


def member(stream: IO[bytes], archive: zipfile.ZipFile, entry: zipfile.ZipInfo, name: str) -> tuple[IO[bytes], str]:
    """An entry's bytes, and the last part of its name. Raises FileError."""
    # Only the last part of a member's name is used, and only to tell people: nothing is written by it.
    inner = entry.filename.replace("\\", "/").rsplit("/", 1)[-1]
    if entry.file_size > MAX_UNPACKED:
        raise FileError(f"{inner} unpacks to more than {MAX_UNPACKED >> 20:,} MiB")
    try:
        try:
            return _inflated(stream, archive, entry), inner
        except zipfile.BadZipFile:  # behind a Windows stub, an offset may count the stub or not: look for the member
            entry.header_offset = _header_offset(stream, entry)
            return _inflated(stream, archive, entry), inner
    except _DAMAGES as error:
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


def _inflated(stream: IO[bytes], archive: zipfile.ZipFile, member: zipfile.ZipInfo) -> IO[bytes]:
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


def listed(names: Iterable[str], most: int = 5) -> str:
    """Names for a message: the first of them, and how many more there are."""
    first = list(names)
    more = f" and {len(first) - most:,} more" if len(first) > most else ""
    return ", ".join(map(shortened, first[:most])) + more

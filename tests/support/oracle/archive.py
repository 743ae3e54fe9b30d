"""What is packed in a file, by zipfile and gzip."""

from __future__ import annotations

import contextlib
import gzip
import io
import re
import struct
import zipfile
import zlib

from . import Refused, require

LEVELS = 3
_LITTER = re.compile(r"(^|/)__MACOSX/|(^|/)(\.[^/]*|(?i:thumbs\.db|desktop\.ini))$")


def contents(data: bytes, *, by_mark: bool = False) -> dict[str, bytes | None]:
    """Each file by its path through the archives, None for one that cannot be read; "" is a file in no archive.

    Raises Refused. A program's directory may not count its stub: `by_mark`, a member is wherever a header makes its
    checksum right.
    """
    return _contents(data, "", 0, by_mark)


def _contents(data: bytes, place: str, level: int, by_mark: bool) -> dict[str, bytes | None]:
    require(data, "empty")
    require(not re.match(rb"[\xef\xbb\xbf\s]*<(!doctype html|html)", data[:512], re.IGNORECASE), "a page")
    try:
        if data.startswith(b"\x1f\x8b"):
            return {place: gzip.decompress(data)}
    except Exception as error:  # whatever gzip makes of damaged bytes
        raise Refused(f"{type(error).__name__}: {error}") from error
    if not data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"MZ")):
        return {place: data}
    require(level < LEVELS, "too deep")
    try:
        archive = zipfile.ZipFile(io.BytesIO(data))
    except Exception as error:  # whatever zipfile makes of damaged bytes
        raise Refused(f"{type(error).__name__}: {error}") from error
    require(all(entry.filename for entry in archive.infolist()), "an entry without a name")
    names = {entry.filename for entry in archive.infolist() if not entry.is_dir()}
    names = {name for name in names if not _LITTER.search(name.replace("\\", "/"))}
    require(names, "no entries")
    found: dict[str, bytes | None] = {}
    for name in names:
        path = f"{place}/{name}" if place else name
        try:
            read = _read(archive, data, name, by_mark)
            packed = name.lower().endswith((".zip", ".ex_", ".exe"))
            found |= _contents(read, path, level + 1, by_mark) if packed else {path: read}
        except Refused:
            found[path] = None
    return found


def _read(archive: zipfile.ZipFile, data: bytes, name: str, by_mark: bool) -> bytes:
    entry = archive.getinfo(name)
    try:
        read = _marked(archive, data, entry) if by_mark else archive.read(entry)
        if entry.compress_type == zipfile.ZIP_DEFLATED:
            require(_ends(data, entry, read), "an end that zipfile does not look for")
    except Refused:
        raise
    except Exception as error:  # whatever zipfile makes of damaged bytes
        raise Refused(f"{type(error).__name__}: {error}") from error
    return read


def _ends(data: bytes, entry: zipfile.ZipInfo, read: bytes) -> bool:
    """Whether the deflated data end where the directory says: zipfile takes what it wants of longer ones."""
    name, extra = struct.unpack_from("<HH", data, entry.header_offset + 26)
    start = entry.header_offset + 30 + name + extra
    inflating = zlib.decompressobj(-15)
    inflated = inflating.decompress(data[start : start + entry.compress_size], entry.file_size + 1)
    return inflated == read and len(read) == entry.file_size and inflating.eof


def _marked(archive: zipfile.ZipFile, data: bytes, entry: zipfile.ZipInfo) -> bytes:
    for at in [entry.header_offset, *(found.start() for found in re.finditer(rb"PK\x03\x04", data))]:
        entry.header_offset = at
        with contextlib.suppress(Exception):
            return archive.read(entry)
    raise Refused("no header fits the checksum")

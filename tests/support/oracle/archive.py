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


def unpacked(data: bytes, *, by_mark: bool = False) -> bytes:
    """The innermost member whose name comes last. Raises Refused.

    A program's directory may not count its stub: `by_mark`, a member is wherever a header makes its checksum right.
    """
    for level in range(LEVELS + 1):
        require(data, "empty")
        require(not re.match(rb"[\xef\xbb\xbf\s]*<(!doctype html|html)", data[:512], re.IGNORECASE), "a page")
        try:
            if data.startswith(b"\x1f\x8b"):
                return gzip.decompress(data)
            if not data.startswith((b"PK\x03\x04", b"PK\x05\x06", b"MZ")):
                return data
            require(level < LEVELS, "too deep")
            with zipfile.ZipFile(io.BytesIO(data)) as archive:
                entries = [entry for entry in archive.infolist() if not entry.is_dir()]
                require(entries, "no entries")
                name = max(entry.filename for entry in entries)
                entry = archive.getinfo(name)
                read = _marked(archive, data, entry) if by_mark else archive.read(entry)
                if entry.compress_type == zipfile.ZIP_DEFLATED:
                    require(_ends(data, entry, read), "an end that zipfile does not look for")
                data = read
        except Refused:
            raise
        except Exception as error:  # whatever zipfile makes of damaged bytes
            raise Refused(f"{type(error).__name__}: {error}") from error
        if not name.replace("\\", "/").rpartition("/")[2].lower().endswith((".zip", ".ex_", ".exe")):
            return data
    raise AssertionError


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

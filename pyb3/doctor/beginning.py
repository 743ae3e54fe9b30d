"""The first bytes of a packed file, out of the first bytes of its archive: enough to tell what it is."""

from __future__ import annotations

import struct
import zlib

from ..errors import FileError
from ..parse.archive import MAX_LEVELS
from ..signature import is_zip

_LOCAL = b"PK\x03\x04"
_HEADER = struct.Struct("<4s5H3I2H")
_STORED, _DEFLATED = 0, 8
_ENOUGH = 256 << 10


def unpacked(data: bytes, name: str) -> bytes:
    """The beginning of what the archive holds; of a plain file, its own. Raises FileError where it is damaged."""
    for _ in range(MAX_LEVELS):
        if not is_zip(data[:4]):
            break
        data = _first_member(data[max(data.find(_LOCAL), 0) :], name)
    return data


def _first_member(data: bytes, name: str) -> bytes:
    if not data.startswith(_LOCAL) or len(data) < _HEADER.size:
        raise FileError(f"{name} begins as a ZIP, and holds no file")
    _, _, flags, method, _, _, _, size, _, name_size, extra_size = _HEADER.unpack_from(data)
    packed = data[_HEADER.size + name_size + extra_size :]
    if flags & 1 or method not in (_STORED, _DEFLATED):
        raise FileError(f"{name} is packed in a way that B3 has not used")
    if method == _STORED:
        return packed[: min(size or _ENOUGH, _ENOUGH)]  # 0 where it is said only behind the file
    try:
        return zlib.decompressobj(-zlib.MAX_WBITS).decompress(packed, _ENOUGH)
    except zlib.error as error:
        raise FileError(f"{name} is damaged: {error}") from error

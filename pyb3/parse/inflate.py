"""Inflate a ZIP's member with ISA-L, at four times zlib's speed, and check it as zipfile would."""

from __future__ import annotations

import io
import struct
import zipfile
from typing import IO, cast

from isal import igzip_lib, isal_zlib

_READ = 256 << 10
_Damaged = cast(type[Exception], igzip_lib.error)


class Inflated(io.RawIOBase):
    """The bytes of a deflated member whose own header has been found good.

    Raises BadZipFile where the data do not inflate, or differ in size or CRC from what the directory says, and
    EOFError where they end early.
    """

    def __init__(self, stream: IO[bytes], member: zipfile.ZipInfo) -> None:
        stream.seek(member.header_offset + 26)
        name, extra = struct.unpack("<HH", stream.read(4))
        stream.seek(name + extra, io.SEEK_CUR)
        self._stream, self._member = stream, member
        self._packed, self._left, self._crc = member.compress_size, member.file_size, 0
        self._inflate = igzip_lib.IgzipDecompressor(igzip_lib.DECOMP_DEFLATE)

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        parts, wanted = [], size
        while (size < 0 or wanted > 0) and (data := self._some(wanted)):
            parts.append(data)
            wanted -= len(data)
        return b"".join(parts)

    def _some(self, size: int) -> bytes:
        """Up to `size` bytes more, none of them at the end alone."""
        data = b""
        while not data and not self._inflate.eof:
            packed = b""
            if self._inflate.needs_input:
                packed = self._stream.read(min(_READ, self._packed))
                if not packed:
                    raise EOFError(f"the data of {self._member.filename} end early")
                self._packed -= len(packed)
            try:
                data = self._inflate.decompress(packed, size)
            except _Damaged as error:
                raise zipfile.BadZipFile(f"{self._member.filename} does not inflate: {error}") from error
        self._left -= len(data)
        self._crc = isal_zlib.crc32(data, self._crc)
        if self._left < 0 or self._inflate.eof and (self._left or self._crc != self._member.CRC):
            raise zipfile.BadZipFile(f"Bad CRC-32 or size for file {self._member.filename!r}")
        return data

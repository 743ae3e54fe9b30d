"""ZIPs as B3 packs them: one inside another, streamed with the sizes behind the data, or behind a Windows program."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Callable, Iterable
from datetime import date
from typing import IO, Any

EMPTY_ZIP = b"PK\x05\x06" + bytes(18)
# The start of the program in TS190910.ex_, whose ZIP begins at 86,036; nothing here runs.
_DOS = bytes.fromhex("4d5aa100 02000000 20000000 ffff0000 00000000 00000000 40000000 01000000 01").ljust(60, b"\x00")
_DOS += (0x318).to_bytes(4, "little")
STUB = 86_036
# Times of the file to a tenth of a microsecond, as Windows keeps them.
_TIMES = bytes.fromhex("0a002000000000000100 1800") + bytes.fromhex(
    "803690e42668d501 803690e42668d501 5a8a05e52668d501"
)


def _entry(name: str, when: date | None) -> zipfile.ZipInfo:
    """A member with a time that does not depend on the clock, so that the same files give the same ZIP."""
    when = when or date(2024, 1, 2)
    entry = zipfile.ZipInfo(name, (max(1980, when.year), when.month, when.day, 20, 30, 0))
    entry.compress_type = zipfile.ZIP_DEFLATED
    entry.create_system = 0  # MS-DOS, as in B3's own
    return entry


def zipped(name: str, data: bytes, when: date | None = None) -> bytes:
    """A ZIP of one member."""
    return packed({name: data}, when)


def packed(members: dict[str, bytes], when: date | None = None) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name, data in members.items():
            archive.writestr(_entry(name, when), data)
    return buffer.getvalue()


def nested(name: str, members: dict[str, bytes], when: date | None = None) -> bytes:
    """A ZIP that holds a ZIP of its own name that holds the members, as pesquisapregao answers."""
    return zipped(name, packed(members, when), when)


def merged(archives: list[bytes]) -> bytes:
    """One ZIP with the members of several, as pesquisapregao answers for several files at once."""
    members: dict[str, bytes] = {}
    for data in archives:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members |= {name: archive.read(name) for name in archive.namelist()}
    return packed(members)


def self_extracting(member: str, data: bytes, when: date | None = None, *, stub: int = 4096) -> bytes:
    """A program that unpacks itself: a stub with a ZIP behind it, whose offsets count from the program's start."""
    buffer = io.BytesIO(_DOS.ljust(stub, b"\x00"))
    entry = _entry(member, when)
    entry.extra, entry.external_attr = _TIMES, 0x20
    with zipfile.ZipFile(buffer, "a", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr(entry, data)
    return buffer.getvalue()


class _Pipe(io.RawIOBase):
    """A file that cannot be rewound: zipfile then puts sizes behind the data and sets flag bit 3."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file

    def writable(self) -> bool:
        return True

    def write(self, data: Any, /) -> int:
        return self._file.write(data)


def streamed(file: IO[bytes], name: str, chunks: Iterable[bytes], when: date | None = None) -> None:
    """Write a ZIP of one member as it comes, never rewinding."""
    entry = _entry(name, when)
    with zipfile.ZipFile(_Pipe(file), "w", zipfile.ZIP_DEFLATED, compresslevel=3) as archive:
        with archive.open(entry, "w") as member:
            for chunk in chunks:
                member.write(chunk)


def rewritten(data: bytes, change: Callable[[bytes], bytes]) -> bytes:
    """The file with every text in it changed, in however many ZIPs and programs they are packed."""
    start = data.find(b"PK\x03\x04")
    if data[:2] not in (b"PK", b"MZ") or start < 0:
        return change(data)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        members = {entry.filename: rewritten(archive.read(entry), change) for entry in archive.infolist()}
    return data[:start] + packed(members)

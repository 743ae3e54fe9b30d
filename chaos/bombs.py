"""Hostile files: what unpacks without end, climbs out of its folder, or is nested, long or large beyond sense."""

from __future__ import annotations

import io
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.support import generate

from .ground import DAY

_TEN_GB = 10 * 1024**3
COTAHIST = generate.cotahist([DAY], 40)
REPORT = generate.price_report(DAY, 40)
CSV = generate.instruments_consolidated(DAY, 40, 0)
_HEADER = next(line for line in CSV.split(b"\r\n") if b"TckrSymb" in line)
_PAGE = "IndexStatistics_IBOV_2023.json"
PAGE = generate.index_year("IBOV", 2023, DAY, 0, language="en-us")


@dataclass(frozen=True, slots=True)
class Hostile:
    """A file by its dataset and how it is written, and words of the line that it ends in."""

    name: str
    dataset: str
    make: Callable[[Path], object]
    words: str = ""
    file: str = "file.dat"


def files(size: int = _TEN_GB) -> Iterator[Hostile]:
    """Every one; bombs unpack to `size`."""
    yield Hostile("ZIP bomb that tells its size", "cotahist", lambda p: _bomb(p, size, size), "unpacks to more than")
    yield Hostile("ZIP bomb that lies", "cotahist", lambda p: _bomb(p, size, 1 << 20, head=COTAHIST))
    yield Hostile("ZIP bomb in a ZIP", "futures", lambda p: _in_zip(p, size, size), "unpacks to more than")
    yield Hostile(
        "ZIP bomb behind a program", "yield_curves", lambda p: _bomb(p, size, size, before=b"MZ" + bytes(510))
    )
    yield Hostile("gzip bomb", "cotahist", lambda p: p.write_bytes(_gzipped(size)))
    yield Hostile("ZIPs nested 40 deep", "futures", lambda p: p.write_bytes(_nested(REPORT, 40)), "more than 3 deep")
    yield Hostile("a ZIP that holds itself", "futures", lambda p: p.write_bytes(_quine()), "more than 3 deep")
    yield Hostile("a directory without end", "cotahist", _directory, "entries")
    yield Hostile("2,000 files in a ZIP", "cotahist", lambda p: _many(p, 2_000, "x.TXT", b"x"), "more than 1,000 files")
    yield Hostile(
        "large ZIPs side by side in a ZIP",
        "cotahist",
        lambda p: _many(p, 1 + size // (100 << 20), "x.zip", generate.zipped("x.TXT", b""), 100 << 20),
        "archives that unpack to more than",
    )
    for name in ("../../../../tmp/pyb3-was-here", "/tmp/pyb3-was-here", "C:\\pyb3-was-here", "..\\..\\pyb3-was-here"):
        packed = generate.zipped(name, COTAHIST[: 247 * 21])
        yield Hostile(f"member `{name}`", "cotahist", lambda p, packed=packed: p.write_bytes(packed), "pyb3-was-here")
    yield Hostile("a symlink in a ZIP", "cotahist", lambda p: p.write_bytes(_link()), "is no file of cotahist")
    yield Hostile("a tar", "cotahist", lambda p: p.write_bytes(_tar()), "is no file of cotahist")
    for packing, pack in _PACKINGS.items():
        yield from _texts(packing, pack)


_PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda data: data,
    "gzip": lambda data: zlib.compress(data, 1, 31),
    "ZIP": lambda data: generate.zipped("inner.dat", data),
    "ZIP in ZIP": lambda data: generate.nested("inner.zip", {"inner.dat": data}),
    "self-extracting": lambda data: generate.self_extracting("inner.dat", data),
}


def _texts(packing: str, pack: Callable[[bytes], bytes]) -> Iterator[Hostile]:
    """The contents that are hostile in themselves, in one kind of package."""

    def packed(name: str, dataset: str, data: Callable[[], bytes], words: str = "", file: str = "file.dat") -> Hostile:
        return Hostile(f"{name}, {packing}", dataset, lambda p: p.write_bytes(pack(data())), words, file)

    yield packed("entities that expand", "futures", lambda: _declaring(_LAUGHS), "DTD")
    yield packed("an external entity", "futures", lambda: _declaring(_EXTERNAL), "DTD")
    yield packed("tags nested 100,000 deep", "futures", lambda: _inside(b"<a>" * 100_000))
    yield packed("a message without end", "futures", lambda: _inside(b"<a/>" * (4 << 20)))
    yield packed("NUL bytes, fixed width", "cotahist", lambda: _replaced(b"\0" * 12, 12), "NUL")
    yield packed("NUL bytes, CSV", "symbols", lambda: CSV[:-40] + b"\0" * 10 + CSV[-30:])
    yield packed("NUL bytes, XML", "futures", lambda: REPORT[:-200] + b"\0" * 10 + REPORT[-190:])
    yield packed("a number of 10,000 digits, XML", "futures", lambda: _long_number(REPORT, b"</AdjstdQt>"), "AdjstdQt")
    yield packed("a number of 10,000 digits, CSV", "symbols", lambda: _long_field(CSV))
    yield packed(
        "a number of 10,000 digits, JSON",
        "index_historical",
        lambda: PAGE.replace(b'"day":1,', b'"day":' + b"1" * 10_000 + b",", 1),
        "no JSON",
        _PAGE,
    )
    yield packed(
        "JSON nested 100,000 deep",
        "index_historical",
        lambda: b'{"rateValue1":1,"results":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        "nested too deep",
        _PAGE,
    )
    yield packed("3,000,000 columns", "symbols", lambda: CSV.replace(_HEADER, _HEADER + b";x" * 3_000_000, 1))


def lines(size: int = 1 << 30) -> Iterator[Hostile]:
    """A line of `size` bytes in each kind of text, plain and packed."""
    for dataset, head, file in (
        ("cotahist", COTAHIST[:300], "file.dat"),
        ("symbols", CSV[:-20], "file.dat"),
        ("futures", REPORT[:-2_000], "file.dat"),
        ("index_historical", PAGE[:-20], _PAGE),
    ):
        yield Hostile(
            f"a line of {size >> 20:,} MiB, {dataset}", dataset, lambda p, h=head: _line(p, h, size), "", file
        )
        packed = lambda p, h=head: _bomb(p, size, size, head=h, letter=b"a")  # noqa: E731
        yield Hostile(f"a line of {size >> 20:,} MiB in a ZIP, {dataset}", dataset, packed, "", file)


def _deflated(size: int, letter: bytes = b"\0") -> Iterator[bytes]:
    """Blocks of a deflate stream that inflates to `size` of one letter, without its end."""
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    block = packer.compress(letter * (1 << 24)) + packer.flush(zlib.Z_FULL_FLUSH)
    for _ in range(size >> 24):
        yield block


def _bomb(path: Path, size: int, said: int, *, head: bytes = b"", letter: bytes = b"\0", before: bytes = b"") -> None:
    """A ZIP of one member, written by hand: `said` is the size that it announces."""
    name, extra = b"COTAHIST_D08012024.TXT", struct.pack("<HHQ", 1, 8, said)
    with path.open("wb") as file:
        file.write(before)
        file.write(struct.pack("<4s5H3L2H", b"PK\3\4", 45, 0, 8, 0, 33, 0, 0, 0xFFFFFFFF, len(name), len(extra)))
        file.write(name + extra)
        start = file.tell()
        if head:
            packer = zlib.compressobj(9, zlib.DEFLATED, -15)
            file.write(packer.compress(head) + packer.flush(zlib.Z_FULL_FLUSH))
        for block in _deflated(size, letter):
            file.write(block)
        file.write(b"\3\0")
        end = file.tell()
        entry = struct.pack(
            "<4s6H3L5H2L", b"PK\1\2", 45, 45, 0, 8, 0, 33, 0, end - start, 0xFFFFFFFF, len(name), len(extra),
            0, 0, 0, 0, len(before),
        )  # fmt: skip
        file.write(entry + name + extra)
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, file.tell() - end, end, 0))


def _in_zip(path: Path, size: int, said: int) -> None:
    inner = path.with_suffix(".inner")
    _bomb(inner, size, said)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(inner, "PR240108.zip")
    inner.unlink()


def _many(path: Path, count: int, name: str, data: bytes, more: int = 0) -> None:
    """A ZIP of so many files, each with `more` bytes behind its data."""
    data += bytes(more)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for number in range(count):
            archive.writestr(f"{number}/{name}", data)


def _gzipped(size: int) -> bytes:
    packer = zlib.compressobj(9, zlib.DEFLATED, -15)
    head = b"\x1f\x8b\x08\0\0\0\0\0\0\xff" + packer.compress(COTAHIST) + packer.flush(zlib.Z_FULL_FLUSH)
    return head + b"".join(_deflated(size)) + b"\3\0" + bytes(8)


def _nested(data: bytes, deep: int) -> bytes:
    for _ in range(deep):
        data = generate.zipped("PR240108.zip", data)
    return data


def _quine() -> bytes:
    """Not the archive that unpacks to itself for ever, but as many levels of it as would matter."""
    return _nested(generate.EMPTY_ZIP, 10)


def _directory(path: Path) -> None:
    """A million entries, none of which is there."""
    entry = struct.pack("<4s6H3L5H2L", b"PK\1\2", 20, 20, 0, 0, 0, 33, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0)
    entries = 1_000_000
    with path.open("wb") as file:
        file.write(generate.zipped("a", b"a")[:32])
        start = file.tell()
        for number in range(entries):
            file.write(entry + b"%09d" % number)
        size, end = file.tell() - start, file.tell()
        file.write(struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, entries, entries, size, start))
        file.write(struct.pack("<4sLQL", b"PK\6\7", 0, end, 1))
        file.write(struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 0xFFFF, 0xFFFF, 0xFFFFFFFF, 0xFFFFFFFF, 0))


def _link() -> bytes:
    entry = zipfile.ZipInfo("COTAHIST_D08012024.TXT")
    entry.create_system, entry.external_attr = 3, 0o120777 << 16
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr(entry, "/etc/passwd")
    return buffer.getvalue()


def _tar() -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        entry = tarfile.TarInfo("../../pyb3-was-here")
        entry.size = len(COTAHIST)
        archive.addfile(entry, io.BytesIO(COTAHIST))
    return buffer.getvalue()


_LAUGHS = b'<!DOCTYPE a [<!ENTITY a "ha">' + b"".join(
    b'<!ENTITY %c "%s">' % (letter + 1, b"&%c;" % letter * 10) for letter in range(ord("a"), ord("k"))
)
_EXTERNAL = b'<!DOCTYPE a [<!ENTITY k SYSTEM "file:///etc/passwd">'


def _declaring(dtd: bytes) -> bytes:
    start = REPORT.index(b"?>") + 2
    return REPORT[:start] + dtd + b"]>" + REPORT[start:].replace(b"</TckrSymb>", b"&k;</TckrSymb>")


def _inside(text: bytes) -> bytes:
    """Into the first message."""
    at = REPORT.index(b"<TckrSymb>")
    return REPORT[:at] + text + REPORT[at:]


def _replaced(text: bytes, at: int) -> bytes:
    """Into the first record."""
    start = COTAHIST.index(b"\n") + 1 + at
    return COTAHIST[:start] + text + COTAHIST[start + len(text) :]


def _long_number(data: bytes, before: bytes) -> bytes:
    return data.replace(before, b"9" * 10_000 + before, 1)


def _long_field(data: bytes) -> bytes:
    """In place of the first number that a line of a CSV ends in."""
    lines = data.split(b"\n")
    names = next(line for line in lines if b"TckrSymb" in line).rstrip(b"\r").split(b";")
    at, row = names.index(b"XprtnDt"), next(n for n, line in enumerate(lines) if b"TckrSymb" in line) + 1
    fields = lines[row].split(b";")
    fields[at] = b"9" * 10_000
    lines[row] = b";".join(fields)
    return b"\n".join(lines)


def _line(path: Path, head: bytes, size: int) -> None:
    with path.open("wb") as file:
        file.write(head)
        for _ in range(size >> 24):
            file.write(b"a" * (1 << 24))

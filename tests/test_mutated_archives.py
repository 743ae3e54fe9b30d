"""A damaged archive gives the bytes that zipfile and gzip find in it, or is refused in one line."""

from __future__ import annotations

import gzip
import io
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pyb3.errors import FileError, PyB3Error
from pyb3.parse.archive import open_member
from tests.support import generate
from tests.support.agreement import agreed_archive, assert_one_line
from tests.support.mutations import mutated
from tests.support.seeds import archives

TEXT = b"".join(b"%08d\r\n" % number for number in range(400))


@pytest.fixture(scope="module")
def path(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    yield tmp_path_factory.mktemp("archives") / "file.dat"


@pytest.mark.parametrize("name", archives())
def test_what_b3_packs_is_unpacked(path: Path, name: str) -> None:
    assert agreed_archive(path, archives()[name])


@pytest.mark.parametrize("name", archives())
@given(number=st.integers(0, 2**32), size=st.integers(1, 5_000))
@settings(max_examples=max(settings().max_examples // 2, 1))
def test_a_damaged_archive_is_unpacked_alike_or_refused(path: Path, name: str, number: int, size: int) -> None:
    agreed_archive(path, mutated(archives()[name], random.Random(number)), size)


@given(
    data=st.binary(max_size=300),
    layers=st.lists(st.sampled_from(("zip", "stored", "gzip", "stub", "folder")), max_size=5),
    size=st.integers(1, 400),
)
@example(data=b"", layers=["zip"], size=1)
@example(data=b"x", layers=["zip"] * 5, size=1)
@example(data=b"", layers=["gzip"], size=1)
def test_archives_within_archives_are_opened_or_refused(path: Path, data: bytes, layers: list[str], size: int) -> None:
    for number, layer in enumerate(layers):
        name = "a.TXT" if number == 0 else "a.zip" if layers[number - 1] != "gzip" else "a.gz"
        match layer:
            case "zip":
                data = generate.zipped(name, data)
            case "gzip":
                data = gzip.compress(data, mtime=0)
            case "stub":
                data = generate.self_extracting(name, data)
            case _:
                buffer = io.BytesIO()
                with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
                    if layer == "folder":
                        archive.mkdir("z")
                    archive.writestr(f"b/{name}", data)
                    archive.writestr("a/z.TXT", b"another")
                data = buffer.getvalue()
    agreed_archive(path, data, size)


@pytest.mark.parametrize(
    "name", ["a\nb.TXT", "a\x1b[2J.TXT", "a\x85b.TXT", "\x00.TXT", "a\\b.TXT", "../../x.TXT", "ç.TXT"]
)
def test_a_members_name_is_told_on_one_line(path: Path, name: str) -> None:
    packed = bytearray(generate.zipped(name, TEXT))
    packed[len(packed) // 3] ^= 0x55
    path.write_bytes(packed)
    with pytest.raises(PyB3Error) as caught, open_member(path) as member:
        while member.read(1_000):
            pass
    assert_one_line(caught.value)


@given(number=st.integers(0, 2**32))
def test_an_lzma_member_that_is_damaged_is_refused(path: Path, number: int) -> None:
    chance, buffer = random.Random(number), io.BytesIO()
    with zipfile.ZipFile(buffer, "w", chance.choice((zipfile.ZIP_LZMA, zipfile.ZIP_BZIP2))) as archive:
        archive.writestr("a.TXT", TEXT)
    agreed_archive(path, mutated(buffer.getvalue(), chance))


def test_a_member_that_goes_on_behind_its_size_is_refused(path: Path) -> None:
    """zipfile reads as much as the directory says, and finds its checksum right."""
    packed = generate.zipped("a.TXT", TEXT)
    short = TEXT[:-10]
    for said, instead in ((len(TEXT), len(short)), (zlib.crc32(TEXT), zlib.crc32(short))):
        packed = packed.replace(struct.pack("<L", said), struct.pack("<L", instead))
    with zipfile.ZipFile(io.BytesIO(packed)) as archive:
        assert archive.read("a.TXT") == short
    assert agreed_archive(path, packed) is None


def test_a_name_that_is_no_utf_8_is_refused(path: Path) -> None:
    packed = generate.zipped("ç.TXT", TEXT)
    path.write_bytes(packed.replace("ç".encode(), b"\xff\xff"))
    with pytest.raises(FileError, match="is not a whole ZIP"), open_member(path):
        pass

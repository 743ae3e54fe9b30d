"""A ZIP is inflated as zipfile would, and what it would refuse is refused."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pyb3.errors import FileError
from pyb3.parse.archive import open_member

TEXT = bytes(range(256)) * 4_000


def packed(path: Path, data: bytes, how: int = zipfile.ZIP_DEFLATED) -> Path:
    with zipfile.ZipFile(path, "w", how) as archive:
        archive.writestr("x.TXT", data)
    return path


def read(path: Path, size: int = 100_000) -> bytes:
    with open_member(path) as member:
        parts = []
        while part := member.read(size):
            parts.append(part)
        return b"".join(parts)


@given(data=st.binary(max_size=5_000), times=st.integers(1, 50), size=st.integers(1, 70_000))
def test_any_bytes_come_out_as_they_went_in(tmp_path_factory, data: bytes, times: int, size: int) -> None:
    path = packed(tmp_path_factory.mktemp("zip") / "x.zip", data * times)
    assert read(path, size) == data * times


@pytest.mark.parametrize("how", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED, zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_every_method_that_zipfile_knows_is_read(tmp_path: Path, how: int) -> None:
    assert read(packed(tmp_path / "x.zip", TEXT, how)) == TEXT


def test_a_stream_whose_sizes_follow_it_is_read(tmp_path: Path) -> None:
    with (tmp_path / "x.zip").open("wb") as file:
        file.seekable = lambda: False  # type: ignore[method-assign]
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.TXT", TEXT)
    assert read(tmp_path / "x.zip") == TEXT


@pytest.mark.parametrize("place", [40, 200, 1_000])
def test_a_damaged_byte_is_noticed(tmp_path: Path, place: int) -> None:
    path = packed(tmp_path / "x.zip", TEXT)
    data = bytearray(path.read_bytes())
    data[place] ^= 0x10
    path.write_bytes(data)
    with pytest.raises(FileError, match="is damaged"):
        read(path)


def test_another_checksum_in_the_directory_is_noticed(tmp_path: Path) -> None:
    path = packed(tmp_path / "x.zip", TEXT)
    data = bytearray(path.read_bytes())
    data[data.rfind(b"PK\x01\x02") + 16] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(FileError, match="CRC"):
        read(path)


@pytest.mark.parametrize("said", [0, len(TEXT) - 1, len(TEXT) + 1])
def test_another_size_than_the_directory_says_is_noticed(tmp_path: Path, said: int) -> None:
    path = packed(tmp_path / "x.zip", TEXT)
    data = bytearray(path.read_bytes())
    at = data.rfind(b"PK\x01\x02") + 24
    data[at : at + 4] = said.to_bytes(4, "little")
    path.write_bytes(data)
    with pytest.raises(FileError, match="is damaged"):
        read(path)

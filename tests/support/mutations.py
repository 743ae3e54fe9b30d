"""Files as they are damaged: bytes flipped, cut, doubled and inserted, lines swapped, another encoding."""

from __future__ import annotations

import random
from collections.abc import Callable

# What files of these formats are made of, where a byte by chance would rarely be.
TOKENS = (
    b"\r\n", b"\n", b"\r", b"\n\n", b"\x1a", b"\0", b"\x01", b"\xef\xbb\xbf", b"\xe7\xe3", b"\xc3\xa7",
    b"\xff\xfe", b" ", b"0", b"9", b"+", b"-", b".", b",", b";", b'"', b"A", b"1e5", b"NaN", b"99991231",
    b"20240230", b"00000000", b"999999999999999999", b"2024-02-29", b"00000101", b"2024 1 5", b"<", b">", b"</",
    b"/>", b"&amp;", b"&x;", b"<!-- -->", b"<?a?>", b"<![CDATA[1]]>", b"<!DOCTYPE a>", b"null", b"true", b"{",
    b"}", b"[", b"]", b":", b"\\ud800", b"\\n", b"\\u0000", b"\xc2\x85", b"\xe2\x80\xa8", b"\xd9\xa3",
    b"PK\x03\x04", b"PK\x05\x06", b"PK\x01\x02", b"MZ", b"\x1f\x8b\x08", b"*a", b"&a ", b"!!int ", b"? ", b"- ",
    b"{date:%Y}", b"{item}", b"01", b"99", b"%", b"#",
)  # fmt: skip


def _flipped(data: bytearray, chance: random.Random) -> None:
    data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)


def _written(data: bytearray, chance: random.Random) -> None:
    at, token = chance.randrange(len(data)), chance.choice(TOKENS)
    data[at : at + len(token)] = token


def _inserted(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data) + 1)
    data[at:at] = chance.choice(TOKENS)


def _left_out(data: bytearray, chance: random.Random) -> None:
    at = chance.randrange(len(data))
    del data[at : at + chance.choice((1, 1, 2, 10, 100))]


def _cut(data: bytearray, chance: random.Random) -> None:
    del data[chance.randrange(len(data)) :]


def _doubled(data: bytearray, chance: random.Random) -> None:
    start = chance.randrange(len(data))
    end = start + chance.choice((1, 2, 8, 50, 250))
    data[end:end] = data[start:end]


def _of_lines(change: Callable[[list[bytes], random.Random], None]) -> Callable[[bytearray, random.Random], None]:
    def changed(data: bytearray, chance: random.Random) -> None:
        mark = b"\n" if b"\n" in data else b"><" if b"><" in data else b","
        lines = bytes(data).split(mark)
        change(lines, chance)
        data[:] = mark.join(lines)

    return changed


def _swapped(lines: list[bytes], chance: random.Random) -> None:
    one, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    lines[one], lines[other] = lines[other], lines[one]


def _repeated(lines: list[bytes], chance: random.Random) -> None:
    lines.insert(chance.randrange(len(lines)), chance.choice(lines))


def _dropped(lines: list[bytes], chance: random.Random) -> None:
    del lines[chance.randrange(len(lines))]


def _digits(data: bytearray, chance: random.Random) -> None:
    """A number, or what is between two marks, made another."""
    places = [at for at, byte in enumerate(data) if 0x30 <= byte <= 0x39]
    if places:
        at = chance.choice(places)
        data[at : at + 1] = chance.choice((b" ", b"0", b"9", b"+", b"-", b"A", b"\xe7", b".", b","))


def _recoded(data: bytearray, chance: random.Random) -> None:
    text = bytes(data).decode("latin-1")
    data[:] = text.encode(chance.choice(("utf-8", "utf-8-sig", "utf-16", "utf-16-be")))


def _line_ends(data: bytearray, chance: random.Random) -> None:
    old, new = chance.sample((b"\r\n", b"\n", b"\r\r\n", b"\n\r\n"), 2)
    data[:] = data.replace(old, new, chance.choice((1, -1)))


CHANGES = (
    *(_flipped, _written, _inserted, _left_out, _doubled, _digits, _digits, _cut, _recoded, _line_ends),
    *map(_of_lines, (_swapped, _repeated, _dropped)),
)


def mutated(data: bytes, chance: random.Random, most: int = 3) -> bytes:
    """The file with one to `most` changes; the same for the same state of `chance`."""
    changed = bytearray(data)
    for _ in range(chance.randint(1, most)):
        if changed:
            chance.choice(CHANGES)(changed, chance)
    return bytes(changed)

"""Numbers that follow from a key alone: the same key, the same numbers, in any order and on any machine."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TypeVar
from zlib import crc32

_MASK = 2**64 - 1
_STEP = 0x9E3779B97F4A7C15
_MIX = (0xBF58476D1CE4E5B9, 0x94D049BB133111EB)
_OCTAVES = tuple(4**n for n in range(7))  # from a day to eleven years

T = TypeVar("T")


def key(*parts: object) -> int:
    """A 64-bit number for some names, dates and numbers."""
    text = "/".join(map(str, parts)).encode()
    return crc32(text) << 32 | crc32(text, 0xB3)


class Draws:
    """A stream of numbers (splitmix64), cheap to start: `random.Random` takes ten times as long to seed."""

    __slots__ = ("_state",)

    def __init__(self, *parts: object) -> None:
        self._state = key(*parts)

    def bits(self) -> int:
        self._state = (self._state + _STEP) & _MASK
        value = self._state
        value = (value ^ value >> 30) * _MIX[0] & _MASK
        value = (value ^ value >> 27) * _MIX[1] & _MASK
        return value ^ value >> 31

    def unit(self) -> float:
        """From 0 to 1."""
        return self.bits() / 2.0**64

    def around(self, width: float = 1.0) -> float:
        """From -width to width."""
        return (2.0 * self.unit() - 1.0) * width

    def integer(self, low: int, high: int) -> int:
        """From low to high, both included."""
        return low + self.bits() % (high - low + 1)

    def skewed(self, high: int) -> int:
        """From 1 to high, small numbers far more often, as trades and quantities are."""
        return max(1, int(high ** self.unit()))

    def choice(self, items: Sequence[T]) -> T:
        return items[self.bits() % len(items)]


@lru_cache(maxsize=1 << 17)
def _lattice(name: str, octave: int, cell: int) -> float:
    return Draws(name, octave, cell).around()


def walk(name: str, day: date, daily: float) -> float:
    """Where a random walk that moves about `daily` a day stands on a day, around 0; no day before it is needed.

    The sum of noise at growing distances, which moves as a random walk does.
    """
    when = day.toordinal()
    total = 0.0
    for octave in _OCTAVES:
        cell, offset = divmod(when, octave)
        start = _lattice(name, octave, cell)
        value = start if not offset else start + (_lattice(name, octave, cell + 1) - start) * offset / octave
        total += value * math.sqrt(octave)
    return total * daily

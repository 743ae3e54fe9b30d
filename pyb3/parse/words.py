"""Eight characters at a time: numbers and texts out of 64-bit words, each step for many records at once."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""Eight characters of each of many records, the first in the lowest byte."""
Mask = NDArray[np.bool_]


def every(byte: int) -> np.uint64:
    """A word of eight equal bytes."""
    return np.uint64(byte * 0x0101010101010101)


_TOP, _SEVEN = every(0x80), every(0x7F)
_ZERO, _BLANK = every(ord("0")), every(ord(" "))
_BLANK_DIGIT = every(ord(" ") ^ ord("0"))
# Added to a byte, these set its top bit where it is more than 9, or no control character.
_MORE_THAN_NINE = every(0x80 - 10)
_PRINTABLE = every(0x80 - 0x20)
_EIGHT, _SIXTEEN, _THIRTY_TWO = np.uint64(8), np.uint64(16), np.uint64(32)
_TEN = np.uint64(10)
_FOURS = np.uint64(0x000000FF000000FF)
_UPPER, _LOWER = np.uint64(100 + (1_000_000 << 32)), np.uint64(1 + (10_000 << 32))


class Irregular(Exception):
    """Something else than digits, or than a text."""


def digits(words: Words, keep: np.uint64) -> tuple[Words | None, Mask | None]:
    """Turn words of digits into their numbers, in place; only the bytes in `keep` count.

    Returns the numbers, None where all are zero, as upper digits mostly are; and where the words are blank, their
    number then being 0. Raises Irregular where a word is neither digits nor blank.
    """
    words ^= _ZERO
    words &= keep
    if not np.bitwise_or.reduce(words):
        return None, None
    spare = words + _MORE_THAN_NINE
    spare |= words
    spare &= _TOP
    blank = None
    if np.bitwise_or.reduce(spare):
        blank = words == _BLANK_DIGIT & keep
        if spare[~blank].any():
            raise Irregular
        words[blank] = 0
    np.right_shift(words, _EIGHT, out=spare)  # neighbours are joined: digits to pairs,
    words *= _TEN
    words += spare
    np.right_shift(words, _SIXTEEN, out=spare)  # and pairs to fours to eight, in one multiplication for each half
    spare &= _FOURS
    spare *= _LOWER
    words &= _FOURS
    words *= _UPPER
    words += spare
    words >>= _THIRTY_TWO
    return words, blank


def ink(words: Words, outside: np.uint64) -> Words:
    """What is not blank in words of ASCII; bytes in `outside` do not belong to the text and become blanks, in place.

    Raises Irregular where a byte is no ASCII, or a control character.
    """
    if outside:
        words &= ~outside
        words |= outside & _BLANK
    spare = words + _PRINTABLE
    if np.bitwise_or.reduce(words) & _TOP or np.bitwise_and.reduce(spare) & _TOP != _TOP:
        raise Irregular
    np.bitwise_xor(words, _BLANK, out=spare)
    return spare


def trim(words: Words, ink: Words) -> Words:
    """Turn the blanks behind the last ink into zeros, in place, and return the texts' lengths. Spoils the ink."""
    for bits in (_EIGHT, _SIXTEEN, _THIRTY_TWO):  # what stands before ink counts as ink
        ink |= ink >> bits
    ink |= (ink & _SEVEN) + _SEVEN
    ink &= _TOP
    ink >>= np.uint64(7)  # a 1 in each byte of the text
    words &= ink * np.uint64(0xFF)
    ink *= every(1)
    ink >>= np.uint64(56)
    return ink

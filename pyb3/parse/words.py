"""Eight characters at a time: numbers and texts out of 64-bit words, each step for many records at once."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Words = NDArray[np.uint64]
"""Eight characters each, the first in the lowest byte: a line for each piece of a field, a column for each record."""


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


def digits(words: Words, keep: Words) -> tuple[dict[int, Words], dict[int, NDArray[np.bool_]]] | None:
    """The numbers in words of digits, line by line; of a line's words only the bytes in `keep` count.

    A line of zeros alone is left out, as the upper digits mostly are. Also returns where the lines are blank, their
    number then being 0; None where some word is neither digits nor blank. Spoils the words.
    """
    words ^= _ZERO
    words &= keep[:, None]
    lines = np.flatnonzero(np.bitwise_or.reduce(words, axis=1))
    words, keep = words[lines], keep[lines]
    spare = words + _MORE_THAN_NINE
    spare |= words
    spare &= _TOP
    blank: dict[int, NDArray[np.bool_]] = {}
    for at in np.flatnonzero(np.bitwise_or.reduce(spare, axis=1)).tolist():
        blanks = words[at] == (_BLANK_DIGIT & keep[at])
        if spare[at][~blanks].any():
            return None
        words[at][blanks] = 0
        blank[int(lines[at])] = blanks
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
    return dict(zip(lines.tolist(), words, strict=True)), blank


def texts(words: Words, outside: Words, first: Sequence[int], second: Sequence[int]) -> Words | None:
    """Turn the blanks behind texts into zeros, in place; a line's bytes in `outside` belong to no text.

    The text of a line in `first` goes on in that of `second`. Returns the length that each word has of its text, or
    None where a byte is no ASCII, or a control character.
    """
    words &= ~outside[:, None]
    words |= (outside & _BLANK)[:, None]
    spare = words + _PRINTABLE
    if np.bitwise_or.reduce(words, axis=None) & _TOP or np.bitwise_and.reduce(spare, axis=None) & _TOP != _TOP:
        return None
    np.bitwise_xor(words, _BLANK, out=spare)
    spare[first] |= (spare[second] != 0) * every(0xFF)  # what stands before ink counts as ink
    for bits in (_EIGHT, _SIXTEEN, _THIRTY_TWO):
        spare |= spare >> bits
    spare |= (spare & _SEVEN) + _SEVEN
    spare &= _TOP
    spare >>= np.uint64(7)  # a 1 in each byte of the text
    words &= spare * np.uint64(0xFF)
    spare *= every(1)
    spare >>= np.uint64(56)
    return spare

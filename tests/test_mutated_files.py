"""A damaged file is read as a naive reader reads it, or refused in one line: never wrong rows, never a crash."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.agreement import agreed, read
from tests.support.mutations import mutated
from tests.support.seeds import READERS, Seed, seeds

SEEDS = [seed for reader in READERS for seed in seeds(reader)]
SOME = settings(max_examples=max(settings().max_examples // 6, 1))
_each = pytest.mark.parametrize("seed", SEEDS, ids=repr)
_pieces = st.integers(3, 2_000)


@_each
def test_the_naive_reader_reads_what_b3_publishes(seed: Seed) -> None:
    assert agreed(seed.template, seed.form, seed.data, seed.asked)


@_each
@given(number=st.integers(0, 2**32), piece=_pieces)
@SOME
def test_a_damaged_file_is_read_alike_or_refused(seed: Seed, number: int, piece: int) -> None:
    agreed(seed.template, seed.form, mutated(seed.data, random.Random(number)), seed.asked, piece=piece)


@pytest.mark.parametrize("seed", [seed for seed in SEEDS if not seed.form.reader.startswith("json")], ids=repr)
@given(number=st.integers(0, 2**32), chunk=st.integers(10, 1_500))
@SOME
def test_chunks_change_no_row_of_a_damaged_file(seed: Seed, number: int, chunk: int) -> None:
    """What no chunk can hold, or two encodings in one file, is refused where smaller chunks show it."""
    data = mutated(seed.data, random.Random(number), 2)
    agreed(seed.template, seed.form, data, seed.asked, chunk=chunk, may_refuse=True)


@pytest.mark.parametrize("seed", [*seeds("fixed_width"), *seeds("delimited"), *seeds("xml_messages")], ids=repr)
@given(chunk=st.integers(1, 2_000), piece=_pieces)
@SOME
def test_a_whole_file_is_read_in_chunks_of_any_size(seed: Seed, chunk: int, piece: int) -> None:
    if seed.form.reader != "xml_messages":  # there messages are counted; here a header or a record is read at once
        lines = seed.data.splitlines(keepends=True)
        chunk += sum(map(len, lines[:3])) + max(map(len, lines))
    whole = read(seed.template, seed.form, seed.data, seed.asked)
    assert read(seed.template, seed.form, seed.data, seed.asked, chunk=chunk, piece=piece) == whole

"""What --file names: the files to load one by one, or to parse as one frame."""

from __future__ import annotations

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..errors import UsageError

if TYPE_CHECKING:
    from ..at_hand import AtHand
    from ..datasets.base import Dataset
    from ..file import File
    from ..unit import Unit


def named(name: str | None) -> Dataset | None:
    """The dataset of that name; None where the files are to be recognised. Raises UsageError."""
    from ..datasets import registry

    return None if name in (None, "all") else registry.get(name or "")


def to_load(name: str | None, paths: Sequence[Path], day: dt.date | None, index: str) -> list[AtHand]:
    """Each file; where a day was given, the one that is read for it. Raises UsageError, FileError."""
    from .. import at_hand

    if day is not None:
        return [at_hand.of_day(paths, named(name), index)]
    return at_hand.found(paths, named(name), index)


def unit_of(one: AtHand, day: dt.date | None) -> Unit | None:
    """The unit that a file is read for, None where no day was given. Raises NoSession, UsageError."""
    return None if day is None or one.dataset is None else one.dataset.unit("day", day)


def to_parse(
    name: str | None, paths: Sequence[Path], day: dt.date | None, index: str
) -> tuple[Dataset, list[File], Unit | None, list[str]]:
    """The one dataset of the files, the files, the unit where a day was given, and notes of their archives.

    Raises UsageError where they are of several datasets, and what is wrong with any of them.
    """
    everything = to_load(name, paths, day, index)
    for one in everything:
        if one.error is not None:
            raise one.error
    datasets = {one.dataset.name: one.dataset for one in everything if one.dataset is not None}
    if len(datasets) > 1:
        raise UsageError(f"the files are of {' and '.join(datasets)}: name the dataset to parse, and its files alone")
    [dataset] = datasets.values()
    notes = [note for one in everything for note in one.notes]
    return dataset, [one.file for one in everything], unit_of(everything[0], day), notes

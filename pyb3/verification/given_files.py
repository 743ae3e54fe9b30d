"""Verify the loads of files at hand, each recognised by its content."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

from .. import at_hand
from ..at_hand import AtHand
from ..datasets import registry
from ..datasets.base import Dataset
from ..errors import FileError
from ..progress import SILENT, Progress
from .verification import Verified, verify


def of_files(
    paths: Sequence[Path], dataset: Dataset | None = None, *, item: str = "", progress: Progress = SILENT
) -> Iterator[Verified]:
    """Compare the tables with these files, as `verify` does; one result a unit, and one for what is not a data file.

    `item` is the index that the one file is of. Raises FileError for a file that does not exist, DatabaseError.
    """
    if missing := next((path for path in at_hand.paths(paths) if not path.exists()), None):
        raise FileError(f"{missing}: no such file")
    by_dataset: dict[str, list[AtHand]] = {}
    for one in at_hand.found(paths, dataset, item):
        if one.dataset is not None:
            by_dataset.setdefault(one.dataset.name, []).append(one)
        else:
            yield Verified("", one.file.name, "unreadable", file=one.file.name, message=str(one.error))
    for name, files in by_dataset.items():
        files.sort(key=lambda one: one.file.path)  # an archive's files together
        yield from verify(registry.get(name) if dataset is None else dataset, files=files, progress=progress)

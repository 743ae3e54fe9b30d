"""Files at hand: found in folders, by patterns and in archives, and recognised by what they contain."""

from __future__ import annotations

import glob
import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path

from .datasets import registry
from .datasets.base import Dataset
from .datasets.members import Part, part_of, parts, text_of
from .errors import FileError, NotPublished, PyB3Error, UsageError
from .file import File, read_sidecar
from .parse import archive
from .parse.archive import Packed
from .parse.zip_entries import listed
from .signature import HEAD


@dataclass(slots=True)
class AtHand:
    """One file to read, of one session; or what is wrong with it, in `error`.

    `dataset` is None where the file is not a file of any dataset. `notes` say what a person should know of the archive
    that it comes from.
    """

    file: File
    dataset: Dataset | None = None
    day: date | None = None
    made: datetime | None = None
    notes: list[str] = field(default_factory=list)
    error: PyB3Error | None = None


def paths(given: Iterable[Path]) -> list[Path]:
    """The files that are named, each once: folders are searched with what is below them, and patterns followed.

    Hidden files of a folder and the cache's sidecars are not data. What does not exist is kept, to be told. Raises
    FileError for a folder without files or that cannot be read, or a pattern that no file matches.
    """
    found: dict[Path, None] = {}
    for one in given:
        try:
            found |= dict.fromkeys(_named_by(one))
        except OSError as error:
            raise FileError(f"{error.filename or one}: {error.strerror}") from error
    return list(found)


def _named_by(one: Path) -> list[Path]:
    """The files that one path names. Raises FileError, OSError."""
    if one.is_dir():
        inside = list(_below(one))
        if not inside:
            raise FileError(f"{one}: the folder contains no files")
        return inside
    if one.exists() or not glob.has_magic(str(one)):
        return [one]
    matching = [Path(name) for name in sorted(glob.glob(str(one), recursive=True))]
    files = [path for path in matching if path.is_file() and not _is_sidecar(path)]
    if not files:
        raise FileError(f"{one}: no file matches the pattern")
    return files


def found(given: Iterable[Path], dataset: Dataset | None = None, item: str = "") -> list[AtHand]:
    """Every file of these paths, those of archives one by one, older sessions first.

    With a `dataset`, files of another one are errors that say which. `item` is the index that the one file is of. What
    cannot be read, or is not a file of any dataset, comes as an error too. Raises FileError for the paths, UsageError
    for an `item` with several files.
    """
    everything = [one for path in paths(given) for one in _in(path, dataset, item)]
    if item and len(everything) > 1:
        raise UsageError(f"an index is what one file is of, and there are {len(everything):,} files")
    return sorted(everything, key=lambda one: (one.day or date.max, one.made or datetime.min))


def of_day(given: Sequence[Path], dataset: Dataset | None = None, item: str = "") -> AtHand:
    """The one file that is read for a date, an archive as a whole. Raises UsageError where there are several."""
    inside = found(given, dataset, item)
    if len({one.file.path for one in inside}) != 1:
        raise UsageError(f"--date says which day one file is of, and there are {len(inside):,} files")
    good = [one for one in inside if one.error is None]
    names = list(dict.fromkeys(one.dataset.name for one in good if one.dataset is not None))
    if len(names) > 1:
        raise UsageError(f"{inside[0].file.path} contains files of {' and '.join(names)}: name the dataset")
    if not good:
        return inside[0]
    return AtHand(File.at(good[0].file.path, item=item), good[0].dataset, good[0].day, good[0].made)


def _below(folder: Path) -> Iterator[Path]:
    for place, folders, names in os.walk(folder, onerror=_raised):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        for name in sorted(names):
            path = Path(place, name)
            if not name.startswith(".") and path.is_file() and not _is_sidecar(path):
                yield path


def _raised(error: OSError) -> None:
    raise error


def _is_sidecar(path: Path) -> bool:
    return path.suffix == ".json" and bool(read_sidecar(path.with_suffix("")))


def _in(path: Path, dataset: Dataset | None, item: str) -> list[AtHand]:
    """The files of one path. An error in a file of the dataset is raised when that file is read."""
    whole = AtHand(File.at(path, item=item), dataset)
    if not path.exists():
        whole.error = FileError(f"{path}: no such file")
        return [whole]
    try:
        packed = archive.members(path)
    except (FileError, NotPublished) as error:
        whole.error = error
        return [whole]
    if len(packed) == 1:
        return [_recognised(whole, packed[0])]
    return _several(path, packed, dataset, item)


def _recognised(whole: AtHand, packed: Packed) -> AtHand:
    if packed.error is not None:
        whole.error = packed.error
        return whole
    if whole.dataset is not None and (part := part_of(whole.dataset.template, packed)):
        whole.day, whole.made = part.day, part.made
        return whole
    if (claim := _claim(packed)) is not None:
        other, part = claim
        if whole.dataset is None:
            whole.dataset, whole.day, whole.made = other, part.day, part.made
        else:
            whole.error = _of_another(whole.file, whole.dataset, other, part)
    elif whole.dataset is None:
        whole.error = FileError(f"{whole.file.name} is not a file of any dataset: {_beginning(packed)}")
    return whole


def _several(path: Path, packed: list[Packed], dataset: Dataset | None, item: str) -> list[AtHand]:
    """The files of an archive that contains several: one for each session of each dataset."""
    inside: list[AtHand] = []
    rest = [one for one in packed if one.error is None]
    for plugin in _datasets() if dataset is None else [dataset]:
        mine, rest = parts(plugin.template, rest, named=dataset is not None)
        for part in mine:
            file = File(path, item=item, member=part.packed.name, member_size=part.packed.size)
            inside.append(AtHand(file, plugin, part.day, part.made, [part.doubt] if part.doubt else []))
    unknown = []
    for one in rest:
        if dataset is not None and (claim := _claim(one)) is not None:
            file = File(path, member=one.name)
            inside.append(AtHand(file, dataset, claim[1].day, error=_of_another(file, dataset, *claim)))
        else:
            unknown.append(one)
    inside += [AtHand(File(path, member=one.name), dataset, error=one.error) for one in packed if one.error]
    if not inside:
        of = "any dataset" if dataset is None else dataset.name
        error = FileError(f"{path.name} contains no file of {of}: {listed(one.name for one in unknown)}")
        return [AtHand(File.at(path), dataset, error=error)]
    if len(inside) == 1 and inside[0].error is None:  # the archive is that file, and what else it has is told then
        return [AtHand(File.at(path, item=item), inside[0].dataset, inside[0].day, inside[0].made)]
    if unknown:
        left = listed(one.name for one in unknown)
        inside[0].notes.append(f"{path.name} also contains, of no known format and not read: {left}")
    return inside


def _datasets() -> Iterator[Dataset]:
    for name in registry.names():
        try:
            yield registry.get(name)
        except PyB3Error:  # another package's, which does not load: the files of the others are known all the same
            continue


def _claim(packed: Packed) -> tuple[Dataset, Part] | None:
    """The dataset that a file is of, by its first bytes."""
    for plugin in _datasets():
        if (part := part_of(plugin.template, packed, named=False)) is not None:
            return plugin, part
    return None


def _of_another(file: File, dataset: Dataset, other: Dataset, part: Part) -> FileError:
    error = FileError(f"{file.name} is a file of {other.name} ({part.source.name}), not of {dataset.name}")
    error.hint = f"run 'pyb3 ingest {other.name} --file {file.path}'"
    return error


def _beginning(packed: Packed) -> str:
    text = re.split(r"[\r\n]", text_of(packed.head[:HEAD]).lstrip(), maxsplit=1)[0]
    return f"it begins with {text[:40]!r}"

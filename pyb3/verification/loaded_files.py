"""The files of a load, found in the cache by the digest that the ledger has of them."""

from __future__ import annotations

from pathlib import Path

from .. import settings
from ..datasets.base import Dataset
from ..errors import NotPublished, PyB3Error
from ..fetch import cache
from ..fetch.request import request
from ..file import File, combined, digest
from ..load.ledger import Load
from ..template import Source
from ..unit import Unit


class NotCached(PyB3Error):
    """The cache holds no file of that name."""

    code = "not_cached"


class OtherBytes(PyB3Error):
    """The cache's file is not the one that was loaded."""

    code = "other_bytes"


def files(dataset: Dataset, load: Load, unit: Unit | None) -> list[File]:
    """The files whose bytes a load read. Raises NotCached or OtherBytes; the network is not asked."""
    first = settings.cache_dir() / dataset.name / load.file
    if first.is_file() and digest(first) == load.sha256:
        return [File.at(first)]
    several = _of_sources(dataset, load, unit) if unit is not None else []
    if several and combined([digest(file.path) for file in several]) == load.sha256:
        return several
    if not first.is_file():
        raise NotCached(f"{load.file} is not in the cache")
    if len(several) > 1:
        raise OtherBytes(f"{load.file} and the unit's other files in the cache are not all those that were loaded")
    raise OtherBytes(f"{load.file} in the cache is not the file that was loaded: its SHA-256 is another")


def _of_sources(dataset: Dataset, load: Load, unit: Unit) -> list[File]:
    """What the cache has of the load's sources, in the order in which they are fetched."""

    def path(source: Source, item: str) -> Path:
        return cache.path_of(dataset.template, request(source, unit, item))

    def kept(source: Source, item: str) -> File:
        if not path(source, item).is_file():
            raise NotPublished(f"{path(source, item).name} is not in the cache")
        return File.at(path(source, item), source.name, item)

    found = []
    for source in dataset.template.sources:
        if source.name in load.source.split("+"):
            for item in dataset.items(source, unit, kept):
                if path(source, item).is_file():
                    found.append(kept(source, item))
    return found

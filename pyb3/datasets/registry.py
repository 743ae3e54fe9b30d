"""The registry: datasets by name, ours and those of other packages (entry points `pyb3.datasets`)."""

from __future__ import annotations

from functools import cache
from importlib.metadata import entry_points

from ..errors import UsageError
from .base import Dataset

GROUP = "pyb3.datasets"


def names() -> list[str]:
    """Names of all registered datasets, sorted."""
    return sorted({entry.name for entry in entry_points(group=GROUP)})


@cache
def get(name: str) -> Dataset:
    """The dataset of that name. Raises UsageError when there is none."""
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            plugin: type[Dataset] = entry.load()
            return plugin()
    raise UsageError(f"there is no dataset {name!r}; there are: {', '.join(names())}")

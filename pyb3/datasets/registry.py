"""The registry: datasets by name, ours and those of other packages (entry points `pyb3.datasets`)."""

from __future__ import annotations

from functools import cache
from importlib import import_module
from importlib.metadata import EntryPoint, entry_points

from ..errors import PyB3Error, UsageError
from .base import Dataset

GROUP = "pyb3.datasets"
_OURS = {
    "cotahist": "cotahist:Cotahist",
    "futures": "futures:Futures",
    "yield_curves": "yield_curves:YieldCurves",
    "symbols": "symbols:Symbols",
    "index_historical": "index_historical:IndexHistorical",
    "index_composition": "index_composition:IndexComposition",
}


def names() -> list[str]:
    """Names of all registered datasets: ours, then the others by name."""
    return [*_OURS, *sorted({entry.name for entry in entry_points(group=GROUP)} - _OURS.keys())]


@cache
def get(name: str) -> Dataset:
    """The dataset of that name. Raises UsageError when there is none, PyB3Error when its package does not load."""
    if name in _OURS:
        module, class_name = _OURS[name].split(":")
        ours: type[Dataset] = getattr(import_module(f".{module}", __package__), class_name)
        return ours()
    for entry in entry_points(group=GROUP):
        if entry.name == name:
            try:
                plugin: Dataset = entry.load()()
                known = plugin.name
            except Exception as error:  # foreign code may raise anything
                raise PyB3Error(f"the dataset {name!r} of {_package(entry)} does not load: {error}") from error
            if known != name:  # its files, locks and messages go by the template's name
                raise PyB3Error(f"the dataset {name!r} of {_package(entry)} calls itself {known!r}")
            return plugin
    raise UsageError(f"there is no dataset {name!r}; there are: {', '.join(names())}")


def _package(entry: EntryPoint) -> str:
    return f"package {entry.dist.name}" if entry.dist else "another package"

"""The figures by name: what measures each, and how many rows a year has where nothing else is said."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from .backfill import backfill
from .load import daily, year
from .machine import Server
from .parse import parse, report
from .peers import peers
from .results import Measured
from .scale import scale


@dataclass(frozen=True)
class Figure:
    """Measures on a server, with so many rows a year and so many runs, and yields each thing once it is known."""

    measure: Callable[[Server, int, int], Iterator[Measured]]
    rows: int = 2_500_000


FIGURES = {
    "year": Figure(year),
    "parse": Figure(parse),
    "daily": Figure(daily),
    "report": Figure(report),
    "backfill": Figure(backfill),
    "peers": Figure(peers),
    "scale": Figure(scale, 2_000_000),
}

"""What was measured, where, of which versions: a JSON file a figure."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Measured:
    """One thing measured: `values` by name (seconds, rows, cpu, server_cpu, peak and wal in MB, milliseconds, ...).

    Without values it could not be measured, and `note` says why.
    """

    name: str
    what: str
    values: Mapping[str, float] = field(default_factory=dict)
    note: str = ""

    def __str__(self) -> str:
        return ", ".join(filter(None, [*map(self._shown, self.values), self.note]))

    def _shown(self, name: str) -> str:
        value = self.values[name]
        match name:
            case "seconds":
                rate = f" ({self.values['rows'] / value:,.0f} rows/s)" if self.values.get("rows") else ""
                return f"{value:.2f} s{rate}"
            case "rows":
                return "" if "seconds" in self.values else f"{value:,.0f} rows"
            case "cpu" | "server_cpu":
                return f"{name.replace('_cpu', '')} {value:.1f} s"
            case "peak" | "wal":
                return f"{name} {value:,.1f} MB"
            case _:
                return f"{name.replace('_', ' ')} {value:,.4g}"


@dataclass(frozen=True)
class Result:
    """A figure as it was measured. `date` is UTC."""

    figure: str
    date: str
    command: str
    runs: int
    machine: Mapping[str, str | int | float]
    versions: Mapping[str, str]
    measured: Sequence[Measured]

    def get(self, name: str) -> Measured:
        """What was measured under this name; empty where nothing was."""
        return next((one for one in self.measured if one.name == name), Measured(name, name))

    def value(self, path: str) -> float | None:
        """A value by its path, such as first.seconds."""
        name, _, of = path.partition(".")
        return self.get(name).values.get(of)


def write(folder: Path, result: Result) -> Path:
    """Keep a figure, in place of what was measured before."""
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / f"{result.figure}.json"
    path.write_text(json.dumps(asdict(result), indent=2, ensure_ascii=False) + "\n", "utf-8")
    return path


def read(folder: Path) -> dict[str, Result]:
    """All figures that are kept, by name."""
    found = {}
    for path in sorted(folder.glob("*.json")):
        kept = json.loads(path.read_text("utf-8"))
        kept["measured"] = [Measured(**one) for one in kept["measured"]]
        found[path.stem] = Result(**kept)
    return found

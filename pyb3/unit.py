"""A unit of work, what B3 publishes as one thing, and what became of it."""

from __future__ import annotations

import datetime as dt
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal

Kind = Literal["day", "month", "year"]
Ended = Literal["loaded", "unchanged", "partial", "no_session", "not_published", "failed"]


@dataclass(frozen=True, slots=True)
class Unit:
    """One day, month or year of one dataset; `date` is its first day."""

    dataset: str
    kind: Kind
    date: dt.date

    @classmethod
    def written(cls, dataset: str, text: str) -> Unit | None:
        """The unit that is written so: 2024-01-15, 2024-01 or 2024; None for what is none."""
        forms: dict[Kind, str] = {"day": "%Y-%m-%d", "month": "%Y-%m", "year": "%Y"}
        for kind, form in forms.items():
            try:
                return cls(dataset, kind, dt.datetime.strptime(text, form).date())
            except ValueError:
                continue
        return None

    def __str__(self) -> str:
        return {"day": f"{self.date:%Y-%m-%d}", "month": f"{self.date:%Y-%m}", "year": f"{self.date:%Y}"}[self.kind]

    @property
    def last(self) -> dt.date:
        """The unit's last day."""
        match self.kind:
            case "day":
                return self.date
            case "month":
                return (self.date.replace(day=28) + dt.timedelta(4)).replace(day=1) - dt.timedelta(1)
            case _:
                return self.date.replace(month=12, day=31)


@dataclass(frozen=True, slots=True)
class Steady:
    """What each session of a dataset has: each value of the key columns `columns` that the session before had.

    Only rows that have one of `kinds` in the first column, where there are any, and a value in the column `filled`.
    """

    columns: tuple[str, ...]
    kinds: tuple[str, ...] = ()
    filled: str = ""


PARTIAL = 4
"""The exit code of a unit that was loaded, but not whole."""

_LATENESS = ("late", "hours_since_session", "missed_runs")

SELDOM = ("rejected", "rejected_values", "gone", "removed")
"""Counts that people are shown where they are not 0."""


@dataclass(slots=True, kw_only=True)
class Counts:
    """What became of a unit's rows.

    `kept` rows differ from the table's, which knew better; `folded` ones were there twice. `rejected` records were set
    aside, `rejected_values` are NULL in rows that were loaded. `gone` are rows that the table held of the unit's days
    and its files do not, `removed` those of them that were removed.
    """

    rows: int = 0
    inserted: int = 0
    updated: int = 0
    unchanged: int = 0
    kept: int = 0
    folded: int = 0
    rejected: int = 0
    rejected_values: int = 0
    gone: int = 0
    removed: int = 0


@dataclass(slots=True, kw_only=True)
class Outcome(Counts):
    """What became of one unit; `as_dict()` is what `--json` prints.

    Of a session that is not published or not finished: whether it is `late`, the `hours_since_session` ended, and how
    many runs have missed it, this one included (`missed_runs`).
    """

    dataset: str
    unit: str
    outcome: Ended
    refdate: dt.date | None = None
    source: str | None = None
    file: str | None = None
    sha256: str | None = None
    file_timestamp: dt.datetime | None = None
    seconds: float = 0.0
    warnings: tuple[str, ...] = ()
    error: dict[str, Any] | None = None
    late: bool | None = None
    hours_since_session: float | None = None
    missed_runs: int | None = None
    exit_code: int = field(default=0, repr=False)

    def as_dict(self) -> dict[str, Any]:
        """The outcome as JSON-ready values."""
        values = asdict(self)
        counts = {count.name: values.pop(count.name) for count in fields(Counts)}
        ending = {name: values.pop(name) for name in ("seconds", "warnings", "error", *_LATENESS, "exit_code")}
        for name in ("refdate", "file_timestamp"):
            values[name] = values[name].isoformat() if values[name] else None
        values |= counts | {"seconds": ending["seconds"], "warnings": list(ending["warnings"])}
        values |= {name: ending[name] for name in _LATENESS if ending[name] is not None}
        return values if self.error is None else values | {"error": self.error}

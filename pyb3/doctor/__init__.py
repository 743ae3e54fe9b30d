"""What a doctor looks at: everything that a night without a person depends on."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from zoneinfo import ZoneInfoNotFoundError

import psycopg

from ..errors import DatabaseError, PyB3Error
from ..fetch.record import Recording
from . import answers, catalogue, clock, database, environment, files, hosts, recording, sources
from .examination import Examination
from .finding import Finding, exit_code, failed

__all__ = ["CHECKS", "Finding", "examine", "exit_code"]

CHECKS: tuple[tuple[str, Callable[[Examination], Iterator[Finding]]], ...] = (
    ("settings", environment.check),
    ("datasets", environment.registered),
    ("cache", files.check),
    ("database", database.check),
    ("migrations", database.schema),
    ("hosts", hosts.check),
    ("clock", clock.check),
    ("last answers", answers.check),
    ("sources", sources.check),
    ("catalogue", catalogue.check),
    ("recording", recording.check),
)
"""Each check's name, and the function that yields its findings."""


def examine(*, offline: bool = False, record: Path | None = None) -> Iterator[Finding]:
    """Every check's findings as they are made; a check that cannot go on is a finding too.

    Changes nothing but the folder `record`, which gets B3's answers. Raises UsageError and NotWritable for that one.
    """
    with Examination(offline, None if record is None else Recording(record)) as examination:
        for name, check in CHECKS:
            for finding in _guarded(name, check, examination):
                yield replace(finding, check=name)


def _guarded(
    name: str, check: Callable[[Examination], Iterator[Finding]], examination: Examination
) -> Iterator[Finding]:
    try:
        yield from check(examination)
    except PyB3Error as error:
        yield failed(name, error)
    except psycopg.Error as error:
        yield failed(name, DatabaseError(str(error)))
    except (OSError, ZoneInfoNotFoundError) as error:
        yield failed(name, f"{type(error).__name__}: {error}")

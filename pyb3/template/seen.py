"""Which facts of a template rest on real bytes, and of what day these were."""

from __future__ import annotations

from datetime import date
from typing import Protocol

NOT_STATED = "not stated"


class Witnessed(Protocol):
    """A source, field or check.

    `seen` is the newest session of B3's own bytes that were read and bear it out, None where there were none;
    `evidence` says in words what else it rests on, such as a report of another project.
    """

    @property
    def seen(self) -> date | None: ...
    @property
    def evidence(self) -> str: ...


def shown(one: Witnessed) -> str:
    """Date and words together; "" where neither is given."""
    return "; ".join(filter(None, (str(one.seen or ""), one.evidence)))

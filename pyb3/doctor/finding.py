"""What a check found: well, doubtful, wrong or not looked at, in one line, and what to do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, Literal

from ..errors import DatabaseError, FileError, PyB3Error, SourceError

Result = Literal["ok", "warning", "failed", "skipped"]
OTHER = 1
_WORST_FIRST = (DatabaseError.exit_code, SourceError.exit_code, FileError.exit_code, OTHER)


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of a check: what was looked at, how it is, and what to do about it. `exit_code` is that of a failure."""

    subject: str
    result: Result
    message: str
    advice: str = ""
    exit_code: int = 0
    check: str = ""

    def as_dict(self) -> dict[str, Any]:
        """JSON-ready values, but for the exit code."""
        values = asdict(self)
        return {name: values[name] for name in ("check", "subject", "result", "message", "advice")}


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(subject, "ok", _masked(message))


def skipped(subject: str, message: str) -> Finding:
    """Not looked at; the message says why."""
    return Finding(subject, "skipped", _masked(message))


def warning(subject: str, message: str, advice: str = "") -> Finding:
    """It works, but a person should know."""
    return Finding(subject, "warning", _masked(message), _masked(advice))


def failed(subject: str, why: str | PyB3Error, advice: str = "", exit_code: int = 0) -> Finding:
    """Something is wrong; an error brings its own advice and exit code where none are given."""
    if isinstance(why, PyB3Error):
        advice = advice or why.hint
        exit_code = exit_code or why.exit_code
        why = str(why.args[0]) if why.args else why.code
    known = exit_code if exit_code in _WORST_FIRST else OTHER
    return Finding(subject, "failed", _masked(why), _masked(advice), known)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 where nothing failed, else the code of the worst kind: database, source, file, other."""
    codes = {finding.exit_code for finding in findings if finding.result == "failed"}
    return next((code for code in _WORST_FIRST if code in codes), 0)


def _masked(text: str) -> str:
    """One line, without the password of an address or a connection string."""
    text = re.sub(r"(\w://[^\s:/@]*):[^\s@]*@", r"\1:***@", " ".join(text.split()))
    return re.sub(r"(?i)\b(password\s*=\s*)('[^']*'|\S+)", r"\1***", text)

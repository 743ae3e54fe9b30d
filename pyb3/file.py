"""One file of a unit: where it lies, and what is known of where it came from."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class File:
    """A file in the cache or at hand.

    `source` names the template's source it came from, "" where only its bytes can tell; `item` is what the
    source was asked for (an index), "" where it has one file; `known` is the download's sidecar: source, url,
    payload, sha256, size, fetched_at, headers.
    """

    path: Path
    source: str = ""
    item: str = ""
    known: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def at(cls, path: Path, source: str = "", item: str = "") -> File:
        """The file at `path`, with its sidecar where it has one."""
        known = read_sidecar(path)
        return cls(path, source or known.get("source", ""), item or known.get("item", ""), known)


def sidecar(path: Path) -> Path:
    """Where the facts of a downloaded file are kept: beside it."""
    return path.with_name(path.name + ".json")


def digest(path: Path) -> str:
    """The SHA-256 of a file's bytes. Raises OSError."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def combined(digests: Sequence[str]) -> str:
    """One digest of a unit's files: the file's own; of several, the SHA-256 of theirs, in order."""
    return digests[0] if len(digests) == 1 else hashlib.sha256("".join(digests).encode()).hexdigest()


def read_sidecar(path: Path) -> dict[str, Any]:
    """What is known of a downloaded file; empty for a file at hand."""
    try:
        known = json.loads(sidecar(path).read_text())
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) and "sha256" in known else {}

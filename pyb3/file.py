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
    payload, sha256, size, fetched_at, headers. `member` names the one file of an archive that is meant, where it has
    several units; "" is the whole of `path`. `member_size` are its bytes as unpacked.
    """

    path: Path
    source: str = ""
    item: str = ""
    known: Mapping[str, Any] = field(default_factory=dict)
    member: str = ""
    member_size: int = 0

    def __str__(self) -> str:
        return f"{self.path}/{self.member}" if self.member else str(self.path)

    @property
    def name(self) -> str:
        """Its name without folders, behind that of the archive that it is a member of."""
        return f"{self.path.name}/{self.member}" if self.member else self.path.name

    @property
    def last_name(self) -> str:
        """The name that B3 or a person gave the file itself, packed or not."""
        return self.last_part(self.member) if self.member else self.path.name

    @staticmethod
    def last_part(member: str) -> str:
        """A member's name without its archives and folders."""
        return member.replace("\\", "/").rpartition("/")[2]

    @property
    def size(self) -> int:
        """Its bytes. Raises OSError."""
        return self.member_size if self.member else self.path.stat().st_size

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
    except (OSError, ValueError, RecursionError):
        return {}
    return known if isinstance(known, dict) and "sha256" in known else {}

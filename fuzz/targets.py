"""What is fuzzed: for each format where to begin, and what must hold of any bytes."""

from __future__ import annotations

import random
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.support.agreement import agreed, agreed_archive, agreed_template
from tests.support.mutations import mutated
from tests.support.seeds import READERS, TEMPLATE, archives, seeds

HEAD = 2
"""Bytes before a file: which template it is read by, and in what chunks."""


@dataclass(frozen=True)
class Target:
    """`check` raises for bytes that are handled wrongly; `begin` are inputs to begin with."""

    check: Callable[[bytes], object]
    begin: tuple[bytes, ...]

    def changed(self, data: bytes, chance: random.Random) -> bytes:
        """An input much like another."""
        return data[:HEAD] + mutated(data[HEAD:], chance)


def _reader(name: str) -> Target:
    known = seeds(name)

    def check(data: bytes) -> object:
        if len(data) < HEAD:
            return None
        seed, size = known[data[0] % len(known)], data[1]
        if size == 0 or name.startswith("json"):
            return agreed(seed.template, seed.form, data[HEAD:], seed.asked)
        chunk = size if name == "xml_messages" else 8 * size
        return agreed(seed.template, seed.form, data[HEAD:], seed.asked, chunk=chunk, piece=2 + size, may_refuse=True)

    begin = [bytes([number, size]) + seed.data for number, seed in enumerate(known) for size in (0, 250)]
    return Target(check, tuple(begin))


def _archive() -> Target:
    path = Path(tempfile.mkdtemp(prefix="pyb3-fuzz-")) / "file.dat"

    def check(data: bytes) -> object:
        return len(data) >= HEAD and agreed_archive(path, data[HEAD:], 1 + 50 * data[1])

    return Target(check, tuple(bytes([0, size]) + data for data in archives().values() for size in (1, 255)))


def _template() -> Target:
    def check(data: bytes) -> object:
        return agreed_template(data[HEAD:].decode("utf-8", "replace"))

    return Target(check, (bytes(HEAD) + TEMPLATE.encode(),))


TARGETS: dict[str, Callable[[], Target]] = {
    **{name: lambda name=name: _reader(name) for name in READERS},  # type: ignore[misc]
    "archive": _archive,
    "template": _template,
}

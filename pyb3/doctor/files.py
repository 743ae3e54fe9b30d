"""Is the cache writable, with room, and are its files as they came?"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from .. import settings
from ..errors import FileError, NotWritable
from ..fetch import inventory
from .examination import Examination
from .finding import Finding, failed, ok, warning

_ROOM = 1 << 30  # a year of COTAHIST is 0.1 GB packed; of everything, some GB
_PROBE = bytes(1 << 20)
_READ = 512 << 20  # of the newest files: what can be read in about a second


def check(examination: Examination) -> Iterator[Finding]:
    """The folder, the room on its disk, and the files in it."""
    folder = settings.cache_dir()
    there = next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())
    yield _writable(folder, there)
    yield _room(there)
    yield _whole()
    yield _left()


def _writable(folder: Path, there: Path) -> Finding:
    try:
        with tempfile.TemporaryFile(dir=there) as probe:
            probe.write(_PROBE)
            probe.flush()
    except OSError as error:
        why = NotWritable(f"cannot write in {there}: {error.strerror}")
        return failed("folder", why, "give this user the folder, or set PYB3_CACHE_DIR to another")
    return ok("folder", f"{folder} can be written" + ("" if folder == there else " when it is made"))


def _room(there: Path) -> Finding:
    free = shutil.disk_usage(there).free
    said = f"{free / 1e9:,.1f} GB are free"
    if free < _ROOM:
        return warning("room", f"only {said}", "make room: 'pyb3 cache prune --older-than 90' removes old files")
    return ok("room", said)


def _whole() -> Finding:
    """The newest files read whole: a large cache takes minutes, which is what 'pyb3 cache verify' is for."""
    kept = sorted(inventory.files(), key=lambda one: one.fetched_at, reverse=True)
    read, size, wrong = 0, 0, list[str]()
    for one in kept:
        size += one.size
        if read and size > _READ:
            break
        read += 1
        if words := inventory.damage(one):
            wrong.append(f"{one.path}: {words}")
    if wrong:
        more = f" (and {len(wrong) - 1:,} more)" if len(wrong) > 1 else ""
        why = FileError(f"{wrong[0]}{more}")
        return failed("files", why, "remove what is damaged with 'pyb3 cache prune --damaged', and fetch it again")
    if read < len(kept):
        return ok("files", f"the newest {read:,} of {len(kept):,} are as they came; 'pyb3 cache verify' reads them all")
    return ok("files", f"all {read:,} are as they came" if read else "none yet")


def _left() -> Finding:
    left = list(inventory.leftovers())
    if left:
        advice = "'pyb3 cache prune --damaged' removes them"
        return warning("leftovers", f"{len(left):,} parts of downloads that were interrupted, as {left[0]}", advice)
    return ok("leftovers", "none of interrupted downloads")

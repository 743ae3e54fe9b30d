"""A full disk: under the cache, an output, a table, and the whole server."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from psycopg import sql

from .ground import DAY, DAYS, Ground, ground, parts
from .report import Result, claim

_FULL = "No space left on device"


class Disk:
    """A small file system in memory."""

    def __init__(self, path: Path, size: str) -> None:
        self.path = path
        path.mkdir(parents=True)
        _mount("-t", "tmpfs", "-o", f"size={size},mode=755", "chaos", str(path))

    def grow(self, size: str) -> None:
        _mount("-o", f"remount,size={size}", str(self.path))

    def fill(self, but: int) -> Path:
        """Leave `but` bytes."""
        ballast = self.path / "ballast"
        with ballast.open("wb") as file:
            os.posix_fallocate(file.fileno(), 0, shutil.disk_usage(self.path).free - but)
        return ballast


def _mount(*words: str) -> None:
    subprocess.run(["mount", *words], check=True, capture_output=True)


@contextmanager
def disk(path: Path, size: str) -> Iterator[Disk]:
    made = Disk(path, size)
    try:
        yield made
    finally:
        subprocess.run(["umount", "-l", str(path)], capture_output=True)


def missing() -> str:
    """Why no small disk can be made here; nothing where it can."""
    return "" if os.geteuid() == 0 and shutil.which("mount") else "mounting a tmpfs needs root"


def disks(runs: int, seed: int) -> list[Result]:
    """The disk is full: one line, nothing half done, and a normal run once there is space."""
    if reason := missing():
        return [Result("disk full", 0, "one line, nothing half done", f"skipped: {reason}")]
    results = []
    for name, scenario, asserted in (
        ("disk of the cache full", cache, "one line, exit code 1, no file left; then a normal run"),
        ("disk of an output full", _output, "one line, exit code 1, no file or part left; then it is written"),
        ("disk of a table full", _table, "one line, exit code 7, no row; then a normal run"),
        ("disk of the server full", _server, "one line, exit code 7; the server stops, and starts again with space"),
    ):
        for _ in range(runs):
            scenario()
        results.append(Result(name, runs, asserted, "held"))
    return results


def cache() -> None:
    """Of the cache."""
    with ground(rows=3_000) as place:
        place.keep("day", 0, f"ingest cotahist --date {DAY}")
        place.put_back(None)
        with disk(place.cache, "64k") as small:
            place.run(f"ingest cotahist --date {DAY}").plain(1, words=_FULL)
            claim(not [path for path in place.cache.rglob("*") if path.is_file()], "the cache holds something")
            claim(place.ask("SELECT count(*) FROM cotahist") == [(0,)], "rows of a file that did not come")
            small.grow("64m")
            place.done(f"ingest cotahist --date {DAY}")
            place.whole("day", (DAY,))


def _output() -> None:
    with ground(rows=20_000, prepare=False) as place, disk(place.folder / "out", "128k") as small:
        place.done(f"fetch cotahist --date {DAY}")
        for name in ("x.parquet", "x.csv"):
            line = f"parse cotahist --date {DAY} --output {small.path / name}"
            small.grow("128k")
            place.run(line).plain(1, words="cannot write")
            claim(not list(small.path.iterdir()), f"left: {[path.name for path in small.path.iterdir()]}")
            small.grow("64m")
            place.done(line)
            (small.path / name).unlink()


def _table() -> None:
    with ground(rows=3_000) as place, disk(place.folder / "tablespace", "512k") as small:
        place.keep("day", 0, f"ingest cotahist --date {DAY}")
        place.put_back(None)
        place.look.execute("TRUNCATE cotahist")  # a table of rows that are gone would not fit either
        _belongs_to_the_server(place, small.path)
        _moved(place, small.path)
        place.run(f"ingest cotahist --date {DAY}").plain(7, words=_FULL)
        claim(place.ask("SELECT count(*) FROM cotahist") == [(0,)], "rows of a day that did not fit")
        small.grow("64m")
        place.done(f"ingest cotahist --date {DAY}")
        place.whole("day", (DAY,))
        place.close()  # before its disk goes


def _server() -> None:
    with ground(rows=3_000, prepare=False) as place, disk(place.home, "600m") as small:
        place.done("db upgrade")
        place.keep("days", 0, f"backfill cotahist --from {DAYS[0]} --to {DAYS[-1]}")
        place.put_back(None)
        place.ask("SELECT pg_switch_wal()")
        ballast = small.fill(but=64 << 10)
        line = f"backfill cotahist --from {DAYS[0]} --to {DAYS[-1]} --quiet"
        place.run(line).plain(7)
        place.forget()
        ballast.unlink()
        place.done(line)
        place.whole("days")
        claim(not parts(place.cache), "a part is left")
        place.close()


def _belongs_to_the_server(place: Ground, path: Path) -> None:
    owner = (place.home / "postgres").stat()
    os.chown(path, owner.st_uid, owner.st_gid)


def _moved(place: Ground, path: Path) -> None:
    """The year's partition and its indexes onto the small disk."""
    place.look.execute(sql.SQL("CREATE TABLESPACE small LOCATION {}").format(sql.Literal(str(path))))
    query = (
        "SELECT i.relname, i.relkind FROM pg_class t JOIN pg_index x ON x.indrelid = t.oid JOIN pg_class i"
        " ON i.oid = x.indexrelid WHERE t.relname = 'cotahist_2024' UNION ALL SELECT 'cotahist_2024', 'r'"
    )
    for name, kind in place.ask(query):
        move = "ALTER INDEX {} SET TABLESPACE small" if kind == "i" else "ALTER TABLE {} SET TABLESPACE small"
        place.look.execute(sql.SQL(move).format(sql.Identifier(name)))

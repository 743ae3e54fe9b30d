"""Ctrl-C ends in exit code 130 and one line, with the unit at hand rolled back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path

import psycopg
import pytest

from pyb3 import settings
from tests.support import generate

DAY = date(2024, 1, 15)


@contextmanager
def _started(line: str) -> Iterator[subprocess.Popen]:
    command = [sys.executable, "-m", "pyb3", *line.split()]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def _interrupted(process: subprocess.Popen) -> None:
    """Ctrl-C, and what must follow."""
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=20)
    assert process.returncode == 130, (out, err)
    assert err == "pyb3: interrupted; the unit at hand was rolled back\n"


def _wait_until(true: Callable[[], object], process: subprocess.Popen) -> None:
    end = time.monotonic() + 30
    while not true():
        assert process.poll() is None and time.monotonic() < end, "it never came to that"
        time.sleep(0.01)


def test_ctrl_c_in_the_middle_of_a_copy_leaves_nothing(database, tmp_path: Path) -> None:
    file = tmp_path / "year.TXT"
    file.write_bytes(generate.cotahist([DAY], 120_000))
    copying = "SELECT tuples_processed FROM pg_stat_progress_copy WHERE tuples_processed > 0"
    with _started(f"load cotahist --file {file}") as process:
        _wait_until(lambda: database.execute(copying).fetchone(), process)
        _interrupted(process)
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)
    assert database.execute("SELECT count(*) FROM pg_class WHERE relname LIKE 'pyb3%%'").fetchone() == (0,)


@pytest.mark.parametrize("command", ["fetch cotahist --date", "ingest cotahist --date"])
def test_ctrl_c_in_a_download_leaves_no_half_file(database, simulator, command: str) -> None:
    simulator.faults = [{"kind": "stall", "after": 2_000, "seconds": 60}]
    with _started(f"{command} {DAY}") as process:
        _wait_until(lambda: list(settings.cache_dir().rglob(".part-*")), process)
        _interrupted(process)
    assert [path for path in settings.cache_dir().rglob("*") if path.is_file()] == []
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_ctrl_c_before_the_merge_leaves_the_day_as_it_was(database, simulator, pyb3) -> None:
    """Every row is staged and only the merge is missing: somebody else keeps the table from being written."""
    pyb3(f"ingest futures --date {DAY}")
    before = database.execute("SELECT * FROM futures ORDER BY symbol").fetchall()
    simulator.seed = 1
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted"
    with (
        psycopg.connect(os.environ["DATABASE_URL"]) as other,
        _started(f"ingest futures --date {DAY} --refresh") as process,
    ):
        other.execute("LOCK TABLE futures IN SHARE MODE")
        _wait_until(lambda: database.execute(waiting).fetchone(), process)
        _interrupted(process)
    assert database.execute("SELECT * FROM futures ORDER BY symbol").fetchall() == before


@pytest.mark.parametrize("command", [f"ingest futures --date {DAY}", f"backfill futures --from {DAY} --to {DAY}"])
def test_ctrl_c_while_another_load_has_the_day_waits_for_nobody(database, simulator, command: str) -> None:
    waiting = "SELECT 1 FROM pg_locks WHERE NOT granted AND locktype = 'advisory'"
    with psycopg.connect(os.environ["DATABASE_URL"]) as other, _started(command) as process:
        other.execute(
            "SELECT pg_advisory_xact_lock(hashtext('pyb3/public.futures'), %s::date - date '2000-01-01')", (DAY,)
        )
        _wait_until(lambda: database.execute(waiting).fetchone(), process)
        _interrupted(process)
    assert database.execute("SELECT count(*) FROM futures").fetchone() == (0,)


@pytest.mark.parametrize("jobs", [1, 2])
def test_ctrl_c_in_a_backfill_leaves_whole_sessions(database, simulator, jobs: int) -> None:
    simulator.rows = 2_000
    with _started(f"backfill cotahist --from 2024-01-02 --to 2024-12-30 --jobs {jobs}") as process:
        _wait_until(
            lambda: database.execute("SELECT count(DISTINCT refdate) FROM cotahist").fetchone()[0] >= 3, process
        )
        _interrupted(process)
    counts = database.execute("SELECT count(*) FROM cotahist GROUP BY refdate").fetchall()
    assert 3 <= len(counts) < 200
    assert set(counts) == {(2_000,)}
    assert list(settings.cache_dir().rglob(".part-*")) == []

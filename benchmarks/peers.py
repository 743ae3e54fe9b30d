"""What others take for the same file, each as its users would call it, in an environment of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from . import data
from .machine import FOLDER, PYB3, Run, Server, middle, timed
from .plot import bars

ROWS = 50_000  # the slow ones take minutes for a year: all are given this many, and scaled
PACKAGES = ("pandas", "sqlalchemy", "psycopg[binary]", "dlt[postgres]", "b3cotahist", "b3fileparser", "tzdata")
_SCRIPTS = Path(__file__).with_name("others")


def peers(server: Server, rows: int, runs: int) -> Iterator[tuple[str, str, str]]:
    """PyB3 and others on a file of 50,000 quotes, scaled to a year; some stop at a frame, some at the table."""
    python = _environment()
    file = data.year(ROWS)
    text = FOLDER / "peers" / "COTAHIST_A2024.TXT"
    if not text.exists():
        subprocess.run([sys.executable, "-m", "zipfile", "-e", str(file), str(text.parent)], check=True)
    ours: list[Run] = []
    for _ in range(runs):
        server.empty()
        ours.append(timed((*PYB3, "ingest", "cotahist", "--force", "--quiet", "--file", file), server))
    ours_taken = middle(ours)
    yield "PyB3, into PostgreSQL", _scaled(ours_taken, rows), "1.0"
    drawn = [("PyB3, into PostgreSQL", ours_taken.seconds * rows / ROWS)]
    for script in sorted(_SCRIPTS.glob("*_*.py")):
        title = script.read_text().split('"""')[1]
        found = []
        for _ in range(runs):
            server.connection.execute("DROP TABLE IF EXISTS peer")
            server.connection.execute("CREATE TABLE peer (LIKE cotahist INCLUDING INDEXES)")
            server.connection.execute("ALTER TABLE peer DROP COLUMN ingestion_id")
            try:
                found.append(timed((python, script, text, file, server.url), server))
            except subprocess.CalledProcessError as error:
                yield title, f"fails: {error.output.strip().splitlines()[-1][:70]}", ""
                break
        else:
            taken = middle(found)
            drawn.append((title, taken.seconds * rows / ROWS))
            yield title, _scaled(taken, rows), f"{taken.seconds / ours_taken.seconds:.1f} times PyB3's"
    server.connection.execute("DROP TABLE IF EXISTS peer")
    bars(FOLDER / "peers.svg", f"{rows:,} quotes, scaled from {ROWS:,}: less is better", drawn)


def _scaled(run: Run, rows: int) -> str:
    return f"{run.seconds:.2f} s, a year about {run.seconds * rows / ROWS:,.0f} s, peak {run.peak:,.0f} MB"


def _environment() -> Path:
    folder = FOLDER / "peers"
    python = folder / "bin" / "python"
    if not (folder / "ready").exists():
        subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
        subprocess.run([str(python), "-m", "pip", "install", "-q", *PACKAGES], check=True)
        (folder / "ready").touch()
    return python

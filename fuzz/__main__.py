"""python -m fuzz [FORMAT ...] [--seconds N] [--jobs N]: fuzz formats, and print a row of a table for each.

Inputs that were found, and what failed with their traces, are kept in `.fuzz` (`PYB3_FUZZ` names another folder): a
later run goes on from there. A failure that is mended becomes a test; nothing of `.fuzz` is for the repository.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import re
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(os.environ.get("PYB3_FUZZ", ".fuzz"))
MOST_CRASHES = 10
_OPTIONS = ("-timeout=30", "-rss_limit_mb=2048", "-max_len=20000", "-print_final_stats=1", "-len_control=0")


@dataclass
class Found:
    """What became of a format."""

    seconds: float = 0
    executions: int = 0
    coverage: int = 0
    corpus: int = 0
    crashes: int = 0


def main() -> None:
    """Fuzz what is asked for; the exit code is 1 where something failed."""
    if importlib.util.find_spec("atheris") is None:
        sys.exit("fuzzing needs atheris: 'make fuzz' installs it where it has wheels, on Linux on x86-64")
    from .targets import TARGETS

    parser = argparse.ArgumentParser(prog="python -m fuzz", description="Fuzz readers, and what they stand on.")
    parser.add_argument("format", nargs="*", choices=[*TARGETS, []], help=f"of: {', '.join(TARGETS)} (all)")
    parser.add_argument("--seconds", type=int, default=60, help="for each format (60)")
    parser.add_argument("--jobs", type=int, default=1, help="formats at once (1)")
    chosen = parser.parse_args()
    print("| format | seconds | executions | coverage | corpus | crashes |")
    print("|---|---:|---:|---:|---:|---:|", flush=True)
    crashes = 0
    names = chosen.format or list(TARGETS)
    with ThreadPoolExecutor(chosen.jobs) as pool:
        for name, found in zip(names, pool.map(lambda name: fuzzed(name, chosen.seconds), names), strict=True):
            numbers = (found.seconds, found.executions, found.coverage, found.corpus, found.crashes)
            print(f"| {name} | " + " | ".join(f"{number:,.0f}" for number in numbers) + " |", flush=True)
            crashes += found.crashes
    if crashes:
        sys.exit(f"what failed is in {FOLDER}/*/crash-*, the traces beside them in *.log")


def fuzzed(name: str, seconds: int) -> Found:
    """Fuzz a format for so long, beginning again after a crash."""
    from .targets import TARGETS

    folder = FOLDER / name
    corpus = folder / "corpus"
    corpus.mkdir(parents=True, exist_ok=True)
    for number, data in enumerate(TARGETS[name]().begin):
        (corpus / f"begin-{number}").write_bytes(data)
    found, start = Found(), time.monotonic()
    while (left := seconds - (time.monotonic() - start)) >= 1 and found.crashes < MOST_CRASHES:
        log = folder / f"{time.time_ns()}.log"
        command = [sys.executable, "-m", "fuzz.target", name, *_OPTIONS, f"-max_total_time={left:.0f}"]
        with log.open("w") as output:
            done = subprocess.run(
                [*command, f"-artifact_prefix={folder}/", str(corpus)],
                stdout=output,
                stderr=subprocess.STDOUT,
                env={"POLARS_MAX_THREADS": "1", **os.environ},
            )
        told = log.read_text(errors="replace")
        found.executions += sum(map(int, re.findall(r"stat::number_of_executed_units: +(\d+)", told)))
        found.coverage = max([found.coverage, *map(int, re.findall(r"cov: (\d+)", told))])
        if done.returncode == 0:
            log.unlink()
        else:
            found.crashes += 1
    found.seconds, found.corpus = time.monotonic() - start, len(list(corpus.iterdir()))
    return found


if __name__ == "__main__":
    main()

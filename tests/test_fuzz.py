"""The targets of `python -m fuzz` hold for what they begin with, and it says what it needs."""

from __future__ import annotations

import importlib.util
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest

from fuzz.targets import TARGETS
from tests.conftest import ROOT


@pytest.mark.parametrize("name", TARGETS)
def test_a_target_holds_for_what_it_begins_with_and_changes_of_it(name: str) -> None:
    target, chance = TARGETS[name](), random.Random(name)
    assert target.begin
    for data in target.begin:
        assert target.check(data)
        target.check(target.changed(data, chance))
    target.check(b"")


def _fuzz(tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYB3_FUZZ": str(tmp_path)}
    return subprocess.run(
        [sys.executable, "-m", "fuzz", *arguments], capture_output=True, text=True, cwd=ROOT, env=environment
    )


@pytest.mark.skipif(importlib.util.find_spec("atheris") is not None, reason="atheris is installed")
def test_without_atheris_it_says_where_there_is_one(tmp_path: Path) -> None:
    done = _fuzz(tmp_path, "template", "--seconds", "1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("fuzzing needs atheris") and done.stderr.count("\n") == 1


@pytest.mark.skipif(importlib.util.find_spec("atheris") is None, reason="atheris is not installed: make fuzz")
def test_a_row_of_a_table_tells_what_was_done(tmp_path: Path) -> None:
    done = _fuzz(tmp_path, "template", "--seconds", "3")
    assert done.returncode == 0, done.stderr
    *_, row = done.stdout.splitlines()
    assert row.startswith("| template | ") and row.endswith(" | 0 |")

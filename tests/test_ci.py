"""`.ci/run` chooses among the Pythons of a machine; here the machine is a folder of stand-ins."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

PYTHONS = re.findall(r'Python :: (3\.\d+)"', (ROOT / "pyproject.toml").read_text())
OLDEST, *_, NEWEST = PYTHONS
HERE = f"{sys.version_info.major}.{sys.version_info.minor}"
TOOLS = "bash dirname grep head id sed sort tail".split()  # no apt-get, and no Python of this machine


def _script(path: Path, body: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)
    return path


class Machine:
    """A PATH and a HOME of its own; `make` writes down what it is asked for."""

    def __init__(self, folder: Path) -> None:
        self.bin, self.home, self.calls = folder / "bin", folder / "home", folder / "calls"
        self.bin.mkdir()
        for tool in TOOLS:
            found = shutil.which(tool)
            assert found, tool
            (self.bin / tool).symlink_to(found)
        self.make()

    def make(self, fails_for: str = "nothing") -> None:
        """A `make` that fails where its arguments hold these words."""
        _script(self.bin / "make", f'echo "$@" >> {self.calls}\ncase "$*" in *"{fails_for}"*) exit 2 ;; esac')

    def python(self, version: str, name: str = "", place: Path | None = None) -> Path:
        """A Python that answers with its version."""
        return _script((place or self.bin) / (name or f"python{version}"), f"echo {version}")

    def run(self, **variables: str) -> tuple[int, str, list[str]]:
        """Exit code, what was printed, and what was asked of make."""
        environment = {"PATH": str(self.bin), "HOME": str(self.home)} | variables
        done = subprocess.run([ROOT / ".ci" / "run"], env=environment, capture_output=True, text=True, timeout=60)
        calls = self.calls.read_text().splitlines() if self.calls.exists() else []
        return done.returncode, done.stdout + done.stderr, calls


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


def _test(python: Path, version: str, suite: str) -> str:
    return f"test PYTHON={python} VENV=.venv-{version} SUITE={suite}"


def test_the_newest_python_runs_the_whole_suite_and_the_others_a_short_one(machine: Machine) -> None:
    paths = {version: machine.python(version) for version in PYTHONS}
    code, printed, calls = machine.run()
    assert code == 0, printed
    assert calls == [
        _test(paths[NEWEST], NEWEST, "whole"),
        f"check-lock PYTHON={paths[NEWEST]} VENV=.venv-{NEWEST}",
        *(_test(paths[version], version, "short") for version in reversed(PYTHONS[:-1])),
        f"lowest PYTHON={paths[OLDEST]}",
    ]
    assert f"Python {NEWEST}, whole suite: passed" in printed
    assert all(f"Python {version}, short suite: passed" in printed for version in PYTHONS[:-1])


def test_one_python_by_the_name_of_python3_is_enough(machine: Machine) -> None:
    path = machine.python(OLDEST, "python3")
    code, printed, calls = machine.run()
    assert code == 0, printed
    assert calls[0] == _test(path, OLDEST, "whole")
    assert [call.split()[0] for call in calls] == ["test", "check-lock", "lowest"]
    assert f"Python {NEWEST}: not found on this machine" in printed


@pytest.mark.parametrize("set_by", ["HOME", "PYENV_ROOT", "pyenv"])
def test_pythons_that_pyenv_keeps_are_found_and_its_shims_are_not_run(
    machine: Machine, tmp_path: Path, set_by: str
) -> None:
    root = machine.home / ".pyenv" if set_by == "HOME" else tmp_path / "kept"
    variables = {"PYENV_ROOT": str(root)} if set_by == "PYENV_ROOT" else {}
    if set_by == "pyenv":
        _script(machine.bin / "pyenv", f'[ "$1" = root ] && echo {root}')
    machine.python(OLDEST, "python3")
    machine.python(NEWEST, "python", root / "versions" / f"{NEWEST}.2" / "bin")
    path = machine.python(NEWEST, "python", root / "versions" / f"{NEWEST}.10" / "bin")
    shim = _script(root / "shims" / f"python{NEWEST}", "echo 'pyenv: command not found' >&2; exit 127")
    code, printed, calls = machine.run(**variables, PATH=f"{shim.parent}:{machine.bin}")
    assert code == 0, printed
    assert "skipped" not in printed
    assert calls[0] == _test(path, NEWEST, "whole"), "of two patches the newer"
    assert calls[2] == _test(machine.bin / "python3", OLDEST, "short")


def test_a_python_that_does_not_work_is_skipped_and_named(machine: Machine) -> None:
    broken = _script(
        machine.bin / f"python{NEWEST}", "echo Traceback >&2; echo \"No module named 'ensurepip'\" >&2; exit 1"
    )
    path = machine.python(OLDEST)
    code, printed, calls = machine.run()
    assert code == 0, printed
    assert f"{broken} is skipped, it does not work: No module named 'ensurepip'\n" in printed
    assert calls[0] == _test(path, OLDEST, "whole")


@pytest.mark.parametrize("version", ["3.8", "3.10", "4.0"])
def test_a_python_that_pyproject_does_not_name_runs_nothing(machine: Machine, version: str) -> None:
    machine.python(version, "python3")
    code, printed, calls = machine.run()
    assert (code, calls) == (1, [])
    assert f"install Python {OLDEST} to {NEWEST}" in printed


def test_a_failure_ends_nothing_but_the_exit_code_tells(machine: Machine) -> None:
    for version in PYTHONS:
        machine.python(version)
    machine.make(fails_for="SUITE=whole")
    code, printed, calls = machine.run()
    assert code == 1
    assert len(calls) == len(PYTHONS) + 2
    assert f"Python {NEWEST}, whole suite: FAILED" in printed and "short suite: passed" in printed


def test_the_python_of_these_tests_is_one_that_works(machine: Machine) -> None:
    path = _script(machine.bin / "python3", f'exec {sys.executable} "$@"')
    code, printed, calls = machine.run()
    assert code == 0, printed
    assert calls[0] == _test(path, HERE, "whole")


def test_shellcheck_finds_nothing() -> None:
    shellcheck = Path(sys.executable).with_name("shellcheck")
    if not shellcheck.exists():
        pytest.skip("shellcheck has no package for this machine")
    found = subprocess.run([shellcheck, ROOT / ".ci" / "run"], capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")

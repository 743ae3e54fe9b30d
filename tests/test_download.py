"""A download that ends at any moment leaves no file beside the facts of another one."""

from __future__ import annotations

from pathlib import Path

import pytest

from pyb3 import settings
from pyb3.file import File, digest, read_sidecar, sidecar

DAY = "2024-01-15"


class Killed(BaseException):
    """The process is no more."""


def _steps(monkeypatch: pytest.MonkeyPatch, last: int) -> None:
    """Of what changes the names of the cache's files, `last` steps are done and then no more."""
    left = [last]
    names = {"replace": Path.replace, "unlink": Path.unlink}

    def stepping(name: str):
        def step(self: Path, *arguments, **options):
            left[0] -= 1
            if left[0] < 0:
                raise Killed
            return names[name](self, *arguments, **options)

        return step

    for name in names:
        monkeypatch.setattr(Path, name, stepping(name))


@pytest.mark.parametrize("steps", range(5))
def test_a_refresh_that_is_killed_leaves_a_pair_or_nothing(pyb3, simulator, monkeypatch, steps: int) -> None:
    pyb3(f"fetch cotahist --date {DAY}")
    path = settings.cache_dir() / "cotahist" / "COTAHIST_D15012024.ZIP"
    before = path.read_bytes()
    simulator.seed = 1
    with monkeypatch.context() as patched:
        _steps(patched, steps)
        try:
            pyb3(f"fetch cotahist --date {DAY} --refresh")
        except Killed:
            pass
        else:
            assert steps == 4, "the switch has as many steps as are tried here"
    if path.exists():
        assert read_sidecar(path)["sha256"] == digest(path)
        assert (path.read_bytes() == before) == (steps == 0)
    assert pyb3(f"fetch cotahist --date {DAY}").code == 0
    assert read_sidecar(path)["sha256"] == digest(path)


def test_a_file_without_a_sidecar_is_used_and_its_bytes_are_what_the_ledger_says(pyb3, database, simulator) -> None:
    pyb3(f"fetch cotahist --date {DAY}")
    path = settings.cache_dir() / "cotahist" / "COTAHIST_D15012024.ZIP"
    other = sidecar(path).read_text().replace(digest(path), "0" * 64)
    sidecar(path).write_text(other)
    assert File.at(path).known["size"] == path.stat().st_size
    assert pyb3(f"load cotahist --date {DAY} --json").json["sha256"] == digest(path), "whatever a sidecar says"
    sidecar(path).unlink()
    answer = pyb3(f"load cotahist --date {DAY} --json").json
    assert (answer["outcome"], answer["sha256"]) == ("unchanged", digest(path))

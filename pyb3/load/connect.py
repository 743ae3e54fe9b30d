"""Connect to DATABASE_URL, or to the embedded server, which starts by itself."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .. import settings
from ..errors import DatabaseError, UsageError, one_line
from . import embedded


def url() -> str:
    """The server's address; starts the embedded server where DATABASE_URL is not set. Raises DatabaseError."""
    if settings.database_url() is None:
        return str(embedded.server().get_uri())
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
    embedded.server()


def psql(arguments: list[str]) -> NoReturn:
    """Become psql on the database: the one on the path, else the embedded server's."""
    address = conninfo_to_dict(url())
    if password := address.pop("password", None):  # kept out of the process list
        os.environ["PGPASSWORD"] = str(password)
    program = shutil.which("psql") or str(embedded.psql())
    os.execv(program, [program, make_conninfo("", **address), *arguments])


def opened() -> psycopg.Connection[Any]:
    """Open a connection without server-side prepared statements, fit for a transaction pooler.

    Raises DatabaseError without the password in its message.
    """
    try:
        return psycopg.connect(url(), prepare_threshold=None, connect_timeout=10, client_encoding="utf8")
    except psycopg.Error as error:
        raise DatabaseError(f"cannot connect to the database: {one_line(error)}") from None


@contextmanager
def connect() -> Iterator[psycopg.Connection[Any]]:
    """A connection that is committed and closed at the end, or rolled back. Raises DatabaseError, whatever it fails in.

    Where the server goes away during a commit, nobody can say whether it took place: to load again tells.
    """
    connection = opened()
    try:
        with connection:
            yield connection
    except psycopg.Error as error:
        raise DatabaseError(f"the database has gone away, or refused the work: {one_line(error)}") from error

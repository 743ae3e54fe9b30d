"""Connect to DATABASE_URL, or to the embedded server, which starts by itself."""

from __future__ import annotations

import os
import shutil
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any, NoReturn

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from .. import settings
from ..errors import DatabaseError, UsageError, one_line
from . import embedded

_SENT_AHEAD = 4 << 20


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
        connection = psycopg.connect(url(), prepare_threshold=None, connect_timeout=10, client_encoding="utf8")
    except psycopg.Error as error:
        raise DatabaseError(f"cannot connect to the database: {one_line(error)}") from None
    _let_send_ahead(connection)
    return connection


def _let_send_ahead(connection: psycopg.Connection[Any]) -> None:
    """Let as much wait for a server of this machine as the kernel allows.

    It reads the usual 208 kB in a millisecond or two, and finds nothing where a thread of ours is late by that much.
    A network's connection finds its size itself.
    """
    if connection.info.host.startswith("/"):
        with suppress(OSError), socket.socket(fileno=os.dup(connection.fileno())) as same:
            same.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _SENT_AHEAD)


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

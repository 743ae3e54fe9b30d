"""Is the database reached, fit and safe on its way, and is its schema the one that this PyB3 needs?"""

from __future__ import annotations

import time
from collections.abc import Iterator
from ipaddress import ip_address
from typing import Any, LiteralString

import psycopg
from psycopg import sql

from .. import settings
from ..errors import DatabaseError
from ..load import migrate
from .examination import Examination
from .finding import Finding, failed, ok, skipped, warning

_OLDEST = 15  # what the tests run on


def check(examination: Examination) -> Iterator[Finding]:
    """The connection, the server's version and encoding, TLS, and a pooler on the way."""
    start = time.perf_counter()
    try:
        connection = examination.database()
    except DatabaseError as error:
        yield failed("connection", error, "set DATABASE_URL right, and see whether the server runs and lets you in")
        return
    seconds, info = time.perf_counter() - start, connection.info
    where = f"{info.dbname} at {info.host}:{info.port} as {info.user}"
    if _one(connection, "SHOW transaction_read_only") == "on":
        yield failed("connection", DatabaseError(f"{where} is read-only"), "name the primary server in DATABASE_URL")
    else:
        yield ok("connection", f"{where}, connected in {seconds:.2f} s")
    yield _version(info.server_version // 10_000)
    yield _encoding(_one(connection, "SHOW server_encoding"))
    yield _tls(connection)
    yield _pooler(connection)


def schema(examination: Examination) -> Iterator[Finding]:
    """The revision, and the tables of the datasets and of their ledger: there, and open to this user."""
    try:
        connection = examination.database()
    except DatabaseError:
        yield skipped("revision", "there is no database to ask")
        return
    try:
        migrate.check(connection)
    except DatabaseError as error:  # SchemaNotCurrent or SchemaNewer
        yield failed("revision", error)
        return
    yield ok("revision", f"{migrate.HEAD}, the newest")
    tables = [dataset.template.table for dataset in examination.datasets]
    yield from _tables(connection, [*tables, "ingestions", "revisions"])


def _one(connection: psycopg.Connection[Any], query: LiteralString) -> str:
    row = connection.execute(query).fetchone()
    return str(row[0]) if row else ""


def _version(major: int) -> Finding:
    if major < _OLDEST:
        return warning("version", f"PostgreSQL {major} is older than what PyB3 is tested on", f"upgrade to {_OLDEST}")
    return ok("version", f"PostgreSQL {major}")


def _encoding(name: str) -> Finding:
    if name != "UTF8":
        advice = "create the database with ENCODING 'UTF8' TEMPLATE template0"
        return warning("encoding", f"{name} does not hold every name that B3 writes", advice)
    return ok("encoding", name)


def _tls(connection: psycopg.Connection[Any]) -> Finding:
    options = {option.keyword: option.val for option in connection.pgconn.info}
    mode = (options.get(b"sslmode") or b"").decode()
    if connection.info.host.startswith("/"):
        return ok("TLS", "none is needed: a socket of this machine")
    if not connection.pgconn.ssl_in_use:
        if _on_this_machine(connection.info.hostaddr):
            return ok("TLS", "none, on this machine")
        return warning("TLS", "none: what is sent can be read on its way", "add sslmode=verify-full to DATABASE_URL")
    if mode == "verify-full":
        return ok("TLS", f"used, and the server verified (sslmode={mode})")
    advice = "add sslmode=verify-full to DATABASE_URL, and sslrootcert=system or the authority's file"
    return warning("TLS", f"used, but nothing proves that it is the server's (sslmode={mode})", advice)


def _on_this_machine(address: str) -> bool:
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _pooler(connection: psycopg.Connection[Any]) -> Finding:
    # A pooler answers for the server with a process number of its own.
    if _one(connection, "SELECT pg_backend_pid()") != str(connection.info.backend_pid):
        return ok("pooler", "one stands between, which is fine: PyB3 keeps no state in a session")
    return ok("pooler", "none")


def _tables(connection: psycopg.Connection[Any], names: list[str]) -> Iterator[Finding]:
    there = "SELECT bool_and(has_table_privilege(to_regclass(%(t)s), p)) FROM unnest(%(p)s::text[]) p"
    closed, missing = list[str](), list[str]()
    for name in dict.fromkeys(names):
        table = sql.Identifier(settings.schema(), name).as_string(connection)
        row = connection.execute(there, {"t": table, "p": ["SELECT", "INSERT", "UPDATE"]}).fetchone()
        if row is None or row[0] is None:
            missing.append(name)
        elif not row[0]:
            closed.append(name)
    if missing:
        absent = DatabaseError(f"no table {', '.join(missing)} in the schema {settings.schema()}")
        yield failed("tables", absent, "a dataset of another package needs its own migration; is PYB3_SCHEMA right?")
    if closed:
        why = DatabaseError(f"this user may not read and write {', '.join(closed)}")
        yield failed("tables", why, "grant it SELECT, INSERT and UPDATE on them")
    if not missing and not closed:
        yield ok("tables", f"all {len(set(names)):,} are there, and open to this user")

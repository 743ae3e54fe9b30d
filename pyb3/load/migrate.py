"""Bring the schema up to date with Alembic, and tell whether it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import psycopg
from psycopg import sql

from .. import settings
from ..errors import DatabaseError, SchemaNewer, SchemaNotCurrent, UsageError, one_line
from . import connect

HEAD = "0011"
"""The newest revision; written down so that a load need not import Alembic to know it."""


def current(connection: psycopg.Connection[Any]) -> str | None:
    """The database's revision, None before the first `db upgrade`. Raises DatabaseError."""
    versions = sql.Identifier(settings.schema(), "alembic_version")
    try:
        found = connection.execute("SELECT to_regclass(%s)", (versions.as_string(connection),)).fetchone()
        if found is None or found[0] is None:
            return None
        row = connection.execute(sql.SQL("SELECT version_num FROM {}").format(versions)).fetchone()
    except psycopg.Error as error:
        raise DatabaseError(f"cannot read the schema's revision: {one_line(error)}") from error
    return str(row[0]) if row else None


def check(connection: psycopg.Connection[Any]) -> None:
    """Raise SchemaNotCurrent or SchemaNewer unless the schema is the one this program was made for."""
    revision = current(connection)
    connection.rollback()
    if revision is None or revision < HEAD:
        raise SchemaNotCurrent(f"the schema is at revision {revision or 'none'}, PyB3 needs {HEAD}")
    if revision > HEAD:
        raise SchemaNewer(f"the schema is at revision {revision}, this PyB3 knows only {HEAD}")


def upgrade(revision: str = "head") -> None:
    """Migrate up to `revision`. Raises UsageError where there is none, SchemaNewer, DatabaseError."""
    _run("upgrade", revision)


def downgrade(revision: str) -> None:
    """Migrate down to `revision`. Raises UsageError where there is none, SchemaNewer, DatabaseError."""
    _run("downgrade", revision)


def _run(command: str, revision: str) -> None:
    import alembic.command
    from alembic.config import Config
    from alembic.script import ScriptDirectory
    from alembic.util import CommandError
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import SQLAlchemyError

    package = Path(__file__).resolve().parents[1]
    home = package if (package / "alembic.ini").exists() else package.parent  # inside the wheel, else the checkout
    config = Config(str(home / "alembic.ini"))
    known = {script.revision for script in ScriptDirectory.from_config(config).walk_revisions()}
    engine = create_engine("postgresql+psycopg://", creator=connect.opened, poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            own = cast(psycopg.Connection[Any], connection.connection.driver_connection)
            # One at a time: the next finds the schema as it wants it.
            own.execute("SELECT pg_advisory_xact_lock(hashtext(%s))", (f"pyb3/{settings.schema()}/schema",))
            found = current(own)
            if found is not None and found not in known:
                raise SchemaNewer(f"the schema is at revision {found}, which this PyB3 does not know")
            config.attributes |= {"connection": connection, "schema": settings.schema()}
            getattr(alembic.command, command)(config, revision)
    except CommandError as error:
        raise UsageError(f"cannot {command} the schema to {revision!r}: {error}") from error
    except (SQLAlchemyError, psycopg.Error) as error:
        cause = one_line(error.__cause__ or error)
        raise DatabaseError(f"the migration failed and was rolled back: {cause}") from error

"""Bring the schema up to date with Alembic, and tell whether it is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import psycopg

from ..errors import DatabaseError, SchemaNotCurrent
from . import connect


def _config() -> Any:
    from alembic.config import Config

    package = Path(__file__).resolve().parents[1]
    home = package if (package / "alembic.ini").exists() else package.parent
    return Config(str(home / "alembic.ini"))


def head() -> str:
    """The newest revision this program knows."""
    from alembic.script import ScriptDirectory

    return str(ScriptDirectory.from_config(_config()).get_current_head())


def current(connection: psycopg.Connection[Any]) -> str | None:
    """The database's revision, None before the first `db upgrade`."""
    found = connection.execute("SELECT to_regclass('alembic_version')").fetchone()
    if found is None or found[0] is None:
        return None
    row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    return str(row[0]) if row else None


def check(connection: psycopg.Connection[Any]) -> None:
    """Raise SchemaNotCurrent unless the schema is the one this program was made for."""
    if (revision := current(connection)) != head():
        raise SchemaNotCurrent(f"the schema is at revision {revision or 'none'}, PyB3 needs {head()}")


def upgrade(revision: str = "head") -> None:
    """Migrate up to `revision`."""
    _run("upgrade", revision)


def downgrade(revision: str) -> None:
    """Migrate down to `revision`."""
    _run("downgrade", revision)


def _run(command: str, revision: str) -> None:
    import alembic.command
    from alembic.util import CommandError
    from sqlalchemy import create_engine, pool
    from sqlalchemy.exc import SQLAlchemyError

    config = _config()
    engine = create_engine("postgresql+psycopg://", creator=connect.connect, poolclass=pool.NullPool)
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            getattr(alembic.command, command)(config, revision)
    except CommandError as error:
        raise SchemaNotCurrent(str(error)) from error
    except SQLAlchemyError as error:
        raise DatabaseError(f"migration failed: {error.__cause__ or error}") from error

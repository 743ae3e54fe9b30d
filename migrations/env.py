"""Run revisions on the connection PyB3 hands over, or on DATABASE_URL when Alembic is run by hand."""

import os

from alembic import context
from sqlalchemy import create_engine, pool, text


def _run(connection, schema: str) -> None:
    quoted = connection.dialect.identifier_preparer.quote(schema)
    there = connection.execute(text("SELECT FROM pg_namespace WHERE nspname = :name"), {"name": schema}).first()
    if there is None:  # IF NOT EXISTS would ask for the right to make one all the same
        connection.execute(text(f"CREATE SCHEMA {quoted}"))
    connection.execute(text(f"SET LOCAL search_path TO {quoted}"))
    context.configure(connection=connection, version_table_schema=schema, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given, context.config.attributes["schema"])
else:
    url = os.environ["DATABASE_URL"].replace("postgres://", "postgresql://", 1)
    engine = create_engine(url.replace("postgresql://", "postgresql+psycopg://", 1), poolclass=pool.NullPool)
    with engine.begin() as connection:
        _run(connection, os.environ.get("PYB3_SCHEMA") or "public")

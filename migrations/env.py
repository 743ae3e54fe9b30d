"""Run revisions on the connection PyB3 hands over, or on DATABASE_URL."""

import os

from alembic import context
from sqlalchemy import create_engine, pool


def _run(connection) -> None:
    context.configure(connection=connection, transaction_per_migration=False)
    with context.begin_transaction():
        context.run_migrations()


given = context.config.attributes.get("connection")
if given is not None:
    _run(given)
else:
    url = os.environ["DATABASE_URL"].replace("postgresql://", "postgresql+psycopg://", 1)
    with create_engine(url, poolclass=pool.NullPool).connect() as connection:
        _run(connection)

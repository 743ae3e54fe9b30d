"""pyb3 db: the schema and the server."""

from __future__ import annotations

from typing import Annotated

import typer

from . import show

app = typer.Typer(help="The schema and the server.\n\nExample: pyb3 db upgrade", no_args_is_help=True)


@app.command()
def upgrade(revision: Annotated[str, typer.Argument(help="A revision; head is the newest.")] = "head") -> None:
    """Bring the schema up to date.

    Example: pyb3 db upgrade
    """
    from ..load import connect, migrate

    migrate.upgrade(revision)
    with connect.connect() as connection:
        show.notice(f"the schema is at revision {migrate.current(connection) or 'none'}")


@app.command()
def downgrade(revision: Annotated[str, typer.Argument(help="A revision, -1 or base.")]) -> None:
    """Take the schema back; what later revisions made is dropped, with its rows.

    Example: pyb3 db downgrade -- -1
    """
    from ..load import connect, migrate

    migrate.downgrade(revision)
    with connect.connect() as connection:
        show.notice(f"the schema is at revision {migrate.current(connection) or 'none'}")


@app.command()
def current() -> None:
    """Print the database's revision.

    Example: pyb3 db current
    """
    from ..load import connect, migrate

    with connect.connect() as connection:
        print(migrate.current(connection) or "none")


@app.command()
def check() -> None:
    """Exit 0 when the schema is the one this PyB3 needs, 7 when not.

    Example: pyb3 db check
    """
    from ..load import connect, migrate

    with connect.connect() as connection:
        migrate.check(connection)
    print("the schema is current")


@app.command()
def url() -> None:
    """Print the server's address, without its password; starts the embedded server.

    Example: psql "$(pyb3 db url)"
    """
    from ..load import connect

    print(connect.address_without_password())


@app.command()
def start() -> None:
    """Start the embedded server, and print its address.

    Example: pyb3 db start
    """
    from ..load import connect

    connect.start()
    print(connect.address_without_password())


@app.command()
def stop() -> None:
    """Stop the embedded server.

    Example: pyb3 db stop
    """
    from ..load import embedded

    embedded.stop()


@app.command(context_settings={"ignore_unknown_options": True, "allow_extra_args": True})
def psql(context: typer.Context) -> None:
    """Open psql on the database; what follows is psql's.

    Example: pyb3 db psql -c 'select count(*) from futures'
    """
    from ..load import connect

    connect.psql(context.args)

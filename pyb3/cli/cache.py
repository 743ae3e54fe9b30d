"""pyb3 cache: the downloaded files."""

from __future__ import annotations

from typing import Annotated

import typer

from ..errors import FileError, UsageError
from . import options, show

app = typer.Typer(help="The downloaded files.\n\nExample: pyb3 cache ls", no_args_is_help=True)
Some = Annotated[str | None, typer.Argument(metavar="[DATASET]", help="Those of one dataset alone.")]


@app.command()
def ls(dataset: Some = None, as_json: options.Json = False) -> None:
    """List them: dataset, source, size, when they came.

    Example: pyb3 cache ls cotahist
    """
    from ..fetch import inventory

    kept = list(inventory.files(dataset))
    if as_json:
        facts = ("dataset", "source", "size")
        show.objects(
            {"file": str(one.path), "fetched_at": str(one.fetched_at)} | {name: getattr(one, name) for name in facts}
            for one in kept
        )
        return
    values = [(one.dataset, one.path.name, one.source, one.size, f"{one.fetched_at:%Y-%m-%d %H:%M}") for one in kept]
    show.rows(("dataset", "file", "source", "bytes", "fetched"), values)
    show.notice(f"{len(kept):,} files, {sum(one.size for one in kept) / 1e6:,.1f} MB")


@app.command()
def verify(dataset: Some = None) -> None:
    """Hold each file against the digest it was downloaded with; exits 6 when one is damaged.

    Example: pyb3 cache verify
    """
    from ..fetch import inventory

    damaged = 0
    for kept in inventory.files(dataset):
        if words := inventory.damage(kept):
            damaged += 1
            show.notice(f"{kept.path}: {words}")
    if damaged:
        raise FileError(f"{damaged} files are damaged; remove them with 'pyb3 cache prune --damaged'")
    print("every file is as it was downloaded")


@app.command()
def prune(
    dataset: Some = None,
    older_than: Annotated[
        int | None, typer.Option("--older-than", min=0, help="Files that came so many days ago.")
    ] = None,
    damaged: Annotated[bool, typer.Option("--damaged", help="Files whose bytes have changed.")] = False,
) -> None:
    """Remove files, and what interrupted downloads left.

    Example: pyb3 cache prune --older-than 90
    """
    from ..fetch import inventory

    if older_than is None and not damaged:
        raise UsageError("say which: --older-than DAYS, or --damaged")
    count = size = 0
    for kept in list(inventory.files(dataset)):
        old = older_than is not None and inventory.older_than(kept, older_than)
        if old or (damaged and inventory.damage(kept)):
            count, size = count + 1, size + kept.size
            inventory.remove(kept)
    for path in list(inventory.leftovers()):
        path.unlink(missing_ok=True)
    print(f"removed {count:,} files, {size / 1e6:,.1f} MB")

"""Make the next items while the one at hand is worked on."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_END = object()


def ahead(items: Iterable[_T]) -> Iterator[_T]:
    """The same items, each made by a thread of its own one step ahead. Raises what making them raises."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as worker:
        following = worker.submit(next, iterator, _END)
        while (item := following.result()) is not _END:
            following = worker.submit(next, iterator, _END)
            yield item  # type: ignore[misc]

"""Make the next items while the one at hand is worked on."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_Made = TypeVar("_Made")
_END = object()
_WORKERS = 2


def ahead(items: Iterable[_T]) -> Iterator[_T]:
    """The same items, each made by a thread of its own one step ahead. Raises what making them raises."""
    iterator = iter(items)
    with ThreadPoolExecutor(1, thread_name_prefix="ahead") as worker:
        following = worker.submit(next, iterator, _END)
        while (item := following.result()) is not _END:
            following = worker.submit(next, iterator, _END)
            yield item  # type: ignore[misc]


def in_order(items: Iterable[_T], work: Callable[[_T], _Made]) -> Iterator[tuple[_T, _Made]]:
    """Each item and what `work` makes of it, two at once and in the items' order. Raises what either raises."""
    waiting: deque[tuple[_T, Future[_Made]]] = deque()
    with ThreadPoolExecutor(_WORKERS, thread_name_prefix="work") as workers:
        for item in ahead(items):
            waiting.append((item, workers.submit(work, item)))
            if len(waiting) > _WORKERS:
                first, made = waiting.popleft()
                yield first, made.result()
        while waiting:
            first, made = waiting.popleft()
            yield first, made.result()

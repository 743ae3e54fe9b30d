"""Generated files that are kept, so that a file asked for again is there at once."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from threading import Lock
from typing import Any

_MOST_BYTES = 256 * 2**20


class Files:
    """Files made once for each name, size and seed, the oldest let go when they are too many."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[Any, ...], bytes] = OrderedDict()
        self._making: dict[tuple[Any, ...], Lock] = {}
        self._lock = Lock()
        self._bytes = 0

    def get(self, name: tuple[Any, ...], make: Callable[[], bytes]) -> bytes:
        with self._lock:
            making = self._making.setdefault(name, Lock())
        with making:  # others wait for this file alone
            with self._lock:
                if name in self._kept:
                    self._kept.move_to_end(name)
                    return self._kept[name]
            data = make()
            with self._lock:
                self._kept[name] = data
                self._bytes += len(data)
                while self._bytes > _MOST_BYTES and len(self._kept) > 1:
                    self._bytes -= len(self._kept.popitem(last=False)[1])
            return data


FILES = Files()

"""A host's gate: how many requests go to it at once, and how quickly one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache

from .. import settings

_CONNECTIONS = 2  # at once, to one host
_INTERVAL = 0.4  # seconds between two requests to one host


class Gate:
    """A few connections at once, and a pause between requests."""

    def __init__(self) -> None:
        self._slots, self._lock, self._next = threading.BoundedSemaphore(_CONNECTIONS), threading.Lock(), 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until it is one's turn, and gives it back in the end."""
        with self._slots:
            if settings.mirror() is None:  # a mirror is one's own
                with self._lock:
                    time.sleep(max(0.0, self._next - time.monotonic()))
                    self._next = time.monotonic() + _INTERVAL
            yield


def gate(host: str) -> Gate:
    """The one gate of a host in this process."""
    with _making:
        return _gate(host)


_making = threading.Lock()  # `cache` alone lets two threads make two gates of a host


@cache
def _gate(host: str) -> Gate:
    return Gate()

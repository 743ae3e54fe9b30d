"""A host's gate: how many requests go to it at once, and how quickly one after another."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache

from .. import settings


@dataclass(frozen=True, slots=True)
class Manners:
    """How a host is asked: so many connections at once, and so many seconds from one request to the next.

    Where `apart`, the seconds count from the end of an answer, else from its beginning.
    """

    connections: int = 2
    interval: float = 0.4
    apart: bool = False


_ANY = Manners()
_OF_HOST: Mapping[str, Manners] = {
    # Asked in parallel it answered 500 and blocked the address for some minutes (2026).
    "www.b3.com.br": Manners(connections=1, interval=1.0, apart=True),
}


class Gate:
    """A few connections at once, and a pause between requests; `answers` is False after a refusal that did not end."""

    def __init__(self, manners: Manners) -> None:
        self.manners, self.answers = manners, True
        self._slots = threading.BoundedSemaphore(manners.connections)
        self._lock, self._next = threading.Lock(), 0.0

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Waits until it is one's turn, and gives it back in the end."""
        with self._slots:
            if settings.mirror() is not None:  # a mirror is one's own
                yield
                return
            with self._lock:
                time.sleep(max(0.0, self._next - time.monotonic()))
                self._next = time.monotonic() + self.manners.interval
            try:
                yield
            finally:
                if self.manners.apart:
                    self._next = time.monotonic() + self.manners.interval

    def patient(self) -> bool:
        """Whether to wait for minutes where the host refuses: not again and again, for each file of a year."""
        return self.answers and settings.mirror() is None


def gate(host: str) -> Gate:
    """The one gate of a host in this process."""
    with _making:
        return _gate(host)


_making = threading.Lock()  # `cache` alone lets two threads make two gates of a host


@cache
def _gate(host: str) -> Gate:
    return Gate(_OF_HOST.get(host, _ANY))

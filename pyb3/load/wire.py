"""A connection with a thread of its own: the server works on one thing while the next is made ready here."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from types import TracebackType
from typing import Any, ParamSpec, Self, TypeVar

import psycopg

_P = ParamSpec("_P")
_T = TypeVar("_T")
_SECONDS = 0.5


class Wire:
    """Work that uses a connection, done one after another in the order it is given.

    While it is open nothing else may use the connection. `meanwhile` is called every half second that it is waited
    for, and may raise. Left by an error, or by Ctrl-C, it gives up what waits and cancels what runs: a load that waits
    for another's lock would not end otherwise.
    """

    def __init__(self, connection: psycopg.Connection[Any], meanwhile: Callable[[], object]) -> None:
        self._connection, self._meanwhile = connection, meanwhile
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="wire")
        self._sent: Future[Any] | None = None
        self._last: Future[Any] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if kind is not None:
            self._thread.shutdown(wait=False, cancel_futures=True)
            if self._last is not None and not self._last.done():
                with suppress(psycopg.Error):  # the connection is gone, and what ran on it with it
                    self._connection.cancel_safe()
        self._thread.shutdown()

    def wait(self, asked: Future[_T]) -> _T:
        """What came of it. Raises what it raised."""
        while True:
            try:
                return asked.result(_SECONDS)
            except TimeoutError:
                if asked.done():
                    return asked.result()
            self._meanwhile()

    def ask(self, work: Callable[_P, _T], *args: _P.args, **named: _P.kwargs) -> Future[_T]:
        """Have it done after all that was given before; the future tells what came of it."""
        asked = self._thread.submit(work, *args, **named)
        self._last = asked
        return asked

    def send(self, work: Callable[_P, object], *args: _P.args, **named: _P.kwargs) -> None:
        """Have it done, and go on as soon as what was sent before is done. Raises what that raised."""
        self.sent()
        self._sent = self.ask(work, *args, **named)

    def sent(self) -> None:
        """Wait until what was sent is done. Raises what it raised."""
        if self._sent is not None:
            sent, self._sent = self._sent, None
            self.wait(sent)

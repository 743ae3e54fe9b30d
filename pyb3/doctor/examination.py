"""What several checks look at, looked at once."""

from __future__ import annotations

from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from types import TracebackType
from typing import Any
from urllib.parse import urlsplit

import psycopg

from .. import settings
from ..datasets import registry
from ..datasets.base import Dataset
from ..errors import DatabaseError, PyB3Error, SourceError
from ..fetch.peek import Greeting, greet
from ..fetch.record import Recording
from ..load import connect
from ..template import Source


class Examination:
    """One visit to the doctor: the datasets, the database's connection, and the hosts' greetings."""

    def __init__(self, offline: bool = False, recording: Recording | None = None) -> None:
        self.offline, self.recording = offline, recording

    def __enter__(self) -> Examination:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        found = self.__dict__.get("_connection")
        if isinstance(found, psycopg.Connection):
            found.close()

    @cached_property
    def plugins(self) -> Mapping[str, Dataset | PyB3Error]:
        """Each registered dataset, or why it does not load."""
        found: dict[str, Dataset | PyB3Error] = {}
        for name in registry.names():
            try:
                found[name] = registry.get(name)
            except PyB3Error as error:
                found[name] = error
        return found

    def reached(self, source: Source) -> bool:
        """Whether the host that a source is asked at answers."""
        return isinstance(self.greetings[self.address(source)], Greeting)

    @property
    def datasets(self) -> list[Dataset]:
        """Those that load."""
        return [plugin for plugin in self.plugins.values() if isinstance(plugin, Dataset)]

    def database(self) -> psycopg.Connection[Any]:
        """The connection, each statement a transaction of its own. Raises DatabaseError, each time the same."""
        if isinstance(self._connection, DatabaseError):
            raise self._connection
        return self._connection

    @cached_property
    def _connection(self) -> psycopg.Connection[Any] | DatabaseError:
        try:
            connection = connect.opened()
        except DatabaseError as error:
            return error
        connection.autocommit = True
        return connection

    def address(self, source: Source) -> str:
        """The host that a source is asked at: B3's, or the mirror."""
        return settings.mirror() or f"https://{urlsplit(source.url).netloc}"

    @cached_property
    def greetings(self) -> Mapping[str, Greeting | SourceError]:
        """How each host of the templates answers, or why it does not."""
        addresses = sorted({self.address(s) for dataset in self.datasets for s in dataset.template.sources})
        with ThreadPoolExecutor(4, "greet") as pool:
            return dict(zip(addresses, pool.map(_greeted, addresses), strict=True))


def _greeted(address: str) -> Greeting | SourceError:
    try:
        return greet(address)
    except SourceError as error:
        return error

"""Are the settings what they can be, and does every dataset load?"""

from __future__ import annotations

import difflib
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import urlsplit
from urllib.request import getproxies

import httpx

from .. import settings
from ..errors import PyB3Error, UsageError
from ..fetch import tls
from ..load import connect
from .examination import Examination
from .finding import Finding, failed, ok, warning

_ROOTS = "the roots of the system and of certifi"


def _database() -> str:
    return connect.address_without_password() if settings.database_url() else "the embedded server in PYB3_HOME"


def _mirror() -> str:
    address = settings.mirror()
    if address is None:
        return "none: B3 is asked itself"
    try:
        return str(httpx.URL(address))
    except httpx.InvalidURL as error:
        raise UsageError(f"PYB3_MIRROR is {address!r}, which is no address: {error}") from error


def _folder(name: str, folder: Callable[[], Path]) -> Callable[[], str]:
    def described() -> str:
        path = folder()
        if path.exists() and not path.is_dir():
            raise UsageError(f"{name} is {path}, which is no folder")
        if not path.is_absolute():
            raise _Doubtful(f"{path} is another folder wherever PyB3 runs", f"set {name} to a path that begins with /")
        return f"{path}" if path.exists() else f"{path}, which is made when it is needed"

    return described


def _roots() -> str:
    tls.context()
    return os.environ.get("SSL_CERT_FILE") or _ROOTS


def _folder_of_roots() -> str:
    folder = os.environ.get("SSL_CERT_DIR")
    if folder and not Path(folder).is_dir():
        raise UsageError(f"SSL_CERT_DIR is {folder}, which is no folder")
    return folder or _ROOTS


def _proxy() -> str:
    proxy = getproxies().get("https") or getproxies().get("all")
    return proxy or "none"


class _Doubtful(Exception):
    """A value that works, though perhaps not as it was meant; its arguments are message and advice."""


def _webhook() -> str:
    """The webhook's host: the rest of its address is a secret."""
    address = settings.notify_url()
    return "no messages" if address is None else f"messages to {urlsplit(address).hostname}"


SETTINGS: tuple[tuple[str, Callable[[], str]], ...] = (
    ("DATABASE_URL", _database),
    ("PYB3_SCHEMA", settings.schema),
    ("PYB3_HOME", _folder("PYB3_HOME", settings.home)),
    ("PYB3_CACHE_DIR", _folder("PYB3_CACHE_DIR", settings.cache_dir)),
    ("PYB3_MIRROR", _mirror),
    ("PYB3_RETRIES", lambda: f"{settings.retries()} tries"),
    ("PYB3_NOTIFY_URL", _webhook),
    ("SSL_CERT_FILE", _roots),
    ("SSL_CERT_DIR", _folder_of_roots),
    ("HTTPS_PROXY", _proxy),
)
"""Each variable, and what says where it points or raises what is wrong with it."""

_OF_TESTS = ("PYB3_REAL_DATA", "PYB3_TEST_")


def check(examination: Examination) -> Iterator[Finding]:
    """Every variable: where it points, and whether its value fits; variables that PyB3 does not know."""
    for name, describe in SETTINGS:
        by_default = "" if os.environ.get(name) or os.environ.get(name.lower()) else " (not set)"
        try:
            yield ok(name, describe() + by_default)
        except _Doubtful as doubt:
            yield warning(name, *doubt.args)
        except PyB3Error as error:
            yield failed(name, error, f"correct {name}, or unset it")
    known = [name for name, _ in SETTINGS]
    for name in sorted(os.environ):
        if name.startswith("PYB3_") and name not in known and not name.startswith(_OF_TESTS):
            near = difflib.get_close_matches(name, known, 1)
            yield warning(name, "PyB3 has no such setting", f"did you mean {near[0]}?" if near else f"unset {name}")


def registered(examination: Examination) -> Iterator[Finding]:
    """Every registered dataset: does its class load, and its template?"""
    for name, plugin in examination.plugins.items():
        if isinstance(plugin, Exception):
            yield failed(name, plugin, "bring the package it comes from up to date, or remove it")
    if examination.datasets:
        yield ok("registered", ", ".join(dataset.name for dataset in examination.datasets))

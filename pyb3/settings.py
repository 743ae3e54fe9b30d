"""What the environment decides: folders, server, schema and mirror."""

from __future__ import annotations

import os
import re
from pathlib import Path
from urllib.parse import urlsplit

from .errors import UsageError

_HERE = ("localhost", "127.0.0.1", "::1")


def home() -> Path:
    """Folder of the embedded server (`PYB3_HOME`, default `~/.pyb3`)."""
    return Path(os.environ.get("PYB3_HOME") or Path.home() / ".pyb3").expanduser()


def cache_dir() -> Path:
    """Folder of downloaded files (`PYB3_CACHE_DIR`, default `~/.pyb3_cache`)."""
    return Path(os.environ.get("PYB3_CACHE_DIR") or Path.home() / ".pyb3_cache").expanduser()


def mirror() -> str | None:
    """`PYB3_MIRROR`: requests go to `<mirror>/<original host>/<path>`. Raises UsageError."""
    address = os.environ.get("PYB3_MIRROR") or None
    if address is not None and not re.match(r"https?://[^/]", address):
        raise UsageError(f"PYB3_MIRROR is {address!r}; it is an address such as http://localhost:8000")
    return address and address.rstrip("/")


def retries() -> int:
    """`PYB3_RETRIES`: how often a failed request is tried in all (default 5). Raises UsageError."""
    text = os.environ.get("PYB3_RETRIES") or "5"
    if not re.fullmatch(r"[1-9]\d?", text):
        raise UsageError(f"PYB3_RETRIES is {text!r}; it is a number from 1 to 99")
    return int(text)


def database_url() -> str | None:
    """`DATABASE_URL`, or None for the embedded server."""
    return os.environ.get("DATABASE_URL") or None


def schema() -> str:
    """The database schema that holds the tables (`PYB3_SCHEMA`, default `public`). Raises UsageError."""
    name = os.environ.get("PYB3_SCHEMA") or "public"
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,62}", name):
        raise UsageError(f"PYB3_SCHEMA is {name!r}; it is a plain name")
    return name


def notify_url() -> str | None:
    """`PYB3_NOTIFY_URL`: where `pyb3 notify` sends its messages. Raises UsageError, which does not show the address."""
    address = os.environ.get("PYB3_NOTIFY_URL") or None
    if address is not None:
        try:
            parts = urlsplit(address)
            secure = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _HERE)
            good = secure and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:  # a port that is not a number, half of an IPv6 address
            good = False
        if not good or re.search(r"\s", address):
            raise UsageError("PYB3_NOTIFY_URL is not an https:// address; http:// is allowed for localhost alone")
    return address

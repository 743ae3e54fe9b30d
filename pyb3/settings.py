"""What the environment decides: folders, server, schema and mirror."""

from __future__ import annotations

import os
import re
from pathlib import Path

from .errors import UsageError


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

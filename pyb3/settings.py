"""What the environment decides: folders, server and mirror."""

from __future__ import annotations

import os
from pathlib import Path


def home() -> Path:
    """Folder of the embedded server (`PYB3_HOME`, default `~/.pyb3`)."""
    return Path(os.environ.get("PYB3_HOME") or Path.home() / ".pyb3").expanduser()


def cache_dir() -> Path:
    """Folder of downloaded files (`PYB3_CACHE_DIR`, default `~/.pyb3_cache`)."""
    return Path(os.environ.get("PYB3_CACHE_DIR") or Path.home() / ".pyb3_cache").expanduser()


def mirror() -> str | None:
    """`PYB3_MIRROR`: requests go to `<mirror>/<original host>/<path>`."""
    return (os.environ.get("PYB3_MIRROR") or "").rstrip("/") or None


def database_url() -> str | None:
    """`DATABASE_URL`, or None for the embedded server."""
    return os.environ.get("DATABASE_URL") or None

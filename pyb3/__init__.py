"""B3's public market data, exactly. Names are imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import Any

_HOMES = {
    "cotahist_get": "library",
    "futures_get": "library",
    "maturity_date": "maturity",
    "sessions": "calendar",
}
__all__ = ["cotahist_get", "futures_get", "maturity_date", "sessions"]
__version__ = "0.1.0"


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f".{_HOMES[name]}", __name__), name)
    raise AttributeError(f"module 'pyb3' has no attribute {name!r}")

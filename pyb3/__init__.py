"""B3's public market data, exactly. Names are imported when they are first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .calendar import sessions
    from .curves import futures_curve, yield_curve
    from .day_count import business_days
    from .errors import LeftOut, MissingSessions, PartialData
    from .interpolation import interpolate
    from .library import (
        cotahist_get,
        futures_get,
        index_composition_get,
        index_historical_get,
        option_chain_get,
        symbol_history_get,
        symbols_get,
        yield_curves_get,
    )
    from .maturity import maturity_code, maturity_date, maturity_month, with_maturities
    from .option_chains import option_chain, options
    from .securities import bdrs, equities, etfs, fiagros, fidcs, fiis, shares, units

__version__ = "0.1.0"

__all__ = [
    "LeftOut",
    "MissingSessions",
    "PartialData",
    "bdrs",
    "business_days",
    "cotahist_get",
    "equities",
    "etfs",
    "fiagros",
    "fidcs",
    "fiis",
    "futures_curve",
    "futures_get",
    "index_composition_get",
    "index_historical_get",
    "interpolate",
    "maturity_code",
    "maturity_date",
    "maturity_month",
    "option_chain",
    "option_chain_get",
    "options",
    "sessions",
    "shares",
    "symbol_history_get",
    "symbols_get",
    "units",
    "with_maturities",
    "yield_curve",
    "yield_curves_get",
]

_HOMES = {
    "calendar": ["sessions"],
    "curves": ["futures_curve", "yield_curve"],
    "day_count": ["business_days"],
    "errors": ["LeftOut", "MissingSessions", "PartialData"],
    "interpolation": ["interpolate"],
    "library": [
        "cotahist_get",
        "futures_get",
        "index_composition_get",
        "index_historical_get",
        "option_chain_get",
        "symbol_history_get",
        "symbols_get",
        "yield_curves_get",
    ],
    "maturity": ["maturity_code", "maturity_date", "maturity_month", "with_maturities"],
    "option_chains": ["option_chain", "options"],
    "securities": ["bdrs", "equities", "etfs", "fiagros", "fidcs", "fiis", "shares", "units"],
}


def __getattr__(name: str) -> Any:
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(f".{home}", __name__), name)
    raise AttributeError(f"module 'pyb3' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])

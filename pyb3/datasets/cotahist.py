"""COTAHIST: the quotes of the cash, odd-lot, term and option markets."""

from __future__ import annotations

from .base import Dataset


class Cotahist(Dataset):
    """Daily, monthly and yearly COTAHIST files."""

    filename = "cotahist.yaml"

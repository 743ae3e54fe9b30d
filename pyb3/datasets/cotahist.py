"""COTAHIST: the quotes of the cash, odd-lot, term and option markets."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from ..errors import WrongDate
from ..parse.fixed_width import read_fixed_width
from .base import Dataset, Parsed


class Cotahist(Dataset):
    """Daily and yearly COTAHIST files."""

    filename = "cotahist.yaml"

    def read(self, path: Path, expected: date | None = None, *, allow_incomplete: bool = False) -> Parsed:
        frame, file_date = read_fixed_width(path, self.template, allow_incomplete=allow_incomplete)
        dates = frame["refdate"].unique()
        refdate = file_date if dates.to_list() == [file_date] else None
        if expected and (others := [day for day in dates if day != expected]):
            raise WrongDate(f"{path.name} holds quotes of {others[0]}, not only of {expected}")
        return Parsed(frame, refdate)

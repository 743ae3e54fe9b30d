"""Index portfolios: the current and the theoretical one of each index, and the list of papers with their indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import cast

import polars as pl

from .. import calendar
from ..errors import FileError, NotPublished, UsageError, WrongDate
from ..file import File
from ..parse.rejects import Rejects
from ..unit import Unit
from .base import Batch, Origin
from .indexes import IndexDataset

_CUT = Decimal("0.001")  # what a weight of three decimals lacks at most, where it was cut and not rounded
_WHOLE, _NEAR = Decimal(100), Decimal("0.01")  # %; a header of 99.999 is of a whole portfolio


class IndexComposition(IndexDataset):
    """B3's index pages, which show the last session alone: a portfolio's own date is its `refdate`.

    A current portfolio must be of the day that was asked for: B3's page of the session before is refused until it
    shows that day's. A theoretical one bears no date, and takes that of the current one fetched with it. The list
    of papers bears its own.
    """

    filename = "index_composition.yaml"

    def read(
        self,
        files: Sequence[File],
        unit: Unit | None = None,
        *,
        allow_incomplete: bool = False,
        notes: list[str] | None = None,
        rejects: Rejects | None = None,
    ) -> Iterator[Batch]:
        if unit is not None and {file.source for file in files} == {"GetStockIndex"}:
            raise NotPublished(f"{self.name} {unit}: B3 shows the portfolio of no index of that day (yet)")
        yield from super().read(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=rejects)

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        name, unit = origin.name, origin.unit
        refdate = frame["refdate"][0] if "refdate" in frame.columns else origin.asked.get("date")
        if refdate is None:
            raise UsageError(f"say with --date of which day {name} is: a theoretical portfolio bears none")
        if refdate > calendar.today():
            raise WrongDate(f"{name} is of {refdate}, which is in the future")
        if unit is not None and refdate != unit.date:
            if origin.source.each:
                raise WrongDate(f"{name} is of {refdate}, not of {unit}")
            origin.notes.append(f"{name} is of {refdate}, and kept as that day's")
        whole = {"refdate": refdate, "portfolio": origin.source.format}
        frame = frame.with_columns(refdate=pl.lit(refdate, pl.Date), portfolio=pl.lit(origin.source.format))
        if origin.source.each:
            _weigh(frame, origin)
            index = origin.asked["index"]
            yield Batch(frame.with_columns(index_code=pl.lit(index)), whole=whole | {"index_code": index})
        else:
            listed = frame.with_columns(pl.col("index_code").str.split(",")).explode("index_code")
            codes = listed.with_columns(pl.col("index_code").str.strip_chars())
            yield Batch(codes.filter(pl.col("index_code") != ""), whole=whole)


def _weigh(frame: pl.DataFrame, origin: Origin) -> None:
    """Refuse a portfolio that is not the whole: 100 %, by its header and by its members but for their decimals.

    Where members or weights are set aside, the others cannot be the whole.
    """
    weights, total = frame["weight"], frame["total_weight"][0]
    if origin.rejected or (origin.rejects.values and weights.null_count()):
        return
    whole = cast(Decimal, weights.sum())
    off = abs(whole - _WHOLE) > _CUT * len(weights) + _NEAR
    if weights.null_count() or off or (total is not None and abs(total - _WHOLE) > _NEAR):
        blank = f", {weights.null_count():,} are blank" if weights.null_count() else ""
        raise FileError(f"{origin.name}: its header says {total} %, its weights sum to {whole} %{blank}")
    if total != _WHOLE:
        origin.notes.append(f"{origin.name}: its header says {total} %, its weights sum to {whole} %")
    quantity, said = frame["theoretical_quantity"].sum(), frame["total_quantity"][0]
    if quantity != said:
        origin.notes.append(f"{origin.name}: its quantities sum to {quantity:,}, its header says {said}")

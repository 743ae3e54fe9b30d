"""Index portfolios: the current and the theoretical one of each index, and the list of papers with their indexes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from typing import cast

import polars as pl

from .. import calendar
from ..errors import FileError, NotPublished, UsageError, WrongDate
from ..fetch import age
from ..file import File
from ..parse.rejects import Rejects
from ..unit import Steady, Unit
from .base import Batch, Origin
from .indexes import IndexDataset

_CUT = Decimal("0.001")  # what a weight of three decimals lacks at most, where it was cut and not rounded
_WHOLE, _NEAR = Decimal(100), Decimal("0.01")  # %; a header of 99.999 is of a whole portfolio


class IndexComposition(IndexDataset):
    """B3's index pages, which show the last session alone: a portfolio's own date is its `refdate`.

    A current portfolio must be of the day that was asked for, or of the next session, whose it is then: B3's page of
    the session before is refused until it shows that day's. A theoretical one bears no date, and takes that of the
    current one fetched with it; one that came after midnight is compared with it. The list of papers bears its own.
    """

    filename = "index_composition.yaml"
    steady = Steady(("portfolio", "index_code"), kinds=("current", "theoretical"))

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
        notes = notes if notes is not None else []
        rejects = rejects if rejects is not None else Rejects()
        batches = super().read(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=rejects)
        if unit is None:
            yield from batches
            return
        current: dict[str, pl.DataFrame] = {}
        ahead: list[str] = []
        of_index = {file.item: file for file in files if file.source == "GetTheoricalPortfolio"}
        for batch in batches:
            if batch.frame.is_empty():
                continue
            first = batch.frame.row(0, named=True)
            index, day = first["index_code"], first["refdate"]
            if first["portfolio"] == "current":
                current[index] = batch.frame
                ahead += [index] if day == _following(unit.date) else []
            elif first["portfolio"] == "theoretical" and index in current and index in of_index:
                doubt = _doubt(of_index[index], unit, batch.frame, current[index])
                if doubt and rejects.strict:
                    raise FileError(doubt)
                if doubt:
                    rejects.leave_out(of_index[index].path, doubt)
                    continue
                batch = _dated(batch, current[index]["refdate"][0])
            yield batch
        if ahead:
            shown, number = _following(unit.date), len(ahead)
            whose = f"{number} indexes" if number > 1 else ahead[0]
            notes.append(f"GetPortfolioDay shows {shown}, the next session, for {whose}; kept as that day's")

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        name, unit = origin.name, origin.unit
        refdate = frame["refdate"][0] if "refdate" in frame.columns else origin.asked.get("date")
        if refdate is None:
            raise UsageError(f"say with --date of which day {name} is: a theoretical portfolio bears none")
        if refdate > _following(calendar.today()):
            raise WrongDate(f"{name} is of {refdate}, which is in the future")
        if unit is not None and refdate != unit.date:
            if origin.source.each and not (origin.file.known and refdate == _following(unit.date)):
                raise WrongDate(f"{name} is of {refdate}, not of {unit}")
            if not origin.source.each:
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


def _following(day: date) -> date:
    """The next session."""
    return calendar.next_session(day + timedelta(1))


def _dated(batch: Batch, day: date) -> Batch:
    """A theoretical portfolio with the date of the current one."""
    if batch.frame["refdate"][0] == day:
        return batch
    whole = None if batch.whole is None else {**batch.whole, "refdate": day}
    return replace(batch, frame=batch.frame.with_columns(refdate=pl.lit(day, pl.Date)), whole=whole)


def _doubt(file: File, unit: Unit, theoretical: pl.DataFrame, current: pl.DataFrame) -> str:
    """Why a theoretical portfolio that came after its session's day is of another one, "" where it is not.

    By then B3 may show the next one, which is of other quantities. Of the same one a few differ, by what the firms did.
    """
    fetched = age.fetched_at(file)
    if fetched is None or fetched.date() <= unit.date:
        return ""
    same = theoretical.join(current, on=["symbol", "theoretical_quantity"], how="semi").height
    members = max(theoretical.height, current.height)
    if 2 * same >= members:
        return ""
    return (
        f"{file.name} came after midnight and is not of {unit}: {same} of {members} members have the quantity of the "
        "current portfolio"
    )


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

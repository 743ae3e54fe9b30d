"""Index values: of every day by the statistics pages, and of a session in full by the index report."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

import polars as pl

from .. import calendar
from ..errors import WrongDate
from ..file import File
from ..parse.rejects import Rejects
from ..unit import Steady, Unit
from .base import Batch, Origin
from .indexes import IndexDataset


class IndexHistorical(IndexDataset):
    """The index statistics' years, and BVBG.087 reports; no column has two sources."""

    filename = "index_historical.yaml"
    first_year = 1968  # of IBOV
    steady = Steady(("index_code",), filled="value")

    def read(
        self,
        files: Sequence[File],
        unit: Unit | None = None,
        *,
        allow_incomplete: bool = False,
        notes: list[str] | None = None,
        rejects: Rejects | None = None,
    ) -> Iterator[Batch]:
        batches = super().read(files, unit, allow_incomplete=allow_incomplete, notes=notes, rejects=rejects)
        if unit is None or unit.kind != "day":
            yield from batches
            return
        by_source: dict[bool, list[pl.DataFrame]] = {True: [], False: []}
        speakers = []
        for batch in batches:
            by_source["value" in batch.frame.columns].append(batch.frame)
            speakers.append(replace(batch, frame=batch.frame.clear()))
        if all(by_source.values()):
            # A row that both have is written once; one that only one has keeps what the table has of the other.
            statistics, report = (pl.concat(frames) for frames in by_source.values())
            key = list(self.template.key)
            yield Batch(statistics.join(report, on=key, how="inner"))
            yield Batch(statistics.join(report, on=key, how="anti"))
            yield Batch(report.join(statistics, on=key, how="anti"))
        else:
            yield from (Batch(frame) for frames in by_source.values() for frame in frames)
        yield from speakers  # what each file cannot lack

    def shape(self, frame: pl.DataFrame, origin: Origin) -> Iterator[Batch]:
        for future in frame["refdate"].filter(frame["refdate"] > calendar.today()):
            raise WrongDate(f"{origin.name} holds a value of {future}, which is in the future")
        if "index" in origin.asked:
            frame = frame.with_columns(index_code=pl.lit(origin.asked["index"]))
        whole = {"index_code": origin.asked["index"]} if origin.source.each else {}
        for batch in super().shape(frame, origin):
            yield replace(batch, whole=whole)

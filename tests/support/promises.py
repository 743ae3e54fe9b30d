"""What a fortnight of nightly runs must keep: what B3 showed is in the tables, as B3 had it, and a miss is reported.

All of it follows from B3's hours, the runs that GitHub delivered and the generator, and from nothing of the program's.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import psycopg
from psycopg import sql

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.file import File
from pyb3.template import Source
from pyb3.unit import Unit

from . import generate
from .fortnight import Diary, Job, clock
from .generate.indexes import indexes
from .hours import Hours
from .simulator import Simulator

REACH = 10  # sessions that a run goes back
_LATE = time(7, 30)  # of the day after a session, from when on a run must say that it is missing
_PAGES = "https://sistemaswebb3-listados.b3.com.br/"
_SESSION_FILES = "https://www.b3.com.br/pesquisapregao/"
_HOSTS = {
    "cotahist": ("https://bvmf.bmfbovespa.com.br/",),
    "futures": (_SESSION_FILES,),
    "yield_curves": (_SESSION_FILES,),
    "symbols": ("https://arquivos.b3.com.br/",),
    "index_historical": (_SESSION_FILES, _PAGES),
    "index_composition": (_PAGES,),
}


class Promises:
    """The promises of a diary: each gives what was not kept, in words."""

    def __init__(self, diary: Diary, simulator: Simulator, database: psycopg.Connection[Any], folder: Path) -> None:
        self.diary, self.simulator, self.database, self.folder = diary, simulator, database, folder
        assert simulator.exchange.hours is not None
        self.hours: Hours = simulator.exchange.hours
        self.datasets = tuple(dict.fromkeys(job.dataset for job in diary.jobs))

    def sessions(self) -> list[date]:
        """Sessions from the day of the first run to that of the last."""
        moments = [start.due for start in self.diary.starts]
        return calendar.sessions(min(moments).date(), max(moments).date())

    def shown(self, dataset: str, session: date, at: datetime) -> bool:
        """Whether B3 has all of a session at that time, and answers."""
        if any(self._refused(url, at) for url in _HOSTS[dataset]):
            return False
        hours = self.hours
        match dataset:
            case "cotahist":
                month = hours.month(session.replace(day=1), at)
                longer = hours.latest("COTAHIST_A", at) >= session or (month is not None and month >= session)
                return hours.whole("COTAHIST_D", session, at) or longer
            case "futures":
                return hours.whole("SPRD", session, at)
            case "yield_curves":
                return hours.whole("TS", session, at)
            case "symbols":
                return hours.whole("InstrumentsConsolidated", session, at)
            case "index_historical":
                return hours.whole("IR", session, at) and hours.whole("IndexStatistics", session, at)
            case _:
                return hours.page(at) == session

    def first_shown(self, dataset: str, session: date) -> datetime | None:
        """The first job of the dataset at which B3 showed all of a session that the job goes back to."""
        for job in self.diary.of(dataset):
            reached = calendar.sessions(job.at.date() - timedelta(30), job.at.date() + timedelta(5))
            past = [day for day in reached if day <= job.at.date()][-REACH:]
            if (session in past or session > job.at.date()) and self.shown(dataset, session, job.at):
                return job.at
        return None

    def ever(self, dataset: str, session: date) -> bool:
        """Whether a delivered run could see the session."""
        return self.first_shown(dataset, session) is not None

    def forgotten(self) -> list[str]:
        """Sessions that a third run in a row misses, late as they are, without failing."""
        found = []
        for dataset in self.datasets:
            missed: Counter[date] = Counter()
            there: set[str] = set()
            for job in self.diary.of(dataset):
                there |= {name for name, unit in job.units.items() if unit["outcome"] in ("loaded", "unchanged")}
                late = self._last_late(job)
                if late in self.sessions() and str(late) not in there and str(late) in job.units:
                    missed[late] += 1
                    if missed[late] >= 3 and not job.code:
                        found.append(f"{dataset}, run of {job.at:%a %d %H:%M}: misses {late} again and ends in 0")
        return found

    def lost(self) -> list[str]:
        """Sessions that B3 showed at a delivered run, and that are not in the table as B3 has them."""
        found = []
        for dataset in self.datasets:
            for session in self.sessions():
                at = self.first_shown(dataset, session)
                if at is None:
                    continue
                right, there = Counter(self._right(dataset, session)), Counter(self._there(dataset, session))
                if right != there:
                    missing, other = (right - there).total(), (there - right).total()
                    found.append(
                        f"{dataset} {session}, shown at {at:%a %d %H:%M}: of {right.total():,} rows {missing:,} are "
                        f"missing, {other:,} are other ones"
                    )
        return found

    def unknown(self) -> list[str]:
        """Rows of sessions that B3 did not show whole at any run, and that no run reported as partial."""
        found = []
        for dataset in self.datasets:
            for session in self.sessions():
                count = len(self._there(dataset, session))
                if self.first_shown(dataset, session) is None and count:
                    units = [job.units.get(str(session)) for job in self.diary.of(dataset)]
                    outcomes = {unit["outcome"] for unit in units if unit}
                    if "partial" not in outcomes:
                        found.append(f"{dataset} {session}: {count:,} rows, {sorted(outcomes)}")
        return found

    def twice(self) -> list[str]:
        """Datasets whose ledger does not count the rows that there are, and units that were loaded without a change."""
        found = []
        for dataset in self.datasets:
            table = sql.Identifier(registry.get(dataset).template.table)
            query = sql.SQL(
                "SELECT (SELECT count(*) FROM {}), (SELECT coalesce(sum(inserted - removed), 0) FROM ingestions"
                " WHERE dataset = {})"
            ).format(table, sql.Literal(dataset))
            rows, counted = self.database.execute(query).fetchone() or (0, 0)
            if rows != counted:
                found.append(f"{dataset}: {rows:,} rows, {counted:,} in the ledger")
        return found

    def unreported(self) -> list[str]:
        """Jobs of a late hour that end without the last session, and neither fail nor warn."""
        found = []
        for dataset in self.datasets:
            there: set[str] = set()
            for job in self.diary.of(dataset):
                there |= {name for name, unit in job.units.items() if unit["outcome"] in ("loaded", "unchanged")}
                late = self._last_late(job)
                if dataset == "index_composition" and self.hours.page(job.at) != late:
                    continue  # B3 shows another session by now, and no run can bring it
                if str(late) not in there and late in self.sessions() and not (job.code or job.warnings):
                    found.append(f"{dataset}, run of {job.at:%a %d %H:%M}: no word of {late}")
        return found

    @staticmethod
    def _last_late(job: Job) -> date:
        """The last session that is late where it is missing."""
        day = job.at.date() - timedelta(1 if job.at.time() >= _LATE else 2)
        return calendar.previous_session(day)

    def _refused(self, url: str, at: datetime) -> bool:
        path = "/" + url.partition("://")[2]
        return any(mood.times is None and mood.at(at) and mood.fault.meets(path) for mood in self.hours.moods)

    def _there(self, dataset: str, session: date) -> list[tuple[Any, ...]]:
        template = registry.get(dataset).template
        names = sql.SQL(", ").join(sql.Identifier(field.name) for field in template.fields)
        query = sql.SQL("SELECT {} FROM {} WHERE refdate = {}")
        return self.database.execute(
            query.format(names, sql.Identifier(template.table), sql.Literal(session))
        ).fetchall()

    def _right(self, dataset: str, session: date) -> list[tuple[Any, ...]]:
        """The session's rows, of the generator's own files."""
        plugin = registry.get(dataset)
        files = [*self._files(dataset, session)]
        with clock(self.diary.jobs[-1].at):
            frame = plugin.frame(files, Unit(dataset, "day", session))
        return frame.select(field.name for field in plugin.template.fields).rows()

    def _files(self, dataset: str, session: date) -> Iterator[File]:
        rows, seed = self.simulator.rows, self.simulator.seed
        codes = list(indexes())
        of_day: dict[str, Callable[[], bytes]] = {
            "cotahist": lambda: generate.zipped("COTAHIST.TXT", generate.cotahist([session], rows, seed), session),
            "futures": lambda: generate.price_report_zip(session, rows, seed, versions=3),
            "yield_curves": lambda: generate.swap_rates_zip(session, max(10, min(280, rows // 20)), seed),
            "symbols": lambda: generate.instruments_consolidated(session, rows, seed, status="Final"),
        }
        sources = registry.get(dataset).template.sources
        if dataset in of_day:
            yield self._kept(sources[0], session, of_day[dataset]())
        elif dataset == "index_historical":
            statistics, report = sources
            for code in codes:
                body = generate.index_year(code, session.year, session, seed)
                yield self._kept(statistics, session, body, code)
            yield self._kept(report, session, generate.index_report_zip(session, rows, seed))
        else:
            listed, current, theoretical = sources
            yield self._kept(listed, session, generate.stock_index(session))
            for code in codes:
                yield self._kept(current, session, generate.portfolio_day(code, session, seed), code)
                body = generate.theoretical_portfolio(code, session, seed, language="en-us")
                yield self._kept(theoretical, session, body, code)

    def _kept(self, source: Source, session: date, body: bytes, item: str = "") -> File:
        name = source.file.format(date=source.covering(Unit("", "day", session)), item=item)
        path = self.folder / f"{session}" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        payload = dict(source.payload or {}) | ({"index": item} if item else {})
        if "year" in payload:
            payload["year"] = session.year
        return File(path, source.name, item, {"payload": payload})

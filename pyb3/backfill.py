"""Many units: the next ones are fetched while one is loaded."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from datetime import date, timedelta
from functools import partial
from threading import Event

from . import calendar, pipeline
from .datasets.base import Dataset
from .errors import DatabaseError, Interrupted, NotPublished, PyB3Error, SourceError
from .fetch import cache
from .file import File
from .progress import SILENT, Progress
from .unit import Outcome, Unit

_AHEAD = 2  # units fetched beyond those being loaded: what bounds disk and memory
_MORNING = 9  # hours, at B3: by then its pages may show the new session


def backfill(
    dataset: Dataset,
    units: Iterable[Unit],
    *,
    jobs: int = 1,
    refresh: bool = False,
    force: bool = False,
    prune: bool = False,
    strict: bool = False,
    progress: Progress = SILENT,
) -> Iterator[Outcome]:
    """Ingest units in order, `jobs` of them loading at once; one outcome a unit.

    A unit that fails does not stop the others. Raises DatabaseError when the server cannot be worked with: no
    other unit would fare better.
    """
    units, stop = list(units), Event()
    watched = _Stoppable(progress, stop)
    load = partial(pipeline.load, dataset, force=force, prune=prune, strict=strict, progress=watched)
    pending: deque[Future[Outcome]] = deque()
    fetchers, loaders = ThreadPoolExecutor(2, "fetch"), ThreadPoolExecutor(jobs, "load")
    try:
        for unit in _last_of_shared_files(dataset, units):
            fetchers.submit(_fetched_first, dataset, unit, refresh=refresh, progress=watched).result()
        for unit in units:
            notes: list[str] = []
            fetch = partial(pipeline.fetch, dataset, unit, refresh=refresh, progress=watched, notes=notes)
            fetched = fetchers.submit(fetch)
            pending.append(loaders.submit(_loaded, dataset, unit, fetched, fetch, load, notes, strict))
            if len(pending) >= jobs + _AHEAD:
                yield pending.popleft().result()
        while pending:
            yield pending.popleft().result()
    finally:
        stop.set()  # units at hand roll back; after a normal end there are none
        for pool in (fetchers, loaders):
            pool.shutdown(cancel_futures=True)


def _last_of_shared_files(dataset: Dataset, units: Sequence[Unit]) -> list[Unit]:
    """The last unit of each longer file that several units are read from, where that file is asked for first."""
    last: dict[tuple[str, date], tuple[int, Unit]] = {}
    for unit in units:
        source = next(iter(dataset.template.sources_for(unit, calendar.today())), None)
        if source is not None and source.period not in (unit.kind, "snapshot"):
            place = source.name, source.covering(unit)
            count, _ = last.get(place, (0, unit))
            last[place] = count + 1, unit
    return [unit for count, unit in last.values() if count > 1]


def _fetched_first(dataset: Dataset, unit: Unit, *, refresh: bool, progress: Progress) -> None:
    """Bring files that several units are read from, as new as the last of them needs them.

    Else that one's turn would replace a file while it is read for another. What fails here is told in the unit's turn.
    """
    sources = dataset.template.sources_for(unit, calendar.today())
    others = [source.name for source in sources if source.period in (unit.kind, "snapshot")]
    try:
        pipeline.fetch(dataset, unit, besides=others, refresh=refresh, progress=progress)
    except (NotPublished, SourceError):
        pass


def latest(dataset: Dataset, count: int) -> list[Unit]:
    """The last `count` sessions; days that no source has any more are left out.

    Today's is included from 09:00 on: before, B3 has nothing of it, and a run of the small hours does not ask.
    """
    today = calendar.today()
    last = today if calendar.now().hour >= _MORNING else today - timedelta(1)
    first = calendar.sessions(last - timedelta(2 * count + 14), last)[-count]
    return [unit for unit in dataset.units(first, last) if _reached(dataset, unit, today)]


def _reached(dataset: Dataset, unit: Unit, today: date) -> bool:
    """Whether a source has the unit still; one that shows the last session alone has others only in the cache."""
    sources = dataset.template.sources_for(unit, today)
    if not all(cache.gone(source, unit) for source in sources):
        return True
    try:
        return bool(sources and pipeline.from_cache(dataset, unit))
    except NotPublished:
        return False


def _loaded(
    dataset: Dataset,
    unit: Unit,
    fetched: Future[list[File]],
    fetch: Callable[..., list[File]],
    load: Callable[..., Outcome],
    notes: list[str],
    strict: bool,
) -> Outcome:
    def files(*, besides: Sequence[str]) -> list[File]:
        return fetch(besides=besides) if besides else fetched.result()

    try:
        return pipeline.from_next_source(
            dataset, unit, files, lambda found: load(found, unit, notes=notes), notes, strict=strict
        )
    except (DatabaseError, Interrupted):
        raise
    except PyB3Error as error:
        return pipeline.failure(dataset.name, str(unit), error)


class _Stoppable:
    """A progress that ends the work it is told of once `stop` is set."""

    def __init__(self, progress: Progress, stop: Event) -> None:
        self._progress, self._stop = progress, stop

    def downloaded(self, name: str, size: int, total: int | None) -> None:
        self._check()
        self._progress.downloaded(name, size, total)

    def loaded(self, name: str, rows: int) -> None:
        self._check()
        self._progress.loaded(name, rows)

    def _check(self) -> None:
        if self._stop.is_set():
            raise Interrupted("interrupted")

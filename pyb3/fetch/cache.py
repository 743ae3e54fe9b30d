"""Where downloaded files lie, and whether they are still good."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import uuid4

from .. import calendar, settings
from ..errors import NotPublished, PyB3Error, SourceError
from ..file import File, read_sidecar, sidecar
from ..progress import SILENT, Progress
from ..template import Source, Template
from ..unit import Unit
from . import age
from .request import Request, request

_EVENING = 18  # hours, at B3: until then its pages may show the session before
Items = Callable[[Source], list[str]]
# Many units share a month's or year's file: a run asks for it once, also when two need it at once, B3 has none, or it
# cannot be read. A process that lives longer, as a notebook's, asks again after an hour.
_RUN = timedelta(hours=1)
_turns: dict[Path, Lock] = {}
_absent: dict[Path, tuple[datetime, str]] = {}
_asked: dict[Path, datetime] = {}


class _Kept(SourceError):
    """B3 fails where a file is asked for anew that is in the cache: a lesser source's does not take its place."""


def path_of(template: Template, asked: Request) -> Path:
    """Where the answer to a request is kept."""
    return settings.cache_dir() / template.name / asked.file


def cached_file(template: Template, source: Source, unit: Unit, item: str = "") -> File:
    """One file that is in the cache and may have the unit. Raises NotPublished when it is not there."""
    file = File.at(path_of(template, request(source, unit, item)), source.name, item)
    if file.path.exists() and not age.lacks(file, source, unit):
        return file
    raise NotPublished(
        f"{template.name} {unit} is not in the cache; run 'pyb3 fetch {template.name} --date {unit.date}' first"
    )


def fetch_file(
    template: Template,
    source: Source,
    unit: Unit,
    item: str = "",
    *,
    refresh: bool = False,
    progress: Progress = SILENT,
    notes: list[str] | None = None,
) -> File:
    """One file, from the cache or from B3; `notes` gets what a person should know. Raises NotPublished or SourceError.

    A file that came before its last version was out, or that was marked as `unfinished`, is asked for again. Where B3
    does not give another one, it is used as it is, and that is noted.
    """
    notes = notes if notes is not None else []
    asked = request(source, unit, item)
    path = path_of(template, asked)
    if _past(source, unit) and path.exists():
        file = File.at(path, source.name, item)
        if gone(source, unit) or not age.early(file, source, unit):  # after midnight an early one is asked for again
            return file
    elif gone(source, unit):
        raise NotPublished(f"{template.name} {unit}: B3 shows the last session alone; that day's is not in the cache")
    with _turns.setdefault(path, Lock()):
        file = File.at(path, source.name, item)
        usable = file.path.exists() and not age.lacks(file, source, unit)
        refused = "refused" in file.known
        old = refused or "unfinished" in file.known or age.early(file, source, unit)
        asked_now = _this_run(_asked.get(path))
        shared = source.period not in (unit.kind, "snapshot")
        if usable and ((asked_now and shared) if refresh else (asked_now or not old)):
            return file
        if path in _absent and _this_run(_absent[path][0]) and (asked_now or not refresh):
            raise NotPublished(_absent[path][1])
        _asked[path] = calendar.now()
        try:
            _download(template, asked, path, source, unit, progress, notes)
        except (NotPublished, SourceError) as error:
            if isinstance(error, NotPublished) and shared:
                _absent[path] = calendar.now(), str(error)
            if refused or not usable:
                raise
            if refresh and isinstance(error, SourceError):
                raise _Kept(str(error)) from error
            if refresh and not old:
                notes.append(f"{path.name}: B3 has it no more; kept as it is ({error})")
                return file
            came = f"{age.fetched_at(file):%Y-%m-%d %H:%M}"
            notes.append(f"{path.name} is kept as it came at {came}; B3 was asked for a later one: {error}")
            return file
        if "unfinished" in file.known and not age.settled(unit) and _same(path, file):
            unfinished(File.at(path))  # what is the same on the day after is as finished as B3 makes it
        return File.at(path, source.name, item)


def _download(
    template: Template, asked: Request, path: Path, source: Source, unit: Unit, progress: Progress, notes: list[str]
) -> None:
    from .download import download  # what is in the cache needs no HTTP client, which is slow to import

    try:
        download(asked, path, progress)
    except NotPublished:
        years = _years_about(template, source, unit, asked.item)
        if not years:
            raise
        try:  # a year without values in the middle of an index's history was seen once (UTIL 2012)
            download(asked, path, progress)
        except NotPublished:
            year, others = f"{unit.date:%Y}", " and ".join(map(str, years))
            notes.append(
                f"{source.name} has nothing for {asked.item} in {year}, asked twice, though it has {others}; "
                f"run 'pyb3 backfill {template.name} --year {year}' another day"
            )
            raise


def _years_about(template: Template, source: Source, unit: Unit, item: str) -> list[int]:
    """The years before and after that the cache has of an item; none where there is none before."""
    if source.period != "year" or not item:
        return []
    year = unit.date.year
    near = [Unit(unit.dataset, "year", date(other, 1, 1)) for other in (year - 1, year + 1)]
    found = [other.date.year for other in near if path_of(template, request(source, other, item)).exists()]
    return found if year - 1 in found else []


def _this_run(moment: datetime | None) -> bool:
    return moment is not None and abs(calendar.now() - moment) < _RUN


def _same(path: Path, before: File) -> bool:
    return read_sidecar(path).get("sha256") == before.known.get("sha256")


def refuse(file: File) -> None:
    """Have the next run ask B3 anew: what is in a downloaded file cannot be read. It stays to be looked at."""
    _mark(file, "refused")


def unfinished(file: File) -> None:
    """Have the next run ask B3 anew: a downloaded file is good, and lacks what B3 adds later (a settlement)."""
    _mark(file, "unfinished")


def too_early(file: File, unit: Unit) -> None:
    """Have the next run ask B3 anew for a file that does not hold the unit, where it came before B3 had finished it."""
    fetched = age.fetched_at(file)
    if fetched is not None and fetched < age.finished_at(unit):
        _mark(file, "unfinished")


def _mark(file: File, what: str) -> None:
    known = read_sidecar(file.path)
    if not known or known["sha256"] != file.known.get("sha256"):
        return  # at hand, or another process has got it anew
    part = file.path.with_name(f".part-{uuid4().hex}.json")
    try:
        part.write_text(json.dumps({**known, what: True}, indent=1))
        part.replace(sidecar(file.path))
    except OSError:
        part.unlink(missing_ok=True)  # the error at hand is the one to tell of


def collect(
    template: Template,
    unit: Unit,
    items: Items,
    one: Callable[[Source, str], File],
    notes: list[str],
    besides: Sequence[str] = (),
) -> list[File]:
    """The unit's files: those of the first source that has any, or of every one, as the template's `take` says.

    Sources named in `besides` are passed over.

    `one` brings a file of a source and item. What a source does not have is left out and noted, where there is
    something at all. A source that failed, so that the next one is taken, is noted with its error. Raises NotPublished
    when no source has the unit, SourceError when the network or B3 fails.
    """
    files: list[File] = []
    failures: list[PyB3Error] = []
    failed: list[str] = []
    missing: list[str] = []
    for source in template.sources_for(unit, calendar.today()):
        if source.name in besides:
            continue
        found: list[File] = []
        absent: list[str] = []
        try:
            for item in items(source):
                if source.after and not any((file.source, file.item) == (source.after, item) for file in files):
                    continue
                try:
                    found.append(one(source, item))
                except NotPublished as error:
                    if not absent:  # one speaks for all of a source's items
                        failures.append(error)
                    absent.append(item)
        except SourceError as error:  # the next source may answer
            if template.take == "every" or isinstance(error, _Kept):
                raise
            failures.append(error)
            failed.append(source.name)
        files += found
        if absent and (found or template.take == "every"):
            missing.append(f"{source.name} has no file" + (f" for {', '.join(absent)}" if found else ""))
        if files and template.take == "first":
            break
    broken = [error for error in failures if isinstance(error, SourceError)]
    if files:
        if broken:
            taken = ", ".join(dict.fromkeys(file.source for file in files))
            words = "; ".join(dict.fromkeys(map(str, broken)))
            notes.append(f"{taken} was taken instead of {', '.join(failed)}, which failed: {words}")
        notes += missing
        return files
    words = "; ".join(dict.fromkeys(map(str, broken or failures)))
    raise (SourceError if broken else NotPublished)(words or f"{template.name} {unit}: no source reaches that date")


def gone(source: Source, unit: Unit) -> bool:
    """Whether it is too late to ask: the source shows the last session alone, and that is not the unit's.

    Until the evening of a session's day a `late` one may still show the one before.
    """
    today = calendar.today()
    if not _past(source, unit) or not (source.late and calendar.is_session(today) and calendar.now().hour < _EVENING):
        return _past(source, unit)
    return unit.date != calendar.previous_session(today - timedelta(1))


def _past(source: Source, unit: Unit) -> bool:
    """Whether the source shows a session alone that is not the unit's."""
    return source.period == "snapshot" and unit.date != calendar.previous_session(calendar.today())

"""Where downloaded files lie, and whether they are still good."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from threading import Lock
from uuid import uuid4

from .. import calendar, settings
from ..errors import NotPublished, PyB3Error, SourceError
from ..file import File, read_sidecar, sidecar
from ..progress import SILENT, Progress
from ..template import Source, Template
from ..unit import Unit
from .request import Request, request

_MORNING = 9  # hours, at B3: by then its pages may show the new session
Items = Callable[[Source], list[str]]
# Many units share a month's or year's file: a run asks for it once, also when two need it at once, B3 has none, or it
# cannot be read.
_turns: dict[Path, Lock] = {}
_absent: dict[Path, str] = {}
_brought: set[Path] = set()


def path_of(template: Template, asked: Request) -> Path:
    """Where the answer to a request is kept."""
    return settings.cache_dir() / template.name / asked.file


def cached_file(template: Template, source: Source, unit: Unit, item: str = "") -> File:
    """One file that is in the cache and still good. Raises NotPublished when it is not there."""
    file = File.at(path_of(template, request(source, unit, item)), source.name, item)
    if file.path.exists() and not _outgrown(file, source, unit):
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
) -> File:
    """One file, from the cache or from B3. Raises NotPublished or SourceError."""
    asked = request(source, unit, item)
    path = path_of(template, asked)
    if _past(source, unit) and path.exists():
        return File.at(path, source.name, item)
    if gone(source, unit):
        raise NotPublished(f"{template.name} {unit}: B3 shows the last session alone; that day's is not in the cache")
    with _turns.setdefault(path, Lock()):
        file = File.at(path, source.name, item)
        refused = "refused" in file.known and path not in _brought
        if refresh or refused or not file.path.exists() or _outgrown(file, source, unit):
            if path in _absent and not refresh:
                raise NotPublished(_absent[path])
            try:
                from .download import download  # what is in the cache needs no HTTP client, which is slow to import

                download(asked, path, progress)
            except NotPublished as error:
                if source.period not in (unit.kind, "snapshot"):
                    _absent[path] = str(error)
                raise
            _brought.add(path)
            file = File.at(path, source.name, item)
    return file


def refuse(file: File) -> None:
    """Have the next run ask B3 anew: what is in a downloaded file cannot be read. It stays to be looked at."""
    known = read_sidecar(file.path)
    if not known or known["sha256"] != file.known.get("sha256"):
        return  # at hand, or another process has got it anew
    part = file.path.with_name(f".part-{uuid4().hex}.json")
    try:
        part.write_text(json.dumps({**known, "refused": True}, indent=1))
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
    something at all. Raises NotPublished when no source has the unit, SourceError when the network or B3 fails.
    """
    files: list[File] = []
    failures: list[PyB3Error] = []
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
            if template.take == "every":
                raise
            failures.append(error)
        files += found
        if absent and (found or template.take == "every"):
            missing.append(f"{source.name} has no file" + (f" for {', '.join(absent)}" if found else ""))
        if files and template.take == "first":
            break
    if files:
        notes += missing
        return files
    broken = [error for error in failures if isinstance(error, SourceError)]
    words = "; ".join(dict.fromkeys(map(str, broken or failures)))
    raise (SourceError if broken else NotPublished)(words or f"{template.name} {unit}: no source reaches that date")


def _outgrown(file: File, source: Source, unit: Unit) -> bool:
    """Whether the file was fetched on an earlier day, before its period had ended: B3 has added to it since."""
    fetched = file.known.get("fetched_at")
    if fetched is None or source.period in ("day", "snapshot"):
        return False
    day = datetime.fromisoformat(fetched).date()
    last = Unit(unit.dataset, "year" if source.period == "year" else "month", source.covering(unit)).last
    return day <= last and day < calendar.today()


def gone(source: Source, unit: Unit) -> bool:
    """Whether it is too late to ask: the source shows the last session alone, and that is not the unit's.

    In the small hours of a session's day it may still show the one before: an answer that bears its date can tell.
    """
    today = calendar.today()
    if not _past(source, unit) or not (source.dated and calendar.is_session(today) and calendar.now().hour < _MORNING):
        return _past(source, unit)
    return unit.date != calendar.previous_session(today - timedelta(1))


def _past(source: Source, unit: Unit) -> bool:
    """Whether the source shows a session alone that is not the unit's."""
    return source.period == "snapshot" and unit.date != calendar.previous_session(calendar.today())

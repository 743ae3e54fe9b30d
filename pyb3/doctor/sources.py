"""Does each source still answer with what its template says? Names a page that B3 has moved or closed."""

from __future__ import annotations

import io
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import date, timedelta
from pathlib import Path

from .. import calendar
from ..datasets.base import Dataset
from ..errors import FileError, NotPublished, PyB3Error, SourceError
from ..fetch import record
from ..fetch.peek import Greeting, peek
from ..fetch.request import request
from ..file import File
from ..parse.archive import Member
from ..template import Source
from ..unit import Unit
from . import answers
from .beginning import unpacked
from .examination import Examination
from .finding import Finding, failed, ok, skipped, warning

_SMALL = 2 << 20  # bytes: what is larger is not asked for to its end, and known by its beginning
_MOVED = "ask again later; if it stays so, B3 has moved or closed the page: look for a newer PyB3, and report it"
_DAY = timedelta(1)
_LATE = timedelta(10)  # when B3 publishes the file of a month that is over, or the first of a year, is not known


def check(examination: Examination) -> Iterator[Finding]:
    """Ask every source for the last session it must have, of an `each` its sample alone; nothing of it stays."""
    if examination.offline:
        yield skipped("every source", "--offline")
        return
    pairs = [(dataset, source) for dataset in examination.datasets for source in dataset.template.sources]
    with tempfile.TemporaryDirectory(prefix="pyb3-doctor-") as folder, ThreadPoolExecutor(4, "ask") as pool:
        asked = [pool.submit(_asked, examination, *pair, Path(folder)) for pair in pairs]
        for one in asked:
            yield one.result()


def _asked(examination: Examination, dataset: Dataset, source: Source, folder: Path) -> Finding:
    """One source: of the last session, and where it has none of the one before."""
    subject, address = f"{dataset.name} {source.name}", examination.address(source)
    asked = [day for day in days(source) if (source.valid_from or day) <= day <= (source.valid_to or day)]
    if not asked:
        return skipped(subject, f"its template asks it from {source.valid_from or 'ever'} to {source.valid_to} alone")
    if source.each and not source.sample:
        return skipped(subject, "its template names no sample to ask it for")
    if not isinstance(examination.greetings[address], Greeting):
        return skipped(subject, f"{address} is not reached")
    absent: list[PyB3Error] = []
    for day in asked:
        unit = Unit(dataset.name, "day", day)
        try:
            return _read(examination, dataset, source, unit, folder, late=asked[: len(absent)])
        except NotPublished as error:
            absent.append(error)
        except FileError as error:
            return _lost(dataset, source, f"another shape: {error.args[0]}")
        except SourceError as error:
            return _lost(dataset, source, str(error.args[0]))
    return _lost(dataset, source, f"nothing of {' nor of '.join(map(str, asked))}: {absent[-1].args[0]}")


def days(source: Source) -> list[date]:
    """The last session that B3 must have published, or shows, and one of the file before: no file is asked for twice.

    The file of a month or a year is late for some days at most; after these B3 has closed the page.
    """
    today = calendar.today()
    last = today
    if source.period == "month":  # which is over
        last = last.replace(day=1)
    if source.period != "snapshot":
        last -= _DAY
    last = calendar.previous_session(last)
    if source.period not in ("month", "year"):
        return [last, calendar.previous_session(last - _DAY)]
    first = source.covering(Unit("", "day", last))
    due = today.replace(day=1) if source.period == "month" else first
    return [last, calendar.previous_session(first - _DAY)] if today - due <= _LATE else [last]


def _read(
    examination: Examination, dataset: Dataset, source: Source, unit: Unit, folder: Path, late: list[date]
) -> Finding:
    """Ask for a day, and hold the answer against the dataset.

    Raises NotPublished, SourceError, and FileError where the answer is none of the dataset's.
    """
    asked = request(source, unit, source.sample)
    about, recording = record.name(dataset.name, asked), examination.recording
    if recording and recording.has(about):
        recording = None
    with record.into(recording, about):
        answer = peek(asked, record.MOST_OF_ANSWER if recording and source.period != "year" else _SMALL)
    if recording and answer.whole:
        recording.got(about)
    file = File(folder / asked.file, source.name, source.sample, answer.known)
    notes: list[str] = []
    if answer.whole and len(answer.data) <= _SMALL:
        file.path.write_bytes(answer.data)
        own = None if source.period == "snapshot" else unit
        rows = sum(batch.frame.height for batch in dataset.read([file], own, notes=notes))
        words = f"{asked.file} is what the template says, {rows:,} rows"
    else:
        dataset.recognise(Member(io.BytesIO(unpacked(answer.data, asked.file)), asked.file), file)
        words = f"{asked.file} begins as the template says"
    subject = f"{dataset.name} {source.name}"
    if answer.moved:
        return warning(subject, f"{words}, but {asked.url} leads to {answer.moved}", _MOVED)
    if any(day < calendar.today() for day in late):
        return warning(subject, f"nothing of {late[0]} (yet); {words}", "ask again in some hours")
    if notes:
        return warning(subject, f"{words}; {'; '.join(dict.fromkeys(notes))}")
    return ok(subject, words)


def _lost(dataset: Dataset, source: Source, why: str) -> Finding:
    kept = answers.newest(dataset, source)
    last = f"its last good answer was {answers.described(kept)}" if kept else "the cache has no earlier answer"
    return failed(f"{dataset.name} {source.name}", SourceError(f"{why}; {last}"), _MOVED)

"""Record an evening: every source for the session of today and the last published one, for all of its items."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path

from .. import __version__, calendar
from ..datasets.base import Dataset, Fetch
from ..errors import NotPublished, SourceError, counted
from ..fetch import record
from ..fetch.peek import peek
from ..fetch.record import Recording
from ..fetch.request import request
from ..file import File
from ..template import Source
from ..unit import Unit
from . import sources
from .examination import Examination
from .finding import Finding, ok, skipped, warning

_BEGINNING = 64 << 10  # bytes: enough to see that B3 has a file
_DAY = timedelta(1)


def check(examination: Examination) -> Iterator[Finding]:
    """One line a source, and one for the folder; nothing without `--record`."""
    recording = examination.recording
    if recording is None:
        return
    with tempfile.TemporaryDirectory(prefix="pyb3-record-") as folder, ThreadPoolExecutor(4, "record") as pool:
        asked = [pool.submit(_asked, examination, recording, plugin, Path(folder)) for plugin in examination.datasets]
        for one in asked:
            yield from one.result()
    recording.run(__version__)
    said = f"{recording.added:,} of {counted(recording.asked, 'answer')} are new in {recording.folder}"
    if recording.full:
        advice = "begin another recording: --record with a new folder"
        yield warning("folder", f"{said}; bodies above {record.MOST_OF_FOLDER >> 30} GiB were left out", advice)
    else:
        yield ok("folder", said)


@dataclass(slots=True)
class _Evening:
    """What one dataset's sources answered: source and item of each file, and how often B3 had none or failed."""

    recording: Recording
    dataset: Dataset
    folder: Path
    files: list[tuple[str, str]] = field(default_factory=list)
    absent: int = 0
    failed: int = 0

    def ask(self, source: Source, unit: Unit, item: str, limit: int) -> None:
        if source.each and record.name(self.dataset.name, request(source, unit, item)) in self.recording.answered:
            self.files.append((source.name, item))  # the sample, by the check of the sources
            return
        try:
            self.fetch(source, unit, item, limit)
        except NotPublished:
            self.absent += 1
        except SourceError:  # it is recorded, and what it means the check of the sources says
            self.failed += 1

    def brought(self, unit: Unit) -> Fetch:
        """What brings the list of items, where B3 has one."""
        return lambda source, item: self.fetch(source, unit, item)

    def fetch(self, source: Source, unit: Unit, item: str, limit: int = record.MOST_OF_ANSWER) -> File:
        asked = request(source, unit, item)
        file = File(self.folder / f"{self.dataset.name}-{asked.file}", source.name, item)
        if file.path.exists():  # the list of indexes, which several sources need
            return file
        name = record.name(self.dataset.name, asked)
        with record.into(self.recording, name):
            answer = peek(asked, limit)
        if answer.whole:
            self.recording.got(name)
        self.files.append((source.name, item))
        if source.period == "snapshot" and not source.each:
            file.path.write_bytes(answer.data)
        return file


def _asked(examination: Examination, recording: Recording, dataset: Dataset, folder: Path) -> list[Finding]:
    evening, found = _Evening(recording, dataset, folder), list[Finding]()
    for source in dataset.template.sources:
        subject = f"{dataset.name} {source.name}"
        if not examination.reached(source):
            found.append(skipped(subject, f"{examination.address(source)} is not reached"))
            continue
        evening.absent = evening.failed = 0
        for unit, limit in _units(recording, dataset, source):
            for item in dataset.items(source, unit, evening.brought(unit)):
                if not source.after or (source.after, item) in evening.files:
                    evening.ask(source, unit, item, limit)
        there = sum(name == source.name for name, _ in evening.files)
        found.append(ok(subject, f"{there:,} with a file, {evening.absent:,} without, {evening.failed:,} failed"))
    return found


def _units(recording: Recording, dataset: Dataset, source: Source) -> Iterator[tuple[Unit, int]]:
    """What a source is asked for, and how many bytes of it: of the session of today, published or not, whole files.

    Nobody knows whether B3 has the running month's file, and for how long it keeps a day's: a beginning answers that.
    """
    today = calendar.today()
    session = calendar.previous_session(today)
    published = sources.days(source)[0]
    whole, beginning = record.MOST_OF_ANSWER, _BEGINNING
    days: list[tuple[date, int]] = []
    if source.period == "snapshot" or (source.period == "year" and source.each):
        days = [(session, whole)]
    elif source.period == "month":
        days = [(published, whole), (session, beginning)]
    elif source.period == "day":
        last_year = calendar.previous_session(session.replace(month=1, day=1) - _DAY)
        days = [(session, whole), (published, whole), *([] if source.keeps else [(last_year, beginning)])]
    for day, limit in dict(reversed(days)).items():
        unit = Unit(dataset.name, "day", day)
        if not (source.valid_from or day) <= day <= (source.valid_to or day):
            continue
        again = day == session and source.period != "month"  # it may have changed since
        if again or not recording.has(record.name(dataset.name, request(source, unit, source.sample))):
            yield unit, limit

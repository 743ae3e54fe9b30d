"""The last good answer of each source: the newest file that the cache has of it."""

from __future__ import annotations

from collections.abc import Iterator

from ..datasets.base import Dataset
from ..datasets.members import any_of
from ..errors import FileError, NotPublished
from ..fetch import inventory
from ..fetch.inventory import Kept
from ..file import File
from ..parse.archive import open_member
from ..template import Source
from .examination import Examination
from .finding import Finding, failed, ok, skipped


def check(examination: Examination) -> Iterator[Finding]:
    """Is the newest file of each source what the template says?"""
    for dataset in examination.datasets:
        none: list[str] = []
        for source in dataset.template.sources:
            if kept := newest(dataset, source):
                yield _recognised(dataset, source, kept)
            else:
                none.append(source.name)
        if none:
            yield skipped(dataset.name, f"the cache has nothing of {', '.join(none)}")


def _recognised(dataset: Dataset, source: Source, kept: Kept) -> Finding:
    subject = f"{dataset.name} {source.name}"
    try:
        with open_member(kept.path, choose=any_of(dataset.template)) as member:
            dataset.recognise(member, File.at(kept.path, source.name))
    except (FileError, NotPublished) as error:
        return failed(subject, FileError(f"{kept.path}: {error.args[0]}"), "remove the file, and fetch it again")
    return ok(subject, f"{described(kept)}, {kept.size / 1e3:,.0f} kB, is what the template says")


def newest(dataset: Dataset, source: Source) -> Kept | None:
    """The file that came last, None where none did."""
    kept = [one for one in inventory.files(dataset.name) if one.source == source.name]
    return max(kept, key=lambda one: one.fetched_at, default=None)


def described(kept: Kept) -> str:
    """A file and when it came."""
    return f"{kept.path.name} of {kept.fetched_at:%Y-%m-%d %H:%M}"

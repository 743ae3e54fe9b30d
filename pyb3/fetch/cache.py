"""Where a downloaded file lies in the cache."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qs, urlsplit

from .. import settings
from ..errors import NotPublished
from ..template import Source, Template
from ..unit import Unit
from .client import download


def path_of(template: Template, source: Source, unit: Unit) -> Path:
    """The cache path of a unit's file from one source."""
    parts = urlsplit(source.url.format(date=unit.date))
    name = parse_qs(parts.query).get("filelist", [parts.path.rsplit("/", 1)[-1]])[0]
    return settings.cache_dir() / template.name / Path(name).name


def cached(template: Template, unit: Unit) -> Path | None:
    """The unit's file where the cache holds it, by order of sources."""
    paths = (path_of(template, s, unit) for s in template.sources if s.unit == unit.kind)
    return next((path for path in paths if path.exists()), None)


def fetch(template: Template, unit: Unit, *, refresh: bool = False) -> Path:
    """The unit's file, from the cache or from the first source that has it.

    Raises NotPublished when no source has it, SourceError when the network or B3 fails.
    """
    if not refresh and (path := cached(template, unit)):
        return path
    missing: list[str] = []
    for source in template.sources:
        if source.unit != unit.kind:
            continue
        try:
            return download(source.url.format(date=unit.date), path_of(template, source, unit))
        except NotPublished as error:
            missing.append(str(error))
    raise NotPublished("; ".join(missing) or f"{template.name} has no file for a {unit.kind}")

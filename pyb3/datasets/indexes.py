"""What B3's index pages have in common: the codes there are, and which of them a file is of."""

from __future__ import annotations

import logging
import re
from collections.abc import Mapping
from functools import cache
from typing import Any

from ..errors import FileError, NotPublished, SourceError, UsageError, WrongDate
from ..file import File
from ..parse.archive import open_member
from ..parse.json_document import read_document, records
from ..template import Source, Template
from ..unit import Unit
from .base import Dataset, Fetch

# The 40 codes of B3's stock list in October 2026, as public projects report them, and IAGRO, as AGFS is called too.
# The portfolio and the statistics pages know them by these codes; which of them have data changes over the years.
CODES = (
    "AGFS", "BDRX", "BNCO", "GPTW", "IAGRO", "IBBC", "IBBE", "IBBR", "IBEE", "IBEP", "IBEW", "IBHB", "IBLV", "IBOV",
    "IBRA", "IBSD", "IBST", "IBXL", "IBXX", "ICO2", "ICON", "IDIV", "IDVR", "IEEX", "IFES", "IFIL", "IFIX", "IFNC",
    "IGCT", "IGCX", "IGNM", "IMAT", "IMOB", "INDX", "ISEE", "ITAG", "IVBX", "MLCX", "SCSR", "SMLL", "UTIL",
)  # fmt: skip
# The statistics page answers to both names (2026-10), the portfolio pages to the code alone.
_NAMES = {"IBOVESPA": "IBOV"}
_log = logging.getLogger("pyb3")
_CODE = re.compile(r"[A-Z0-9]{2,12}")


class IndexDataset(Dataset):
    """A dataset that B3 is asked for index by index."""

    def items(self, source: Source, unit: Unit, fetch: Fetch) -> list[str]:
        """Every code known, and those that the stock list of that day adds.

        Where the list fails, the codes known are asked for all the same, and a warning is logged.
        """
        if not source.each:
            return [""]
        try:
            return sorted({*CODES, *_listed(fetch(_stock_list(), ""))})
        except NotPublished:  # of an earlier day, when it was not kept
            return list(CODES)
        except SourceError as error:
            _log.warning("the %d indexes known are asked for: B3's list of them fails: %s", len(CODES), error)
            return list(CODES)

    def asked(self, file: File, source: Source, unit: Unit | None) -> Mapping[str, Any]:
        """The request's payload; where there is none, what is known of it: index, year and date.

        The index and year are those of `--index`, the sidecar, the file's name if it is the source's own, or the
        unit, in this order. Raises UsageError where the index is not known.
        """
        payload = super().asked(file, source, unit)
        named, day = source.named(file.last_name)
        asked = {"date": unit.date if unit else day, **payload}
        if not source.each:
            return asked
        index = canonical(file.item or str(payload.get("index") or named))
        if not index:
            raise UsageError(f"say with --index which index {file.name} is of")
        if "index" in payload and canonical(str(payload["index"])) != index:
            raise FileError(f"{file.name} was asked for {payload['index']}, it is not of {index}")
        asked["index"] = index
        if source.period == "year":
            asked.setdefault("year", day.year if day else unit.date.year if unit else None)
            if asked["year"] is None:
                name = source.file.replace("{item}", index).replace("{date:%Y}", "2024")
                raise UsageError(f"say with --date which day {file.name} is of, or name it as B3's: {name}")
            if unit is not None and str(asked["year"]) != f"{unit.date:%Y}":
                raise WrongDate(f"{file.name} is of {asked['year']}, not of {unit}")
        return asked


def canonical(code: str) -> str:
    """The code that an index has in every page and table. Raises UsageError for what can be none."""
    code = code.strip().upper()
    if code and not _CODE.fullmatch(code):
        raise UsageError(f"{code[:40]!r} is no code of an index, such as IBOV")
    return _NAMES.get(code, code)


@cache
def _stock_list() -> Source:
    return Template.load(Dataset.package, "index_composition.yaml").source("GetStockIndex")


def _listed(file: File) -> set[str]:
    """The codes that papers are listed under."""
    with open_member(file.path) as member:
        papers = records(member, read_document(member), "results")
        codes = {code.strip() for paper in papers.values() for code in str(paper.get("indexes") or "").split(",")}
    return {code for code in codes if _CODE.fullmatch(code)}

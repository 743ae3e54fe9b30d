"""What B3 may answer instead of a file: each fault through the command line, and a run after it is gone."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from pyb3.calendar import previous_session
from tests.support.faults import Fault

from .ground import DAY, YOUNG, Ground, ground, parts
from .report import Result, claim

_IN = ("filelist=IN",)
_PARTIAL = 4


@dataclass(frozen=True, slots=True)
class Case:
    """A fault, the dataset it befalls, the exit code it ends in, and words of its line or of its warning.

    `absent` are patterns of what B3 lacks besides: the next source, where there is one.
    """

    name: str
    dataset: str
    fault: Fault
    code: int = 0
    words: str = ""
    absent: tuple[str, ...] = ()


def cases(whole: bool = True) -> list[Case]:
    """Every fault; without those that take long where not `whole`."""
    found = [
        Case("429 with Retry-After", "cotahist", Fault(status=429, retry_after=1)),
        *(Case(str(status), "cotahist", Fault(status=status)) for status in (500, 502, 503)),
        Case("503 again and again", "cotahist", Fault(status=503, times=9), 5, "HTTP 503 (after 3 tries)"),
        Case("reset at once", "cotahist", Fault("reset")),
        Case("reset in the body", "futures", Fault("reset", after=2_000)),
        Case("stall, then an end", "cotahist", Fault("stall", after=2_000, seconds=1)),
        Case("slow drip", "cotahist", Fault("slow", seconds=2)),
        Case("cut body", "futures", Fault("cut")),
        Case("cut ZIP of the right length", "cotahist", Fault("cut zip")),
        Case("too short a Content-Length", "cotahist", Fault("wrong length", by=-10)),
        Case("too long a Content-Length", "cotahist", Fault("wrong length", by=10)),
        Case(
            "CSV, too short a Content-Length",
            "symbols",
            Fault("wrong length", by=-10, where="token="),
            6,
            "is cut",
            _IN,
        ),
        Case("empty 200", "cotahist", Fault("empty")),
        Case("empty 200 again and again", "cotahist", Fault("empty", times=9), 5, "empty body"),
        Case("HTML with 200", "cotahist", Fault("html")),
        Case("captcha page", "cotahist", Fault("captcha")),
        Case("HTML with 200 again and again", "cotahist", Fault("html", times=9), 5, "an HTML page"),
        Case("HTML instead of a token", "symbols", Fault("html", times=9), 5, "token"),
        Case("redirect to an error page", "cotahist", Fault("redirect error page"), 5, "after a redirect"),
        Case("empty ZIP", "yield_curves", Fault("empty zip"), 3, "a ZIP without entries"),
        Case(
            "ZIP of another day",
            "cotahist",
            Fault("other day"),
            6,
            f"holds rows of {previous_session(YOUNG - timedelta(1))}",
        ),
        Case("columns in another order", "symbols", Fault("columns in another order", where="token=")),
        Case("a column more", "symbols", Fault("added column", where="token="), 0, "does not know: NewColNm"),
        Case("a column less", "symbols", Fault("missing column", where="token="), 6, "names no column", _IN),
        Case("UTF-8 for Latin-1", "symbols", Fault("utf8", where="token=")),
        Case("UTF-8 with a byte order mark", "symbols", Fault("change", where="token=", change=_with_mark)),
        Case("UTF-8 in a fixed-width file", "cotahist", Fault("change", change=_wider), 4, "1 record set aside"),
    ]
    if whole:  # until the client's own patience ends
        found.append(Case("silence for 90 seconds", "futures", Fault("stall", after=2_000, seconds=100)))
    return found


def _with_mark(text: bytes) -> bytes:
    return b"\xef\xbb\xbf" + text.decode("latin-1").encode()


def _wider(text: bytes) -> bytes:
    """A letter of the first record in two bytes."""
    return text[:300] + "Ã".encode() + text[301:]


def b3(runs: int, seed: int, chosen: Sequence[Case] | None = None) -> list[Result]:
    """Each fault of B3's; `runs` is how often."""
    results = []
    with ground(rows=400) as place:
        every = list(cases() if chosen is None else chosen)
        for name in dict.fromkeys(case.dataset for case in every):
            place.keep(name, 0, f"ingest {name} --date {YOUNG}")
        for case in every:
            for _ in range(runs):
                happened = _met(place, case)
            results.append(Result(f"B3: {case.name}", runs, "as told; then a normal run", happened))
        if chosen is None:
            results.append(_corrected(place, runs))
    return results


def _met(place: Ground, case: Case) -> str:
    place.put_back(None)
    place.simulator.faults, place.simulator.exchange.absent = [case.fault], [*case.absent]
    line = f"ingest {case.dataset} --date {YOUNG}"
    end = place.run(line, within=300)
    end.plain(case.code, words=case.words)
    place.simulator.faults, place.simulator.exchange.absent = [], []
    place.quiet()
    claim(not parts(place.cache), f"{case.name}: a part is left")
    if case.code == _PARTIAL:  # its file is kept: a person looks at what was set aside, and asks for it anew
        claim(_rows(place, case.dataset) > 0, f"{case.name}: no row is there")
        line += " --refresh"
    elif case.code:
        claim(_rows(place, case.dataset) == 0, f"{case.name}: rows are there")
        if case.code != 6:  # a refused file stays to be looked at, and is asked for again
            claim(not _files(place.cache), f"{case.name}: the cache holds something")
    place.done(line)
    place.whole(case.dataset, (YOUNG,))
    if case.code == 0:
        return "loaded" + (", with a warning" if end.err else "")
    rows = "the other rows; then all of them" if case.code == _PARTIAL else "no row; then loaded"
    return f"exit code {case.code}, one line, {rows}"


def _corrected(place: Ground, runs: int) -> Result:
    """B3 corrects a file a day later."""
    line = f"ingest cotahist --date {DAY}"
    place.keep("before", 0, line)
    place.keep("after", 1, f"{line} --refresh", "before")
    for _ in range(runs):
        place.put_back("before")
        place.simulator.seed = 1
        place.done(line)
        place.whole("before", (DAY,))
        place.done(f"{line} --refresh")
        place.whole("after", (DAY,))
    place.simulator.seed = 0
    happened = "unchanged from the cache; with `--refresh` the corrected rows are updated"
    return Result("B3: corrected file a day later", runs, "as told", happened)


def _rows(place: Ground, dataset: str) -> int:
    return int(place.ask(f"SELECT count(*) FROM {dataset}")[0][0])


def _files(cache: Path) -> list[Path]:
    return [path for path in cache.rglob("*") if path.is_file()] if cache.exists() else []

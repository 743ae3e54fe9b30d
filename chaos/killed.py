"""`kill -9` of the program at random moments, and one normal run after each few of them."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import date

from tests.support.faults import Fault

from .ground import DATA, DAY, DAYS, Ground, Process, ground, parts
from .report import Result, counted

_SERIES = 5  # kills before a normal run
# Where a kill is aimed, and the seconds of that phase from which its moment is drawn; a server's work is short.
_AIMS = {"start": 0.5, "fetch": 0.12, "parse": 0.05, "copy": 0.03, "merge": 0.03, "commit": 0.04}


@dataclass(frozen=True, slots=True)
class Work:
    """A command, B3's files by their seed, what tables and cache hold before it, and what they must hold in the end."""

    name: str
    line: str
    seed: int
    before: str | None
    after: str
    days: tuple[date, ...]
    writes: str  # how: rows are copied straight into the table, or staged and merged

    @property
    def aims(self) -> list[str]:
        """The phases that it has."""
        return [aim for aim in _AIMS if aim not in ("copy", "merge") or aim in self.writes]


def works() -> Iterator[Work]:
    """A first load, a reload with changed rows, a backfill of five sessions, and the same file once more."""
    for name in DATA:
        span, day = _lines(name)
        yield Work("first load", day, 0, None, f"{name}_day", (DAY,), "copy")
        yield Work("changed rows", f"{day} --refresh", 1, f"{name}_day", f"{name}_day_changed", (DAY,), "copy, merge")
        yield Work("backfill", f"{span} --jobs 2", 0, None, f"{name}_days", DAYS, "copy")
        yield Work(
            "refresh of days", f"{span} --refresh", 1, f"{name}_days", f"{name}_days_changed", DAYS, "copy, merge"
        )
        yield Work("nothing new", f"{day} --refresh --force", 0, f"{name}_day", f"{name}_day", (DAY,), "merge")


def prepared(place: Ground, chosen: Iterable[Work]) -> None:
    """The undisturbed runs that the works are held against, and a commit that takes its time."""
    place.look.execute(
        "CREATE FUNCTION public.linger() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN"
        " IF current_setting('application_name') <> 'chaos' THEN PERFORM pg_sleep(0.03); END IF; RETURN NULL; END $$;"
        " CREATE CONSTRAINT TRIGGER linger AFTER INSERT ON public.ingestions DEFERRABLE INITIALLY DEFERRED"
        " FOR EACH ROW EXECUTE FUNCTION public.linger()"
    )
    for name in dict.fromkeys(kept for work in chosen for kept in (work.before, work.after) if kept):
        dataset, kind, *changed = name.split("_")
        line = _lines(dataset)[kind == "day"]
        place.keep(f"{dataset}_{kind}", 0, line)
        if changed:
            place.keep(name, 1, f"{line} --refresh", f"{dataset}_{kind}")


def _lines(name: str) -> tuple[str, str]:
    """The commands for five sessions, and for one."""
    return f"backfill {name} --from {DAYS[0]} --to {DAYS[-1]}", f"ingest {name} --date {DAY}"


def phase(place: Ground, requests: int) -> str:
    """What the program is at: by its backends' queries, else by the requests and the parts in the cache."""
    for state, query in sorted(place.backends()):  # active before idle
        if state == "active":
            if query.startswith("COPY") and "FROM STDIN" in query:
                return "copy"
            if query.startswith(("COMMIT", "INSERT INTO")):
                return "commit"
            if query.startswith(("WITH", "CREATE TEMP", "ANALYZE", "COPY (SELECT", "DELETE", "UPDATE")):
                return "merge"
        return "parse"
    return "fetch" if parts(place.cache) or len(place.simulator.requests) > requests else "start"


def caught(place: Ground, work: Work, aim: str, chance: random.Random, **variables: str) -> tuple[Process, str]:
    """Start the work and stop it (SIGSTOP) at a moment of the phase that was aimed at; tells which one it was in."""
    place.simulator.seed = work.seed
    place.simulator.faults = [Fault(kind="slow", seconds=_AIMS["fetch"], times=2)] if aim == "fetch" else []
    requests = len(place.simulator.requests)
    process = place.start(work.line, **variables)
    while aim != "start" and not process.over and phase(place, requests) != aim:
        time.sleep(0.001)
    until = time.monotonic() + chance.uniform(0, _AIMS[aim])
    while time.monotonic() < until and not process.over:
        time.sleep(0.001)
    process.signal(signal.SIGSTOP)  # so that it is struck where it was looked at
    return process, "after its end" if process.over else phase(place, requests)


def program(runs: int, seed: int) -> list[Result]:
    """`kill -9` of the program while it fetches, parses, copies, merges and commits."""
    workers = 2 if runs >= 20 else 1
    with ThreadPoolExecutor(workers) as pool:
        shares = [runs // workers + (number < runs % workers) for number in range(workers)]
        both = list(pool.map(_worker, shares, range(seed, seed + workers)))
    seen, rounds, rows = sum((one[0] for one in both), Counter[str]()), sum(o[1] for o in both), sum(o[2] for o in both)
    asserted = (
        f"after each {_SERIES} kills one normal run; then every table equal to an undisturbed run's, the ledger's"
        " numbers and counts true, each file of the cache with its digest, no staging table, lock or backend left"
    )
    happened = f"held, {rounds:,} normal runs; killed in: {counted(seen)}"
    return [Result("program killed (`kill -9`)", sum(seen.values()), asserted, f"{happened}; {rows:,} rows compared")]


def _worker(runs: int, seed: int) -> tuple[Counter[str], int, int]:
    chance, seen, rows = random.Random(seed), Counter[str](), 0
    every = list(works())
    rounds = -(-runs // _SERIES)
    chosen = [every[number % len(every)] for number in range(rounds)] if rounds > 1 else [every[seed % len(every)]]
    with ground(rows=3_000) as place:
        prepared(place, chosen)
        for work in chosen:
            place.put_back(work.before)
            for _ in range(min(_SERIES, runs - seen.total())):
                process, was = caught(place, work, chance.choice(work.aims), chance)
                process.signal(signal.SIGKILL)
                process.ended()
                seen[was] += 1
            place.simulator.faults = []
            place.done(work.line)
            rows += place.whole(work.after, work.days)
    return seen, rounds, rows

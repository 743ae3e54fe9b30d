"""The database gone: the server killed, a backend ended, a connection reset; and a first start that is killed."""

from __future__ import annotations

import random
import signal
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

import psutil  # type: ignore[import-untyped]
from psycopg.conninfo import conninfo_to_dict

from .ground import DAY, Ground, ground
from .killed import Work, caught, prepared, works
from .proxy import Proxy, proxy
from .report import Result, claim, counted

_ASSERTED = (
    "the program succeeds, or ends with one line and exit code 7; then one normal run, tables equal to an undisturbed"
    " run's, a true ledger, nothing left in the server"
)


def killed(runs: int, seed: int) -> list[Result]:
    """`kill -9` of PostgreSQL: of the postmaster, or of all its processes. It must come up again by itself."""
    chance, seen, ended = random.Random(seed), Counter[str](), Counter[str]()
    with ground(rows=2_000) as place:
        chosen = [chance.choice(list(works())) for _ in range(runs)]
        prepared(place, chosen)
        for work in chosen:
            whole = chance.random() < 0.5
            _struck(place, work, chance, partial(_kill_server, place, whole), seen, ended)
    happened = f"held; struck in: {counted(seen)}; the program ended in: {counted(ended)}"
    return [Result("PostgreSQL killed (`kill -9`)", runs, _ASSERTED, happened)]


def cut(runs: int, seed: int) -> list[Result]:
    """A cut connection: pg_terminate_backend, or a TCP connection that is reset."""
    chance, seen, ended = random.Random(seed), Counter[str](), Counter[str]()
    with ground(rows=2_000) as place:
        chosen = [chance.choice(list(works())) for _ in range(runs)]
        prepared(place, chosen)
        parts = conninfo_to_dict(place.address)
        with proxy(f"{parts['host']}/.s.PGSQL.{parts.get('port', 5432)}") as between:
            address = f"host=127.0.0.1 port={between.port} user={parts['user']} dbname={parts['dbname']}"
            for work in chosen:
                act = chance.choice((partial(_terminate, place, between), partial(_reset, between)))
                _struck(place, work, chance, act, seen, ended, DATABASE_URL=address)
    happened = f"held; struck in: {counted(seen)}; the program ended in: {counted(ended)}"
    return [Result("connection cut", runs, _ASSERTED, happened)]


def first_start(runs: int, seed: int) -> list[Result]:
    """`kill -9` of the very first command, while it makes and starts the server."""
    chance, lasted = random.Random(seed), 0.0
    for _ in range(runs):
        with ground(prepare=False) as place:
            if not lasted:  # one in peace, to know how long it takes
                lasted = place.done("db upgrade").seconds
                place.simulator.rows = 200
                place.done(f"ingest cotahist --date {DAY}")
                continue
            process = place.start("db upgrade")
            time.sleep(chance.uniform(0, lasted))
            process.signal(signal.SIGKILL)
            process.ended()
            place.done("db upgrade")
            claim(not list(place.home.glob(".postgres-*")), "a half-made server is left")
            place.done("db check")
    asserted = "the next `db upgrade` makes and starts the server, and leaves nothing of the first"
    return [Result("first start killed (`kill -9`)", runs, asserted, "held")]


def _struck(
    place: Ground,
    work: Work,
    chance: random.Random,
    act: Callable[[], Any],
    seen: Counter[str],
    ended: Counter[str],
    **to: str,
) -> None:
    place.put_back(work.before)
    process, was = caught(place, work, chance.choice(work.aims), chance, **to)
    act()
    process.signal(signal.SIGCONT)
    end = process.ended().plain(0, 7)
    seen[was] += 1
    ended["success" if end.code == 0 else "exit code 7"] += 1
    place.simulator.faults = []
    place.done(work.line)
    place.whole(work.after, work.days)


def _kill_server(place: Ground, whole: bool) -> None:
    place.forget()
    postmaster = psutil.Process(int((place.home / "postgres/postmaster.pid").read_text().split()[0]))
    for one in [postmaster, *(postmaster.children() if whole else ())]:
        with suppress(psutil.NoSuchProcess):
            one.kill()


def _terminate(place: Ground, between: Proxy) -> None:
    place.ask(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
        " WHERE backend_type = 'client backend' AND application_name <> 'chaos'"
    )


def _reset(between: Proxy) -> None:
    between.cut()

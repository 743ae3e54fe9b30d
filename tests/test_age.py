"""When a file in the cache is asked for again: by the hours of its source, on a clock that is the process's own."""

from __future__ import annotations

import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import stamina.instrumentation

from pyb3 import calendar, pipeline
from pyb3.datasets import registry
from pyb3.errors import NotPublished
from pyb3.fetch import cache, client
from pyb3.fetch.gate import Gate, Manners, gate
from pyb3.file import File, read_sidecar
from tests.support.generate.indexes import indexes

Clock = Callable[[str], date]
HISTORICAL = registry.get("index_historical")


@pytest.fixture
def clock(simulator, monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Sets the time (UTC), for PyB3 and for B3, which shows a session from 18:00 in São Paulo; gives that session."""

    def at(text: str) -> date:
        moment = datetime.fromisoformat(text).replace(tzinfo=UTC).astimezone(calendar.zone())
        monkeypatch.setattr(calendar, "now", lambda: moment)
        simulator.today = calendar.previous_session((moment - timedelta(hours=18)).date())
        return simulator.today

    return at


def _values(database, day: date) -> int:
    query = "SELECT count(value) FROM index_historical WHERE refdate = %s"
    return database.execute(query, (day,)).fetchone()[0]


@pytest.mark.parametrize("hour", ["00:40", "01:30", "03:10", "10:30"])
def test_each_night_at_the_same_hour_brings_its_session(pyb3, database, clock: Clock, hour: str) -> None:
    sessions = [clock(f"2026-11-{night} {hour}") for night in (25, 26, 27)]
    assert len(set(sessions)) == 3
    for night in (25, 26, 27):
        session = clock(f"2026-11-{night} {hour}")
        done = pyb3(f"ingest index_historical --date {session} --json").json
        assert (done["outcome"], _values(database, session)) == ("loaded", len(indexes())), night


def test_what_came_in_the_morning_does_not_serve_the_evening(pyb3, database, clock: Clock) -> None:
    for moment in ("2026-11-25 10:40", "2026-11-25 23:50"):
        session = clock(moment)
        pyb3(f"ingest index_historical --date {session} --json")
        assert _values(database, session) == len(indexes()), moment
    assert session == date(2026, 11, 25)


def test_a_file_that_grows_is_asked_for_until_it_came_after_the_sessions_day(pyb3, simulator, clock: Clock) -> None:
    asked = []
    for moment in ("2026-11-25 00:40", "2026-11-25 02:30", "2026-11-25 03:50", "2026-11-25 10:30"):
        session = clock(moment)
        assert session == date(2026, 11, 24)
        before = len(simulator.requests)
        assert pyb3(f"fetch index_historical --date {session}").code == 0
        asked.append(sum("IBOV" in _index(path) for path in simulator.requests[before:]))
    assert asked == [1, 1, 1, 0]


def _index(path: str) -> str:
    import base64

    return base64.b64decode(path.rpartition("/")[2] + "==").decode("latin-1") if "indexStatistics" in path else ""


def test_a_year_that_came_last_night_is_asked_for_again_tonight(pyb3, database, simulator, clock: Clock) -> None:
    simulator.exchange.yearly_rows = 2
    clock("2026-01-08 00:40")
    first = pyb3("backfill cotahist --year 2026 --json").json
    clock("2026-01-09 01:00")
    second = pyb3("backfill cotahist --year 2026 --json").json
    assert (first["rows"], second["rows"]) == (8, 10), "2026-01-02 to 07, and to 08: two rows each"
    last = database.execute("SELECT max(refdate) FROM cotahist").fetchone()
    assert last == (date(2026, 1, 8),)


def test_a_year_is_not_asked_for_again_while_the_session_goes_on(pyb3, database, simulator, clock: Clock) -> None:
    simulator.exchange.yearly_rows = 2
    asked = []
    for moment in ("2026-01-08 04:00", "2026-01-08 16:00", "2026-01-08 20:00", "2026-01-09 01:00"):
        clock(moment)
        before = len(simulator.requests)
        pyb3("backfill cotahist --year 2026")
        asked.append(len(simulator.requests) - before)
    assert asked == [1, 0, 0, 1]


def test_a_year_that_lacks_the_last_session_is_not_used_where_b3_fails(pyb3, database, simulator, clock: Clock) -> None:
    simulator.exchange.yearly_rows = 2
    clock("2026-01-08 00:40")
    pyb3("backfill cotahist --year 2026")
    clock("2026-01-09 01:00")
    simulator.faults = [{"status": 503, "times": 99}]
    answer = pyb3("backfill cotahist --year 2026 --json")
    assert (answer.code, answer.json["outcome"]) == (5, "failed") and "HTTP 503" in answer.json["error"]["message"]


# A session's own file


def test_a_report_that_came_before_the_last_of_its_evening_is_asked_for_again(
    pyb3, database, simulator, clock: Clock
) -> None:
    simulator.rows = 60
    session = clock("2026-11-25 22:30")  # 19:30 in São Paulo
    first = pyb3(f"ingest futures --date {session} --json").json
    simulator.seed = 7  # the evening goes on
    clock("2026-11-26 00:40")
    second = pyb3(f"ingest futures --date {session} --json").json
    assert (first["outcome"], second["outcome"], second["inserted"]) == ("loaded", "loaded", 0)
    assert second["updated"] > 0
    asked = len(simulator.requests)
    clock("2026-11-26 10:30")
    assert pyb3(f"ingest futures --date {session} --json").json["outcome"] == "unchanged"
    assert len(simulator.requests) == asked, "what came after 21:00 is the last one"


def test_the_first_report_of_a_real_evening_is_followed_by_its_newest(
    pyb3, database, simulator, clock: Clock, real: Path
) -> None:
    def report(path: Path) -> Callable[[bytes], bytes]:
        with zipfile.ZipFile(path) as archive:
            data = archive.read(sorted(archive.namelist())[-1])
        if data.startswith(b"PK"):
            with zipfile.ZipFile(BytesIO(data)) as inner:
                data = inner.read(sorted(inner.namelist())[-1])
        return lambda text: data

    simulator.exchange.absent = ["filelist=SPRD"]
    clock("2021-04-23 21:30")  # B3 made the first at 18:10
    change = {"kind": "change", "where": "filelist=PR", "change": report(real / "cases" / "PR210423.first.zip")}
    simulator.faults = [change]
    first = pyb3("ingest futures --date 2021-04-23 --json").json
    clock("2021-04-24 00:40")
    simulator.faults = [change | {"change": report(real / "futures" / "PR210423.newest.zip")}]
    second = pyb3("ingest futures --date 2021-04-23 --json").json
    assert (first["source"], second["source"], second["outcome"]) == ("PR", "PR", "loaded")
    assert second["updated"] == 50
    query = "SELECT price, settlement_rate FROM futures WHERE symbol = 'DAPF23'"
    assert [tuple(map(float, row)) for row in database.execute(query)] == [(97284.9, 1.6)]


@pytest.mark.parametrize(
    ("faults", "words"),
    [
        (["empty zip"], "a ZIP without entries"),
        ([{"status": 503, "times": 9}], "HTTP 503 (after 3 tries)"),
        ([], ""),
    ],
    ids=["no file", "failure", "same bytes"],
)
def test_where_b3_gives_no_later_file_the_one_that_is_there_is_used_and_that_is_noted(
    pyb3, database, simulator, clock: Clock, faults: list, words: str
) -> None:
    session = clock("2026-11-25 22:30")
    path = Path(pyb3(f"fetch futures --date {session}").out.strip())
    assert pyb3(f"load futures --date {session}").code == 0
    before = path.read_bytes()
    clock("2026-11-26 00:40")
    simulator.faults = list(faults)
    again = pyb3(f"ingest futures --date {session} --json")
    assert (again.code, again.json["outcome"], path.read_bytes()) == (0, "unchanged", before)
    noted = [note for note in again.json["warnings"] if f"{path.name} is kept as it came at 2026-11-25 19:30" in note]
    assert len(noted) == bool(words) and all(words in note for note in noted)
    clock("2026-11-26 10:30")
    simulator.faults.clear()
    asked = len(simulator.requests)
    pyb3(f"fetch futures --date {session}")
    assert len(simulator.requests) - asked == bool(words), "it is asked for until an answer came after the last one"


def test_a_file_that_is_unfinished_is_asked_for_by_the_next_run_until_b3_makes_it_no_better(
    pyb3, simulator, clock: Clock
) -> None:
    session = clock("2026-11-26 01:00")  # 22:00 in São Paulo, after the last report
    path = Path(pyb3(f"fetch futures --date {session}").out.strip())
    cache.unfinished(File.at(path))
    asked = []
    for moment in ("2026-11-26 01:10", "2026-11-26 02:30", "2026-11-26 10:00", "2026-11-27 10:00", "2026-11-27 12:00"):
        clock(moment)
        before = len(simulator.requests)
        assert pyb3(f"fetch futures --date {session}").code == 0
        asked.append(len(simulator.requests) - before)
    assert asked == [0, 1, 1, 1, 0]
    assert "unfinished" not in read_sidecar(path)


def test_a_later_file_of_other_bytes_is_not_marked_as_unfinished(pyb3, simulator, clock: Clock) -> None:
    session = clock("2026-11-26 01:00")
    path = Path(pyb3(f"fetch futures --date {session}").out.strip())
    cache.unfinished(File.at(path))
    assert read_sidecar(path)["unfinished"] is True
    simulator.seed = 7
    clock("2026-11-26 02:30")
    pyb3(f"fetch futures --date {session}")
    assert "unfinished" not in read_sidecar(path)


def test_a_file_is_loaded_without_the_network_however_early_it_came(pyb3, database, simulator, clock: Clock) -> None:
    for dataset, moment in (("futures", "2026-11-25 22:30"), ("index_historical", "2026-11-26 00:40")):
        session = clock(moment)
        pyb3(f"fetch {dataset} --date {session}")
        asked = len(simulator.requests)
        assert pyb3(f"load {dataset} --date {session} --json").json["outcome"] == "loaded"
        assert len(simulator.requests) == asked


# A null year in the middle of an index's history


def _fetched(year: int, notes: list[str]) -> list[File]:
    return pipeline.fetch(HISTORICAL, HISTORICAL.unit("year", date(year, 1, 1)), item="UTIL", notes=notes)


@pytest.fixture
def around(simulator) -> Iterator[None]:
    """UTIL has 2011 and 2013, as the cache knows."""
    for year in (2011, 2013):
        assert _fetched(year, [])
    simulator.requests.clear()
    yield


def test_a_null_year_between_years_that_have_values_is_asked_for_again(simulator, around) -> None:
    null = {"kind": "change", "change": lambda text: b'{"min":null,"max":null,"results":null}'}
    simulator.faults = [null]
    notes: list[str] = []
    assert _fetched(2012, notes) and notes == [] and len(simulator.requests) == 2


def test_a_null_year_that_stays_is_noted_by_index_and_year(simulator, around) -> None:
    simulator.exchange.no_values = {("UTIL", 2012)}
    notes: list[str] = []
    with pytest.raises(NotPublished):
        _fetched(2012, notes)
    (note,) = notes
    assert note == (
        "IndexStatistics has nothing for UTIL in 2012, asked twice, though it has 2011 and 2013; "
        "run 'pyb3 backfill index_historical --year 2012' another day"
    )
    assert len(simulator.requests) == 2


def test_a_year_before_an_index_began_is_asked_for_once(simulator, around) -> None:
    simulator.exchange.no_values = {("UTIL", 2010)}
    notes: list[str] = []
    with pytest.raises(NotPublished):
        _fetched(2010, notes)
    assert notes == [] and len(simulator.requests) == 1


# How a host is asked


def test_the_host_of_session_files_is_asked_one_request_at_a_time_a_second_apart() -> None:
    assert gate("www.b3.com.br").manners == Manners(connections=1, interval=1.0, apart=True)
    assert gate("arquivos.b3.com.br").manners == Manners(connections=2, interval=0.4)
    door, spans = Gate(gate("www.b3.com.br").manners), list[tuple[float, float]]()

    def ask() -> None:
        with door.turn():
            start = time.monotonic()
            time.sleep(0.1)
            spans.append((start, time.monotonic()))

    threads = [threading.Thread(target=ask) for _ in range(3)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    spans.sort()
    assert all(later[0] - earlier[1] >= 0.99 for earlier, later in zip(spans, spans[1:], strict=False))


def test_a_refusal_is_waited_for_once_a_run_and_a_fault_that_passes_is_not(
    pyb3, simulator, recent: date, monkeypatch: pytest.MonkeyPatch
) -> None:
    waits: list[float] = []
    monkeypatch.setattr(client, "_WAITS", (0.011, 0.012, 0.013))
    monkeypatch.setattr(Gate, "patient", lambda self: self.answers)
    stamina.instrumentation.set_on_retry_hooks([lambda details: waits.append(round(details.wait_for, 4))])
    client._shared()
    gate("bvmf.bmfbovespa.com.br").answers = True
    try:
        simulator.faults = [{"status": 403, "times": 3}]
        pyb3(f"fetch cotahist --date {recent}")
        assert waits == [0.011, 0.012]
        simulator.faults = [{"status": 403}]
        assert pyb3(f"fetch cotahist --date {recent}").code == 0
        assert waits[2] > 0.013, "a host that refuses is not waited for again and again"
        simulator.faults = [{"kind": "html"}]
        assert pyb3(f"fetch cotahist --date {recent} --refresh").code == 0
        assert waits[3:] == [0.011], "it has answered since"
    finally:
        stamina.instrumentation.set_on_retry_hooks(None)

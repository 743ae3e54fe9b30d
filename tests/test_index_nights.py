"""Index pages by night: past midnight, a page that is a day ahead, an index that is missing, nights without any."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date, datetime

import pytest

from pyb3 import calendar
from pyb3.fetch import cache
from tests.conftest import Answer
from tests.support.generate.indexes import indexes, members
from tests.test_index_composition import _base64, _count

Run = Callable[[str, str], Answer]
SESSIONS = [date(2024, 1, 15), date(2024, 1, 16), date(2024, 1, 17), date(2024, 1, 18)]


@pytest.fixture
def run(pyb3, database, simulator, monkeypatch: pytest.MonkeyPatch) -> Run:
    """`pyb3 LINE --json` at a time in São Paulo, as a run of its own."""

    def at(moment: str, line: str) -> Answer:
        now = datetime.fromisoformat(moment).replace(tzinfo=calendar.zone())
        monkeypatch.setattr(calendar, "now", lambda: now)
        cache._asked.clear()
        return pyb3(f"{line} --json")

    return at


def _ingest(day: date) -> str:
    return f"ingest index_composition --date {day}"


def _all(day: date) -> int:
    return sum(len(members(code, day)) for code in indexes())


def test_a_run_after_midnight_takes_all_three_kinds_of_the_evening_before(run: Run, database, simulator) -> None:
    simulator.today = SESSIONS[0]
    late = run("2024-01-16 04:10", _ingest(SESSIONS[0]))
    assert (late.code, late.json["outcome"]) == (0, "loaded")
    assert _count(database) == dict.fromkeys(
        ((SESSIONS[0], kind) for kind in ("current", "listed", "theoretical")), _all(SESSIONS[0])
    )
    asked = len(simulator.requests)
    simulator.today = SESSIONS[1]
    assert run("2024-01-16 21:00", _ingest(SESSIONS[0])).json["outcome"] == "unchanged"
    assert len(simulator.requests) - asked == 0, "of a session that has passed nothing is asked but what was missing"


def test_after_midnight_a_theoretical_portfolio_of_the_next_quarter_is_left_out(run: Run, database, simulator) -> None:
    day, following = date(2024, 4, 30), date(2024, 5, 2)  # quantities change in May; the first is a holiday
    simulator.today, simulator.exchange.theoretical = day, following
    late = run("2024-05-02 00:40", _ingest(day))
    assert (late.code, late.json["outcome"]) == (4, "partial")
    assert _count(database).keys() == {(day, "current"), (day, "listed")}
    told = [note for note in late.json["warnings"] if "came after midnight and is not of 2024-04-30" in note]
    assert len(told) == len(indexes())
    assert re.search(
        r"GetTheoricalPortfolio_IBOV_20240430.json .*: \d+ of 86 members have the quantity", " ".join(told)
    )


def test_a_list_that_came_in_the_morning_does_not_serve_the_evening(run: Run, database, simulator) -> None:
    simulator.today = SESSIONS[0]
    assert run("2024-01-16 10:30", _ingest(SESSIONS[1])).code == 3, "the pages show the session before"
    simulator.today = SESSIONS[1]
    assert run("2024-01-16 20:30", _ingest(SESSIONS[1])).code == 0
    assert _count(database)[SESSIONS[1], "listed"] == _all(SESSIONS[1])


def test_a_page_that_bears_the_next_sessions_date_is_loaded_under_that_date(
    run: Run, pyb3, database, simulator
) -> None:
    for evening, (day, following) in enumerate(zip(SESSIONS[:2], SESSIONS[1:3], strict=True)):
        simulator.today, simulator.exchange.portfolios = day, following
        done = run(f"{day} 21:40", _ingest(day))
        assert (done.code, done.json["outcome"]) == (0, "loaded"), evening
        told = f"GetPortfolioDay shows {following}, the next session, for {len(indexes())} indexes; kept as that day's"
        assert told in done.json["warnings"]
        counts = _count(database)
        assert counts[following, "current"] == counts[following, "theoretical"] == _all(following)
        assert counts[day, "listed"] == _all(day)
    again = run(f"{SESSIONS[1]} 22:30", _ingest(SESSIONS[1]))
    assert (again.code, again.json["outcome"]) == (0, "unchanged")
    read_again = run(f"{SESSIONS[2]} 12:00", f"load index_composition --date {SESSIONS[1]} --force")
    assert (read_again.code, read_again.json["outcome"]) == (0, "unchanged")
    assert run(f"{SESSIONS[2]} 12:00", "verify index_composition").code == 0


def test_a_page_of_a_later_session_than_the_next_is_not_taken(run: Run, database, simulator) -> None:
    simulator.today, simulator.exchange.portfolios = SESSIONS[0], SESSIONS[2]
    assert run("2024-01-15 21:40", _ingest(SESSIONS[0])).code == 3
    assert _count(database) == {}


def test_three_nights_without_any_portfolio_are_a_failure(run: Run, database, simulator) -> None:
    simulator.today = date(2024, 1, 12)  # which the pages go on showing
    ended = []
    for day in SESSIONS:
        for hour in ("10:30", "20:30", "22:30"):
            done = run(f"{day} {hour}", _ingest(day))
            ended.append((done.json["outcome"], done.code))
    assert ended == [("not_published", 3)] * 7 + [("failed", 5)] * 2 + [("not_published", 3)] + [("failed", 5)] * 2
    message = done.json["error"]["message"]
    assert "nor was it there on the two sessions before: its page may have moved" in message
    simulator.today = SESSIONS[-1]
    assert run(f"{SESSIONS[-1]} 23:30", _ingest(SESSIONS[-1])).code == 0


def test_past_sessions_that_nobody_can_have_any_more_are_no_failure(run: Run, simulator) -> None:
    done = run("2024-01-19 12:00", "backfill index_composition --from 2024-01-08 --to 2024-01-12")
    assert {(one["outcome"], done.code) for one in done.objects} == {("not_published", 4)}


def test_an_index_that_had_a_portfolio_the_session_before_and_has_none_is_missing(
    run: Run, database, simulator
) -> None:
    simulator.today = SESSIONS[0]
    run(f"{SESSIONS[0]} 21:40", _ingest(SESSIONS[0]))
    simulator.today, simulator.exchange.absent = SESSIONS[1], [re.escape(_base64("IBOV"))]
    short = run(f"{SESSIONS[1]} 20:30", _ingest(SESSIONS[1]))
    assert (short.code, short.json["outcome"]) == (4, "partial")
    gap = "current of IBOV: there on 2024-01-15, not on 2024-01-16; theoretical of IBOV: there on 2024-01-15, not on"
    assert any(note.startswith(gap) for note in short.json["warnings"]), short.json["warnings"]
    assert run(f"{SESSIONS[1]} 20:40", _ingest(SESSIONS[1])).json["outcome"] == "partial", "it is missing still"
    simulator.exchange.absent.clear()
    asked = len(simulator.requests)
    whole = run(f"{SESSIONS[1]} 22:30", _ingest(SESSIONS[1]))
    assert (whole.code, whole.json["outcome"]) == (0, "loaded")
    codes = len([path for path in simulator.requests[asked:] if "GetTheorical" in path])
    assert codes == 1, "what is there is not asked for again"
    assert run(f"{SESSIONS[1]} 22:40", "status index_composition").json["partial"] == []


def test_statistics_that_lag_behind_the_index_report_make_the_day_partial(run: Run, database, simulator) -> None:
    line = "ingest index_historical --date 2024-01-16"
    simulator.today = SESSIONS[0]
    run("2024-01-16 01:00", "ingest index_historical --date 2024-01-15")
    simulator.today, simulator.exchange.statistics = SESSIONS[1], SESSIONS[0]
    early = run("2024-01-16 20:30", line)
    assert (early.code, early.json["outcome"]) == (4, "partial")
    (gap,) = [note for note in early.json["warnings"] if "there on" in note]
    assert gap.startswith("value of AGFS, BDRX, GPTW, ") and gap.endswith(
        " and 27 more: there on 2024-01-15, not on 2024-01-16"
    )
    simulator.exchange.statistics = None
    late = run("2024-01-17 01:00", line)
    assert (late.code, late.json["outcome"]) == (0, "loaded")
    values = database.execute("SELECT count(value) FROM index_historical WHERE refdate = '2024-01-16'").fetchone()
    assert values == (len(indexes()),)

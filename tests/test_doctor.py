"""pyb3 doctor: what is wrong, named, with what to do about it and the right exit code."""

from __future__ import annotations

import io
import json
import os
import re
import shutil
import time
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from datetime import time as clock
from pathlib import Path
from typing import Any

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st
from psycopg import sql

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.doctor import catalogue, environment, sources
from pyb3.doctor.beginning import unpacked
from pyb3.doctor.examination import Examination
from pyb3.errors import FileError, SourceError
from pyb3.fetch.peek import greet
from pyb3.file import sidecar
from tests.conftest import ROOT, Answer, at
from tests.support import tls_server
from tests.support.simulator import Simulator

Command = Callable[[str], Answer]
SPRD = r"filelist=SPRD"


def findings(answer: Answer, check: str = "", subject: str = "") -> list[dict[str, Any]]:
    return [one for one in answer.objects if check in ("", one["check"]) and subject in ("", one["subject"])]


def one(answer: Answer, check: str, subject: str) -> dict[str, Any]:
    (finding,) = findings(answer, check, subject)
    return finding


def failed(answer: Answer) -> set[tuple[str, str]]:
    return {(found["check"], found["subject"]) for found in answer.objects if found["result"] == "failed"}


@pytest.fixture
def small(simulator: Simulator) -> Simulator:
    simulator.rows = 40
    return simulator


@pytest.fixture
def last() -> date:
    """The last session whose files B3 must have."""
    return calendar.previous_session(calendar.today() - timedelta(1))


def test_where_all_is_well_it_exits_0_and_has_asked_every_source(pyb3: Command, database, small: Simulator) -> None:
    answer = pyb3("doctor --json")
    assert (answer.code, failed(answer)) == (0, set()), answer.out
    names = [f"{n} {source.name}" for n in registry.names() for source in registry.get(n).template.sources]
    assert [finding["subject"] for finding in findings(answer, "sources")] == names
    assert {finding["result"] for finding in findings(answer, "sources")} <= {"ok", "warning"}
    assert re.search(r"\d+ ok", answer.err)


def test_nothing_that_it_asks_for_reaches_the_cache(
    pyb3: Command, database, small: Simulator, last: date, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    pyb3(f"ingest futures --date {last}")
    monkeypatch.setenv("TMPDIR", str(tmp_path / "temporary"))
    (tmp_path / "temporary").mkdir()
    before = {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.glob("cache/*/*")}
    rows = database.execute("SELECT count(*) FROM futures").fetchone()
    small.seed = 7  # B3 has other bytes now
    assert pyb3("doctor --json").code == 0
    assert len(before) == 2
    assert before == {path: (path.read_bytes(), path.stat().st_mtime_ns) for path in tmp_path.glob("cache/*/*")}
    assert [*tmp_path.glob("cache/*")] == [tmp_path / "cache" / "futures"]
    assert not any((tmp_path / "temporary").iterdir())
    assert database.execute("SELECT count(*) FROM futures").fetchone() == rows


def test_offline_asks_nobody(pyb3: Command, database, simulator: Simulator) -> None:
    answer = pyb3("doctor --offline --json")
    assert (answer.code, simulator.requests) == (0, [])
    assert {finding["result"] for check in ("hosts", "sources") for finding in findings(answer, check)} == {"skipped"}


def test_it_is_one_page_for_people_and_only_what_is_wrong_when_quiet(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYB3_CACHE", "/nowhere")
    shown = pyb3("doctor --offline").out.splitlines()
    assert len(shown) < 60 and "settings" in shown and "sources" in shown
    quiet = pyb3("doctor --offline --quiet").out.splitlines()
    assert quiet[0] == "settings" and len(quiet) == 3
    assert "PYB3_CACHE " in quiet[1] and "did you mean PYB3_CACHE_DIR?" in quiet[2]


def test_its_help_says_the_exit_codes(pyb3: Command) -> None:
    words = " ".join(re.sub(r"[│╭╮╰╯─]", " ", pyb3("doctor --help").out).split())
    assert "7 the database or its schema, 5 a host or a source, 6 a file in the cache, 1 anything else" in words


# Sources


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"kind": "html"}, "an HTML page instead of the file"),
        ({"kind": "redirect error page"}, r"an HTML page .*, after a redirect to http://\S+/pt_br/erro.htm"),
        ({"status": 404}, r"HTTP 404, where B3 answers 200 also for what it does not have \(after 3 tries\)"),
        ({"kind": "empty zip"}, r"nothing of {last} nor of {before}: .* without entries"),
        ({"status": 403}, "HTTP 403"),
        ({"status": 503, "retry_after": 0}, r"HTTP 503 \(after 3 tries\)"),
        ({"kind": "other day"}, "another shape: .* is of {before}, not of {last}"),
        (
            {"kind": "change", "change": lambda text: text.replace(b"PricRpt", b"PriceReport")},
            "another shape: .*",
        ),
        ({"kind": "redirect elsewhere"}, "B3 redirects to 127.0.0.1, which is none of its hosts"),
        ({"kind": "redirect elsewhere", "location": "file:///etc/passwd"}, "B3 redirects to file:"),
    ],
    ids=lambda value: value.get("kind", value.get("status")) if isinstance(value, dict) else "",
)
def test_it_names_a_page_that_b3_has_moved_or_closed(
    pyb3: Command, database, small: Simulator, last: date, fault: dict[str, Any], words: str
) -> None:
    small.faults = [{"where": SPRD, "times": 9, **fault}]
    answer = pyb3("doctor --json")
    assert (answer.code, failed(answer)) == (5, {("sources", "futures SPRD")}), answer.out
    found = one(answer, "sources", "futures SPRD")
    before = calendar.previous_session(last - timedelta(1))
    assert re.search(words.format(last=last, before=before), found["message"]), found["message"]
    assert "the cache has no earlier answer" in found["message"]
    assert "moved or closed the page" in found["advice"]


def test_a_closed_page_is_shown_with_its_last_good_answer(
    pyb3: Command, database, small: Simulator, last: date
) -> None:
    pyb3(f"ingest futures --date {last}")
    small.faults = [{"where": SPRD, "times": 9, "status": 404}]
    answer = pyb3("doctor --json")
    assert f"its last good answer was SPRD{last:%y%m%d}.zip of {date.today()}" in answer.out
    assert f"SPRD{last:%y%m%d}.zip of" in one(answer, "last answers", "futures SPRD")["message"]


def test_a_page_that_moved_and_still_answers_is_a_warning(
    pyb3: Command, database, small: Simulator, last: date
) -> None:
    there = f"/www.b3.com.br/pesquisapregao/download?filelist=SPRD{last:%y%m%d}.zip,"
    small.faults = [{"where": SPRD, "kind": "redirect elsewhere", "location": there}]
    answer = pyb3("doctor --json")
    found = one(answer, "sources", "futures SPRD")
    assert (answer.code, found["result"]) == (0, "warning")
    assert f"leads to {small.url}{there}" in found["message"]


def test_a_file_that_is_late_is_a_warning(pyb3: Command, database, small: Simulator, last: date) -> None:
    small.faults = [{"where": f"{SPRD}{last:%y%m%d}", "times": 9, "kind": "empty zip"}]
    answer = pyb3("doctor --json")
    found = one(answer, "sources", "futures SPRD")
    assert (answer.code, found["result"]) == (0, "warning")
    assert found["message"].startswith(f"nothing of {last} (yet); SPRD")


def test_todays_portfolio_may_still_be_to_come(pyb3: Command, database, small: Simulator, last: date) -> None:
    """In the morning of a session B3 shows the portfolio of the one before."""
    small.today = last
    found = one(pyb3("doctor --json"), "sources", "index_composition GetPortfolioDay")
    assert found["result"] == "ok" and f"{last:%Y%m%d}.json" in found["message"]


def asked_on(
    monkeypatch: pytest.MonkeyPatch, pyb3: Command, simulator: Simulator, day: date, *absent: str
) -> tuple[Answer, list[str]]:
    """What the doctor says at 08:00 of a day, and the files of COTAHIST that it asked for."""
    monkeypatch.setattr(calendar, "now", lambda: calendar.moment(day, clock(8)))
    simulator.today = calendar.previous_session(day)
    simulator.exchange.absent = list(absent)
    simulator.requests.clear()
    answer = pyb3("doctor --json")
    return answer, sorted(re.findall(r"COTAHIST_\w+", " ".join(simulator.requests)))


def test_on_the_first_of_a_month_the_file_of_the_last_month_may_be_late(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, files = asked_on(monkeypatch, pyb3, small, date(2026, 12, 1), "COTAHIST_M112026")
    found = one(answer, "sources", "cotahist COTAHIST_M")
    assert (answer.code, found["result"]) == (0, "warning")
    assert found["message"].startswith("nothing of 2026-11-30 (yet); COTAHIST_M102026.ZIP is what the template says")
    assert files == ["COTAHIST_A2026", "COTAHIST_D30112026", "COTAHIST_M102026", "COTAHIST_M112026"]


def test_in_the_middle_of_a_month_the_file_of_the_last_month_is_not_late(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, files = asked_on(monkeypatch, pyb3, small, date(2026, 12, 15), "COTAHIST_M112026")
    found = one(answer, "sources", "cotahist COTAHIST_M")
    assert (answer.code, found["result"]) == (5, "failed")
    assert found["message"].startswith("nothing of 2026-11-30: ")
    assert files == ["COTAHIST_A2026", "COTAHIST_D14122026", "COTAHIST_M112026"]


@pytest.mark.parametrize("day", [date(2027, 1, 1), date(2027, 1, 2)])
def test_at_the_turn_of_the_year_it_asks_for_the_year_that_is_over(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch, day: date
) -> None:
    answer, files = asked_on(monkeypatch, pyb3, small, day, "COTAHIST_M122026")
    assert (answer.code, failed(answer)) == (0, set())
    assert files == ["COTAHIST_A2026", "COTAHIST_D30122026", "COTAHIST_M112026", "COTAHIST_M122026"]
    years = [path for path in small.requests if "GetPortfolioDay" in path and "Statistics" in path]
    assert len(years) == len(set(years)) == 1


def test_in_the_first_days_of_a_year_its_file_may_be_late(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer, files = asked_on(monkeypatch, pyb3, small, date(2027, 1, 5), "COTAHIST_A2027")
    found = one(answer, "sources", "cotahist COTAHIST_A")
    assert (answer.code, found["result"]) == (0, "warning")
    assert found["message"].startswith("nothing of 2027-01-04 (yet); COTAHIST_A2026.ZIP")
    assert files == ["COTAHIST_A2026", "COTAHIST_A2027", "COTAHIST_D04012027", "COTAHIST_M122026"]


def test_a_large_answer_is_known_by_its_beginning(
    pyb3: Command, database, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sources, "_SMALL", 1)
    small.faults = [{"where": SPRD, "times": 9, "kind": "change", "change": lambda text: b"nothing like it"}]
    answer = pyb3("doctor --json")
    assert failed(answer) == {("sources", "futures SPRD")}
    others = [found for found in findings(answer, "sources") if found["result"] == "ok"]
    assert len(others) == len(findings(answer, "sources")) - 1
    assert all("begins as the template says" in found["message"] for found in others)


def test_of_a_large_answer_no_more_than_its_beginning_is_taken(pyb3: Command, database, small: Simulator) -> None:
    """A year's ZIP whose end would be long in coming."""
    small.exchange.yearly_rows = 500
    small.faults = [{"where": "COTAHIST_A", "kind": "stall", "after": sources._SMALL + (1 << 20)}]
    start = time.monotonic()
    answer = pyb3("doctor --json")
    assert "begins as the template says" in one(answer, "sources", "cotahist COTAHIST_A")["message"]
    assert not small.faults and time.monotonic() - start < 30


@given(
    content=st.binary(min_size=1, max_size=5_000),
    stored=st.lists(st.booleans(), min_size=0, max_size=3),
    cut=st.integers(min_value=0, max_value=6_000),
    stub=st.booleans(),
)
def test_the_beginning_of_an_archive_gives_the_beginning_of_its_file(
    content: bytes, stored: list[bool], cut: int, stub: bool
) -> None:
    content = b"BEGINNING" + content
    packed = content
    for plain in stored:
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED if plain else zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("x.zip", packed)
        packed = buffer.getvalue()
    if stub and stored:
        packed = b"MZ" + bytes(100) + packed
    assert unpacked(packed, "x") == content
    try:
        found = unpacked(packed[:cut], "x")
    except FileError:
        assert stored and cut < len(packed)
    else:
        assert content.startswith(found) or len(found) < 4


@given(data=st.binary(max_size=400), start=st.sampled_from([b"", b"PK\x03\x04", b"MZ", b"MZPK\x03\x04", b"PK\x05\x06"]))
def test_whatever_begins_as_an_archive_is_unpacked_or_refused(data: bytes, start: bytes) -> None:
    try:
        assert isinstance(unpacked(start + data, "x"), bytes)
    except FileError as error:
        assert str(error).startswith("x ")


# B3's list of the bulletin's tables


def test_a_table_that_b3_lists_is_there_and_its_window_is_shown(pyb3: Command, database, small: Simulator) -> None:
    found = one(pyb3("doctor --json"), "catalogue", "futures BDI")
    words = "B3 lists the table ConsolidatedTradesDerivatives, which reaches back to D-21"
    assert (found["result"], found["message"]) == ("ok", words)


def test_a_table_that_moved_is_named(pyb3: Command, database, small: Simulator) -> None:
    small.exchange.tables = ["ConsolidatedTradesDerivatives2 ", "BTBTrade"]
    answer = pyb3("doctor --json")
    assert (answer.code, failed(answer)) == (5, {("catalogue", "futures BDI")})
    found = one(answer, "catalogue", "futures BDI")
    words = "B3's list of tables does not name ConsolidatedTradesDerivatives; it names ConsolidatedTradesDerivatives2"
    assert found["message"] == words and "renamed, moved or closed" in found["advice"]


def test_b3_is_asked_once_for_its_list_however_many_tables_are_looked_for(small: Simulator) -> None:
    with Examination() as examination:
        examination.__dict__["plugins"] = {name: registry.get("futures") for name in ("futures", "futures_again")}
        found = list(catalogue.check(examination))
    assert [finding.result for finding in found] == ["ok", "ok"]
    assert [path for path in small.requests if "/bdi/" in path] == ["/arquivos.b3.com.br/bdi/table/classifications"]


def test_a_list_of_tables_that_moved_and_still_answers_is_a_warning(pyb3: Command, database, small: Simulator) -> None:
    there = "/arquivos.b3.com.br/bdi/table/classifications?v=2"
    small.faults = [{"where": "classifications", "kind": "redirect elsewhere", "location": there}]
    found = one(pyb3("doctor --json"), "catalogue", "futures BDI")
    assert found["result"] == "warning" and f"leads to {small.url}{there}" in found["message"]


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        ({"status": 404}, "does not answer"),
        ({"kind": "html", "times": 9}, "does not answer: .* HTML page"),
        ({"kind": "change", "change": lambda text: b"[]"}, "lists nothing"),
        ({"kind": "change", "change": lambda text: b"x"}, "answers no JSON"),
    ],
    ids=["404", "html", "empty", "no JSON"],
)
def test_a_list_of_tables_that_cannot_be_read_is_a_warning(
    pyb3: Command, database, small: Simulator, fault: dict[str, Any], words: str
) -> None:
    small.faults = [{"where": "classifications", **fault}]
    answer = pyb3("doctor --json")
    found = one(answer, "catalogue", "futures BDI")
    assert (answer.code, found["result"]) == (0, "warning")
    assert re.search(words, found["message"]), found["message"]


# Hosts and clock


def test_a_host_out_of_reach_is_named_and_its_sources_are_not_asked(
    pyb3: Command, database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://127.0.0.1:1")
    answer = pyb3("doctor --json")
    assert (answer.code, failed(answer)) == (5, {("hosts", "127.0.0.1:1")})
    assert {found["result"] for found in findings(answer, "sources")} == {"skipped"}


@pytest.mark.parametrize("leaves_out", [False, True])
def test_a_host_is_verified_and_its_chain_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, pyb3: Command, database, leaves_out: bool
) -> None:
    root = tls_server.root()
    (tmp_path / "root.pem").write_bytes(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    monkeypatch.delenv("SSL_CERT_DIR", raising=False)
    with tls_server.serving(tls_server.Server()) as authorities:
        between = root.sign("Between")
        host = between.for_host(aia=authorities.put("/between.crt", between.der))
        shown = tls_server.showing(tmp_path, host, *([] if leaves_out else [between]))
        with tls_server.serving(shown) as server:
            greeting = greet(server.url)
            monkeypatch.setenv("PYB3_MIRROR", server.url)
            answer = pyb3("doctor --json")
    assert (greeting.tls, greeting.completed) == ("TLSv1.3", leaves_out)
    assert greeting.ahead is not None and abs(greeting.ahead) < timedelta(seconds=3)
    (found,) = findings(answer, "hosts")
    assert found["result"] == "ok" and f"certificate until {greeting.until}" in found["message"]
    assert ("which was completed" in found["message"]) == leaves_out


def test_a_host_that_cannot_be_verified_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tls_server.root()
    (tmp_path / "root.pem").write_bytes(root.pem)
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "root.pem"))
    with tls_server.serving(tls_server.showing(tmp_path, root.for_host(expired=True))) as server:
        with pytest.raises(SourceError, match="the certificate of localhost cannot be verified: .*expired"):
            greet(server.url)


@pytest.mark.parametrize(
    ("ahead", "result", "words"),
    [
        (timedelta(minutes=5), "warning", "this machine's clock is 5 minutes behind the hosts'"),
        (timedelta(days=-3), "failed", "this machine's clock is 3 days ahead of the hosts'"),
    ],
)
def test_a_wrong_clock_is_told_by_what_time_it_is_at_the_hosts(
    pyb3: Command,
    database,
    small: Simulator,
    monkeypatch: pytest.MonkeyPatch,
    ahead: timedelta,
    result: str,
    words: str,
) -> None:
    handler = small.RequestHandlerClass
    told = handler.date_time_string
    monkeypatch.setattr(handler, "date_time_string", lambda self: told(self, time.time() + ahead.total_seconds()))
    answer = pyb3("doctor --json")
    found = one(answer, "clock", "hosts")
    assert (found["result"], found["message"]) == (result, words)
    assert answer.code == (1 if result == "failed" else 0)
    assert one(answer, "clock", "database")["result"] == "ok"


def test_a_machine_that_does_not_know_sao_paulo_is_told_to_install_its_time_zone(
    process: Command, database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "tzdata").mkdir()
    (tmp_path / "tzdata" / "__init__.py").touch()
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.setenv("PYTHONTZPATH", "")
    answer = process("doctor --offline --json")
    assert answer.code == 1, answer.err
    assert "pip install tzdata" in one(answer, "clock", "time zone")["advice"]


# The cache


def test_a_damaged_file_and_what_an_interrupted_download_left_are_found(
    pyb3: Command, database, small: Simulator, last: date
) -> None:
    path = Path(pyb3(f"fetch futures --date {last}").out.strip())
    path.write_bytes(path.read_bytes()[:-10])
    part = path.with_name(".part-abc")
    part.touch()
    week_ago = time.time() - 7 * 86_400
    os.utime(part, (week_ago, week_ago))
    answer = pyb3("doctor --offline --json")
    assert answer.code == 6
    assert str(path) in one(answer, "cache", "files")["message"]
    assert one(answer, "cache", "leftovers")["result"] == "warning"
    pyb3("cache prune --damaged")
    assert pyb3("doctor --offline --json").code == 0


def test_a_last_answer_of_another_shape_is_found(pyb3: Command, database, small: Simulator, last: date) -> None:
    path = Path(pyb3(f"fetch futures --date {last}").out.strip())
    known = json.loads(sidecar(path).read_text())
    other = Path(pyb3(f"fetch cotahist --date {last}").out.strip())
    shutil.copy(other, path)
    sidecar(path).write_text(json.dumps(known | {"sha256": json.loads(sidecar(other).read_text())["sha256"]}))
    answer = pyb3("doctor --offline --json")
    assert (answer.code, failed(answer)) == (6, {("last answers", "futures SPRD")})


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="needs a folder that nobody can write in: /proc")
def test_a_cache_that_cannot_be_written_is_a_failure(pyb3: Command, database, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PYB3_CACHE_DIR", "/proc/cache")
    answer = pyb3("doctor --offline --json")
    assert (answer.code, failed(answer)) == (1, {("cache", "folder")})


# Settings


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("PYB3_MIRROR", "localhost:8000", "it is an address such as"),
        ("PYB3_RETRIES", "many", "it is a number from 1 to 99"),
        ("PYB3_SCHEMA", "a-b", "it is a plain name"),
        ("PYB3_CACHE_DIR", __file__, "which is no folder"),
        ("SSL_CERT_FILE", __file__, "which holds no certificates"),
        ("SSL_CERT_DIR", "/nowhere", "which is no folder"),
        ("DATABASE_URL", "mysql://here", "is not a PostgreSQL address"),
    ],
)
def test_a_value_that_does_not_fit_is_named(
    pyb3: Command, database, monkeypatch: pytest.MonkeyPatch, name: str, value: str, words: str
) -> None:
    monkeypatch.setenv(name, value)
    answer = pyb3("doctor --offline --json")
    assert answer.code == (7 if name == "DATABASE_URL" else 1), answer.out
    found = one(answer, "settings", name)
    assert found["result"] == "failed" and words in found["message"] and name in found["advice"]


def test_a_folder_that_moves_with_the_shell_is_doubtful(
    pyb3: Command, database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYB3_CACHE_DIR", "some/cache")
    answer = pyb3("doctor --offline --json")
    assert (answer.code, one(answer, "settings", "PYB3_CACHE_DIR")["result"]) == (0, "warning")


def test_every_variable_that_pyb3_reads_is_looked_at() -> None:
    read = {
        name
        for path in (ROOT / "pyb3").rglob("*.py")
        for name in re.findall(r'"((?:PYB3|SSL)_[A-Z_]+|DATABASE_URL)"', path.read_text())
    }
    assert read - {"PYB3_", "PYB3_REAL_DATA", "PYB3_TEST_"} == {name for name, _ in environment.SETTINGS} - {
        "HTTPS_PROXY"
    }


def test_no_password_is_ever_shown(pyb3: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hunter2@127.0.0.1:1/none")
    monkeypatch.setenv("PYB3_MIRROR", "http://someone:hunter2@127.0.0.1:1")
    monkeypatch.setenv("HTTPS_PROXY", "http://someone:hunter2@127.0.0.1:1")
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    for line in ("doctor", "doctor --json"):
        answer = pyb3(line)
        assert answer.code == 7 and "hunter2" not in answer.out + answer.err
    monkeypatch.setenv("PYB3_MIRROR", "ftp://someone:hunter2@127.0.0.1:1")
    assert "hunter2" not in pyb3("doctor").out


def test_a_dataset_of_another_package_that_does_not_load_is_named(
    process: Command, database, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    info = tmp_path / "outside-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[pyb3.datasets]\nmine = outside:Mine\n")
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    answer = process("doctor --offline --json")
    assert (answer.code, failed(answer)) == (1, {("datasets", "mine")})


# The database


def test_a_database_out_of_reach_is_the_worst_that_can_fail(
    pyb3: Command, small: Simulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone@127.0.0.1:1/none")
    small.faults = [{"where": SPRD, "times": 9, "status": 404}]
    answer = pyb3("doctor --json")
    assert (answer.code, failed(answer)) == (7, {("database", "connection"), ("sources", "futures SPRD")})
    assert one(answer, "migrations", "revision")["result"] == "skipped"


def test_a_schema_that_is_not_migrated_is_told_how(pyb3: Command, bare_database) -> None:
    found = one(pyb3("doctor --offline --json"), "migrations", "revision")
    assert (found["result"], found["advice"]) == ("failed", "run 'pyb3 db upgrade'")


@pytest.mark.parametrize(("revision", "words"), [("0001", "PyB3 needs"), ("9999", "this PyB3 knows only")])
def test_a_schema_of_another_revision_is_a_failure(
    pyb3: Command, database: psycopg.Connection, revision: str, words: str
) -> None:
    database.execute("UPDATE alembic_version SET version_num = %s", (revision,))
    answer = pyb3("doctor --offline --json")
    assert (answer.code, failed(answer)) == (7, {("migrations", "revision")})
    assert words in one(answer, "migrations", "revision")["message"]


def test_a_table_that_is_gone_or_closed_is_named(
    pyb3: Command, trusting: str, database: psycopg.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    user = sql.Identifier(f"reader_{database.info.dbname}")
    database.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
    try:
        database.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(user))
        database.execute("DROP TABLE cotahist")
        monkeypatch.setenv("DATABASE_URL", at(trusting, database.info.dbname, user=f"reader_{database.info.dbname}"))
        answer = pyb3("doctor --offline --json")
    finally:
        database.execute(sql.SQL("DROP OWNED BY {0}; DROP ROLE {0}").format(user))
    gone, closed = findings(answer, "migrations", "tables")
    assert answer.code == 7
    assert gone["message"] == "no table cotahist in the schema public"
    assert closed["message"].startswith("this user may not read and write futures")


def test_a_standby_or_another_encoding_is_told(
    pyb3: Command, server: str, migrated: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "doctor_latin1"
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
        try:
            monkeypatch.setenv("DATABASE_URL", at(server, name))
            assert pyb3("db upgrade").code == 0
            admin.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
            answer = pyb3("doctor --offline --json")
        finally:
            admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    assert (answer.code, failed(answer)) == (7, {("database", "connection")})
    assert one(answer, "database", "encoding")["result"] == "warning"

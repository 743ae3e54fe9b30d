"""What B3 answers decides what happens: tried again, refused, or taken."""

from __future__ import annotations

import hashlib
import json
import os
import time
from datetime import date, timedelta
from pathlib import Path

import pytest

from pyb3 import calendar, pipeline, settings
from pyb3.datasets import registry
from pyb3.errors import FileError
from pyb3.file import digest
from pyb3.progress import Silent
from tests.support import generate


def _loaded(database, table: str = "cotahist") -> int:
    return database.execute(f"SELECT count(*) FROM {table}").fetchone()[0]


def _cached() -> list[str]:
    return sorted(path.name for path in settings.cache_dir().rglob("*") if path.is_file())


@pytest.mark.parametrize(
    "faults",
    [[503], [429, 503], [500], [502], [504], [408], [499], [520], [522], [527], [530], ["html"], ["captcha"], ["empty"]]
    + [["cut"], ["cut", 503]],
    ids=lambda faults: "then".join(map(str, faults)),
)
def test_what_passes_is_tried_again(pyb3, database, simulator, recent: date, faults: list) -> None:
    simulator.faults = list(faults)
    answer = pyb3(f"ingest cotahist --date {recent}")
    assert (answer.code, answer.err) == (0, "")
    assert len(simulator.requests) == len(faults) + 1
    assert _loaded(database) == 500


def test_tries_are_not_told_one_by_one(refused, process, simulator, recent: date) -> None:
    simulator.faults = [503] * 9
    refused(f"fetch cotahist --date {recent}", 5, r"HTTP 503 \(after 3 tries\)", process)


@pytest.mark.parametrize(
    ("faults", "code", "words", "requests"),
    [
        ([503] * 9, 5, r"HTTP 503 \(after 3 tries\)", 3),
        ([429] * 9, 5, r"HTTP 429 \(after 3 tries\)", 3),
        (["empty"] * 9, 5, r"empty body \(after 3 tries\)", 3),
        (["cut"] * 9, 5, r"\(after 3 tries\)", 3),
        ([403] * 9, 5, r"HTTP 403 \(after 3 tries\); B3 may have blocked this address for some minutes", 3),
        ([522] * 9, 5, r"HTTP 522 \(after 3 tries\)", 3),
        ([400], 5, "HTTP 400", 1),
        (["html"] * 9, 5, r"B3 answered with an HTML page instead of the file \(after 3 tries\)", 3),
        (["redirect error page"], 5, "an HTML page instead of the file, after a redirect", 2),
        ([404], 3, r"B3 has no such file \(404\)", 1),
        (["empty zip"], 3, "a ZIP without entries, B3 has no file for that day", 1),
    ],
    ids=lambda value: str(value[0]) if isinstance(value, list) else "",
)
def test_what_does_not_pass_is_refused(
    refused, pyb3, database, simulator, recent: date, faults: list, code: int, words: str, requests: int
) -> None:
    simulator.faults = list(faults)
    refused(f"ingest cotahist --date {recent}", code, words)
    assert len(simulator.requests) == requests
    assert _loaded(database) == 0
    assert _cached() == [], "nothing bad stays to be taken for the day's file"
    simulator.faults.clear()
    assert pyb3(f"ingest cotahist --date {recent}").code == 0


@pytest.mark.parametrize(
    ("faults", "code", "outcome", "error"),
    [
        ([404], 3, "not_published", "not_published"),
        ([503] * 3, 5, "failed", "source"),
        (["html"] * 3, 5, "failed", "source"),
    ],
    ids=["404", "503", "html"],
)
def test_programs_are_told_what_b3_answered(
    pyb3, database, simulator, recent: date, faults: list, code: int, outcome: str, error: str
) -> None:
    simulator.faults = list(faults)
    answer = pyb3(f"ingest cotahist --date {recent} --json")
    told = answer.json
    assert (answer.code, told["outcome"], told["error"]["code"]) == (code, outcome, error)
    assert (told["dataset"], told["unit"], told["rows"]) == ("cotahist", str(recent), 0)


def test_the_next_source_answers_where_the_first_does_not(pyb3, database, simulator, recent: date) -> None:
    simulator.faults = ["empty zip"]
    done = pyb3(f"ingest futures --date {recent} --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "PR")
    assert database.execute("SELECT DISTINCT source FROM futures").fetchall() == [("PR",)]


def test_a_broken_source_is_told_of_when_no_other_has_the_day(refused, database, simulator, recent: date) -> None:
    html = {"kind": "html", "where": "filelist=PR", "times": 9}
    simulator.faults = ["empty zip", html, {"status": 404, "where": "arquivos", "times": 9}]
    refused(f"ingest futures --date {recent}", 5, "HTML page")


@pytest.mark.parametrize("where", ["filelist=SPRD", "GetPortfolioDay"])
def test_a_404_where_b3_answers_200_for_what_it_does_not_have_is_tried_again(
    pyb3, database, simulator, recent: date, where: str
) -> None:
    simulator.faults = [{"status": 404, "where": where}]
    dataset, day = ("futures", recent) if "SPRD" in where else ("index_composition", simulator.today)
    answer = pyb3(f"ingest {dataset} --date {day} --json")
    assert (answer.code, answer.json["outcome"], simulator.faults) == (0, "loaded", [])
    warned = [words for words in answer.json["warnings"] if "AGFS" in words]  # the first index that is asked for
    assert warned == [] and not any("404" in words for words in answer.json["warnings"])


def test_a_404_that_stays_there_is_an_error_of_the_source(refused, database, simulator, recent: date) -> None:
    simulator.faults = [{"status": 404, "where": "filelist=TS", "times": 9}]
    refused(f"ingest yield_curves --date {recent}", 5, r"HTTP 404, where B3 answers 200 also for .* \(after 3 tries\)")
    assert len(simulator.requests) == 3


def test_a_consent_page_instead_of_the_trade_information_is_never_no_data(
    pyb3, refused, database, simulator, recent: date
) -> None:
    simulator.exchange.absent = ["filelist=SPRD", "filelist=PR", "/bdi/"]
    simulator.faults = [{"kind": "html", "where": "token="}, {"kind": "captcha", "where": "requestname"}]
    done = pyb3(f"ingest futures --date {recent} --json").json
    assert (done["outcome"], done["source"]) == ("loaded", "TradeInformationConsolidated")
    simulator.faults = [{"kind": "html", "where": "token=", "times": 9}]
    answer = pyb3(f"ingest futures --date {calendar.previous_session(recent - timedelta(1))} --json")
    assert (answer.code, answer.json["outcome"]) == (5, "failed") and "HTML page" in answer.json["error"]["message"]


def test_a_day_whose_own_file_is_gone_comes_from_its_month(pyb3, database, simulator) -> None:
    simulator.faults = [404]
    done = pyb3("ingest cotahist --date 2024-01-15 --json").json
    assert (done["outcome"], done["refdate"]) == ("loaded", "2024-01-15")
    assert done["source"] in ("COTAHIST_M", "COTAHIST_A")
    assert database.execute("SELECT DISTINCT refdate FROM cotahist").fetchall() == [(date(2024, 1, 15),)]


def test_no_network_is_said_once(refused, database, monkeypatch) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("PYB3_RETRIES", "2")
    answer = refused("ingest cotahist --date 2024-01-15", 5, r"Connection refused \(after 2 tries\)")
    assert answer.err.count("bvmf.bmfbovespa.com.br") == 1
    assert _loaded(database) == 0
    assert _cached() == []


def test_a_host_without_a_name_is_a_source_error(refused, database, monkeypatch, recent: date) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://b3.invalid")
    monkeypatch.setenv("PYB3_RETRIES", "1")
    refused(f"fetch futures --date {recent}", 5, "www.b3.com.br: ")


def test_a_file_carries_the_facts_of_its_download(pyb3, simulator, recent: date) -> None:
    path = Path(pyb3(f"fetch cotahist --date {recent}").out.strip())
    facts = json.loads(path.with_name(path.name + ".json").read_text())
    assert facts["url"] == f"https://bvmf.bmfbovespa.com.br/InstDados/SerHist/{path.name}"
    assert facts["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    assert facts["size"] == path.stat().st_size
    assert facts["headers"]
    assert facts["fetched_at"]


def test_a_refresh_that_fails_leaves_the_file_that_was_there(refused, pyb3, database, simulator, recent: date) -> None:
    path = Path(pyb3(f"fetch cotahist --date {recent}").out.strip())
    before = path.read_bytes(), path.with_name(path.name + ".json").read_bytes()
    for fault, code in (("html", 5), (404, 0), ("empty zip", 0), ("cut", 5)):
        simulator.faults = [{"kind": fault, "times": 9} if isinstance(fault, str) else fault]
        answer = pyb3(f"fetch cotahist --date {recent} --refresh")
        assert (answer.code, "B3 has it no more; kept as it is" in answer.err) == (code, code == 0), fault
        assert (path.read_bytes(), path.with_name(path.name + ".json").read_bytes()) == before


@pytest.mark.parametrize("command", ["ingest", "parse"])
def test_a_file_that_was_refused_is_asked_for_again(
    refused, pyb3, process, database, simulator, recent: date, command: str
) -> None:
    simulator.faults = ["other day"]
    for _ in range(2):
        refused(f"{command} cotahist --date {recent}", 6, "holds rows of")
    assert len(simulator.requests) == 1, "a run asks once, for however many units"
    assert len(_cached()) == 2, "it stays to be looked at"
    assert process(f"{command} cotahist --date {recent}").code == 0
    assert pyb3(f"{command} cotahist --date {recent}").code == 0
    assert len(simulator.requests) == 2, "and what came then is kept"


def test_a_download_removes_what_killed_ones_left_and_nothing_of_living_ones(pyb3, simulator, recent: date) -> None:
    folder = settings.cache_dir() / "cotahist"
    folder.mkdir(parents=True)
    for name, age in ((".part-dead", 1_000), (".part-living", 100)):
        (folder / name).write_bytes(b"x")
        os.utime(folder / name, (time.time() - age,) * 2)
    assert pyb3(f"fetch cotahist --date {recent}").code == 0
    assert [name for name in _cached() if "part" in name] == [".part-living"]


def test_the_ledger_tells_the_digest_of_the_bytes_that_were_loaded(pyb3, database, simulator, recent: date) -> None:
    path = Path(pyb3(f"fetch cotahist --date {recent}").out.strip())
    path.write_bytes(generate.zipped("COTAHIST.TXT", generate.cotahist([recent], 30)))
    loaded = pyb3(f"load cotahist --date {recent} --json").json
    assert (loaded["inserted"], loaded["sha256"]) == (30, digest(path))


def test_a_file_that_is_replaced_while_it_is_read_is_not_loaded(pyb3, database, simulator, recent: date) -> None:
    cotahist = registry.get("cotahist")
    unit = cotahist.unit("day", recent)
    files = pipeline.fetch(cotahist, unit)

    class Replacing(Silent):
        def loaded(self, name: str, rows: int) -> None:
            files[0].path.with_name("new").write_bytes(b"another")
            files[0].path.with_name("new").replace(files[0].path)

    with pytest.raises(FileError, match="other bytes took its place"):
        pipeline.load(cotahist, files, unit, progress=Replacing())
    assert _loaded(database) == 0


def test_a_month_that_has_grown_is_fetched_anew(pyb3, simulator, monkeypatch) -> None:
    """A month's file fetched before the month had ended lacks its last days."""
    ended = calendar.today().replace(day=1) - timedelta(60)
    simulator.faults = [404]
    day = calendar.previous_session(ended)
    path = Path(pyb3(f"fetch cotahist --date {day}").out.strip())
    facts = path.with_name(path.name + ".json")
    early = json.loads(facts.read_text()) | {"fetched_at": f"{day}T12:00:00+00:00"}
    facts.write_text(json.dumps(early))
    simulator.requests.clear()
    simulator.faults = [404]
    later = calendar.now() + timedelta(hours=2)
    monkeypatch.setattr(calendar, "now", lambda: later)
    assert pyb3(f"fetch cotahist --date {day}").out.strip() == str(path)
    assert json.loads(facts.read_text())["fetched_at"] > early["fetched_at"]

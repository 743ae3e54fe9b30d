"""pyb3 doctor --record: an evening's answers as a test set, and a server that gives them again."""

from __future__ import annotations

import getpass
import gzip
import hashlib
import json
import platform
import re
from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pyb3 import calendar
from pyb3.datasets import registry
from pyb3.errors import SourceError
from pyb3.fetch import client, record
from pyb3.fetch.peek import peek
from pyb3.fetch.record import Recording
from pyb3.fetch.request import Request
from tests.conftest import Answer
from tests.support.replay import replaying
from tests.support.simulator import Simulator
from tests.support.tls_server import Server, serving

Command = Callable[[str], Answer]
EVENING = date(2026, 11, 27)  # a Friday
BEFORE = date(2026, 11, 26)


def lines(folder: Path) -> list[dict[str, Any]]:
    return list(record.read(folder))


def about(folder: Path, words: str) -> list[dict[str, Any]]:
    return [line for line in lines(folder) if words in line["about"]]


def rows(database: psycopg.Connection, table: str) -> list[tuple[Any, ...]]:
    columns = [field.name for field in registry.get(table).template.fields]
    found = database.execute(f"SELECT {', '.join(columns)} FROM {table}").fetchall()  # type: ignore[arg-type]
    return sorted(found, key=repr)


@pytest.fixture
def evening(monkeypatch: pytest.MonkeyPatch, simulator: Simulator) -> Simulator:
    """B3 at 22:00 of a session, when all is out."""
    monkeypatch.setattr(calendar, "now", lambda: calendar.moment(EVENING, time(22)))
    simulator.rows, simulator.today = 40, EVENING
    return simulator


def test_what_is_ingested_from_a_recording_is_what_is_ingested_from_b3(
    pyb3: Command, database: psycopg.Connection, evening: Simulator, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    folder = tmp_path / "recording"
    assert pyb3(f"doctor --record {folder} --json").code == 0
    wanted = {}
    for name in registry.names():
        answer = pyb3(f"ingest {name} --date {EVENING} --json")
        assert answer.json["outcome"] == "loaded", answer
        wanted[name] = rows(database, name)
        assert wanted[name]
        database.execute(f"TRUNCATE {name}, ingestions CASCADE")  # type: ignore[arg-type]
    asked = len(evening.requests)
    monkeypatch.setenv("PYB3_CACHE_DIR", str(tmp_path / "another cache"))
    client._client().http.close()
    client._client.cache_clear()
    with replaying(folder) as replay:
        monkeypatch.setenv("PYB3_MIRROR", replay.url)
        for name in registry.names():
            answer = pyb3(f"ingest {name} --date {EVENING} --json")
            assert answer.json["outcome"] == "loaded", answer
            assert rows(database, name) == wanted[name]
        assert replay.unknown == []
    assert len(evening.requests) == asked, "nothing but the recording was asked"


def test_it_asks_for_todays_session_for_the_last_one_and_for_every_index(
    pyb3: Command, database, evening: Simulator, tmp_path: Path
) -> None:
    folder = tmp_path / "recording"
    answer = pyb3(f"doctor --record {folder} --json")
    names = {line["about"] for line in lines(folder)}
    for dataset in map(registry.get, registry.names()):
        for source in dataset.template.sources:
            if source.period == "day":
                days = {line["about"] for line in about(folder, f"{dataset.name}/{source.file.split('{')[0]}")}
                assert len(days) >= 2, (source.name, names)
    assert {f"index_composition/GetPortfolioDay_{code}_{EVENING:%Y%m%d}.json" for code in ("IBOV", "SMLL")} <= names
    assert f"futures/SPRD{date(2025, 12, 30):%y%m%d}.zip" in names, "whether B3 keeps last year's is asked too"
    assert "cotahist/COTAHIST_M112026.ZIP" in names, "and whether the running month has a file"
    assert "catalogue/classifications.json" in names
    (found,) = [one for one in answer.objects if (one["check"], one["subject"]) == ("recording", "folder")]
    assert re.fullmatch(rf"\d+ of \d+ answers are new in {folder}", found["message"])


def test_each_line_has_request_status_headers_times_and_the_bytes(
    pyb3: Command, database, evening: Simulator, tmp_path: Path
) -> None:
    folder = tmp_path / "recording"
    pyb3(f"doctor --record {folder} --json")
    for line in lines(folder):
        data = (folder / "files" / line["file"]).read_bytes()
        assert hashlib.sha256(data).hexdigest() == line["sha256"] and len(data) == line["size"]
        assert line["url"].startswith("https://") and "127.0.0.1" not in line["url"]
        assert line["status"] in (200, 400, 404) and line["headers"]["content-type"]
        assert 0 <= line["seconds_to_first_byte"] <= line["seconds"]
        assert datetime.fromisoformat(line["at"]) == datetime(2026, 11, 28, 1, tzinfo=UTC)
    (table,) = [line for line in about(folder, f"Derivatives_{EVENING:%Y%m%d}") if line["whole"]]
    assert (table["method"], table["payload"]["Date"]) == ("POST", str(EVENING))
    assert len(about(folder, f"/InstrumentsConsolidated_{EVENING:%Y%m%d}")) == 2, "the token, and the file"
    run = json.loads((folder / "index.jsonl").read_text().splitlines()[-1])
    assert run["added"] == len(lines(folder)) and run["pyb3"]
    assert run["asked"] == run["added"] + 1, "nothing was asked twice but the list of indexes"


def test_a_second_run_adds_what_has_changed_and_asks_for_nothing_that_is_over(
    pyb3: Command, database, evening: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recording"
    late = f"SPRD{EVENING:%y%m%d}"
    evening.exchange.absent = [late]
    pyb3(f"doctor --record {folder} --json")
    first = lines(folder)
    evening.requests.clear()
    evening.exchange.absent = []
    monkeypatch.setattr(calendar, "now", lambda: calendar.moment(EVENING, time(23)))
    pyb3(f"doctor --record {folder} --json")
    added = lines(folder)[len(first) :]
    tokens = [line for line in added if "/api/download" in line["url"]]
    others = [line for line in added if line not in tokens]
    assert [line["about"] for line in others] == [f"futures/{late}.zip"], "a token is new each time, the file is not"
    assert {line["file"] for line in tokens if "token=" in line["url"]} <= {line["file"] for line in first}
    (before,) = [line for line in first if late in line["about"]]
    assert (before["size"], others[0]["status"]) == (22, 200) and others[0]["size"] > 22
    with replaying(folder, until=calendar.moment(EVENING, time(22, 30))) as earlier, replaying(folder) as later:
        for replay, size in ((earlier, before["size"]), (later, others[0]["size"])):
            key = "GET", f"/www.b3.com.br/pesquisapregao/download?filelist={late}.zip", "null"
            assert replay.answers[key]["size"] == size
    runs = [json.loads(text) for text in (folder / "index.jsonl").read_text().splitlines() if '"run"' in text]
    assert [run["added"] for run in runs] == [len(first), len(added)]


@pytest.mark.parametrize("fault", [{"kind": "empty zip"}, {"kind": "html"}, {"status": 404}], ids=lambda one: str(one))
def test_a_file_of_yesterday_that_did_not_come_is_asked_for_by_the_next_run(
    pyb3: Command, database, evening: Simulator, tmp_path: Path, fault: dict[str, Any]
) -> None:
    folder, late = tmp_path / "recording", f"SPRD{BEFORE:%y%m%d}"
    evening.faults = [{"where": late, "times": 99, **fault}]
    pyb3(f"doctor --record {folder} --json")
    evening.faults = []
    pyb3(f"doctor --record {folder} --json")
    assert [line["status"] == 200 and line["size"] > 500 for line in about(folder, late)][-2:] == [False, True]
    evening.requests.clear()
    before = len(about(folder, late))
    pyb3(f"doctor --record {folder} --json")
    assert sum(late in path for path in evening.requests) == 1, "the check of the sources asks, as without recording"
    assert len(about(folder, late)) == before


def test_nothing_of_the_machine_or_its_user_is_written(
    pyb3: Command, database, evening: Simulator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "recording"
    monkeypatch.setenv("PGPASSWORD", "pass-of-mine")
    monkeypatch.setenv("PYB3_MIRROR", evening.url.replace("//", "//me:pass-of-mine@"))
    evening.faults = [{"where": "SPRD", "kind": "redirect elsewhere", "location": "/www.b3.com.br/x"}]
    pyb3(f"doctor --record {folder} --json")
    text = (folder / "index.jsonl").read_text()
    assert len(lines(folder)) > 100
    secret = ["pass-of-mine", "127.0.0.1", str(tmp_path), str(Path.home()), f"/{getpass.getuser()}/", "postgres"]
    for word in (*secret, platform.node(), "authorization", "cookie", "user-agent", "DATABASE_URL"):
        assert not re.search(rf"(?<!\w){re.escape(word)}(?!\w)", text, re.IGNORECASE), word


@pytest.fixture
def b3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    with serving(Server()) as server:
        monkeypatch.setenv("PYB3_MIRROR", server.url)
        monkeypatch.setenv("PYB3_RETRIES", "1")
        yield server


PATH = "/www.b3.com.br/file.json"
ASKED = Request("source", "", "get", f"https:/{PATH}", "file.json", "plain")


def recorded(folder: Path, limit: int = 1 << 20) -> tuple[dict[str, Any], bytes]:
    try:
        with record.into(Recording(folder), "test/file.json"):
            peek(ASKED, limit)
    except SourceError:
        pass
    *_, line = lines(folder)
    return line, (folder / "files" / line["file"]).read_bytes()


def test_cookies_and_headers_that_may_tell_of_a_proxy_are_left_out(b3: Server, tmp_path: Path) -> None:
    b3.put(
        PATH, b"{}", ETag="x", **{"Set-Cookie": "id=1", "Via": "1.1 proxy.firm", "X-Cache": "MISS", "CF-Ray": "1-GRU"}
    )
    line, _ = recorded(tmp_path)
    assert sorted(line["headers"]) == ["content-length", "date", "etag", "server"]


@pytest.mark.parametrize("packed", [False, True])
def test_a_page_that_shows_the_address_of_whoever_asks_is_kept_without_it(
    b3: Server, tmp_path: Path, packed: bool
) -> None:
    page = b"<html><p>Your IP: 203.0.113.77, 2001:db8:0:1:1:1:1:1</p></html>"
    b3.put(PATH, gzip.compress(page) if packed else page, 403, **({"Content-Encoding": "gzip"} if packed else {}))
    line, data = recorded(tmp_path)
    assert data == b"<html><p>Your IP: 0.0.0.0, 0.0.0.0</p></html>"
    assert (line["status"], line["whole"], line["masked"]) == (403, True, True)
    assert "content-encoding" not in line["headers"]


def test_bytes_are_kept_as_they_came(b3: Server, tmp_path: Path) -> None:
    packed = gzip.compress(b'{"a": "203.0.113.77"}')
    b3.put(PATH, packed, **{"Content-Encoding": "gzip"})
    line, data = recorded(tmp_path)
    assert (data, line["whole"], line["headers"]["content-encoding"]) == (packed, True, "gzip")


def test_of_an_answer_that_is_not_read_to_its_end_the_beginning_is_kept(b3: Server, tmp_path: Path) -> None:
    b3.put(PATH, bytes(5 << 20))
    line, data = recorded(tmp_path)
    assert (line["whole"], line["size"], data) == (False, 256 << 10, bytes(256 << 10))
    with replaying(tmp_path) as replay:
        import httpx

        with pytest.raises(httpx.RemoteProtocolError):
            httpx.get(replay.url + PATH)


def test_an_answer_larger_than_the_limit_is_not_kept_whole(
    b3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_OF_ANSWER", 100)
    b3.put(PATH, bytes(200))
    line, _ = recorded(tmp_path)
    assert line["whole"] is False


def test_a_folder_that_is_full_gets_lines_without_bodies(
    b3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(record, "MOST_OF_FOLDER", 100)
    recording = Recording(tmp_path)
    for size in (80, 90):
        b3.put(PATH, bytes(size))
        with record.into(recording, "test/file.json"):
            peek(ASKED, 1 << 20)
    first, second = lines(tmp_path)
    assert (first["size"], second["size"], second["file"], recording.full) == (80, 90, None, True)
    assert len([*(tmp_path / "files").iterdir()]) == 1


def test_a_host_that_does_not_answer_is_recorded_by_the_kind_of_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PYB3_MIRROR", "http://127.0.0.1:1")
    monkeypatch.setenv("PYB3_RETRIES", "1")
    line, data = recorded(tmp_path)
    assert (line["status"], line["error"], data) == (None, "ConnectError", b"")
    assert "127.0.0.1" not in (tmp_path / "index.jsonl").read_text()


def test_a_redirect_is_recorded_and_replayed(b3: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    there = "/arquivos.b3.com.br/new.json"
    b3.put(PATH, status=302, Location=b3.url + there)
    b3.put(there, b'{"new": 1}')
    recorded(tmp_path)
    hop, last = lines(tmp_path)
    assert (hop["status"], hop["headers"]["location"]) == (302, f"https:/{there}")
    assert (last["status"], last["url"]) == (200, f"https:/{there}")
    with replaying(tmp_path) as replay:
        monkeypatch.setenv("PYB3_MIRROR", replay.url)
        answer = peek(ASKED, 1 << 20)
    assert (answer.data, answer.moved) == (b'{"new": 1}', replay.url + there)


def test_a_run_that_was_killed_leaves_a_recording_that_goes_on(b3: Server, tmp_path: Path) -> None:
    b3.put(PATH, b"{}")
    recorded(tmp_path)
    with (tmp_path / "index.jsonl").open("a") as index:
        index.write('{"at": "2026-11-27T2')
    (tmp_path / "files" / ".part-1").write_bytes(b"half")
    b3.put(PATH, b"[]")
    _, data = recorded(tmp_path)
    assert (data, len(lines(tmp_path))) == (b"[]", 2)
    assert not [*(tmp_path / "files").glob(".part-*")]


def test_what_is_the_same_again_adds_nothing(b3: Server, tmp_path: Path) -> None:
    b3.put(PATH, b"{}")
    before, _ = recorded(tmp_path)
    again, _ = recorded(tmp_path)
    assert (again, len(lines(tmp_path))) == (before, 1)


def test_without_recording_nothing_is_written(b3: Server, tmp_path: Path) -> None:
    b3.put(PATH, b"{}")
    recorded(tmp_path)
    peek(ASKED, 1 << 20)
    b3.put(PATH, b"[]")
    peek(ASKED, 1 << 20)
    assert len(lines(tmp_path)) == 1


@pytest.mark.parametrize(
    ("make", "options", "code", "words"),
    [
        (lambda folder: (folder / "diary.txt").write_text("x"), "", 2, "has files and is not a recording"),
        (lambda folder: folder.rmdir() or folder.write_text("x"), "", 2, "is not a folder"),
        (lambda folder: None, " --offline", 2, "--record asks B3, and --offline asks nobody"),
    ],
    ids=["other files", "a file", "offline"],
)
def test_a_folder_that_cannot_be_a_recording_is_refused(
    refused: Callable[..., Answer], tmp_path: Path, make: Callable[[Path], Any], options: str, code: int, words: str
) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    make(folder)
    refused(f"doctor --record {folder}{options}", code, words)

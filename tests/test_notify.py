"""A run that goes wrong reaches a webhook once, and once more when it is right again; over real HTTP."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from pyb3 import webhook
from tests.conftest import Answer
from tests.support import tls_server
from tests.support.hook import Hook, served
from tests.support.simulator import Simulator

SECRET = "T0000-B0000-XXXXXXXX"
Command = Callable[[str], Answer]


@pytest.fixture
def hook(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hook]:
    """A webhook that PyB3 is set to call."""
    made = Hook()
    with served(made):
        monkeypatch.setenv("PYB3_NOTIFY_URL", f"{made.url}/services/{SECRET}")
        yield made


@pytest.fixture
def outcomes(tmp_path: Path) -> Callable[..., Path]:
    """A file of outcomes: each unit as a dict of what is not usual."""

    def write(*units: dict[str, Any]) -> Path:
        usual = dict.fromkeys(("rows", "inserted", "updated", "unchanged"), 0) | {"seconds": 0.1, "warnings": []}
        usual |= {"dataset": "futures", "unit": "2026-10-09", "outcome": "loaded"}
        path = tmp_path / "outcomes.jsonl"
        path.write_text("".join(json.dumps(usual | unit) + "\n" for unit in units))
        return path

    return write


LATE = {"outcome": "not_published", "late": True, "hours_since_session": 13.6, "missed_runs": 4}
FAILED = {"outcome": "failed", "error": {"code": "source", "message": "B3 answers\nHTTP 503"}}


def test_a_late_session_is_sent_once_and_that_it_came_once(
    pyb3: Command, hook: Hook, outcomes: Callable[..., Path]
) -> None:
    line = f"notify {outcomes({}, {'unit': '2026-10-13'} | LATE)} --link https://github.com/x/y/actions/runs/1"
    for _ in range(2):
        answer = pyb3(line)
        assert (answer.code, answer.out, answer.err) == (0, "", "")
    what = "not published 13.6 hours after the session, missed by 4 runs"
    link = "https://github.com/x/y/actions/runs/1"
    [told] = hook.received
    assert told == {
        "text": f"PyB3 futures: 1 to look at\n2026-10-13 {what}\n{link}",
        "dataset": "futures",
        "state": "wrong",
        "units": [{"dataset": "futures", "unit": "2026-10-13", **LATE, "message": what}],
        "link": link,
    }
    for _ in range(2):
        assert pyb3(f"notify {outcomes({}, {'unit': '2026-10-13'})}").code == 0
    text = "PyB3 futures: the last run found nothing wrong (before: 2026-10-13 not_published)"
    assert hook.received[1:] == [{"text": text, "dataset": "futures", "state": "right", "units": []}]
    assert hook.paths == [f"/services/{SECRET}"] * 2


def test_a_good_run_and_one_that_waits_for_b3_send_nothing(
    pyb3: Command, hook: Hook, outcomes: Callable[..., Path]
) -> None:
    waits = {"late": False, "hours_since_session": 5.9, "missed_runs": 3}
    path = outcomes(
        {},
        {"outcome": "unchanged"},
        {"unit": "2026-10-13", "outcome": "not_published"} | waits,
        {"unit": "2026-10-13", "outcome": "partial"} | waits,
    )
    assert pyb3(f"notify {path} --exit-code 0").code == 0
    assert hook.received == []


def test_each_dataset_has_a_message_and_another_problem_is_another_message(
    pyb3: Command, hook: Hook, outcomes: Callable[..., Path]
) -> None:
    odd = {"outcome": "partial", "rejected": 1, "warnings": ["1 record set aside"]}
    pyb3(f"notify {outcomes(FAILED, {'dataset': 'symbols'} | odd | {'late': False}, {'dataset': 'cotahist'})}")
    assert [(told["dataset"], told["text"].partition("\n")[2]) for told in hook.received] == [
        ("futures", "2026-10-09 failed: B3 answers HTTP 503"),
        ("symbols", "2026-10-09 partial, not late yet: 1 record set aside"),
    ]
    pyb3(f"notify {outcomes(FAILED, FAILED | {'unit': '2026-10-13'})}")
    assert len(hook.received[2]["units"]) == 2


def test_a_run_that_ended_before_it_reported_a_unit_is_sent(
    pyb3: Command, hook: Hook, outcomes: Callable[..., Path]
) -> None:
    assert pyb3(f"notify {outcomes()} --dataset futures --exit-code 7").code == 0
    assert pyb3(f"notify {outcomes({})} --exit-code 137").code == 0
    assert pyb3(f"notify {outcomes()} --exit-code 130").code == 0
    assert [told["text"] for told in hook.received] == [
        "PyB3 futures: 1 to look at\nthe run ended with exit code 7; its log says why",
        "PyB3 futures: 1 to look at\nthe run ended with exit code 137; its log says why",
        "PyB3 run: 1 to look at\nthe run ended with exit code 130; its log says why",
    ]


def test_a_long_list_of_problems_is_cut_in_the_text_alone(
    pyb3: Command, hook: Hook, outcomes: Callable[..., Path]
) -> None:
    failed = [
        {"unit": f"2026-10-{day:02}", "outcome": "failed", "error": {"message": "x" * 5_000}} for day in range(1, 31)
    ]
    pyb3(f"notify {outcomes(*failed)}")
    [told] = hook.received
    assert len(told["units"]) == 30
    assert told["text"].endswith("\nand 20 more") and len(told["text"]) < 3_500


@pytest.mark.parametrize("status", [404, 500, 302, 307])
def test_a_webhook_that_does_not_take_it_is_one_line_and_the_next_run_sends_it(
    refused: Callable[[str, int, str], Answer], pyb3: Command, hook: Hook, outcomes: Callable[..., Path], status: int
) -> None:
    hook.status = status
    line = f"notify {outcomes(FAILED)}"
    answer = refused(line, 0, f"127.0.0.1 did not take the message: HTTP {status}")
    assert SECRET not in answer.err
    assert hook.paths == [f"/services/{SECRET}"], "a redirect is not followed"
    hook.status = 204
    assert pyb3(line).err == ""
    assert len(hook.received) == 2
    pyb3(line)
    assert len(hook.received) == 2


def test_a_webhook_that_is_silent_or_away_does_not_hold_the_run_up(
    refused: Callable[[str, int, str], Answer],
    hook: Hook,
    outcomes: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(webhook, "_SECONDS", 0.2)
    hook.seconds = 1.0
    assert SECRET not in refused(f"notify {outcomes(FAILED)}", 0, "no answer within 0.2 s").err
    monkeypatch.setenv("PYB3_NOTIFY_URL", f"http://127.0.0.1:1/{SECRET}")
    assert (
        SECRET not in refused(f"notify {outcomes(FAILED)}", 0, "127.0.0.1 did not take the message: ConnectError").err
    )


def test_what_is_not_https_is_refused_without_showing_it(
    refused: Callable[[str, int, str], Answer],
    pyb3: Command,
    outcomes: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    line = f"notify {outcomes(FAILED)}"
    for address in (
        f"http://hooks.example.com/{SECRET}",
        f"ftp://localhost/{SECRET}",
        f"https:///{SECRET}",
        f"https://[::1/{SECRET}",
        f"https://localhost:x/{SECRET}",
        f"https://localhost/{SECRET} x",
        f"http://localhost.example.com/{SECRET}",
        SECRET,
    ):
        monkeypatch.setenv("PYB3_NOTIFY_URL", address)
        answer = refused(line, 2, "PYB3_NOTIFY_URL is not an https:// address")
        assert SECRET not in answer.err, address
    monkeypatch.setenv("PYB3_NOTIFY_URL", "")
    assert pyb3(line) == Answer(0, "", "")


def test_a_certificate_that_nobody_vouches_for_is_not_trusted(
    refused: Callable[[str, int, str], Answer],
    pyb3: Command,
    outcomes: Callable[..., Path],
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    authority = tls_server.root()
    line = f"notify {outcomes(FAILED)}"
    with tls_server.serving(tls_server.showing(tmp_path, authority.for_host())) as server:
        monkeypatch.setenv("PYB3_NOTIFY_URL", f"{server.url}/{SECRET}")
        answer = refused(line, 0, "localhost did not take the message: ConnectError")
        assert SECRET not in answer.err
        (tmp_path / "roots.pem").write_bytes(authority.pem)
        monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "roots.pem"))
        server.put(f"/{SECRET}")
        assert pyb3(line) == Answer(0, "", "")
        assert server.requests == [f"POST /{SECRET}"]


def test_a_backfill_that_fails_is_told_of_out_of_what_it_printed(
    pyb3: Command, database: psycopg.Connection, simulator: Simulator, hook: Hook, tmp_path: Path
) -> None:
    simulator.rows = 40
    simulator.exchange.absent.append("COTAHIST")
    path = tmp_path / "outcomes.jsonl"
    path.write_text(pyb3("backfill cotahist --from 2024-01-15 --to 2024-01-16 --json").out)
    pyb3(f"notify {path}")
    [told] = hook.received
    assert [(unit["unit"], unit["outcome"]) for unit in told["units"]] == [
        ("2024-01-15", "not_published"),
        ("2024-01-16", "not_published"),
    ]
    assert pyb3("cache prune --older-than 30").code == 0, "what was reported is no file of the cache"
    pyb3(f"notify {path}")
    assert len(hook.received) == 1

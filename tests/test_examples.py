"""The examples for cron and systemd have the hours of the workflow, and their script does a night's work."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import psycopg
import pytest

from pyb3.datasets import registry
from tests.conftest import ROOT
from tests.support import workflow
from tests.support.hook import Hook, served
from tests.support.simulator import Simulator

EXAMPLES = ROOT / "examples"
SCRIPT = EXAMPLES / "nightly.sh"
UNITS = sorted((EXAMPLES / "systemd").iterdir())
DAYS = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
SAO_PAULO = ZoneInfo("America/Sao_Paulo")

# (weekday, hour and minute, whether all sessions are fetched anew), in São Paulo
EVENINGS = {(day, clock, False) for day in DAYS[:5] for clock in ("20:35", "22:35", "23:25")}
NIGHTS = {(day, "02:05", False) for day in DAYS[1:6]}
MORNINGS = {(day, "07:35", False) for day in DAYS[1:5]} | {("Sat", "07:35", True)}
HOURS = EVENINGS | NIGHTS | MORNINGS


def _values(text: str, first: int, last: int) -> list[int]:
    """The numbers of one field of a cron line: a number, a range, a list, or all."""
    found: list[int] = []
    for part in text.split(","):
        begin, _, end = part.partition("-")
        found += range(first, last + 1) if part == "*" else range(int(begin), int(end or begin) + 1)
    assert found and min(found) >= first and max(found) <= last, text
    return found


def _cron(line: str) -> Iterator[tuple[str, str]]:
    """The weekdays and hours of a cron line's first five fields."""
    minutes, hours, dates, months, days = line.split()
    assert (dates, months) == ("*", "*"), line
    for day in _values(days, 0, 7):
        for hour in _values(hours, 0, 23):
            for minute in _values(minutes, 0, 59):
                yield DAYS[(day - 1) % 7], f"{hour:02}:{minute:02}"


def _in_sao_paulo(day: str, clock: str) -> tuple[str, str]:
    hour, minute = map(int, clock.split(":"))
    monday = datetime(2026, 11, 2, hour, minute, tzinfo=ZoneInfo("UTC"))
    there = (monday + timedelta(DAYS.index(day))).astimezone(SAO_PAULO)
    return DAYS[there.weekday()], f"{there:%H:%M}"


def test_the_workflow_runs_at_the_hours_of_b3() -> None:
    daily = workflow.load(ROOT / ".github" / "workflows" / "data-ingestion-daily.yml")
    [ingest] = [step for step in daily["jobs"]["ingest"]["steps"] if step.get("id") == "ingest"]
    weekly = re.fullmatch(r"\$\{\{ github.event.schedule == '(.+)' \}\}", ingest["env"]["WEEKLY"])
    assert weekly is not None
    lines = [entry["cron"] for entry in daily["on"]["schedule"]]
    assert weekly[1] in lines, "the schedule that fetches anew is one of those that start a run"
    found = [(*_in_sao_paulo(*when), line == weekly[1]) for line in lines for when in _cron(line)]
    assert set(found) == HOURS and len(found) == len(HOURS)


def test_the_crontab_has_the_same_hours() -> None:
    found, settings = [], {}
    for line in (EXAMPLES / "crontab").read_text().splitlines():
        if re.match("[A-Z_0-9]+=", line):
            name, _, value = line.partition("=")
            settings[name] = value
        elif line and not line.startswith("#"):
            *when, command = line.split(maxsplit=5)
            flock, lock, script, *options = shlex.split(command)
            assert (flock, Path(lock).parent) == ("flock", Path(settings["PYB3_CACHE_DIR"]))
            assert Path(script).relative_to("/opt/pyb3") == SCRIPT.relative_to(ROOT)
            assert options in ([], ["--refresh"])
            found += [(*moment, options == ["--refresh"]) for moment in _cron(" ".join(when))]
    assert settings["CRON_TZ"] == "America/Sao_Paulo"
    assert set(found) == HOURS and len(found) == len(HOURS)


def _unit(path: Path) -> dict[str, dict[str, list[str]]]:
    """A systemd unit: each section's settings, in order."""
    found: dict[str, dict[str, list[str]]] = {}
    for line in path.read_text().splitlines():
        if section := re.fullmatch(r"\[(\w+)\]", line):
            here = found.setdefault(section[1], {})
        elif line and not line.startswith("#"):
            name, equals, value = line.partition("=")
            assert equals, line
            here.setdefault(name, []).append(value)
    return found


def test_the_timers_have_the_same_hours() -> None:
    found = []
    for path in UNITS:
        if path.suffix != ".timer":
            continue
        timer, service = _unit(path), _unit(path.with_suffix(".service"))
        [command] = service["Service"]["ExecStart"]
        assert service["Service"]["Type"] == ["oneshot"]
        assert command.split()[0] == f"/opt/pyb3/{SCRIPT.relative_to(ROOT)}"
        assert timer["Install"]["WantedBy"] == ["timers.target"]
        for moment in timer["Timer"]["OnCalendar"]:
            days, every, clock, zone = moment.split()
            assert (every, zone) == ("*-*-*", "America/Sao_Paulo")
            first, _, last = days.partition("..")
            span = DAYS[DAYS.index(first) : DAYS.index(last or first) + 1]
            found += [(day, clock, command.endswith("--refresh")) for day in span]
    assert set(found) == HOURS and len(found) == len(HOURS)


def test_systemd_reads_the_units(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    for path in UNITS:  # the script is where the service expects it on the user's machine alone
        (tmp_path / path.name).write_text(path.read_text().replace("/opt/pyb3/examples", str(EXAMPLES)))
    units = [str(tmp_path / path.name) for path in UNITS]
    done = subprocess.run(["systemd-analyze", "verify", *units], capture_output=True, text=True)
    assert (done.returncode, [line for line in done.stderr.splitlines() if "pyb3-" in line]) == (0, [])


def test_the_script_names_the_registered_datasets() -> None:
    [names] = re.findall(r"\$\{DATASETS:-(.+?)\}", SCRIPT.read_text())
    assert names.split() == registry.names()
    assert os.access(SCRIPT, os.X_OK)


def test_the_script_loads_reports_and_ends_with_one_after_a_failure(
    database: psycopg.Connection, simulator: Simulator, tmp_path: Path
) -> None:
    simulator.rows = 40
    (tmp_path / "bin").mkdir()
    stand_in = tmp_path / "bin" / "pyb3"
    stand_in.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pyb3 "$@"\n')
    stand_in.chmod(0o755)
    hook = Hook()
    with served(hook):
        environment = os.environ | {
            "PATH": f"{stand_in.parent}:{os.environ['PATH']}",
            "PYTHONPATH": str(ROOT),
            "DATASETS": "cotahist yield_curves",
            "PYB3_NOTIFY_URL": hook.url,
        }

        def night(*options: str, **variables: str) -> subprocess.CompletedProcess[str]:
            command = [str(SCRIPT), *options]
            return subprocess.run(command, env=environment | variables, capture_output=True, text=True, timeout=200)

        failed = night(PYB3_MIRROR="http://127.0.0.1:1", PYB3_RETRIES="1")
        assert failed.returncode == 1, failed.stderr
        assert [(told["dataset"], told["state"]) for told in hook.received] == [
            ("cotahist", "wrong"),
            ("yield_curves", "wrong"),
        ]
        good = night()
        assert good.returncode == 0, good.stderr
        assert [told["state"] for told in hook.received[2:]] == ["right", "right"]
        before = len(simulator.requests)
        again = night()
        assert (again.returncode, again.stdout, len(simulator.requests)) == (0, "", before), again.stderr
        assert night("--refresh").returncode == 0
        assert len(simulator.requests) >= before + 20
    for table in ("cotahist", "yield_curves"):
        assert database.execute(f"SELECT count(DISTINCT refdate) FROM {table}").fetchone() == (10,)
    assert json.dumps(hook.received).count(hook.url) == 0

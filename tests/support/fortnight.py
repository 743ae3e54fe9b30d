"""The nightly workflow, run by its own hours on a clock that is set: what was loaded when, asked how often, and said.

The workflow's file is what runs: its cron lines, its matrix and the scripts of its steps, in bash. `pyb3` in them is
this process, so that the clock can be set and a run takes milliseconds. GitHub starts late, or not at all.
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import re
import shutil
import socket
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from time import monotonic
from typing import Any

import stamina
import typer.main

from pyb3 import calendar

from . import workflow
from .simulator import Simulator

ROOT = Path(__file__).resolve().parents[2]
DAILY = ROOT / ".github" / "workflows" / "data-ingestion-daily.yml"
MEASURED_DELAYS = (7, 35, 392)  # minutes, by which GitHub started late (a public project's log of 2026)
_STAND_IN = """\
#!/bin/bash
folder=$(mktemp -d)
env -0 > "$folder/environment"
printf '%s\\0' "$@" > "$folder/arguments"
exec 3<>/dev/tcp/127.0.0.1/{port}
printf '%s\\n%s\\n' "$folder" "$PWD" >&3
read -r code <&3
cat "$folder/out"
cat "$folder/err" >&2
rm -r "$folder"
exit "$code"
"""

# GitHub's issues, of which there is one at most: `open` holds its number.
_ISSUES = """\
#!/bin/bash
case "$1 $2" in
"issue list") cat "{open}" ;;
"issue create") echo 1 > "{open}" ;;
"issue close") : > "{open}" ;;
esac
"""


@dataclass(frozen=True, slots=True, order=True)
class Start:
    """A run of the workflow: the cron line it is of, when it was due, and when it started; None where it did not."""

    cron: str
    due: datetime
    at: datetime | None


@dataclass
class Command:
    """`pyb3` as a step of the workflow called it."""

    arguments: list[str]
    code: int
    out: str
    err: str

    @property
    def units(self) -> list[dict[str, Any]]:
        """What it printed of each unit with --json."""
        lines = [json.loads(line) for line in self.out.splitlines() if line.startswith("{")]
        return [line for line in lines if "outcome" in line]


@dataclass
class Job:
    """One job of one run: one dataset."""

    start: Start
    at: datetime
    dataset: str
    code: int
    log: str
    summary: str
    commands: list[Command]
    asked: Counter[str]
    seconds: float

    @property
    def units(self) -> dict[str, dict[str, Any]]:
        """What became of each unit, by its name."""
        return {unit["unit"]: unit for command in self.commands for unit in command.units}

    @property
    def refreshed(self) -> bool:
        """Whether it asked for what was there already."""
        return any("--refresh" in command.arguments for command in self.commands)

    @property
    def warnings(self) -> list[str]:
        """The annotations on the job's page."""
        return [line for line in self.log.splitlines() if line.startswith(("::warning", "::error"))]


@dataclass
class Diary:
    """What happened, run by run."""

    starts: list[Start] = field(default_factory=list)
    jobs: list[Job] = field(default_factory=list)
    issues: list[tuple[datetime, str]] = field(default_factory=list)

    def of(self, dataset: str) -> list[Job]:
        return [job for job in self.jobs if job.dataset == dataset]

    def loaded_at(self, dataset: str, session: date) -> datetime | None:
        """When a session was in the table as a whole."""
        for job in self.of(dataset):
            unit = job.units.get(str(session))
            if unit and unit["outcome"] in ("loaded", "unchanged"):
                return job.at
        return None


def due(cron: str, first: datetime, last: datetime) -> Iterator[datetime]:
    """The minutes from `first` to `last` that a cron line names, in UTC as GitHub reads it."""
    minutes, hours, days, months, weekdays = (_numbers(part) for part in cron.split())
    day = first.astimezone(UTC).date()
    while day <= last.astimezone(UTC).date():
        fits = (months is None or day.month in months) and (days is None or day.day in days)
        if fits and (weekdays is None or day.isoweekday() % 7 in weekdays):
            for hour in sorted(hours if hours is not None else range(24)):
                for minute in sorted(minutes if minutes is not None else range(60)):
                    at = datetime.combine(day, time(hour, minute), UTC)
                    if first <= at <= last:
                        yield at
        day += timedelta(1)


def _numbers(part: str) -> set[int] | None:
    """The numbers of `1,3-5`; None for `*`."""
    if part == "*":
        return None
    found: set[int] = set()
    for piece in part.split(","):
        low, _, high = piece.partition("-")
        found |= set(range(int(low), int(high or low) + 1))
    return found


def starts(schedule: Sequence[str], first: datetime, last: datetime, delays: Sequence[int | None]) -> list[Start]:
    """The runs due from `first` to `last`, with GitHub's delays one after another; None is a run that never starts."""
    every = sorted((at, cron) for cron in schedule for at in due(cron, first, last))
    made = []
    for number, (at, cron) in enumerate(every):
        late = delays[number % len(delays)]
        at = at.astimezone(calendar.zone())
        made.append(Start(cron, at, None if late is None else at + timedelta(minutes=late)))
    return made


class Runner:
    """A machine that GitHub lends: the workflow's steps run in it, and its cache is kept as GitHub keeps it."""

    def __init__(self, simulator: Simulator, database: str, folder: Path) -> None:
        self.simulator, self.folder = simulator, folder
        self.workflow = workflow.load(DAILY)
        self.workspace = folder / "checkout"
        shutil.copytree(ROOT / ".github", self.workspace / ".github")
        self._served = socket.create_server(("127.0.0.1", 0))
        programs, self._issue = folder / "bin", folder / "issue"
        programs.mkdir()
        self._issue.touch()
        stand_ins = {
            "pyb3": _STAND_IN.format(port=self._served.getsockname()[1]),
            "gh": _ISSUES.format(open=self._issue),
        }
        for name, text in stand_ins.items():
            programs.joinpath(name).write_text(text)
            programs.joinpath(name).chmod(0o755)
        self.machine = workflow.Machine(
            self.workspace,
            folder,
            f"{programs}:{os.environ['PATH']}",
            {"PYB3_MIRROR": simulator.url, "PYB3_RETRIES": "3", "NO_COLOR": "1"},
            {step["run"] for step in _action(self.workspace) if "pip install" in step.get("run", "")},
        )
        self.values = {
            "github.repository": "someone/pyb3",
            "github.run_attempt": "1",
            "github.run_id": "42",
            "github.server_url": "https://github.com",
            "github.token": "token",
            "inputs.python-version": "3.13",
            "secrets.DATABASE_URL": database,
            "secrets.PYB3_NOTIFY_URL": "",
            "vars.DATABASE_CA": "",
            "vars.PYB3_SCHEMA": "",
        }
        self._commands: list[Command] = []

    @property
    def schedule(self) -> list[str]:
        return [line["cron"] for line in self.workflow["on"]["schedule"]]

    def run(self, runs: Sequence[Start]) -> Diary:
        """The runs in the order in which they start; two jobs of six at once, four minutes each."""
        diary = Diary(list(runs))
        delivered = sorted((start.at, start) for start in runs if start.at is not None)
        with _testing():
            for moment, start in delivered:
                jobs = []
                for number, chosen in enumerate(workflow.combinations(self.workflow["jobs"]["ingest"], self.values)):
                    jobs.append(self._job(start, moment + timedelta(minutes=1 + 4 * (number // 2)), chosen))
                diary.jobs += jobs
                if "issue" in self.workflow["jobs"]:
                    self._look_after_issue(diary, jobs)
        return diary

    def _look_after_issue(self, diary: Diary, jobs: Sequence[Job]) -> None:
        known = self._issue.read_text()
        result = "failure" if any(job.code for job in jobs) else "success"
        ran = workflow.run(self.workflow, "issue", self.machine, self.values | {"needs.ingest.result": result})
        assert ran.code == 0, ran.log
        if self._issue.read_text() != known:
            diary.issues.append((jobs[-1].at, "closed" if known else "opened"))

    def close(self) -> None:
        self._served.close()

    def _job(self, start: Start, at: datetime, chosen: Mapping[str, str]) -> Job:
        kept = self.workspace / ".pyb3_cache" / chosen["matrix.dataset"]
        before = self.folder / "cache-before"
        shutil.rmtree(before, ignore_errors=True)
        if kept.exists():
            shutil.copytree(kept, before, copy_function=os.link)  # a file is replaced, never written into
        self.simulator.exchange.now = at
        self._commands = []
        asked = len(self.simulator.requests)
        began = monotonic()
        values = self.values | chosen | {"github.event.schedule": start.cron}
        ran = self._while_serving(values, at)
        if ran.code and not _kept_after_failure(self.workflow):  # a job that fails leaves GitHub's cache as it was
            shutil.rmtree(kept, ignore_errors=True)
            if before.exists():
                before.rename(kept)
        found = Counter(kind(path) for path in self.simulator.requests[asked:])
        took, dataset = monotonic() - began, chosen["matrix.dataset"]
        return Job(start, at, dataset, ran.code, ran.log, ran.summary, self._commands, found, took)

    def _while_serving(self, values: Mapping[str, str], at: datetime) -> workflow.Ran:
        """Run the job in a thread; this one is `pyb3`, at that time."""
        ended: list[workflow.Ran | BaseException] = []

        def work() -> None:
            try:
                ended.append(workflow.run(self.workflow, "ingest", self.machine, values))
            except BaseException as error:  # told in the thread that waits
                ended.append(error)
            with socket.create_connection(self._served.getsockname()) as waker:
                waker.sendall(b"\n\n")

        thread = threading.Thread(target=work)
        thread.start()
        with clock(at):
            while self._served_one():
                pass
        thread.join()
        [ran] = ended
        if isinstance(ran, BaseException):
            raise ran
        return ran

    def _served_one(self) -> bool:
        connection, _ = self._served.accept()
        with connection, connection.makefile("rw") as stream:
            folder, current = stream.readline().strip(), stream.readline().strip()
            if not folder:
                return False
            place = Path(folder)
            arguments = place.joinpath("arguments").read_text("utf-8").split("\0")[:-1]
            pairs = place.joinpath("environment").read_text("utf-8").split("\0")
            environment = dict(pair.split("=", 1) for pair in pairs if pair)
            command = typed(arguments, environment, Path(current))
            self._commands.append(command)
            place.joinpath("out").write_text(command.out, "utf-8")
            place.joinpath("err").write_text(command.err, "utf-8")
            stream.write(f"{command.code}\n")
        return True


def typed(arguments: list[str], environment: Mapping[str, str], current: Path) -> Command:
    """`pyb3` with these arguments, in this process as if it were one of its own."""
    from pyb3.cli import main
    from pyb3.fetch import cache

    for known in (cache._asked, cache._absent, cache._turns):  # what a run knows of what it asked
        known.clear()
    saved, argv, folder = dict(os.environ), sys.argv, Path.cwd()
    out, err, code = io.StringIO(), io.StringIO(), 0
    try:
        os.environ.clear()
        os.environ.update(environment)
        os.chdir(current)
        sys.argv = ["pyb3", *arguments]
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            main()
    except SystemExit as end:
        code = int(end.code or 0)
    finally:
        os.chdir(folder)
        sys.argv = argv
        os.environ.clear()
        os.environ.update(saved)
    return Command(arguments, code, out.getvalue(), err.getvalue())


def kind(path: str) -> str:
    """What a request asks for: the source's name."""
    for pattern in (r"(COTAHIST_[DMA])", r"filelist=([A-Z]+)", r"fileName=(\w+)"):
        if found := re.search(pattern, path):
            return found[1]
    if "indexStatisticsProxy" in path:
        return "IndexStatistics"
    if found := re.search(r"indexProxy/indexCall/(\w+)", path):
        return found[1].replace("Theorical", "Theoretical")
    return "BDI" if "/bdi/" in path else "file of a token" if "token=" in path else path


@contextlib.contextmanager
def clock(at: datetime) -> Iterator[None]:
    """The time that it is at B3, for this process."""
    usual = calendar.now
    calendar.now = lambda: at
    try:
        yield
    finally:
        calendar.now = usual


@contextlib.contextmanager
def _testing() -> Iterator[None]:
    """Tries follow each other at once, and the tree of commands is made once."""
    stamina.set_testing(True, attempts=3, cap=True)
    made = typer.main.get_command
    typer.main.get_command = lru_cache(made)
    try:
        yield
    finally:
        typer.main.get_command = made
        stamina.set_testing(False)


def _action(workspace: Path) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = workflow.load(workspace / ".github/actions/pyb3/action.yml")["runs"]["steps"]
    return found


def _kept_after_failure(flow: Mapping[str, Any]) -> bool:
    """Whether a step saves the cache whatever became of the others; `actions/cache` itself saves after success."""
    steps = flow["jobs"]["ingest"]["steps"]
    saves = (step for step in steps if step.get("uses", "").startswith("actions/cache/save"))
    return any(re.search(r"always\(\)|!cancelled\(\)", step.get("if", "")) for step in saves)

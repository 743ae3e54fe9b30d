"""GitHub's workflows: what their jobs type, typed here against the simulator and an embedded PostgreSQL."""

from __future__ import annotations

import importlib.util
import json
import os
import re
import shutil
import subprocess
import sys
import sysconfig
import venv
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pyb3 import calendar
from pyb3.datasets import registry
from tests.conftest import ROOT
from tests.support import workflow
from tests.support.hook import Hook, served
from tests.support.simulator import Simulator

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted([*FOLDER.glob("*.yml"), *ROOT.glob(".github/actions/*/action.yml")])
DAILY, COTAHIST, RANGE, TRIAL, CI = (
    workflow.load(FOLDER / f"{name}.yml")
    for name in (
        "data-ingestion-daily",
        "data-ingestion-backfill-cotahist",
        "data-ingestion-backfill-range",
        "data-ingestion-test",
        "ci",
    )
)


@pytest.fixture(scope="module")
def checkout(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The repository as a job checks it out."""
    folder = tmp_path_factory.mktemp("checkout") / "pyb3"
    spared = shutil.ignore_patterns(".*", "__pycache__", "dist", "build", "*.egg-info")
    shutil.copytree(ROOT, folder, ignore=spared)
    shutil.copytree(ROOT / ".github", folder / ".github")
    return folder


@pytest.fixture(scope="module")
def python(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A new Python, as setup-python makes it; what the tests' own has installed need not be fetched again."""
    folder = tmp_path_factory.mktemp("python")
    venv.create(folder, with_pip=True)
    [site] = folder.glob("lib/python*/site-packages")
    (site / "fetched.pth").write_text(sysconfig.get_path("purelib"))
    return folder / "bin"


@pytest.fixture
def machine(checkout: Path, python: Path, tmp_path: Path, simulator: Simulator) -> workflow.Machine:
    """A runner that reaches the simulator instead of B3."""
    simulator.rows = 40
    reached = {"PYB3_MIRROR": simulator.url, "PYB3_RETRIES": "2"}
    for left in checkout.glob("outcomes.jsonl"):
        left.unlink()
    return workflow.Machine(checkout, tmp_path, f"{python}:{os.environ['PATH']}", reached, _installed)


_installed: set[str] = set()
VALUES = {
    "github.event.schedule": "35 23 * * 1-5",
    "github.repository": "someone/pyb3",
    "github.run_id": "42",
    "github.server_url": "https://github.com",
    "github.token": "token",
    "inputs.python-version": "3.13",
    "secrets.DATABASE_URL": "",
    "secrets.PYB3_NOTIFY_URL": "",
    "vars.DATABASE_CA": "",
    "vars.PYB3_SCHEMA": "",
}


def _secret() -> dict[str, str]:
    return VALUES | {"secrets.DATABASE_URL": os.environ["DATABASE_URL"]}


def _days(database: psycopg.Connection, table: str) -> list[Any]:
    return [row[0] for row in database.execute(f"SELECT DISTINCT refdate FROM {table} ORDER BY 1")]


@pytest.mark.parametrize("dataset", registry.names())
def test_a_night_brings_the_sessions_that_are_missing_and_a_second_one_changes_nothing(
    machine: workflow.Machine, database: psycopg.Connection, dataset: str
) -> None:
    if dataset == "index_composition" and datetime.now(ZoneInfo("America/Sao_Paulo")).hour < 9:
        pytest.skip("before 09:00 at B3 a night asks for the portfolios of the session before too")
    values, table = _secret() | {"matrix.dataset": dataset}, registry.get(dataset).template.table
    first = workflow.run(DAILY, "ingest", machine, values)
    assert first.code == 0, first.log
    days = _days(database, table)
    assert f"| {dataset} | {days[-1]} | loaded |" in first.summary
    database.execute(f"DELETE FROM {table} WHERE refdate = %s", (days[0],))
    second = workflow.run(DAILY, "ingest", machine, values)
    assert second.code == 0, second.log
    assert _days(database, table) == days
    if len(days) > 1:
        assert f"| {dataset} | {days[-1]} | unchanged |" in second.summary
    assert f"| {dataset} | {days[0]} | loaded |" in second.summary


def test_on_saturday_morning_every_session_is_fetched_anew(
    machine: workflow.Machine, database: psycopg.Connection, simulator: Simulator
) -> None:
    values = _secret() | {"matrix.dataset": "cotahist"}
    workflow.run(DAILY, "ingest", machine, values)
    cached = len(simulator.requests)
    assert workflow.run(DAILY, "ingest", machine, values).code == 0
    assert len(simulator.requests) == cached
    weekly = workflow.run(DAILY, "ingest", machine, values | {"github.event.schedule": "35 10 * * 6"})
    assert weekly.code == 0, weekly.log
    assert len(simulator.requests) >= cached + 10


def test_a_night_fails_when_b3_is_out_of_reach_and_its_summary_says_why(
    machine: workflow.Machine, database: psycopg.Connection
) -> None:
    machine.environment |= {"PYB3_MIRROR": "http://127.0.0.1:1", "PYB3_RETRIES": "1"}
    shutil.rmtree(machine.workspace / ".pyb3_cache", ignore_errors=True)
    ran = workflow.run(DAILY, "ingest", machine, _secret() | {"matrix.dataset": "futures"})
    assert ran.code == 4, ran.log
    assert "| failed |" in ran.summary and "```text\nfutures " in ran.summary


def _at(machine: workflow.Machine, day: date, clock: str) -> workflow.Machine:
    """The machine at a time of a day in São Paulo; its `pyb3` is the one that it had, with that clock."""
    stand_in = machine.temp / "bin" / "pyb3"
    stand_in.parent.mkdir(exist_ok=True)
    moment = calendar.moment(day, time.fromisoformat(clock))
    stand_in.write_text(
        f"#!{sys.executable}\nimport datetime\nfrom pyb3 import calendar\nfrom pyb3.cli import main\n"
        f"moment = datetime.datetime.fromisoformat({moment.isoformat()!r}).astimezone(calendar.zone())\n"
        "calendar.now = lambda: moment\nmain()\n"
    )
    stand_in.chmod(0o755)
    return replace(machine, path=f"{stand_in.parent}:{machine.path}")


def test_a_session_that_is_missing_is_a_notice_then_a_warning_and_fails_the_third_run(
    machine: workflow.Machine, database: psycopg.Connection, simulator: Simulator
) -> None:
    day = calendar.previous_session(calendar.today() - timedelta(1))
    simulator.today = calendar.previous_session(day - timedelta(1))
    values, after = _secret() | {"matrix.dataset": "cotahist"}, day + timedelta(1)
    evening = workflow.run(DAILY, "ingest", _at(machine, day, "23:25"), values)
    assert evening.code == 0, evening.log
    told = f"{day} not published 5.4 hours after the session, missed by 1 run, not late yet"
    assert f"::notice title=cotahist::{told}" in evening.log and "::warning" not in evening.log
    late = workflow.run(DAILY, "ingest", _at(machine, after, "07:35"), values)
    assert late.code == 0, late.log
    assert f"::warning title=cotahist::{day} not published 13.6 hours after the session, missed by 2 runs" in late.log
    assert "| not_published, late |" in late.summary
    third = workflow.run(DAILY, "ingest", _at(machine, after, "08:35"), values)
    assert third.code == 4, third.log
    assert f"::warning title=cotahist::{day} not published 14.6 hours after the session, missed by 3 runs" in third.log


def test_a_webhook_gets_what_is_wrong_and_never_fails_the_job(
    machine: workflow.Machine, database: psycopg.Connection, simulator: Simulator
) -> None:
    values = _secret() | {"matrix.dataset": "futures"}
    shutil.rmtree(machine.workspace / ".pyb3_cache", ignore_errors=True)
    hook = Hook()
    with served(hook):
        values["secrets.PYB3_NOTIFY_URL"] = f"{hook.url}/hook"
        failing = replace(machine, environment=machine.environment | {"PYB3_MIRROR": "http://127.0.0.1:1"})
        for _ in range(2):
            ran = workflow.run(DAILY, "ingest", failing, values)
            assert ran.code == 4, ran.log
        [wrong] = hook.received
        assert (wrong["dataset"], wrong["state"], len(wrong["units"])) == ("futures", "wrong", 10)
        assert wrong["link"] == "https://github.com/someone/pyb3/actions/runs/42"
        hook.status = 500
        good = workflow.run(DAILY, "ingest", machine, values)
        assert good.code == 0, good.log
        assert "did not take the message: HTTP 500" in good.log
        hook.status = 200
        workflow.run(DAILY, "ingest", machine, values)
        assert [told["state"] for told in hook.received] == ["wrong", "right", "right"]
    values["secrets.PYB3_NOTIFY_URL"] = "http://example.com/a-secret"
    ran = workflow.run(DAILY, "ingest", machine, values)
    assert ran.code == 0, ran.log
    assert "PYB3_NOTIFY_URL is not an https:// address" in ran.log and "a-secret" not in ran.log


def test_a_run_without_its_secret_reaches_the_webhook(machine: workflow.Machine) -> None:
    hook = Hook()
    with served(hook):
        values = VALUES | {"matrix.dataset": "futures", "secrets.PYB3_NOTIFY_URL": hook.url}
        assert workflow.run(DAILY, "ingest", machine, values).code != 0
    [told] = hook.received
    assert (told["dataset"], told["state"]) == ("futures", "wrong")
    assert "exit code 1; its log says why" in told["text"]


def test_a_run_that_finds_nothing_new_keeps_no_files(machine: workflow.Machine, database: psycopg.Connection) -> None:
    shutil.rmtree(machine.workspace / ".pyb3_cache", ignore_errors=True)
    values = _secret() | {"matrix.dataset": "yield_curves"}
    new = []
    for _ in range(2):
        ran = workflow.run(DAILY, "ingest", machine, values)
        assert ran.code == 0, ran.log
        new.append("new=true" in (machine.temp / "GITHUB_OUTPUT").read_text())
    assert new == [True, False]
    steps = {step["name"]: step for step in DAILY["jobs"]["ingest"]["steps"] if "name" in step}
    keep, restore = steps["Keep the files"], steps["Files of former runs"]
    assert "steps.files.outputs.new == 'true'" in keep["if"] and "!cancelled()" in keep["if"]
    assert keep["with"]["key"] == restore["with"]["key"], "the newest of former runs is found by its beginning"
    assert keep["with"]["key"].startswith(restore["with"]["restore-keys"].strip())
    assert "github.run_id" in keep["with"]["key"], "a key is written once"


GH = """#!{python}
import json, pathlib, subprocess, sys
state = pathlib.Path({state!r})
data = json.loads(state.read_text())
_, group, *words = sys.argv
options = {{word: words[n + 1] for n, word in enumerate(words[:-1]) if word.startswith("--")}}
data["calls"].append(" ".join(sys.argv[1:3]))
if data["off"] and group == "issue":
    sys.exit("the 'someone/pyb3' repository has disabled issues")
if group == "api":
    assert words[0] == "repos/someone/pyb3/actions/runs/42/jobs?per_page=100", words
    shown = {{"jobs": data["jobs"]}}
elif words[0] == "list":
    assert options["--state"] == "open"
    shown = [{{"number": one["number"], "title": one["title"]}} for one in data["issues"] if one["open"]]
elif words[0] == "create":
    body = pathlib.Path(options["--body-file"]).read_text()
    one = {{"number": len(data["issues"]) + 1, "title": options["--title"], "body": body, "open": True, "comments": []}}
    data["issues"].append(one)
elif words[0] == "edit":
    data["issues"][int(words[1]) - 1]["body"] = pathlib.Path(options["--body-file"]).read_text()
elif words[0] == "close":
    one = data["issues"][int(words[1]) - 1]
    one["open"] = False
    one["comments"].append(options["--comment"])
state.write_text(json.dumps(data))
if "--jq" in options:
    subprocess.run(["jq", "-r", options["--jq"]], input=json.dumps(shown), text=True, check=True)
"""


def test_a_failed_night_opens_one_issue_and_the_next_good_one_closes_it(machine: workflow.Machine) -> None:
    if shutil.which("jq") is None:
        pytest.skip("jq, which gh has built in, is not installed")
    state, stand_in = machine.temp / "github.json", machine.temp / "bin" / "gh"
    stand_in.parent.mkdir()
    stand_in.write_text(GH.format(python=sys.executable, state=str(state)))
    stand_in.chmod(0o755)
    machine.path = f"{stand_in.parent}:{machine.path}"
    others = {"number": 1, "title": "Another", "body": "", "open": True, "comments": []}
    state.write_text(json.dumps({"issues": [others], "jobs": [], "off": False, "calls": []}))

    def night(result: str, failed: Sequence[str] = ()) -> list[dict[str, Any]]:
        data = json.loads(state.read_text())
        names = [*registry.names(), "issue"]
        data["jobs"] = [
            {
                "name": name,
                "status": "completed" if name != "issue" else "in_progress",
                "conclusion": "failure" if name in failed else "success" if name != "issue" else None,
                "html_url": f"https://github.com/jobs/{name}",
            }
            for name in names
        ]
        state.write_text(json.dumps(data | {"calls": []}))
        ran = workflow.run(DAILY, "issue", machine, VALUES | {"needs.ingest.result": result})
        assert ran.code == 0, ran.log
        return json.loads(state.read_text())["issues"][1:]

    assert night("success") == []
    [opened] = night("failure", ["futures", "cotahist"])
    assert opened["open"] and opened["title"] == "The nightly ingestion fails"
    assert "- [futures](https://github.com/jobs/futures)" in opened["body"]
    assert "- [cotahist]" in opened["body"] and "symbols" not in opened["body"] and "[issue]" not in opened["body"]
    assert "https://github.com/someone/pyb3/actions/runs/42" in opened["body"]
    [changed] = night("failure", ["symbols"])
    assert changed["open"] and "symbols" in changed["body"] and "futures" not in changed["body"]
    [closed] = night("success")
    assert not closed["open"]
    assert closed["comments"] == [
        "Every job of the last run succeeded: https://github.com/someone/pyb3/actions/runs/42"
    ]
    assert len(night("success")[0]["comments"]) == 1
    first, second = night("failure", ["futures"])
    assert (first["open"], second["open"]) == (False, True)
    data = json.loads(state.read_text())
    state.write_text(json.dumps(data | {"off": True}))
    ran = workflow.run(DAILY, "issue", machine, VALUES | {"needs.ingest.result": "success"})
    assert (ran.code, "::warning title=issue::" in ran.log) == (0, True), ran.log


def test_the_issue_is_looked_after_by_one_job_after_every_dataset() -> None:
    job = DAILY["jobs"]["issue"]
    assert (job["needs"], job["if"], "strategy" in job) == ("ingest", "${{ !cancelled() }}", False)
    assert DAILY["concurrency"] == {"group": "data-ingestion-daily", "cancel-in-progress": "false"}


@pytest.mark.parametrize("ingestion", [DAILY, COTAHIST, RANGE])
def test_without_the_secret_a_job_fails_before_it_asks_b3(
    machine: workflow.Machine, simulator: Simulator, ingestion: dict[str, Any]
) -> None:
    values = {"matrix.dataset": "futures", "matrix.year": "2023", "inputs.dataset": "futures"}
    values |= {"inputs.from": "2023-01-02", "inputs.to": "2023-01-03"}
    ran = workflow.run(ingestion, "ingest", machine, VALUES | values)
    assert ran.code != 0
    assert "DATABASE_URL: is not set" in ran.log
    assert not simulator.requests


def test_the_databases_certificate_is_demanded_where_one_is_given(
    machine: workflow.Machine, database: psycopg.Connection
) -> None:
    values = _secret() | {"matrix.dataset": "futures", "vars.DATABASE_CA": "-----BEGIN CERTIFICATE-----\nnone"}
    ran = workflow.run(DAILY, "ingest", machine, values)
    written = machine.temp / "database-ca.crt"
    assert written.read_text() == "-----BEGIN CERTIFICATE-----\nnone\n"
    settings = (machine.temp / "GITHUB_ENV").read_text().splitlines()
    assert settings == [f"PGSSLROOTCERT={written}", "PGSSLMODE=verify-full"], ran.log


def test_cotahist_is_backfilled_year_by_year(machine: workflow.Machine, database: psycopg.Connection) -> None:
    values = _secret() | {"inputs.first_year": "2018", "inputs.last_year": "2019"}
    split = workflow.run(COTAHIST, "years", machine, values)
    assert split.outputs == {"years": "[2018,2019]"}, split.log
    values["needs.years.outputs.years"] = split.outputs["years"]
    for matrix in workflow.combinations(COTAHIST["jobs"]["ingest"], values):
        ran = workflow.run(COTAHIST, "ingest", machine, values | matrix)
        assert ran.code == 0, ran.log
        assert f"| cotahist | {matrix['matrix.year']} | loaded |" in ran.summary
    assert {day.year for day in _days(database, "cotahist")} == {2018, 2019}


def test_a_range_is_backfilled_by_its_days_of_each_year(
    machine: workflow.Machine, database: psycopg.Connection
) -> None:
    values = _secret() | {"inputs.dataset": "futures", "inputs.from": "2023-12-27", "inputs.to": "2024-01-03"}
    split = workflow.run(RANGE, "years", machine, values)
    values["needs.years.outputs.years"] = split.outputs["years"]
    jobs = list(workflow.combinations(RANGE["jobs"]["ingest"], values))
    assert [job["matrix.year"] for job in jobs] == ["2023", "2024"]
    for matrix in jobs:
        ran = workflow.run(RANGE, "ingest", machine, values | matrix)
        assert ran.code == 0, ran.log
    expected = ["2023-12-27", "2023-12-28", "2024-01-02", "2024-01-03"]
    assert [str(day) for day in _days(database, "futures")] == expected


@pytest.mark.parametrize(
    ("backfill", "inputs"),
    [
        (COTAHIST, {"first_year": "2020", "last_year": "2019"}),
        (COTAHIST, {"first_year": '2019"; touch pwned; "', "last_year": "2019"}),
        (COTAHIST, {"first_year": "$(touch pwned)", "last_year": "2019"}),
        (RANGE, {"from": "2024-01-15", "to": "2024-01-02"}),
        (RANGE, {"from": "last", "to": "last"}),
        (RANGE, {"from": "2024-01-15", "to": "2024-01-16`touch pwned`"}),
    ],
)
def test_inputs_that_are_no_dates_end_the_job(
    machine: workflow.Machine, backfill: dict[str, Any], inputs: dict[str, str]
) -> None:
    ran = workflow.run(backfill, "years", machine, VALUES | {f"inputs.{name}": text for name, text in inputs.items()})
    assert ran.code == 2 and "::error::" in ran.log
    assert not (machine.workspace / "pwned").exists()


@pytest.mark.parametrize("dataset", registry.names())
def test_the_trial_loads_a_session_of_each_dataset_without_a_secret(
    machine: workflow.Machine, home: Path, dataset: str
) -> None:
    machine.environment |= {"PYB3_HOME": str(home), "PYB3_CACHE_DIR": str(machine.temp / "cache")}
    ran = workflow.run(TRIAL, "ingest", machine, VALUES | {"matrix.dataset": dataset, "inputs.date": "last"})
    assert ran.code == 0, ran.log
    assert re.search(rf"\| {dataset} \| \S+ \| loaded \|", ran.summary), ran.summary


@pytest.mark.parametrize("package", ["wheel", "sdist"])
def test_wheel_and_sdist_are_built_and_work_in_a_clean_environment(
    machine: workflow.Machine, home: Path, package: str
) -> None:
    machine.environment |= {"PYB3_HOME": str(home), "PYTHONPATH": sysconfig.get_path("purelib")}
    ran = workflow.run(CI, "package", machine, {"matrix.package": package})
    assert ran.code == 0, ran.log
    assert "the schema is current" in ran.log and f"{machine.temp}/clean/lib" in ran.log
    [built] = (machine.temp / "dist").iterdir()
    assert built.suffix == {"wheel": ".whl", "sdist": ".gz"}[package]


def test_ci_checks_what_make_checks(machine: workflow.Machine) -> None:
    machine.environment["MAKEFLAGS"] = "n"  # told, not done: these are the tests that run now
    for matrix in workflow.combinations(CI["jobs"]["python"], {}):
        ran = workflow.run(CI, "python", machine, matrix)
        assert ran.code == 0, ran.log
        for part in ("ruff check", "ruff format --check", "mypy", "docs/generate.py --check", "pytest"):
            assert part in ran.log


def test_ci_checks_the_lock_and_the_oldest_packages_on_the_oldest_python(machine: workflow.Machine) -> None:
    oldest = CI["jobs"]["python"]["strategy"]["matrix"]["python"][0]
    [setup] = [step for step in CI["jobs"]["lock"]["steps"] if "setup-python" in step.get("uses", "")]
    assert setup["with"]["python-version"] == oldest
    machine.environment["MAKEFLAGS"] = "n"
    ran = workflow.run(CI, "lock", machine, {})
    assert ran.code == 0, ran.log
    for part in (
        "--dry-run --require-hashes --no-build",
        f"for python in {oldest} ",
        "requirements/lowest.txt",
        "pytest",
    ):
        assert part in ran.log


def test_ci_tests_on_the_server_that_it_is_lent(machine: workflow.Machine) -> None:
    job = CI["jobs"]["postgres"]
    address = conninfo_to_dict(job["env"]["PYB3_TEST_SERVER"])
    assert address["password"] == job["services"]["postgres"]["env"]["POSTGRES_PASSWORD"]
    assert job["services"]["postgres"]["ports"] == [f"{address['port']}:5432"]
    stand_in = machine.workspace / ".venv" / "bin" / "python"  # the suite is not run within itself
    stand_in.parent.mkdir(parents=True)
    stand_in.write_text('#!/bin/sh\necho "$PYB3_TEST_SERVER $@"\n')
    stand_in.chmod(0o755)
    machine.environment["MAKEFLAGS"] = "n"
    ran = workflow.run(CI, "postgres", machine, {"matrix.postgres": "18"})
    assert ran.code == 0, ran.log
    assert f"{job['env']['PYB3_TEST_SERVER']} -m pytest -q" in ran.log


def test_ci_covers_every_python_and_postgresql_that_is_promised() -> None:
    pythons = re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())
    assert CI["jobs"]["python"]["strategy"]["matrix"]["python"] == pythons
    assert CI["jobs"]["postgres"]["strategy"]["matrix"]["postgres"] == ["15", "16", "17", "18"]


def test_workflows_name_the_registered_datasets() -> None:
    names = registry.names()
    assert DAILY["jobs"]["ingest"]["strategy"]["matrix"]["dataset"] == names
    assert TRIAL["jobs"]["ingest"]["strategy"]["matrix"]["dataset"] == names
    assert RANGE["on"]["workflow_dispatch"]["inputs"]["dataset"]["options"] == names


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.parent.name + "/" + path.name)
def test_a_workflow_takes_no_more_than_it_needs(path: Path) -> None:
    loaded, text = workflow.load(path), path.read_text()
    for action in re.findall(r"uses: (.+)", text):
        assert action.startswith("./") or re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action), action
    for script in re.findall(r"run: (?:\|\n((?: {8,}.*\n|\n)+)|(.+))", text):
        assert "${{" not in "".join(script), "an input in a script's text is run as a script"
    handed = [f"{name}: ${{{{ secrets.{name} }}}}" for name in ("DATABASE_URL", "PYB3_NOTIFY_URL")]
    assert text.count("secrets.") == sum(map(text.count, handed))
    assert text.count("actions/checkout@") == text.count("persist-credentials: false")
    if "jobs" in loaded:
        assert loaded["permissions"] == {"contents": "read"}
        assert loaded["defaults"]["run"]["shell"] == "bash"
        assert loaded["concurrency"]["group"]
        for job in loaded["jobs"].values():
            assert int(job["timeout-minutes"]) <= 240
            assert "env" not in job.get("services", {})
            assert job.get("permissions") in (None, {"actions": "read", "issues": "write"})
            assert not any("secrets" in value for value in job.get("env", {}).values())


def test_the_linter_of_workflows_finds_nothing() -> None:
    if importlib.util.find_spec("jactionlint") is None:
        pytest.skip("jactionlint has no package for this machine")
    # PostgreSQL's images move with its fixes, and are used for tests alone.
    command = [sys.executable, "-m", "jactionlint", "--strict-exit", "--ignore", "unpinned-images"]
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"  # where shellcheck is, which it asks
    found = subprocess.run(command, cwd=ROOT, env=os.environ | {"PATH": path}, capture_output=True, text=True)
    assert (found.returncode, found.stdout, found.stderr) == (0, "", "")

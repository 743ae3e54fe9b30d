"""Runs a workflow's jobs on this machine as GitHub does: matrix, environment, expressions, bash -eo pipefail."""

from __future__ import annotations

import itertools
import json
import os
import re
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

_OURS = ("DATABASE_URL", "GITHUB_", "MAKE", "MFLAGS", "PG", "PYB3_", "PYTEST", "RUNNER_", "SUITE", "VENV")
"""What a job must not inherit from the tests."""


def load(path: Path) -> dict[str, Any]:
    """A workflow or action as it is written; `on` stays a word."""
    loader = type("Loader", (yaml.SafeLoader,), {"yaml_implicit_resolvers": {}})
    return yaml.load(path.read_text("utf-8"), loader)  # a SafeLoader that keeps every scalar as text


def combinations(job: Mapping[str, Any], values: Mapping[str, str]) -> Iterator[dict[str, str]]:
    """The values of each job that the matrix makes."""
    matrix = job.get("strategy", {}).get("matrix", {})
    axes = {name: json.loads(expand(axis, values)) if isinstance(axis, str) else axis for name, axis in matrix.items()}
    for chosen in itertools.product(*axes.values()):
        yield {f"matrix.{name}": str(value) for name, value in zip(axes, chosen, strict=True)}


def expand(text: str, values: Mapping[str, str]) -> str:
    """The text with its `${{ }}` expressions put in. Raises KeyError for a value that GitHub would not know."""
    return re.sub(r"\$\{\{(.*?)\}\}", lambda found: evaluate(found[1].strip(), values), text)


def evaluate(expression: str, values: Mapping[str, str]) -> str:
    """The kinds of expression that our workflows use; any other is a KeyError."""
    if " && " in expression:
        return str(all(evaluate(one, values) == "true" for one in expression.split(" && "))).lower()
    if compared := re.fullmatch(r"(\S+) (==|!=) '(.*)'", expression):
        return str((values.get(compared[1], "") == compared[3]) == (compared[2] == "==")).lower()
    if inner := re.fullmatch(r"fromJSON\((.+)\)", expression):
        return evaluate(inner[1], values)
    if (output := re.fullmatch(r"steps\.(\w+)\.outputs\.\w+", expression)) and f"steps.{output[1]}.outcome" in values:
        return values.get(expression, "")  # a step that ended before it wrote one
    return "true" if expression == "!cancelled()" else values[expression]


@dataclass
class Machine:
    """A checkout, a Python and a scratch folder: what a runner lends a job."""

    workspace: Path
    temp: Path
    path: str
    environment: dict[str, str] = field(default_factory=dict)
    installed: set[str] = field(default_factory=set)


@dataclass
class Ran:
    """What became of a job."""

    code: int = 0
    log: str = ""
    summary: str = ""
    outputs: dict[str, str] = field(default_factory=dict)


def run(workflow: Mapping[str, Any], name: str, machine: Machine, values: Mapping[str, str]) -> Ran:
    """Run the steps of one job of one matrix value."""
    job = workflow["jobs"][name]
    known = {"github.workspace": str(machine.workspace), "runner.temp": str(machine.temp), **values}
    ran, files = Ran(), {name: machine.temp / name for name in ("GITHUB_ENV", "GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    base = {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}
    base |= machine.environment | {name: str(path) for name, path in files.items()}
    base |= {"PATH": machine.path, "RUNNER_TEMP": str(machine.temp), "GITHUB_ACTIONS": "true", "CI": "true"}
    base |= {key: expand(value, known) for key, value in job.get("env", {}).items()}
    for step in _steps(job["steps"], machine.workspace):
        base |= dict(line.split("=", 1) for line in files["GITHUB_ENV"].read_text().splitlines())
        known |= {f"env.{key}": value for key, value in base.items()}
        condition = step.get("if", "")
        wanted = evaluate(condition.removeprefix("${{").removesuffix("}}").strip(), known) if condition else "true"
        outcome = "skipped"
        if wanted == "true" and "run" in step and (ran.code == 0 or "cancelled()" in condition):
            code, log = _bash(step, base, machine, known)
            ran.log += log
            if step.get("continue-on-error") != "true":
                ran.code = ran.code or code
            outcome = "failure" if code else "success"
        if "id" in step:
            known[f"steps.{step['id']}.outcome"] = outcome
            for line in files["GITHUB_OUTPUT"].read_text().splitlines():
                key, value = line.split("=", 1)
                known[f"steps.{step['id']}.outputs.{key}"] = value
    ran.summary = files["GITHUB_STEP_SUMMARY"].read_text()
    if ran.code == 0:
        ran.outputs = {key: expand(value, known) for key, value in job.get("outputs", {}).items()}
    return ran


def _steps(steps: list[dict[str, Any]], workspace: Path) -> Iterator[dict[str, Any]]:
    """The steps, those of our own actions in their place; what other actions bring is here already."""
    for step in steps:
        if step.get("uses", "").startswith("./"):
            yield from _steps(load(workspace / step["uses"] / "action.yml")["runs"]["steps"], workspace)
        else:
            yield step


def _bash(step: Mapping[str, Any], base: dict[str, str], machine: Machine, known: Mapping[str, str]) -> tuple[int, str]:
    text = step["run"]
    if text in machine.installed:  # packages that an earlier job put into the same Python
        return 0, ""
    environment = base | {key: expand(value, known) for key, value in step.get("env", {}).items()}
    folder = expand(step.get("working-directory", str(machine.workspace)), known)
    command = ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", text]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    if text.startswith("python -m pip install") and done.returncode == 0:
        machine.installed.add(text)
    return done.returncode, done.stdout + done.stderr

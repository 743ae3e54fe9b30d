"""The lock files fit pyproject.toml, on the oldest and the newest Python that it admits."""

from __future__ import annotations

import re
import subprocess
import tomllib
from functools import cache

import pytest
from packaging.markers import default_environment
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import Version

from tests.conftest import ROOT

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
PYTHONS = [match[1] for text in PROJECT["classifiers"] if (match := re.search(r"Python :: (3\.\d+)$", text))]
ENDS = [PYTHONS[0], PYTHONS[-1]]
PLATFORMS = {
    "Linux": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "x86_64"},
    "Linux on ARM": {"sys_platform": "linux", "platform_system": "Linux", "platform_machine": "aarch64"},
    "macOS": {"sys_platform": "darwin", "platform_system": "Darwin", "platform_machine": "arm64"},
}
WINDOWS = {"sys_platform": "win32", "platform_system": "Windows", "platform_machine": "AMD64"}
CPYTHON = {"implementation_name": "cpython", "platform_python_implementation": "CPython"}
RUN = [*PROJECT["dependencies"], *PROJECT["optional-dependencies"]["embedded"]]
DEV = [*RUN, *PROJECT["optional-dependencies"]["dev"]]


def _environment(python: str, platform: dict[str, str]) -> dict[str, str]:
    """What markers ask of a machine."""
    default: dict[str, str] = {name: str(value) for name, value in default_environment().items()}
    return default | CPYTHON | platform | {"python_version": python, "python_full_version": f"{python}.0"}


@cache
def _pins(name: str) -> dict[str, list[Requirement]]:
    """The versions that a lock file pins, by package."""
    found: dict[str, list[Requirement]] = {}
    for line in re.findall(r"^\w.*==.*?(?= *\\?$)", (ROOT / "requirements" / name).read_text(), re.MULTILINE):
        pin = Requirement(line)
        found.setdefault(canonicalize_name(pin.name), []).append(pin)
    return found


def _locked(file: str, package: str, environment: dict[str, str]) -> list[Version]:
    pins = _pins(file).get(canonicalize_name(package), [])
    fit = [pin for pin in pins if pin.marker is None or pin.marker.evaluate(environment)]
    return [Version(str(pin.specifier).removeprefix("==")) for pin in fit]


def _asked(requirements: list[str], environment: dict[str, str]) -> list[Requirement]:
    parsed = [Requirement(text) for text in requirements]
    return [one for one in parsed if one.marker is None or one.marker.evaluate(environment)]


def test_the_oldest_python_is_the_one_that_is_required() -> None:
    assert SpecifierSet(PROJECT["requires-python"]) == SpecifierSet(f">={PYTHONS[0]}")
    assert f"--python-version {PYTHONS[0]} " in (ROOT / "Makefile").read_text(), "the lock begins with that version"


@pytest.mark.parametrize("platform", PLATFORMS)
@pytest.mark.parametrize("python", ENDS)
@pytest.mark.parametrize(("file", "requirements"), [("run.txt", RUN), ("dev.txt", DEV), ("lowest.txt", DEV)])
def test_the_lock_has_one_version_of_each_requirement(
    file: str, requirements: list[str], python: str, platform: str
) -> None:
    environment = _environment(python, PLATFORMS[platform])
    for requirement in _asked(requirements, environment):
        [version] = _locked(file, requirement.name, environment)
        assert version in requirement.specifier, f"{requirement} and {version}: run 'make lock'"


@pytest.mark.parametrize("python", ENDS)
@pytest.mark.parametrize("file", ["run.txt", "dev.txt", "lowest.txt"])
def test_every_package_of_the_lock_has_a_version_for_this_python(file: str, python: str) -> None:
    machines = [_environment(python, platform) for platform in (*PLATFORMS.values(), WINDOWS)]
    assert len(_pins(file)) > 40
    for package in _pins(file):
        found = [_locked(file, package, machine) for machine in machines]
        assert any(found) and all(len(versions) <= 1 for versions in found), package


def test_the_lowest_lock_has_the_very_bounds_of_pyproject() -> None:
    """`make lowest` runs tests with these: a bound that does not install, or does not work, is found there."""
    environment = _environment(PYTHONS[0], PLATFORMS["Linux"])
    for requirement in _asked(DEV, environment):
        [bound] = [Version(one.version) for one in requirement.specifier if one.operator == ">="]
        [lowest] = _locked("lowest.txt", requirement.name, environment)
        assert lowest == bound, f"{requirement}: the oldest that installs is {lowest}"


def test_what_runs_is_locked_alike_for_use_and_for_development() -> None:
    assert {name: _pins("dev.txt").get(name) for name in _pins("run.txt")} == _pins("run.txt")


def test_no_lock_names_a_host() -> None:
    """Every machine has an index of its own."""
    for path in (ROOT / "requirements").iterdir():
        assert "://" not in path.read_text(), path.name


def test_every_file_of_the_short_suite_exists() -> None:
    command = ["make", "--dry-run", "--no-print-directory", "test", "SUITE=short"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    files = re.findall(r"tests/\w+\.py", done.stdout)
    assert len(files) > 5 and all((ROOT / file).is_file() for file in files), files

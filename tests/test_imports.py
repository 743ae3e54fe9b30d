"""Imports point one way, and heavy ones wait until they are used."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from pyb3.datasets import registry
from tests.conftest import ROOT

PACKAGE = ROOT / "pyb3"

# A module imports from the lines below its own, and from its own folder.
LAYERS = [
    {"__main__"},
    {"cli"},
    {"backfill", "coverage", "doctor", "library", "verification", "webhook"},
    {"frames"},
    {"at_hand", "pipeline"},
    {"loading", "nights"},
    {"datasets", "load"},
    {"fetch", "parse"},
    {"lateness"},
    {"template"},
    {"interpolation", "option_chains"},
    {"curves", "securities"},
    {"day_count", "maturity"},
    {"calendar", "file", "progress", "settings", "signature", "unit"},
    {"errors"},
]
LAYER = {name: number for number, names in enumerate(LAYERS) for name in names}
MODULES = sorted(path for path in PACKAGE.rglob("*.py") if path != PACKAGE / "__init__.py")


def _home(path: Path) -> str:
    """The folder below pyb3, or the module."""
    return path.relative_to(PACKAGE).with_suffix("").parts[0]


def _imported(path: Path) -> Iterator[str]:
    """Folders and modules of pyb3 that a module imports from, wherever in it."""
    package = path.relative_to(ROOT).parent.parts
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            above = ".".join(package[: len(package) - node.level + 1]) if node.level else ""
            module = ".".join(filter(None, (above, node.module)))
            names = [f"{module}.{alias.name}" for alias in node.names] if module == "pyb3" else [module]
        else:
            continue
        yield from (name.split(".")[1] for name in names if name.startswith("pyb3."))


def test_every_module_has_its_layer() -> None:
    assert {_home(path) for path in MODULES} == set(LAYER)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_imports_point_one_way(path: Path) -> None:
    home = _home(path)
    assert {name for name in _imported(path) if name != home and LAYER.get(name, 99) <= LAYER[home]} == set()


def test_the_check_sees_imports_of_every_form(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code = """
from .. import calendar, pipeline
from ..load import connect
from . import upsert
import pyb3.cli.app
from pyb3 import backfill
from pyb3.datasets.base import Dataset
def later():
    from ..fetch.client import download
    import polars
"""
    module = PACKAGE / "load" / "imagined.py"
    monkeypatch.setattr(Path, "read_text", lambda path: code)
    assert set(_imported(module)) == {"calendar", "pipeline", "load", "cli", "backfill", "datasets", "fetch"}


@pytest.mark.parametrize("folder", ["fetch", "parse", "load"])
def test_general_parts_know_no_dataset_by_name(folder: str) -> None:
    words = {
        node.value
        for path in (PACKAGE / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    }
    assert words & set(registry.names()) == set()


HEAVY = ("polars", "httpx", "psycopg", "lxml", "yaml", "alembic", "sqlalchemy", "holidays", "cryptography", "stamina")


@pytest.mark.parametrize("line", ["import pyb3", "import pyb3.cli.app"])
def test_nothing_heavy_is_imported_before_it_is_used(line: str) -> None:
    code = f"{line}; import sys; print(*[name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []


def test_a_revision_imports_nothing_of_pyb3() -> None:
    revisions = sorted((ROOT / "migrations" / "versions").glob("*.py"))
    assert revisions
    for path in revisions:
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Import | ast.ImportFrom):
                assert "pyb3" not in ast.unparse(node), f"{path.name} must mean the same in five years"

"""Datasets are found by name: ours, and those of other packages by entry point."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from pyb3.datasets import registry
from pyb3.datasets.base import Dataset

OURS = ["cotahist", "futures", "yield_curves", "symbols", "index_historical", "index_composition"]
TEMPLATE = """\
name: {name}
description: Prices
table: prices
key: [refdate]
formats: {{lines: {{reader: fixed_width, width: 10, record: "01"}}}}
sources:
  - {{name: PRICES, period: day, format: lines, url: "https://example.com/", file: "{{date}}.zip", signature: "^01"}}
fields:
  - {{name: refdate, b3: DATE, at: [3, 8], type: date, nullable: false, description: "Session date"}}
"""
CLASS = """\
from pyb3.datasets.base import Dataset


class Prices(Dataset):
    package = "outside"
    filename = "prices.yaml"
"""


@pytest.fixture
def outside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Put a package beside ours: its module, its template and what it enters in `pyb3.datasets`."""

    def put(entries: str, module: str = CLASS, template: str = TEMPLATE.format(name="prices")) -> None:
        package, info = tmp_path / "site" / "outside", tmp_path / "site" / "outside-1.0.dist-info"
        package.mkdir(parents=True)
        info.mkdir()
        (package / "__init__.py").write_text(module)
        (package / "prices.yaml").write_text(template)
        (info / "METADATA").write_text("Metadata-Version: 2.1\nName: outside\nVersion: 1.0\n")
        (info / "entry_points.txt").write_text(f"[pyb3.datasets]\n{entries}\n")
        monkeypatch.syspath_prepend(str(tmp_path / "site"))

    yield put
    sys.modules.pop("outside", None)
    registry.get.cache_clear()


def test_our_datasets_are_there_in_order() -> None:
    assert registry.names()[: len(OURS)] == OURS
    for name in OURS:
        assert isinstance(registry.get(name), Dataset)
        assert registry.get(name).name == name


def test_a_dataset_is_made_once() -> None:
    assert registry.get("futures") is registry.get("futures")


def test_another_packages_dataset_stands_beside_ours(pyb3, outside) -> None:
    outside("prices = outside:Prices")
    answer = pyb3("datasets --json")
    assert (answer.code, answer.err) == (0, "")
    assert [one["dataset"] for one in answer.objects] == [*OURS, "prices"]
    assert pyb3("datasets show prices").code == 0


def test_nobody_takes_the_name_of_one_of_ours(pyb3, outside) -> None:
    outside("cotahist = outside:Prices")
    assert [one["dataset"] for one in pyb3("datasets --json").objects] == OURS
    assert pyb3("datasets show cotahist --json").json["table"] == "cotahist"


@pytest.mark.parametrize(
    ("entries", "module", "template", "words"),
    [
        ("prices = nowhere:Prices", CLASS, TEMPLATE, "does not load: No module named 'nowhere'"),
        ("prices = outside:Other", CLASS, TEMPLATE, "does not load: .*'Other'"),
        ("prices = outside:Prices", "1 / 0", TEMPLATE, "does not load: division by zero"),
        ("prices = outside:Prices", "def", TEMPLATE, "does not load: invalid syntax"),
        ("prices = outside:Prices", "Prices = dict", TEMPLATE, "does not load: .*'name'"),
        ("prices = outside:Prices", CLASS.replace("prices.yaml", "absent.yaml"), TEMPLATE, "does not load: .*No such"),
        ("prices = outside:Prices", CLASS, "name: prices", "does not load: prices.yaml line 1: the template lacks"),
        ("rates = outside:Prices", CLASS, TEMPLATE, "calls itself 'prices'"),
    ],
)
def test_a_package_that_does_not_load_is_named_and_spoils_nothing_else(
    refused, pyb3, outside, entries: str, module: str, template: str, words: str
) -> None:
    outside(entries, module, template.format(name="prices") if template is TEMPLATE else template)
    name = entries.split()[0]
    refused(f"datasets show {name}", 1, f"the dataset '{name}' of package outside {words}")
    listed = pyb3("datasets --json")
    assert [one["dataset"] for one in listed.objects] == OURS
    assert (listed.code, listed.err.count("\n")) == (0, 1)
    assert f"the dataset '{name}'" in listed.err

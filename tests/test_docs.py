"""What the documents promise, done as they say."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
import types
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict

from pyb3 import errors, settings
from pyb3.datasets import registry
from tests.conftest import ROOT, Answer, at
from tests.support import generate
from tests.support.simulator import Simulator

README, GUIDE, CONTRIBUTING = (ROOT / name for name in ("README.md", "docs/supabase.md", "CONTRIBUTING.md"))
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md")])


def blocks(page: Path, language: str) -> list[str]:
    """A page's blocks of code."""
    return re.findall(rf"^```{language}\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)


def _loaded(path: Path) -> types.ModuleType:
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def _quick_start(folder: Path) -> str:
    command = [sys.executable, "-m", "tests.support.quickstart"]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_make_run_shows_every_dataset_and_a_second_time_changes_nothing(home: Path) -> None:
    first, second = _quick_start(home), _quick_start(home)
    for name in registry.names():
        assert re.search(rf"^ *{name} +\S+ +loaded ", first, re.MULTILINE), first
        assert re.search(rf"^ *{name} +\S+ +unchanged +[\d,]+ +0 +0 ", second, re.MULTILINE), second
        assert re.search(rf" {registry.get(name).template.table}_rows \n-+\n +[1-9]", first)
    totals = re.compile(rf"{len(registry.names())} units +([\d,]+) +([\d,]+) +([\d,]+) +([\d,]+) ")
    loaded, again = totals.search(first), totals.search(second)
    assert loaded is not None and again is not None
    assert again.groups() == (loaded[1], "0", "0", loaded[1])


@pytest.mark.parametrize("target", re.findall(r"^make (\w+)", "\n".join(blocks(README, "sh")), re.MULTILINE))
def test_the_readmes_targets_are_there(target: str) -> None:
    done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_the_readmes_commands_do_what_they_say(
    process: Callable[[str], Answer],
    bare_database: psycopg.Connection,
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.rows = 40
    monkeypatch.chdir(tmp_path)
    commands = [line for block in blocks(README, "sh") for line in block.splitlines() if line.startswith("pyb3 ")]
    assert len(commands) > 5
    for command in commands:
        line = command.removeprefix("pyb3 ").split("  #")[0]
        if "--file" in line:  # a file that the reader has at hand
            Path(shlex.split(line)[-1]).write_bytes(
                Path(process("fetch cotahist -d 2024-01-15").out.strip()).read_bytes()
            )
        answer = process(line)
        assert answer.code == 0, (command, answer.err)
    assert Path("futures.parquet").stat().st_size > 0
    assert bare_database.execute("SELECT count(DISTINCT refdate) FROM futures").fetchone() == (11,)


@pytest.mark.parametrize("block", blocks(README, "python"))
def test_the_readmes_python_runs(block: str, simulator: Simulator) -> None:
    simulator.rows = 400
    names: dict[str, object] = {}
    exec(block, names)
    for name, frame in names.items():
        if name not in ("__builtins__", "pyb3"):
            assert len(frame) > 0, name  # type: ignore[arg-type]


def test_the_readme_lists_every_exit_code() -> None:
    listed = {int(code) for code in re.findall(r"^\| (\d+) \| ", README.read_text(), re.MULTILINE)}
    kinds = [errors.PyB3Error]
    for kind in kinds:
        kinds += kind.__subclasses__()
    assert listed == {kind.exit_code for kind in kinds} | {0, 4}  # 4 is of many units, no single error's


def test_the_readme_lists_every_setting() -> None:
    listed = set(re.findall(r"^\| `([A-Z0-9_]+)` \|", README.read_text(), re.MULTILINE))
    asked = set(re.findall(r'environ\.get\("([A-Z0-9_]+)"', Path(settings.__file__).read_text()))
    assert asked <= listed
    assert listed - asked <= {"SSL_CERT_FILE", "SSL_CERT_DIR", "NO_COLOR"}  # read by the libraries below


def test_generated_pages_are_current() -> None:
    done = subprocess.run([sys.executable, "docs/generate.py", "--check"], cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)\s]+)\)", page.read_text("utf-8")):
        if "://" in link:
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path) if path else page
        assert target.exists(), link
        if anchor:
            titles = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w -]", "", title).lower().replace(" ", "-") for title in titles}, link


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "decisions").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_is_listed_and_short(path: Path) -> None:
    if path.name != "README.md":
        assert f"]({path.name})" in (path.parent / "README.md").read_text()
        assert len(path.read_text().splitlines()) <= 24


def test_a_dataset_is_added_as_contributing_says(
    bare_database: psycopg.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    template, (written, test) = blocks(CONTRIBUTING, "yaml")[0], blocks(CONTRIBUTING, "python")
    package = tmp_path / "contributed"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "open_positions.yaml").write_text(template)
    module = types.ModuleType("pyb3.datasets.open_positions")
    exec(written, module.__dict__)
    module.OpenPositions.package = "contributed"
    monkeypatch.syspath_prepend(tmp_path)
    monkeypatch.setitem(sys.modules, module.__name__, module)
    [entry] = re.findall(r'`"(open_positions)": "(.+?)"`', CONTRIBUTING.read_text())
    monkeypatch.setitem(registry._OURS, *entry)
    bare_database.execute(_loaded(ROOT / "migrations" / "draft.py").draft("open_positions"))
    columns = "SELECT count(*) FROM information_schema.columns WHERE table_name = 'open_positions'"
    assert bare_database.execute(columns).fetchone() == (template.partition("\nfields:")[2].count("\n  - {name: ") + 1,)
    names: dict[str, Callable[[Path], None]] = {}
    exec(test, names)
    names["test_open_positions_become_rows"](tmp_path)


@pytest.fixture
def supabase(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., str]]:
    """A project as Supabase hands it over: `postgres` is no superuser; tells the address by role."""
    roles = ("b3_test_postgres", "authenticated", "anon", "pyb3_owner", "pyb3_ingest")
    monkeypatch.setenv("PYB3_SCHEMA", "b3")
    with psycopg.connect(server, autocommit=True) as admin:
        admin.execute("CREATE ROLE b3_test_postgres LOGIN CREATEROLE CREATEDB PASSWORD 'x'")
        admin.execute("CREATE ROLE authenticated; CREATE ROLE anon")
        admin.execute("CREATE DATABASE supabase OWNER b3_test_postgres")
        passwords = {"pyb3_owner": "a long password", "pyb3_ingest": "another long password"}
        yield lambda role="b3_test_postgres": at(server, "supabase", user=role, password=passwords.get(role, "x"))
        admin.execute("DROP DATABASE supabase WITH (FORCE)")
        for role in roles:
            admin.execute(f"DROP ROLE IF EXISTS {role}")


def test_the_supabase_guide_makes_roles_that_can_do_what_they_need_and_no_more(
    server: str,
    supabase: Callable[..., str],
    process: Callable[[str], Answer],
    refused: Callable[[str, int, str], Answer],
    simulator: Simulator,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    simulator.rows = 40
    roles, nightly, readers = blocks(GUIDE, "sql")
    with psycopg.connect(supabase(), autocommit=True) as editor:
        editor.execute(roles)
        monkeypatch.setenv("DATABASE_URL", supabase("pyb3_owner"))
        assert process("db upgrade").code == 0
        for block in (nightly, readers, nightly, readers):  # the guide asks to run them again after an upgrade
            editor.execute(block)

    monkeypatch.setenv("DATABASE_URL", supabase("pyb3_ingest"))
    assert process("db check").code == 0
    first = process("ingest all --date last --json")
    assert first.code == 0 and {unit["outcome"] for unit in first.objects} == {"loaded"}, first
    again = process("ingest all --date last --json")
    assert {(unit["inserted"], unit["updated"]) for unit in again.objects} == {(0, 0)}
    simulator.seed += 1
    revised = process("ingest cotahist --date last --refresh --json")
    assert revised.json["updated"] > 0, revised.err
    bad = generate.replace_field(generate.cotahist([date(2024, 1, 15)], 40), 5, "DATPRE", b"A" * 8)
    (tmp_path / "bad.TXT").write_bytes(bad)
    aside = process(f"ingest cotahist --file {tmp_path}/bad.TXT --json")
    assert (aside.code, aside.json["outcome"]) == (4, "partial"), aside.err
    assert (aside.json["inserted"], aside.json["rejected"]) == (39, 1), aside.err
    refused("db downgrade base", 7, "must be owner|permission denied")
    with psycopg.connect(supabase("pyb3_ingest"), autocommit=True) as ingest:
        for forbidden in (
            "DELETE FROM b3.cotahist",
            "TRUNCATE b3.cotahist",
            "DROP TABLE b3.cotahist",
            "ALTER TABLE b3.cotahist DROP COLUMN isin",
            "ALTER TABLE b3.cotahist DISABLE ROW LEVEL SECURITY",
            "UPDATE b3.alembic_version SET version_num = 'x'",
            "CREATE TABLE b3.mine (n int)",
            "SET ROLE pyb3_owner",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                ingest.execute(forbidden)

    with psycopg.connect(at(server, "supabase"), autocommit=True) as api:
        api.execute("SET ROLE authenticated")
        for name in registry.names():
            count = api.execute(f"SELECT count(*) FROM b3.{registry.get(name).template.table}").fetchone()
            assert count is not None and count[0] > 0, name
        for forbidden in ("UPDATE b3.cotahist SET open = 0", "SELECT * FROM b3.alembic_version"):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                api.execute(forbidden)
        api.execute("RESET ROLE; SET ROLE anon")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            api.execute("SELECT * FROM b3.cotahist")


def test_every_string_of_the_supabase_guide_is_an_address_and_its_commands_verify_the_server() -> None:
    text = GUIDE.read_text()
    strings = re.findall(r"postgresql://[^\s`']+", text)
    assert {conninfo_to_dict(string)["port"] for string in strings} == {"5432", "6543"}
    for block in blocks(GUIDE, "sh"):
        for string in re.findall(r"postgresql://[^\s']+", block):
            assert conninfo_to_dict(string)["sslmode"] == "verify-full"

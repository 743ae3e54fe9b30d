"""What `make run` does: the last session of every dataset, from the simulator into an embedded PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pyb3.datasets import registry
from pyb3.load import connect
from pyb3.template import Template

from .simulator import running

_SHOWN = 7  # columns that fit a screen


def main() -> None:
    """Run it in `.demo`; a second time nothing is inserted and nothing updated."""
    demo = Path(".demo").resolve()
    os.environ |= {"PYB3_HOME": str(demo / "home"), "PYB3_CACHE_DIR": str(demo / "cache")}
    os.environ.pop("DATABASE_URL", None)
    os.environ.pop("PYB3_SCHEMA", None)
    with running() as simulator:
        os.environ["PYB3_MIRROR"] = simulator.url
        try:
            _pyb3("db", "upgrade")
            _pyb3("ingest", "all", "--date", "last")
            for name in registry.names():
                _look(registry.get(name).template)
        finally:
            _pyb3("db", "stop")


def _pyb3(*arguments: str) -> None:
    """The command as a user types it; an error of it is ours."""
    print("\n$ pyb3", *(f"'{word}'" if " " in word else word for word in arguments), flush=True)
    done = subprocess.run([sys.executable, "-m", "pyb3", *arguments])
    if done.returncode:
        sys.exit(done.returncode)


def _look(template: Template) -> None:
    """How many rows a table has, and three of them: the key, then what was measured that day."""
    table = f'"{template.table}"'
    numbers = [field.name for field in template.fields if field.type == "decimal"] or ["refdate"]
    with connect.connect() as connection:
        counts = ", ".join(f'count("{name}")' for name in numbers)
        filled = connection.execute(f"SELECT {counts} FROM {table}").fetchone()
    measured = [name for name, count in zip(numbers, filled or (), strict=True) if count]
    columns = ", ".join(f'"{name}"' for name in list(dict.fromkeys([*template.key, *measured]))[:_SHOWN])
    count = f"SELECT count(*) AS {template.table}_rows FROM {table}"
    _pyb3("db", "psql", "-c", count, "-c", f"SELECT {columns} FROM {table} ORDER BY refdate DESC LIMIT 3")


if __name__ == "__main__":
    main()

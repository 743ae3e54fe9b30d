"""What `make run` does: every dataset of one session, from the simulator into an embedded PostgreSQL."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pyb3.datasets import registry

from .simulator import running

DATE = "2024-01-15"


def main() -> None:
    demo = Path(".demo").resolve()
    os.environ |= {"PYB3_HOME": str(demo / "home"), "PYB3_CACHE_DIR": str(demo / "cache")}
    os.environ.pop("DATABASE_URL", None)
    with running() as simulator:
        os.environ["PYB3_MIRROR"] = simulator.url

        def pyb3(*arguments: str) -> None:
            print("$ pyb3", *arguments, flush=True)
            subprocess.run([sys.executable, "-m", "pyb3", *arguments], check=True)

        pyb3("db", "upgrade")
        for name in registry.names():
            pyb3("ingest", name, "--date", DATE)
        for name in registry.names():
            table = registry.get(name).template.table
            count = f'select count(*) as {table}_rows from "{table}"'  # noqa: S608 - names of our templates
            head = f'select refdate, symbol, "open", high, low, "close" from "{table}" limit 3'  # noqa: S608
            pyb3("db", "psql", "-c", count, "-c", head)
        pyb3("db", "stop")


if __name__ == "__main__":
    main()

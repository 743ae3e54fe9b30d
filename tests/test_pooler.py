"""Loads pass through a pooler that lends a server connection for one transaction at a time, as Supabase's does."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from pyb3 import calendar
from tests.conftest import at

DAY = date(2024, 1, 15)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@pytest.fixture
def pooler(trusting: str, database, monkeypatch: pytest.MonkeyPatch, home: Path) -> Iterator[psycopg.Connection]:
    """pgbouncer in transaction mode before the embedded server, at DATABASE_URL; its console."""
    program = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
    if program is None:
        pytest.skip("pgbouncer is not installed (Debian: apt-get install pgbouncer)")
    port, socket_folder = _free_port(), conninfo_to_dict(trusting)["host"]
    settings = home / "pgbouncer.ini"
    settings.write_text(
        f"[databases]\n* = host={socket_folder} user=postgres\n"
        f"[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\nunix_socket_dir =\n"
        "auth_type = any\npool_mode = transaction\ndefault_pool_size = 3\nadmin_users = postgres\n"
        # every transaction on a connection that others have used, and nothing cleaned up between them
        "server_round_robin = 1\nserver_reset_query =\n"
    )
    command = [program, str(settings)]
    if os.geteuid() == 0:  # which pgbouncer refuses to run as, and the server too
        owner = Path(socket_folder).owner()
        shutil.chown(home, owner)
        command[1:1] = ["-u", owner]
    log = (home / "log").open("wb")
    with log, subprocess.Popen(command, stdout=log, stderr=subprocess.STDOUT) as process:
        try:
            address = make_conninfo("", host="127.0.0.1", port=port, user="postgres")
            console = _opened(at(address, "pgbouncer"), process, home / "log")
            monkeypatch.setenv("DATABASE_URL", at(address, database.info.dbname))
            with console:
                yield console
        finally:
            process.terminate()


def _opened(address: str, process: subprocess.Popen, log: Path) -> psycopg.Connection:
    end = time.monotonic() + 10
    while True:
        try:
            return psycopg.connect(address, autocommit=True, cursor_factory=psycopg.ClientCursor)
        except psycopg.OperationalError:
            assert process.poll() is None and time.monotonic() < end, log.read_text()
            time.sleep(0.05)


def _transactions(console: psycopg.Connection, name: str) -> int:
    rows = console.execute("SHOW STATS").fetchall()
    return next(row[1] for row in rows if row[0] == name)


def test_an_ingest_passes_a_transaction_pooler(pyb3, pooler, database, simulator) -> None:
    for _ in range(2):
        first = pyb3(f"ingest futures --date {DAY} --json").json
        assert first["rows"] == 500
    assert first["unchanged"] == 500
    simulator.seed = 1
    assert pyb3(f"ingest futures --date {DAY} --refresh --json").json["updated"] > 400
    assert _transactions(pooler, database.info.dbname) > 3, "it was the pooler that was asked"


def test_a_backfill_of_two_jobs_passes_a_transaction_pooler(pyb3, pooler, database, simulator) -> None:
    simulator.rows = 50
    days = calendar.sessions(date(2024, 1, 2), date(2024, 1, 19))
    done = pyb3("backfill cotahist --from 2024-01-02 --to 2024-01-19 --jobs 2 --json")
    assert done.code == 0, done.err
    counts = database.execute("SELECT refdate, count(*) FROM cotahist GROUP BY 1 ORDER BY 1").fetchall()
    assert counts == [(day, 50) for day in days]


def test_a_schema_is_migrated_through_a_transaction_pooler(pyb3, pooler, database) -> None:
    assert pyb3("db downgrade base").code == 0
    assert pyb3("db upgrade").code == 0
    assert pyb3("db check").code == 0


def test_the_doctor_sees_a_pooler_on_the_way(pyb3, pooler) -> None:
    answer = pyb3("doctor --offline --json")
    assert answer.code == 0, answer.out
    said = {found["subject"]: found["message"] for found in answer.objects if found["check"] == "database"}
    assert said["pooler"].startswith("one stands between") and said["TLS"] == "none, on this machine"


def test_the_doctor_sees_that_there_is_no_pooler(pyb3, database) -> None:
    said = {found["subject"]: found["message"] for found in pyb3("doctor --offline --json").objects}
    assert said["pooler"] == "none"

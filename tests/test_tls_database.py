"""TLS to the database: the server's certificate is verified when it is asked to be."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.conftest import Answer
from tests.support import tls_server

AUTHORITY = tls_server.root("Test Root of Databases")


def _programs() -> Path | None:
    """Where a PostgreSQL with TLS keeps its programs; the embedded one is built without."""
    places = [Path(os.environ.get("PYB3_TEST_POSTGRES_BIN", "")), *Path("/usr/lib/postgresql").glob("*/bin")]
    for place in sorted(places, reverse=True):
        if (place / "initdb").is_file():
            told = subprocess.run([place / "pg_config", "--configure"], capture_output=True, text=True).stdout
            if "openssl" in told:
                return place
    return None


@pytest.fixture(scope="module")
def port() -> Iterator[int]:
    """The port of a PostgreSQL whose certificate is for localhost, and that lets nobody in without TLS."""
    programs = _programs()
    if programs is None:
        pytest.skip("no PostgreSQL with TLS here (Debian's package postgresql); set PYB3_TEST_POSTGRES_BIN")
    folder = Path(tempfile.mkdtemp(prefix="pyb3-tls-"))  # pytest's own is closed to other users
    user = "postgres" if os.geteuid() == 0 else None  # PostgreSQL does not serve as root
    mine = AUTHORITY.for_host("localhost")
    (folder / "server.crt").write_bytes(mine.pem)
    (folder / "server.key").write_bytes(
        mine.key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption())
    )
    (folder / "server.key").chmod(0o600)
    if user:
        for path in (folder, folder / "server.crt", folder / "server.key"):
            shutil.chown(path, user)
    (folder / "password").write_text("a secret")
    (folder / "password").chmod(0o644)

    def run(program: str, *arguments: str) -> None:
        environment = {"PATH": os.environ["PATH"], "LC_ALL": "C"}
        command = [programs / program, "-D", folder / "data", *arguments]
        done = subprocess.run(command, cwd=folder, user=user, env=environment, stdout=subprocess.PIPE, text=True)
        assert done.returncode == 0, done.stdout

    run("initdb", "-U", "b3", "-A", "scram-sha-256", "--pwfile", str(folder / "password"), "-N")
    with (folder / "data" / "pg_hba.conf").open("w") as rules:
        rules.write("hostssl all all all scram-sha-256\n")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        number = int(free.getsockname()[1])
    options = f"-p {number} -k {folder} -h 127.0.0.1 -F -c ssl=on"
    options += f" -c ssl_cert_file={folder}/server.crt -c ssl_key_file={folder}/server.key"
    run("pg_ctl", "start", "-w", "-l", str(folder / "log"), "-o", options)
    try:
        yield number
    finally:
        run("pg_ctl", "stop", "-m", "immediate")
        shutil.rmtree(folder)


@pytest.fixture
def address(port: int, tmp_path: Path) -> Callable[..., str]:
    """DATABASE_URL for a host name, verified against a root."""
    trusted, other = tmp_path / "root.crt", tmp_path / "other.crt"
    trusted.write_bytes(AUTHORITY.pem)
    other.write_bytes(tls_server.root("Another Root").pem)

    def url(host: str = "localhost", *, root: bool = True, mode: str = "verify-full") -> str:
        chosen = trusted if root else other
        return f"postgresql://b3:a%20secret@{host}:{port}/postgres?sslmode={mode}&sslrootcert={chosen}"

    return url


def test_a_verified_server_is_worked_with(
    process: Callable[[str], Answer], address: Callable[..., str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", address())
    assert process("db upgrade").code == 0
    answer = process("db check")
    assert answer.code == 0, answer.err
    with psycopg.connect(address()) as connection:
        assert connection.execute("SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()").fetchone() == (True,)
    shown = process("db url").out
    assert "sslmode=verify-full" in shown and "secret" not in shown


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"host": "127.0.0.1"}, 'does not match host name "127.0.0.1"'),
        ({"root": False}, "certificate verify failed"),
        ({"mode": "disable"}, "no encryption"),
    ],
    ids=["a certificate of another host", "a certificate of an unknown authority", "a server that demands TLS"],
)
def test_a_server_that_cannot_be_verified_is_refused(
    refused: Callable[[str, int, str], Answer],
    address: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    asked: dict[str, object],
    words: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", address(**asked))
    answer = refused("db current", 7, words)
    assert "secret" not in answer.out + answer.err


def test_libpqs_own_variables_demand_verification_too(
    refused: Callable[[str, int, str], Answer],
    process: Callable[[str], Answer],
    port: int,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "root.crt").write_bytes(AUTHORITY.pem)
    monkeypatch.setenv("PGSSLMODE", "verify-full")
    monkeypatch.setenv("PGSSLROOTCERT", str(tmp_path / "root.crt"))
    monkeypatch.setenv("DATABASE_URL", f"postgresql://b3:a%20secret@localhost:{port}/postgres")
    assert process("db url").code == 0 and process("db current").code == 0
    monkeypatch.setenv("DATABASE_URL", f"postgresql://b3:a%20secret@127.0.0.1:{port}/postgres")
    refused("db current", 7, "does not match host name")


@pytest.mark.parametrize(("mode", "result"), [("verify-full", "ok"), ("require", "warning")])
def test_the_doctor_says_whether_the_server_is_verified(
    process: Callable[[str], Answer],
    address: Callable[..., str],
    monkeypatch: pytest.MonkeyPatch,
    mode: str,
    result: str,
) -> None:
    monkeypatch.setenv("DATABASE_URL", address(mode=mode))
    answer = process("doctor --offline --json")
    (found,) = [one for one in answer.objects if (one["check"], one["subject"]) == ("database", "TLS")]
    assert found["result"] == result and mode in found["message"]
    assert "secret" not in answer.out + answer.err

"""The schema, the server and what goes wrong with either."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from pyb3.datasets import registry
from pyb3.load import migrate
from tests.conftest import at
from tests.support import generate

DAY = date(2024, 1, 15)
TABLES = [registry.get(name).template.table for name in registry.names()]


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "day.TXT"
    path.write_bytes(generate.cotahist([DAY], 20))
    return path


def _relations(database, schema: str) -> set[str]:
    query = "SELECT table_name FROM information_schema.tables WHERE table_schema = %s"
    return {name for (name,) in database.execute(query, (schema,))}


@pytest.mark.parametrize("name", registry.names())
def test_template_and_table_agree(database, name: str) -> None:
    template = registry.get(name).template
    columns = database.execute(
        "SELECT attname, format_type(atttypid, atttypmod), NOT attnotnull, col_description(attrelid, attnum)"
        " FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
        (template.table,),
    ).fetchall()
    described = [(f.name, f.sql_type(), f.nullable, f"{f.description} (B3: {f.b3})") for f in template.fields]
    assert [column for column in columns if column[0] != "ingestion_id"] == described
    key = database.execute(
        "SELECT a.attname FROM pg_index i, unnest(i.indkey) WITH ORDINALITY k(n, o), pg_attribute a"
        " WHERE i.indrelid = %s::regclass AND i.indisprimary AND a.attrelid = i.indrelid AND a.attnum = k.n"
        " ORDER BY k.o",
        (template.table,),
    ).fetchall()
    assert tuple(column for (column,) in key) == template.key
    comment = database.execute("SELECT obj_description(%s::regclass)", (template.table,)).fetchone()
    assert comment == (template.description,)


def test_downgrade_drops_what_upgrade_made(pyb3, bare_database) -> None:
    assert pyb3("db upgrade").code == 0
    made = _relations(bare_database, "public")
    assert {*TABLES, "alembic_version"} <= made
    assert pyb3("db downgrade base").code == 0
    assert _relations(bare_database, "public") == {"alembic_version"}
    assert pyb3("db current").out == "none\n"
    assert pyb3("db upgrade").code == 0
    assert _relations(bare_database, "public") == made
    assert pyb3("db upgrade").code == 0, "twice does no harm"


def test_one_revision_back_and_forth(pyb3, database) -> None:
    assert pyb3("db downgrade -- -1").code == 0
    assert pyb3("db current").out.strip() < migrate.HEAD
    assert pyb3("db check").code == 7
    assert pyb3("db upgrade").code == 0
    assert pyb3("db current").out.strip() == migrate.HEAD
    answer = pyb3("db check")
    assert (answer.code, answer.out) == (0, "the schema is current\n")


def test_another_schema_holds_everything(pyb3, bare_database, file: Path, monkeypatch) -> None:
    monkeypatch.setenv("PYB3_SCHEMA", "Market_Data")
    assert pyb3("db upgrade").code == 0
    assert {*TABLES, "alembic_version"} <= _relations(bare_database, "Market_Data")
    assert _relations(bare_database, "public") == set()
    assert pyb3(f"ingest cotahist --file {file} --json").json["inserted"] == 20
    assert pyb3(f"ingest cotahist --file {file} --json").json["unchanged"] == 20
    assert bare_database.execute('SELECT count(*) FROM "Market_Data".cotahist').fetchone() == (20,)
    assert pyb3("db check").code == 0
    monkeypatch.delenv("PYB3_SCHEMA")
    assert pyb3("db check").code == 7, "public has none"


@pytest.mark.parametrize("command", ["ingest", "load"])
def test_a_schema_that_was_never_migrated_is_named(refused, bare_database, file: Path, command: str) -> None:
    refused(f"{command} cotahist --file {file}", 7, r"revision none, PyB3 needs \d+ \(run 'pyb3 db upgrade'\)")
    assert _relations(bare_database, "public") == set()


def test_a_schema_half_way_is_named(refused, pyb3, database, file: Path) -> None:
    pyb3("db downgrade 0001")
    refused(f"ingest cotahist --file {file}", 7, r"revision 0001, PyB3 needs \d+ \(run 'pyb3 db upgrade'\)")


@pytest.mark.parametrize("line", ["ingest cotahist --file {file}", "db check", "db upgrade", "db downgrade base"])
def test_a_schema_newer_than_the_program_is_left_alone(refused, database, file: Path, line: str) -> None:
    database.execute("UPDATE alembic_version SET version_num = '9999'")
    refused(line.format(file=file), 7, "revision 9999, .*know.*upgrade PyB3")
    assert set(TABLES) <= _relations(database, "public")
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


@pytest.mark.parametrize("line", ["db upgrade 0815", "db downgrade 0815", "db downgrade -- -99"])
def test_a_revision_that_does_not_exist_is_a_wrong_command_line(refused, database, line: str) -> None:
    refused(line, 2, "cannot (upgrade|downgrade) the schema to '(0815|-99)'")


def test_a_migration_that_fails_is_rolled_back(refused, bare_database) -> None:
    bare_database.execute("CREATE TABLE futures (mine text)")
    refused("db upgrade", 7, "the migration failed and was rolled back: .*futures.*already exists")
    assert _relations(bare_database, "public") == {"futures"}


def test_programs_are_told_what_the_database_lacks(pyb3, bare_database, file: Path) -> None:
    answer = pyb3(f"ingest cotahist --file {file} --json")
    assert (answer.code, answer.json["outcome"], answer.json["error"]["code"]) == (7, "failed", "schema")


SERVER_DOWN = "postgresql://someone:hunter2@127.0.0.1:1/none"


@pytest.mark.parametrize("line", ["db current", "db check", "db upgrade", "ingest cotahist --file {file}"])
def test_a_server_that_is_down_is_named(refused, monkeypatch, file: Path, line: str) -> None:
    monkeypatch.setenv("DATABASE_URL", SERVER_DOWN)
    answer = refused(line.format(file=file), 7, "cannot connect to the database: .*127.0.0.1.*refused")
    assert "hunter2" not in answer.err + answer.out


def test_a_process_ends_in_7_without_a_database(refused, process, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", SERVER_DOWN)
    refused("db current", 7, "cannot connect to the database", process)


@pytest.fixture
def guarded(trusting: str, database) -> str:
    """Name of a user whom the server asks for a password: `right`, of one letter or another."""
    with psycopg.connect(trusting, autocommit=True) as admin:
        (rules,) = admin.execute("SHOW hba_file").fetchone()
        admin.execute("DROP ROLE IF EXISTS guarded")
        admin.execute("CREATE ROLE guarded LOGIN SUPERUSER PASSWORD 'p@ss/w:rd'")
        text = Path(rules).read_text()
        Path(rules).write_text("local all guarded scram-sha-256\n" + text)
        admin.execute("SELECT pg_reload_conf()")
        yield "guarded"
        Path(rules).write_text(text)
        admin.execute("SELECT pg_reload_conf()")


def _login(server: str, database, user: str, password: str) -> str:
    host = psycopg.conninfo.conninfo_to_dict(server)["host"].replace("/", "%2F")
    return f"postgresql://{user}:{password}@{host}/{database.info.dbname}"


def test_the_right_password_opens(pyb3, server, database, guarded: str, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", _login(server, database, guarded, "p%40ss%2Fw%3Ard"))
    answer = pyb3("db current")
    assert (answer.code, answer.out.strip()) == (0, migrate.HEAD)


@pytest.mark.parametrize(
    "line", ["db current", "db upgrade", "ingest cotahist --file {file}", "ingest cotahist --file {file} --json"]
)
def test_a_wrong_password_is_refused_and_never_printed(
    refused, server, database, guarded: str, monkeypatch, file: Path, line: str
) -> None:
    monkeypatch.setenv("DATABASE_URL", _login(server, database, guarded, "hunter2"))
    answer = refused(line.format(file=file), 7, 'password authentication failed for user "guarded"')
    assert "hunter2" not in answer.err + answer.out


@pytest.mark.parametrize(
    "address",
    [
        "postgresql://someone:hun@ter2@localhost/b3",
        "postgresql://someone:hun/ter2@localhost/b3",
        "postgresql://someone:hun%ter2@localhost/b3",
        "postgresql://someone:hunter2",
        "postgresql+psycopg://someone:hunter2@localhost/b3",
        "mysql://someone:hunter2@localhost/b3",
        "host=localhost password=hun ter2",
        "hunter2",
    ],
)
@pytest.mark.parametrize("line", ["db current", "db url", "db psql", "db upgrade"])
def test_an_address_that_is_none_is_not_repeated(refused, monkeypatch, address: str, line: str) -> None:
    monkeypatch.setenv("DATABASE_URL", address)
    answer = refused(line, 7, "DATABASE_URL is not a PostgreSQL address")
    assert "hun" not in answer.err + answer.out and "ter2" not in answer.err + answer.out


def test_the_address_is_shown_without_its_password(pyb3, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://someone:hunter2@db.example:5433/b3?sslmode=verify-full")
    answer = pyb3("db url")
    shown = psycopg.conninfo.conninfo_to_dict(answer.out.strip())
    assert shown == {"user": "someone", "host": "db.example", "port": "5433", "dbname": "b3", "sslmode": "verify-full"}


def test_psql_is_handed_the_password_unseen(process, server, database, guarded: str, monkeypatch) -> None:
    monkeypatch.setenv("DATABASE_URL", _login(server, database, guarded, "p%40ss%2Fw%3Ard"))
    answer = process("db psql -At -c 'select current_user, 6 * 7'")
    assert (answer.code, answer.out) == (0, "guarded|42\n"), answer.err


def test_a_user_without_rights_is_told(refused, pyb3, trusting, database, file: Path, monkeypatch) -> None:
    user = sql.Identifier(f"reader_{database.info.dbname}")
    database.execute(sql.SQL("CREATE ROLE {} LOGIN").format(user))
    address = at(trusting, database.info.dbname, user=user.as_string().strip('"'))
    monkeypatch.setenv("DATABASE_URL", address)
    refused(f"ingest cotahist --file {file}", 7, "permission denied for table alembic_version")
    database.execute(sql.SQL("GRANT SELECT ON ALL TABLES IN SCHEMA public TO {}").format(user))
    refused(f"ingest cotahist --file {file}", 7, "permission denied for sequence ingestions_id_seq")
    database.execute(sql.SQL("DROP OWNED BY {}").format(user))
    database.execute(sql.SQL("DROP ROLE {}").format(user))


def test_a_table_that_refuses_a_row_changes_nothing(refused, database, file: Path) -> None:
    database.execute("ALTER TABLE cotahist ADD CHECK (low > 999999999)")
    refused(f"ingest cotahist --file {file}", 7, "loading cotahist failed: .*violates check constraint")
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_a_connection_that_breaks_off_changes_nothing(refused, database, tmp_path: Path) -> None:
    """The server ends the session at the load's own commit."""
    database.execute(
        "CREATE FUNCTION gone() RETURNS trigger LANGUAGE plpgsql AS"
        " 'BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END'"
    )
    database.execute("CREATE TRIGGER gone AFTER INSERT ON cotahist EXECUTE FUNCTION gone()")
    (tmp_path / "day.TXT").write_bytes(generate.cotahist([DAY], 20))
    refused(f"ingest cotahist --file {tmp_path}/day.TXT", 7, "loading cotahist failed: .*terminat")
    assert database.execute("SELECT count(*) FROM cotahist").fetchone() == (0,)


def test_the_embedded_server_needs_no_database_url(refused, process, monkeypatch, server) -> None:
    monkeypatch.setenv("DATABASE_URL", server)
    refused("db start", 2, "DATABASE_URL names the server; unset it to use the embedded one")

"""Years of cotahist that are made with their first rows, and keys in the order of their bytes.

A year's partition is filled before its indexes are built and it is attached: in half the time that its rows take into
indexes that are there. An order by bytes (C) sorts faster, serves `symbol LIKE 'PETR%'`, and does not change with the
operating system's language files, which would leave an index broken.
"""

from alembic import op
from sqlalchemy import text

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None

_KEYS = {
    "cotahist": ("symbol", "bdi_code"),
    "futures": ("symbol",),
    "yield_curves": ("curve_code", "vertex_kind", "vertex_code"),
    "symbols": ("symbol", "segment", "market"),
    "index_historical": ("index_code",),
    "index_composition": ("index_code", "portfolio", "symbol"),
}
_FUNCTIONS = {
    "cotahist_new_year": (
        "Make the table of a year of cotahist, to be filled and then attached",
        """
        EXECUTE format('CREATE TABLE %I (LIKE cotahist INCLUDING DEFAULTS INCLUDING CONSTRAINTS'
            ' INCLUDING COMMENTS,'
            ' CONSTRAINT of_its_year CHECK (refdate >= %L AND refdate < %L))', name, first, following);
        """,
    ),
    "cotahist_attach_year": (
        "Build the indexes of a year of cotahist and make it a part of the table",
        # A partition is read and written through its table, whose policies hold; an API that shows every table of the
        # schema shows nothing of it.
        """
        EXECUTE format('ALTER TABLE cotahist ATTACH PARTITION %I FOR VALUES FROM (%L) TO (%L)', name, first, following);
        EXECUTE format('ALTER TABLE %I DROP CONSTRAINT of_its_year', name);
        EXECUTE format('ALTER TABLE %I ENABLE ROW LEVEL SECURITY', name);
        """,
    ),
}


def upgrade() -> None:
    _collate("C")
    for name, (words, body) in _FUNCTIONS.items():
        op.execute(_function(name, body))
        op.execute(f"COMMENT ON FUNCTION {name} IS '{words}'")
        # They act with the owner's rights: nobody but the owner may call them until that is granted.
        for role in ("PUBLIC", *_named_by_default()):
            op.execute(f"REVOKE ALL ON FUNCTION {name} FROM {role}")
    for partition in _partitions():
        if not _all(f"SELECT FROM {partition} LIMIT 1"):
            op.execute(f"DROP TABLE {partition}")
    if "cotahist_other" in _partitions():  # a table behind all years would be read through at each attachment
        op.execute("ALTER TABLE cotahist DETACH PARTITION cotahist_other")
        for (year,) in _all("SELECT DISTINCT extract(year FROM refdate)::int FROM cotahist_other"):
            op.execute(f"SELECT cotahist_new_year({year})")
            rows = "SELECT * FROM cotahist_other WHERE extract(year FROM refdate) ="
            op.execute(f"INSERT INTO cotahist_{year} {rows} {year} ORDER BY refdate, symbol")
            op.execute(f"SELECT cotahist_attach_year({year})")
        op.execute("DROP TABLE cotahist_other")


def downgrade() -> None:
    for year in range(1986, 2046):
        if f"cotahist_{year}" not in _partitions():
            op.execute(f"SELECT cotahist_new_year({year})")
            op.execute(f"SELECT cotahist_attach_year({year})")
    op.execute("CREATE TABLE cotahist_other PARTITION OF cotahist DEFAULT")
    op.execute("ALTER TABLE cotahist_other ENABLE ROW LEVEL SECURITY")
    for name in _FUNCTIONS:
        op.execute(f"DROP FUNCTION {name}")
    _collate("default")


def _collate(collation: str) -> None:
    for table, columns in _KEYS.items():
        changes = ", ".join(f'ALTER {column} TYPE text COLLATE "{collation}"' for column in columns)
        op.execute(f"ALTER TABLE {table} {changes}")


def _function(name: str, body: str) -> str:
    ((schema,),) = _all("SELECT quote_ident(current_schema())")
    return f"""
        CREATE FUNCTION {name}(year integer) RETURNS void
        LANGUAGE plpgsql SECURITY DEFINER SET search_path = {schema}, pg_temp AS $$
        DECLARE
            name text := 'cotahist_' || year;
            first date := make_date(year, 1, 1);
            following date := make_date(year + 1, 1, 1);
        BEGIN {body}
        END $$
    """


def _named_by_default() -> list[str]:
    """Roles that hosted PostgreSQL gives every new function to."""
    return [role for (role,) in _all("SELECT rolname FROM pg_roles WHERE rolname IN ('anon', 'authenticated')")]


def _partitions() -> list[str]:
    found = _all("SELECT inhrelid::regclass::text FROM pg_inherits WHERE inhparent = 'cotahist'::regclass")
    return [name.rpartition(".")[2] for (name,) in found]


def _all(query: str) -> list:
    return op.get_bind().execute(text(query)).all()

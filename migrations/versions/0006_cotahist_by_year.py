"""cotahist by year: a load into a full table costs what one into an empty table does."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

_COPY = "INCLUDING DEFAULTS INCLUDING COMMENTS"
_DESCRIPTION = "Historical quotes of the cash, odd-lot, term and option markets"


def upgrade() -> None:
    _replace("PARTITION BY RANGE (refdate)")
    for year in range(1986, 2046):
        _partition(f"cotahist_{year}", f"FOR VALUES FROM ('{year}-01-01') TO ('{year + 1}-01-01')")
    _partition("cotahist_other", "DEFAULT")
    _refill()


def downgrade() -> None:
    _replace("")
    _refill()


def _replace(how: str) -> None:
    op.execute("ALTER TABLE cotahist RENAME TO cotahist_before")
    op.execute("ALTER INDEX cotahist_pkey RENAME TO cotahist_before_pkey")
    op.execute("ALTER INDEX cotahist_symbol RENAME TO cotahist_before_symbol")
    key = "PRIMARY KEY (refdate, symbol, bdi_code, market_type, term_days)"
    op.execute(f"CREATE TABLE cotahist (LIKE cotahist_before {_COPY}, {key}) {how}")
    op.execute("CREATE INDEX cotahist_symbol ON cotahist (symbol, refdate)")
    op.execute(f"COMMENT ON TABLE cotahist IS '{_DESCRIPTION}'")


def _partition(name: str, values: str) -> None:
    op.execute(f"CREATE TABLE {name} PARTITION OF cotahist {values}")
    # A partition is read and written through its table, whose policies hold; an API that shows every table of the
    # schema shows nothing of it.
    op.execute(f"ALTER TABLE {name} ENABLE ROW LEVEL SECURITY")


def _refill() -> None:
    op.execute("INSERT INTO cotahist SELECT * FROM cotahist_before ORDER BY refdate, symbol")
    op.execute("DROP TABLE cotahist_before")

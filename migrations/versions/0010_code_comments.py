"""Comments of columns whose codes and numbers are more than was known: block lots, quote factors, trades."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_COMMENTS = {  # now, and before
    ("cotahist", "market_type"): (
        "10 cash, 20 odd lot, 21 block lot, 30 term, 70 calls, 80 puts, ... (B3: TPMERC)",
        "10 cash, 20 odd lot, 30 term, 70 calls, 80 puts, ... (B3: TPMERC)",
    ),
    ("cotahist", "trades"): (
        "Number of trades; five digits in the file, which cannot show more than 99999 (B3: TOTNEG)",
        "Number of trades (B3: TOTNEG)",
    ),
    ("cotahist", "quote_factor"): (
        "Papers a price is quoted for: 1, 10, 100, 1000, 10000 or 1000000 (B3: FATCOT)",
        "Papers a price is quoted for: 1 or 1000 (B3: FATCOT)",
    ),
    ("symbols", "quote_factor"): (
        "Papers a price is quoted for: 1, 10, 100, 1000, ... (B3: PricFctr)",
        "Papers a price is quoted for: 1 or 1000 (B3: PricFctr)",
    ),
}


def upgrade() -> None:
    for (table, column), (now, _) in _COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{now}'")


def downgrade() -> None:
    for (table, column), (_, before) in _COMMENTS.items():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{before}'")

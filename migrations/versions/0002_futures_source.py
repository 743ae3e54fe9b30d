"""The file a future's row came from; amounts are in the row's currency."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE futures ADD COLUMN source text")
    op.execute("UPDATE futures SET source = 'unknown'")  # loaded before the source was kept
    op.execute("ALTER TABLE futures ALTER COLUMN source SET NOT NULL")
    op.execute("COMMENT ON COLUMN futures.source IS 'The file the row came from: SPRD or PR (B3: file)'")
    op.execute("COMMENT ON COLUMN futures.currency IS 'Currency of the row''s prices (B3: Ccy)'")
    op.execute("COMMENT ON COLUMN futures.equivalent_value IS 'Equivalent value, R$ (B3: EqvtVal)'")


def downgrade() -> None:
    op.execute("ALTER TABLE futures DROP COLUMN source")
    op.execute("COMMENT ON COLUMN futures.currency IS 'Currency of the settlement price (B3: Ccy)'")
    op.execute("COMMENT ON COLUMN futures.equivalent_value IS 'Equivalent value (B3: EqvtVal)'")

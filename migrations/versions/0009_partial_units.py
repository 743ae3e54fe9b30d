"""Units that are loaded but not whole, rows that share a key, and the widths of B3's price catalogue."""

from alembic import op
from sqlalchemy import text

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

_KEYS = {
    "cotahist": "refdate, symbol, bdi_code, market_type, term_days",
    "futures": "refdate, symbol",
    "yield_curves": "refdate, curve_code, calendar_days, vertex_kind, vertex_code",
    "symbols": "refdate, symbol, segment, market",
}
_DATASETS = ", ".join(f"'{name}'" for name in _KEYS)
_OCCURRENCE = "1; 2, 3, ... for further rows"
_COMMENTS = {
    "cotahist": f"{_OCCURRENCE} that share the rest of the key and differ, in the file''s order (B3: file)",
    "futures": f"{_OCCURRENCE} of the ticker on that day that differ, in the file''s order (B3: file)",
    "yield_curves": f"{_OCCURRENCE} of the vertex that differ, in the file''s order (B3: file)",
    "symbols": f"{_OCCURRENCE} that share the rest of the key and differ, in the file''s order (B3: file)",
}
_VOLUMES = "volume volume_usd regular_volume nonregular_volume regular_volume_usd nonregular_volume_usd".split()
_PRICES = (
    "best_bid best_ask open low high average close price settlement_rate previous_price previous_settlement_rate"
    " price_change oscillation variation_points equivalent_value settlement_value max_trade_limit min_trade_limit"
    " reference_price"
).split()
# Table, columns, type before, type now: B3's catalogue of prices (v1.3) gives prices 12 decimals and volumes 8,
# its layout of instruments gives exercise prices 10; B3's own feed has quantities of index portfolios as decimals.
_TYPES = (
    ("futures", _PRICES, "numeric(38,9)", "numeric(38,12)"),
    ("futures", _VOLUMES, "numeric(38,2)", "numeric(38,8)"),
    ("symbols", ["strike"], "numeric(38,9)", "numeric(38,10)"),
    ("index_composition", ["theoretical_quantity", "total_quantity"], "bigint", "numeric(38,2)"),
)
_OUTCOMES = ("loaded", "unchanged", "no_session", "not_published", "failed")


def upgrade() -> None:
    for table, columns, _, now in _TYPES:
        _alter(table, columns, now)
    for table, key in _KEYS.items():
        op.execute(f"ALTER TABLE {table} ADD COLUMN occurrence bigint NOT NULL DEFAULT 1")
        op.execute(f"COMMENT ON COLUMN {table}.occurrence IS '{_COMMENTS[table]}'")
        _key(table, f"{key}, occurrence")
    # Without it, what these rows became would not be found: by the key.
    op.execute(f"UPDATE revisions SET key = key || '{{\"occurrence\": 1}}' WHERE dataset IN ({_DATASETS})")  # noqa: S608
    op.execute("ALTER TABLE ingestions ADD COLUMN rejected_values bigint NOT NULL DEFAULT 0")
    op.execute(
        "COMMENT ON COLUMN ingestions.rejected_values IS 'Values that could not be read and are NULL in loaded rows'"
    )
    op.execute(
        "COMMENT ON COLUMN ingestions.outcome IS"
        " 'loaded, unchanged, partial (loaded, but not whole), no_session, not_published or failed'"
    )
    _outcomes((*_OUTCOMES, "partial"))
    op.execute("UPDATE ingestions SET outcome = 'partial' WHERE rejected > 0 AND outcome IN ('loaded', 'unchanged')")
    op.execute("ALTER TABLE rejected_rows ADD COLUMN loaded boolean NOT NULL DEFAULT false")
    op.execute(
        "COMMENT ON COLUMN rejected_rows.loaded IS"
        " 'Whether the record was loaded all the same, with NULL in the field that is wrong'"
    )
    op.execute(
        "COMMENT ON TABLE rejected_rows IS"
        " 'Records and values that loads set aside, each with the text of its record and what is wrong with it'"
    )
    op.execute("ALTER TABLE rejected_rows DROP CONSTRAINT rejected_rows_pkey")
    op.execute(
        "CREATE UNIQUE INDEX rejected_rows_key ON rejected_rows (ingestion_id, file, line, field) NULLS NOT DISTINCT"
    )


def downgrade() -> None:
    op.execute("DELETE FROM rejected_rows WHERE loaded")
    op.execute("DROP INDEX rejected_rows_key")
    op.execute(
        "DELETE FROM rejected_rows r USING rejected_rows o WHERE r.ingestion_id = o.ingestion_id AND r.file = o.file"
        " AND r.line = o.line AND r.ctid > o.ctid"
    )
    op.execute("ALTER TABLE rejected_rows ADD PRIMARY KEY (ingestion_id, file, line)")
    op.execute("ALTER TABLE rejected_rows DROP COLUMN loaded")
    op.execute(
        "COMMENT ON TABLE rejected_rows IS"
        " 'Records that --quarantine set aside, each with its text and what is wrong with it'"
    )
    op.execute("UPDATE ingestions SET outcome = 'loaded' WHERE outcome = 'partial'")
    _outcomes(_OUTCOMES)
    op.execute("COMMENT ON COLUMN ingestions.outcome IS 'loaded, unchanged, no_session, not_published or failed'")
    op.execute("ALTER TABLE ingestions DROP COLUMN rejected_values")
    for table, key in _KEYS.items():
        op.execute(f"DELETE FROM {table} WHERE occurrence > 1")  # noqa: S608 - a name of ours
        _key(table, key)
        op.execute(f"ALTER TABLE {table} DROP COLUMN occurrence")
    further = f"dataset IN ({_DATASETS}) AND (key->>'occurrence')::bigint"
    op.execute(f"DELETE FROM revisions WHERE {further} > 1")  # noqa: S608 - names of ours
    op.execute(f"UPDATE revisions SET key = key - 'occurrence' WHERE {further} = 1")  # noqa: S608
    for table, columns, before, _ in _TYPES:
        _alter(table, columns, before)


def _alter(table: str, columns: list[str], kind: str) -> None:
    """All columns at once: the table is written anew once."""
    op.execute(f"ALTER TABLE {table} " + ", ".join(f"ALTER {column} TYPE {kind}" for column in columns))


def _key(table: str, columns: str) -> None:
    op.execute(f"ALTER TABLE {table} DROP CONSTRAINT {table}_pkey")
    op.execute(f"ALTER TABLE {table} ADD CONSTRAINT {table}_pkey PRIMARY KEY ({columns})")


def _outcomes(outcomes: tuple[str, ...]) -> None:
    for (name,) in op.get_bind().execute(
        text(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'ingestions'::regclass AND contype = 'c'"
            " AND pg_get_constraintdef(oid) LIKE '%outcome%'"
        )
    ):
        op.execute(f'ALTER TABLE ingestions DROP CONSTRAINT "{name}"')
    values = ", ".join(f"'{outcome}'" for outcome in outcomes)
    op.execute(f"ALTER TABLE ingestions ADD CONSTRAINT ingestions_outcome_check CHECK (outcome IN ({values}))")

"""What a republished day replaced, which records were refused, and B3's own time of a file."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

_COUNTS = {
    "rejected": "Bad records set aside into rejected_rows",
    "gone": "Rows of these days that the table holds and the file does not",
    "removed": "Those of them that were removed",
}


def upgrade() -> None:
    for column, words in _COUNTS.items():
        op.execute(f"ALTER TABLE ingestions ADD COLUMN {column} bigint NOT NULL DEFAULT 0")
        op.execute(f"COMMENT ON COLUMN ingestions.{column} IS '{words}'")
    op.execute("ALTER TABLE ingestions ADD COLUMN day_rows jsonb")
    op.execute("COMMENT ON COLUMN ingestions.day_rows IS 'Rows read of each day of the unit'")
    op.execute("ALTER TABLE ingestions ADD COLUMN file_timestamp timestamp")
    op.execute(
        "COMMENT ON COLUMN ingestions.file_timestamp IS 'When B3 made the file, as the file itself says; B3''s clock'"
    )
    op.execute(
        """
        CREATE TABLE revisions (
            refdate date NOT NULL,
            dataset text NOT NULL,
            key jsonb NOT NULL,
            ingestion_id bigint NOT NULL,
            change text NOT NULL CHECK (change IN ('updated', 'removed')),
            columns text[] NOT NULL,
            old jsonb NOT NULL,
            old_ingestion_id bigint,
            revised_at timestamptz NOT NULL DEFAULT now(),
            PRIMARY KEY (refdate, dataset, key, ingestion_id)
        )
        """
    )
    _comment(
        "revisions",
        "Rows that a later file of the same day changed or left out, as they were before",
        {
            "key": "The row''s key without refdate",
            "ingestion_id": "The ingestion that changed or removed the row",
            "change": "updated or removed",
            "columns": "Columns whose value changed; all of them where the row was removed",
            "old": "Their values before",
            "old_ingestion_id": "The ingestion that had written them",
        },
    )
    op.execute(
        """
        CREATE TABLE rejected_rows (
            ingestion_id bigint NOT NULL,
            file text NOT NULL,
            line bigint NOT NULL,
            dataset text NOT NULL,
            unit text NOT NULL,
            field text,
            reason text NOT NULL,
            record text NOT NULL,
            PRIMARY KEY (ingestion_id, file, line)
        )
        """
    )
    _comment(
        "rejected_rows",
        "Records that --quarantine set aside, each with its text and what is wrong with it",
        {
            "ingestion_id": "The ingestion that set it aside",
            "file": "Name of the file, or of the member of an archive",
            "line": "Line, or number of the record, in the file",
            "field": "B3''s name of the field that is wrong, where it is one",
            "reason": "What is wrong, in one line",
            "record": "The record as the file has it; bytes that no text can hold are written as \\xNN",
        },
    )


def downgrade() -> None:
    op.execute("DROP TABLE rejected_rows")
    op.execute("DROP TABLE revisions")
    for column in (*_COUNTS, "day_rows", "file_timestamp"):
        op.execute(f"ALTER TABLE ingestions DROP COLUMN {column}")


def _comment(table: str, description: str, columns: dict[str, str]) -> None:
    op.execute(f"COMMENT ON TABLE {table} IS '{description}'")
    for column, words in columns.items():
        op.execute(f"COMMENT ON COLUMN {table}.{column} IS '{words}'")

"""The SQL that makes a dataset's table, as its template describes it."""

from __future__ import annotations

from ..template import Template

# A column of every table; a load says its number in a setting of its transaction.
_NUMBER = "ingestion_id bigint DEFAULT nullif(current_setting('pyb3.ingestion_id', true), '')::bigint"


def draft(template: Template) -> str:
    """The table with its key, comments, the ingestion's number, and an index for the history of one symbol.

    That is the key's second column.
    """
    columns = [f'    "{f.name}" {f.sql_type()}{"" if f.nullable else " NOT NULL"},' for f in template.fields]
    lines = [
        f"CREATE TABLE {template.table} (",
        *columns,
        f"    {_NUMBER},",
        f"    PRIMARY KEY ({', '.join(template.key)})",
        ");",
    ]
    for second in template.key[1:2]:
        lines.append(f"CREATE INDEX {template.table}_{second} ON {template.table} ({second}, refdate);")
    lines.append(f"COMMENT ON TABLE {template.table} IS {_quoted(template.description)};")
    for field in template.fields:
        comment = _quoted(f"{field.description} (B3: {field.b3})")
        lines.append(f'COMMENT ON COLUMN {template.table}."{field.name}" IS {comment};')
    lines.append(f"COMMENT ON COLUMN {template.table}.ingestion_id IS 'The ingestion that wrote the row last';")
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

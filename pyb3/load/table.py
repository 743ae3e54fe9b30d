"""The SQL that makes a dataset's table, as its template describes it."""

from __future__ import annotations

from ..template import Template


def draft(template: Template) -> str:
    """The table with its key, its comments, and an index for the history of one symbol (the key's second column)."""
    columns = [f'    "{f.name}" {f.sql_type()}{"" if f.nullable else " NOT NULL"},' for f in template.fields]
    lines = [
        f"CREATE TABLE {template.table} (",
        *columns,
        f"    PRIMARY KEY ({', '.join(template.key)})",
        ");",
    ]
    for second in template.key[1:2]:
        lines.append(f"CREATE INDEX {template.table}_{second} ON {template.table} ({second}, refdate);")
    lines.append(f"COMMENT ON TABLE {template.table} IS {_quoted(template.description)};")
    for field in template.fields:
        comment = _quoted(f"{field.description} (B3: {field.b3})")
        lines.append(f'COMMENT ON COLUMN {template.table}."{field.name}" IS {comment};')
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"

"""Print a draft of a revision that makes a dataset's table: `python migrations/draft.py NAME`.

Read it before you keep it: a revision stands alone, and must mean the same in five years.
"""

import sys

from pyb3.datasets import registry


def draft(name: str) -> str:
    """The SQL of a dataset's table, its comments and the index for one symbol's history."""
    template = registry.get(name).template
    columns = [f'    "{f.name}" {f.sql_type()}{"" if f.nullable else " NOT NULL"},' for f in template.fields]
    key = ", ".join(template.key)
    lines = [
        f"CREATE TABLE {template.table} (",
        *columns,
        f"    PRIMARY KEY ({key})",
        ");",
        f"CREATE INDEX {template.table}_{template.key[1]} ON {template.table} ({template.key[1]}, refdate);",
        f"COMMENT ON TABLE {template.table} IS {_quoted(template.description)};",
    ]
    for field in template.fields:
        comment = _quoted(f"{field.description} (B3: {field.b3})")
        lines.append(f'COMMENT ON COLUMN {template.table}."{field.name}" IS {comment};')
    return "\n".join(lines)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


if __name__ == "__main__":
    print(draft(sys.argv[1]))

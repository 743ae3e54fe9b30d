"""Print a draft of a revision that makes a dataset's table: `python migrations/draft.py NAME`.

Read it before you keep it: a revision stands alone, and must mean the same in five years.
"""

import sys

from pyb3.datasets import registry
from pyb3.load import table


def draft(name: str) -> str:
    """The SQL of a dataset's table, its comments and the index for one symbol's history."""
    return table.draft(registry.get(name).template)


if __name__ == "__main__":
    print(draft(sys.argv[1]))

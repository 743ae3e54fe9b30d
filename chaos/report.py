"""What became of a scenario, and the table of all of them in docs/reliability.md."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

PAGE = Path(__file__).resolve().parents[1] / "docs" / "reliability.md"
_TABLE = re.compile(r"(?<=<!-- campaign -->\n).*?(?=<!-- end -->)", re.DOTALL)
_FORTNIGHT = re.compile(r"(?<=<!-- fortnight -->\n).*?(?=<!-- end of the fortnight -->)", re.DOTALL)
_HEAD = "| scenario | times | asserted | what happened |\n|---|---|---|---|\n"


class Broken(AssertionError):
    """A promise that was not kept."""


@dataclass(frozen=True, slots=True)
class Result:
    """A row of the table: how often a scenario ran, what was asserted each time, and what was seen.

    `fortnight` is the text of the page's section about nights, where the scenario makes it.
    """

    scenario: str
    times: int
    asserted: str
    happened: str
    fortnight: str = ""

    def line(self) -> str:
        return f"| {self.scenario} | {self.times:,} | {self.asserted} | {self.happened} |\n"


def write(results: Iterable[Result], page: Path = PAGE, *, whole: bool = False) -> None:
    """Put the rows into the page, in place of those of the same scenarios, or of all where the campaign is `whole`."""
    text, results = page.read_text("utf-8"), list(results)
    for told in filter(None, (result.fortnight for result in results)):
        text = _FORTNIGHT.sub(lambda _, told=told: told, text)  # type: ignore[misc]
    (table,) = _TABLE.findall(text)
    rows = {line.split(" | ")[0].removeprefix("| "): line for line in table.splitlines(True) if line.startswith("| ")}
    rows = {} if whole else {name: row for name, row in rows.items() if name != "scenario"}
    rows |= {result.scenario: result.line() for result in results}
    page.write_text(_TABLE.sub(lambda _: _HEAD + "".join(rows.values()), text), "utf-8")


def claim(kept: object, words: object) -> None:
    """Raise Broken unless the promise was kept."""
    if not kept:
        raise Broken(str(words))


def counted(counts: dict[str, int]) -> str:
    """`3 loaded, 2 failed`, the most frequent first."""
    return ", ".join(f"{count:,} {name}" for name, count in sorted(counts.items(), key=lambda item: -item[1]) if count)

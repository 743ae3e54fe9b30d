"""The tables and the plot of docs/performance.md, from what was measured; the page's other text stays as it is."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterable, Mapping
from pathlib import Path

from .plot import Bar, bars, seconds
from .results import Measured, Result
from .targets import TARGETS, Target

Results = Mapping[str, Result]


def write(page: Path, results: Results) -> None:
    """Write the tables between the page's markers, and the plot beside it. Raises ValueError where a marker lacks."""
    text = page.read_text("utf-8")
    for name, make in PLACES.items():
        text = between(text, name, make(results))
    page.write_text(text, "utf-8")
    if svg := plot(results):
        page.with_suffix(".svg").write_text(svg, "utf-8")


def between(text: str, name: str, content: str) -> str:
    """The text with other content between <!-- name --> and <!-- /name -->."""
    pattern = re.compile(rf"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.DOTALL)
    if len(pattern.findall(text)) != 1:
        raise ValueError(
            f"the page has no place for {name}: <!-- {name} --> and <!-- /{name} --> on lines of their own"
        )
    return pattern.sub(lambda found: found[1] + content + found[2], text)


def targets(results: Results) -> str:
    """Each target with what was measured, beside the floor it is held against."""
    rows = [_target(target, results) for target in TARGETS]
    return _table(("what", "measured", "held against", "ratio", "at most", ""), rows, right=(1, 3, 4))


def _target(target: Target, results: Results) -> tuple[str, ...]:
    reached = target.reached(results)
    of = results.get(target.figure)
    if reached is None or of is None:
        return target.what, "", "", "", _most(target), "not measured"
    ours = _shown(of.value(target.ours), target.unit)
    met = "met" if reached <= target.most else "**missed**"
    if not target.floor:
        return target.what, ours, "", "", _most(target), met
    floor = f"{of.get(target.floor.partition('.')[0]).what}: {_shown(of.value(target.floor), target.unit)}"
    return target.what, ours, floor, f"{reached:.2g}" if reached < 0.1 else f"{reached:.2f}", _most(target), met


def _most(target: Target) -> str:
    return f"{target.most:g}" if target.floor else f"{target.most:g} {target.unit}"


def _shown(value: float | None, unit: str) -> str:
    if value is None:
        return ""
    if unit == "s":
        return seconds(value)
    digits = 0 if value >= 100 else 1 if value >= 1 else 2
    return f"{value:,.{digits}f} {unit}"


def peers(results: Results) -> str:
    """What each tool takes for a year, where it ends, and on how many rows it was measured."""
    if "peers" not in results:
        return "Not measured.\n"
    result = results["peers"]
    measured = sorted(result.measured, key=lambda one: one.values.get("year_seconds", float("inf")))
    head = ("tool", "ends in", "a year", "rows/s", "peak", "measured on", "versions")
    table = _table(head, map(_peer, measured), right=(2, 3, 4, 5))
    return f"![Seconds for a year, by tool](performance.svg)\n\n{table}"


def _peer(one: Measured) -> tuple[str, ...]:
    if not one.values:
        return one.what, f"fails: {one.note}", "", "", "", "", ""
    ends, _, versions = one.note.partition("; ")
    rate = one.values["rows_per_second"]
    rows, peak = f"{one.values['rows']:,.0f} rows", f"{one.values['peak']:,.0f} MB"
    return one.what, ends, seconds(one.values["year_seconds"]), f"{rate:,.0f}", peak, rows, versions


def plot(results: Results) -> str | None:
    """Seconds for a year by tool; None where they were not measured."""
    if "peers" not in results:
        return None
    measured = [one for one in results["peers"].measured if one.values]
    rows = max(one.values["rows"] for one in measured)
    drawn = [
        Bar(f"{one.what} → {_place(one)}".replace("`", ""), one.values["year_seconds"], one.name.startswith("pyb3"))
        for one in measured
    ]
    return bars(f"{rows:,.0f} quotes, by tool and where they end", drawn)


def _place(one: Measured) -> str:
    ends = one.note.partition(";")[0].partition(",")[0]
    return "frame" if ends.endswith("frame") else ends


def scale(results: Results) -> str:
    """Loads of some of the years, and the queries over all of them."""
    if "scale" not in results:
        return "Not measured.\n"
    result = results["scale"]
    size, table = result.get("size"), result.get("table")
    first = result.value("year_1.microseconds")
    loads = []
    for number in (1, 2, 5, 10, 20):
        year = result.get(f"year_{number}")
        if year.values and first:
            loads.append(
                (
                    year.what,
                    seconds(year.values["seconds"]),
                    _shown(year.values["microseconds"], "µs"),
                    _shown(year.values.get("server_microseconds"), "µs"),
                    f"{year.values['microseconds'] / first:.2f}",
                )
            )
    queries = [
        (
            one.what,
            f"{one.values['rows']:,.0f}",
            *(_shown(one.values[name], "ms") for name in ("milliseconds", "planning", "execution", "to_python")),
        )
        for one in result.measured
        if "milliseconds" in one.values
    ]
    small = f" ({size.note})" if size.note else ""
    return "\n".join(
        [
            f"Twenty years of {size.values['rows']:,.0f} quotes each{small}:\n",
            _table(("load", "time", "a row", "server's processor, a row", "of the first"), loads, right=(1, 2, 3, 4)),
            f"Then, in a table of {table.values.get('gigabytes', 0):,.1f} GB with its indexes:\n",
            _table(
                ("query", "rows", "answered in", "of which planning", "execution", "then into Python's values"),
                queries,
                right=(1, 2, 3, 4, 5),
            ),
        ]
    )


def machine(results: Results) -> str:
    """Where and when it was measured, of which versions, by which commands."""
    alike: dict[str, list[str]] = {}
    for result in results.values():
        alike.setdefault(_where(result), []).append(
            f"`{result.command}` (load {result.machine['load_average']} at its start)"
        )
    told = (f"{where} {', '.join(commands)}." for where, commands in alike.items())
    return "\n".join(textwrap.fill(one, 120, break_on_hyphens=False, break_long_words=False) + "\n" for one in told)


def _where(result: Result) -> str:
    of = result.machine
    return (
        f"Measured on {result.date[:10]}: {of['cores']} cores of {of['processor']}, {of['memory_gb']} GB,"
        f" {of['system']}; {', '.join(' '.join(pair) for pair in result.versions.items())}."
    )


def _table(head: Iterable[str], rows: Iterable[Iterable[str]], right: tuple[int, ...] = ()) -> str:
    head = list(head)
    rule = ["--:" if place in right else "---" for place in range(len(head))]
    return "".join(map(_row, (head, rule, *rows)))


def _row(cells: Iterable[str]) -> str:
    escaped = (cell.replace("|", "\\|") for cell in cells)
    return "|" + "|".join(f" {cell} " if cell else " " for cell in escaped) + "|\n"


PLACES = {"machine": machine, "targets": targets, "peers": peers, "scale": scale}
"""What writes between which of the page's markers."""

"""Bars of seconds as SVG, to be read on light and dark; a logarithmic scale, for the slowest take a hundred times."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from typing import NamedTuple

_LETTER, _WIDTH, _RIGHT, _ROW, _TOP = 7.4, 380, 90, 26, 40
_STYLE = """
    text { font: 13px system-ui, sans-serif; fill: #24292f }
    .title { font-weight: 600 }
    .tick, .scale { fill: #57606a; font-size: 11px }
    line { stroke: #d0d7de }
    .other { fill: #8c959f }
    .ours { fill: #1a7f37 }
    @media (prefers-color-scheme: dark) {
      text { fill: #e6edf3 }
      .tick, .scale { fill: #9198a1 }
      line { stroke: #3d444d }
      .other { fill: #6e7681 }
      .ours { fill: #3fb950 }
    }
"""


class Bar(NamedTuple):
    """Seconds of one tool; `ours` is drawn in another colour."""

    label: str
    seconds: float
    ours: bool = False


def bars(title: str, values: Sequence[Bar]) -> str:
    """An SVG of horizontal bars, the quickest first. Raises ValueError where a bar has no length."""
    values = sorted(values, key=lambda bar: bar.seconds)
    least = math.floor(math.log10(values[0].seconds))
    most = max(least + 1, math.ceil(math.log10(values[-1].seconds)))
    if values[0].seconds == 10**least:
        least -= 1  # a bar that can be seen
    left = round(_LETTER * max(len(bar.label) for bar in values)) + 20
    bottom = _TOP + _ROW * len(values)

    def across(seconds: float) -> float:
        return left + _WIDTH * (math.log10(seconds) - least) / (most - least)

    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {left + _WIDTH + _RIGHT} {bottom + 42}"'
        f' width="{left + _WIDTH + _RIGHT}" role="img">',
        f"  <title>{escape(title)}</title>",
        f"  <style>{_STYLE}  </style>",
        f'  <text class="title" x="10" y="20">{escape(title)}</text>',
    ]
    for power in range(least, most + 1):
        place = across(10**power)
        lines += [
            f'  <line x1="{place:.0f}" y1="{_TOP - 6}" x2="{place:.0f}" y2="{bottom}"/>',
            f'  <text class="tick" x="{place:.0f}" y="{bottom + 16}" text-anchor="middle">{10**power:,g}</text>',
        ]
    for number, bar in enumerate(values):
        top, end = _TOP + number * _ROW, across(bar.seconds)
        lines += [
            f'  <text x="{left - 8}" y="{top + 14}" text-anchor="end">{escape(bar.label)}</text>',
            f'  <rect class="{"ours" if bar.ours else "other"}" x="{left}" y="{top}"'
            f' width="{end - left:.0f}" height="18" rx="2"/>',
            f'  <text x="{end + 6:.0f}" y="{top + 14}">{seconds(bar.seconds)}</text>',
        ]
    lines += [
        f'  <text class="scale" x="{left + _WIDTH / 2:.0f}" y="{bottom + 34}" text-anchor="middle">'
        "seconds, logarithmic scale</text>",
        "</svg>",
    ]
    return "\n".join(lines) + "\n"


def seconds(value: float) -> str:
    """Seconds with as many digits as tell something."""
    return f"{value:,.0f} s" if value >= 100 else f"{value:.1f} s" if value >= 10 else f"{value:.2f} s"

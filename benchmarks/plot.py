"""Bars of seconds, drawn as SVG; a logarithmic scale, for the slowest takes a hundred times the fastest."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape
from pathlib import Path

_LEFT, _WIDTH, _ROW = 380, 420, 30


def bars(path: Path, title: str, values: Sequence[tuple[str, float]]) -> None:
    """Write `values` (label, seconds) as horizontal bars, the quickest first."""
    values = sorted(values, key=lambda pair: pair[1])
    least = 10 ** math.floor(math.log10(values[0][1]))
    span = math.log10(values[-1][1] / least)
    height = _ROW * len(values) + 70
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{_LEFT + _WIDTH + 120}" height="{height}"'
        ' font-family="sans-serif" font-size="14">',
        '<rect width="100%" height="100%" fill="white"/>',
        f'<text x="10" y="25" font-size="16" font-weight="bold">{escape(title)}</text>',
    ]
    for number, (label, seconds) in enumerate(values):
        top = 45 + number * _ROW
        wide = _WIDTH * math.log10(seconds / least) / span
        colour = "#1b7f4d" if label.startswith("PyB3") else "#8a94a6"
        lines += [
            f'<text x="{_LEFT - 10}" y="{top + 15}" text-anchor="end">{escape(label)}</text>',
            f'<rect x="{_LEFT}" y="{top}" width="{wide:.0f}" height="20" fill="{colour}"/>',
            f'<text x="{_LEFT + wide + 6:.0f}" y="{top + 15}">{seconds:,.0f} s</text>',
        ]
    lines += [f'<text x="{_LEFT}" y="{height - 8}" fill="#555">logarithmic scale</text>', "</svg>"]
    path.write_text("\n".join(lines) + "\n")
